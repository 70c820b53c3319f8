"""A paper's evaluation again: what it claims is data beside its machine, what accelsim says is simulated, with every
reading of every baseline and an interval on every figure.
"""

"""What only SpAtten knows of how it is judged: its heads and rows, and the values of pruned attention.

Nothing here shares a function with the compiler or the components.
"""

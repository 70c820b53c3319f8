"""A dense systolic array: output-, weight- or input-stationary (Samajdar et al., SCALE-Sim, ISPASS 2020)."""

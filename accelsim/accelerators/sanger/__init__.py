"""Sanger (Lu et al., MICRO 2021): attention pruned per input, packed into a score-stationary array."""

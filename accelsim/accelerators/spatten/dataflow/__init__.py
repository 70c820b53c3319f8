"""From layers to a program: what is pruned where, and what the units are told."""

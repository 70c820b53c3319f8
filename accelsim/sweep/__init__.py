"""Sweeps: many designs and workloads, simulated in parallel, kept in a store that survives any kill, shown as pictures.

Nothing is imported here: the command line takes its commands from this room before it knows which is meant.
"""

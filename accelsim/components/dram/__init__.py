"""Off-chip memory: DRAM devices and their controllers, exact to the command."""

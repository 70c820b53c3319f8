"""Hardware twins of the components in SystemVerilog, and the co-simulation that compares them cycle by cycle."""

"""From layers to phases of the block."""

"""From layers to the program of the systolic array."""

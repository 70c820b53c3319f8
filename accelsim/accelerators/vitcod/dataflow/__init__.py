"""From layers to the program of ViTCoD."""

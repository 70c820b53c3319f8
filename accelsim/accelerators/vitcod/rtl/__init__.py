"""The hardware twins of ViTCoD."""

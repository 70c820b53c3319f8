"""The hardware that only ViTCoD has."""

"""What `validate` asks of ViTCoD beyond what it asks of any machine."""

"""What `validate` asks of Sanger beyond what it asks of any machine."""

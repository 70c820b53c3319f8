"""What `validate` asks of the diagonal array."""

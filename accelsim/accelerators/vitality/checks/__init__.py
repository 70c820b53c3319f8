"""What `validate` asks of this machine beyond what it asks of any."""

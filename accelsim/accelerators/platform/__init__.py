"""A CPU or GPU that runs PyTorch, as a model."""

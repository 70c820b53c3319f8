"""The algorithm side: models, pruning, polarizing, synthetic masks, and the import of published ones."""

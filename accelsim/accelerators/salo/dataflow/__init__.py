"""From layers to the program of the diagonal array."""

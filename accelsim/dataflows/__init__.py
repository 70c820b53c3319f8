"""In what order the work is done: pure functions from layers to a static program and its tables."""

"""What only the systolic array knows of how it is judged: its tensors, its commands, and attention in two products.

Nothing here shares a function with the compiler or the components.
"""

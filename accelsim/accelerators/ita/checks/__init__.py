"""What only ITA knows of how it is judged: its tensors, its phases, and attention with its own softmax.

Nothing here shares a function with the compiler or the components.
"""

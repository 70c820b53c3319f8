"""PyTorch's functions by what they cost an accelerator, named without underscores (`add_`, `__iadd__`: add)."""

FREE = frozenset((
    "reshape", "view", "permute", "transpose", "flatten", "unflatten", "squeeze", "unsqueeze", "expand", "expand_as",
    "contiguous", "clone", "detach", "to", "float", "type_as", "chunk", "split", "tensor_split", "unbind", "getitem",
    "narrow", "select", "cat", "concat", "concatenate", "stack", "roll", "pad", "repeat", "repeat_interleave",
    "swapaxes", "swapdims", "movedim", "moveaxis", "flip", "index_select", "dropout", "dropout1d", "dropout2d",
    "alpha_dropout", "feature_dropout", "view_as", "reshape_as", "t", "get", "requires_grad_", "broadcast_to",
    "pixel_unshuffle", "neg", "type", "cpu", "split_with_sizes", "native_dropout",
))  # fmt: skip
"""They only move or rename data."""
CONSTANT = frozenset((
    "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "new_zeros", "new_ones",
    "new_empty", "new_full", "new_tensor", "bernoulli",
))  # fmt: skip
"""Their result does not depend on the values they are given."""
PRODUCTS = ("matmul", "mm", "bmm", "addmm")
POOLS = {"mean": "mean", "amax": "max", "adaptive_avg_pool1d": "mean", "adaptive_avg_pool2d": "mean",
          "adaptive_max_pool1d": "max", "adaptive_max_pool2d": "max", "avg_pool1d": "mean", "avg_pool2d": "mean",
          "max_pool1d": "max", "max_pool2d": "max"}  # fmt: skip
NORMS = {
    "layer_norm": "layernorm",
    "rms_norm": "rmsnorm",
    "normalize": "rmsnorm",
    "group_norm": "groupnorm",
    "batch_norm": "batchnorm",
    "instance_norm": "groupnorm",
}

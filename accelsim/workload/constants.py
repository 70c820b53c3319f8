"""The constants of layers that a workload may carry, beside weights: what layers are rescaled and normalised by.

requant            int32[repeat, features, 2] of a gemm: multiplier and shift of each output feature;
                   int32[operands, 2] of an element-wise layer; int32[2] of an attention layer's sums
residual_requant   int32[2]: of a gemm's residual operand
residual           int8[tokens, repeat * features]: a residual operand that no layer computes (position embedding)
class_token        int8[features]: put before the tokens that a layer reads, where it has one token more
table              int8[256]: an activation (entry x + 128)
gamma, beta        int16, int32[features]; shift int32[1]; epsilon int64[1]: of a norm
scaling            int64[3] of an attention layer: multiplier, shift and bound of its softmax
                   int64[4] of linear attention: multiplier and shift of vsum, offset of the divisors, bits of a
                   quotient after the point; g_requant int32[2]: of the product that is computed first
encode_q_requant   int32[2], and so on for k and decode
"""

from __future__ import annotations

import numpy as np

from accelsim.workload.layers import ACTIVATIONS, Attention, Elementwise, Gemm, Layer, LinearAttention, Norm

Shapes = dict[str, tuple[str, tuple[int, ...]]]
MOST_FRACTION = 30  # of a quotient
MOST_MULTIPLIER, MOST_SHIFT = (1 << 16) - 1, 62  # what the requantiser's registers hold


def constant_shapes(layer: Layer) -> Shapes:
    """Type and shape of every constant that a layer may have."""
    if isinstance(layer, Gemm):
        found: Shapes = {"requant": ("int32", (layer.repeat, layer.out_features, 2))}
        if layer.residual:
            found["residual_requant"] = ("int32", (2,))
            found["residual"] = ("int8", (layer.tokens, layer.repeat * layer.out_features))
        if layer.activation:
            found["table"] = ("int8", (256,))
        return found | {"class_token": ("int8", (layer.in_features,))}
    if isinstance(layer, Attention):
        found = {"requant": ("int32", (2,)), "scaling": ("int64", (3,))}
        if layer.activation:
            found["table"] = ("int8", (256,))
        if layer.encoded_heads is not None:
            found |= {f"{way}_{n}_requant": ("int32", (2,)) for way in ("encode", "decode") for n in "qk"}
        return found
    if isinstance(layer, LinearAttention):
        found = {"g_requant": ("int32", (2,)), "requant": ("int32", (2,)), "scaling": ("int64", (4,))}
        return found | ({"table": ("int8", (256,))} if layer.activation else {})
    if isinstance(layer, Norm):
        numbers = {"gamma": "int16", "beta": "int32"}
        found = {name: (kind, (layer.features,)) for name, kind in numbers.items()}
        found |= {"shift": ("int32", (1,)), "epsilon": ("int64", (1,))}
        return found | {"class_token": ("int8", (layer.features,))}
    if isinstance(layer, Elementwise):
        if layer.op in ACTIVATIONS:
            return {"table": ("int8", (256,))}
        return {} if layer.op == "max" else {"requant": ("int32", (layer.operands, 2))}
    return {}


def constant_problem(name: str, array: np.ndarray) -> str | None:
    """Why a constant has values that no register holds, if it has; its type and shape are right."""
    if name.endswith("requant") or name == "scaling":
        for part, what, most in ((0, "multiplier", MOST_MULTIPLIER), (1, "shift", MOST_SHIFT)):
            some = array[..., part]
            wrong = some[(some < 0) | (some > most)]
            if wrong.size:
                return f"has the {what} {wrong.flat[0]} but it must be 0 to {most}"
    if name == "scaling" and array.size == 4 and not (0 < array[2] < 1 << 62 and 0 <= array[3] <= MOST_FRACTION):
        return f"has the offset {array[2]} and {array[3]} bits, but must have 1 to 2^62 and 0 to {MOST_FRACTION}"
    if name == "shift" and not 0 <= array[0] <= MOST_SHIFT:
        return f"is {array[0]} but a shift must be 0 to {MOST_SHIFT}"
    if name == "epsilon" and not 0 <= array[0] < 1 << 61:
        return f"is {array[0]} but must be 0 to 2^61 - 1"
    return None

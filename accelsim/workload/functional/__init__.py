"""The functional twin: what an accelerator must compute, slow and obviously right, in numpy integers.

Operands are int8, accumulation is 32 bits (ViTCoD, HPCA 2023: 8-bit operands). `requantise` says how wide integers
become 8 bits again, `attention` the softmax and the auto-encoder, `layers` everything else; `workload.network` runs
them one after the other.
"""

from accelsim.workload.functional.attention import (
    EXP2,
    EXP_BITS,
    FRACTION,
    FULL,
    MODES,
    RANDOM_SCALE,
    RECIPROCAL_BITS,
    attention,
    attention_reference,
    calibrate_bound,
    choose_requantization,
    choose_scaling,
    decode,
    divided,
    encode,
    exponentials,
    octaves,
    probabilities,
    random_operands,
    scores,
)
from accelsim.workload.functional.layers import (
    activation_table,
    dense,
    elementwise,
    look_up,
    normalise,
    product,
    reciprocal_root,
)
from accelsim.workload.functional.requantise import Scaling, calibrated, clamp, requantise, rescale

__all__ = [
    "EXP2",
    "EXP_BITS",
    "FRACTION",
    "FULL",
    "MODES",
    "RANDOM_SCALE",
    "RECIPROCAL_BITS",
    "Scaling",
    "activation_table",
    "attention",
    "attention_reference",
    "calibrate_bound",
    "calibrated",
    "choose_requantization",
    "choose_scaling",
    "clamp",
    "decode",
    "dense",
    "divided",
    "elementwise",
    "encode",
    "exponentials",
    "look_up",
    "normalise",
    "octaves",
    "probabilities",
    "product",
    "random_operands",
    "reciprocal_root",
    "requantise",
    "rescale",
    "scores",
]

"""The mask that Sanger works under: a workload's, or the one that is predicted from its stored queries and keys."""

from functools import lru_cache

import numpy as np

from accelsim.accelerators.sanger.prediction import predict
from accelsim.core.errors import InputError
from accelsim.workload.layers import Attention
from accelsim.workload.workload import Workload

SOURCES = ("workload", "predict")
MILLIONTHS = 1_000_000


def threshold_of(millionths: int) -> float:
    """The probability above which a score is kept."""
    return millionths / MILLIONTHS


def kept(workload: Workload, layer: Attention, source: str, threshold: float, lengths: bool) -> np.ndarray:
    """bool[heads, q_tokens, kv_tokens]: the scores that are computed exactly.

    Raises InputError where the workload has no mask for the layer, or to predict no stored queries and keys.
    """
    if source == "predict":
        return predicted(workload, layer, threshold, lengths)
    if layer.name not in workload.masks:
        raise InputError(
            f"layer {layer.name}: it has no mask, and Sanger computes the scores that a mask keeps; give it one "
            "(`accelsim import-mask`), or mask_source: predict where its q and k are stored"
        )
    return workload.masks[layer.name].keep


@lru_cache(maxsize=32)
def predicted(workload: Workload, layer: Attention, threshold: float, lengths: bool) -> np.ndarray:
    """The predicted mask of a layer; see `kept`."""
    stored = {}
    for operand in "qk":
        name = f"{layer.name}.{operand}"
        if name not in workload.tensors:
            raise InputError(
                f"layer {layer.name}: mask_source is predict, but the workload has no operand {operand!r} stored for "
                "it; export the workload with its operands, or use mask_source: workload"
            )
        stored[operand] = workload.tensors[name] * workload.scales.get(name, 1 / 32)
    return predict(stored["q"], stored["k"], lengths).mask(threshold)

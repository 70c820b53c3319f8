"""Masks of one's own onto layers: broadcasting, onto a workload that is there, or as bare attention layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import accelsim
from accelsim.codesign.polarize import polarize
from accelsim.core.errors import InputError
from accelsim.workload.layers import Attention
from accelsim.workload.mask import AttentionMask
from accelsim.workload.workload import Workload

ORDER = "[layers, heads, q_tokens, kv_tokens]"


def as_bool(array: Any, where: str) -> np.ndarray:
    """Zeros and ones of any type as truth values. Raises InputError for any other number."""
    array = np.asarray(array)
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "iuf":
        raise InputError(f"{where} is of {array.dtype}, but a mask is of true and false, or of 0 and 1.")
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise InputError(f"{where} has {array[at]} at {list(at)}, but a mask that is no bool has only 0 and 1.")
    return array != 0


def spread(array: np.ndarray, layers: Sequence[Attention], where: str) -> list[np.ndarray]:
    """One bool[heads, q_tokens, kv_tokens] for each layer, of a mask of two to four axes (and any that are 1 before).

    As numpy broadcasts: three axes are [heads, q, kv], one for every layer. Raises InputError when it does not fit.
    """
    given = list(array.shape)
    while array.ndim > 4 and array.shape[0] == 1:
        array = array[0]
    if not 2 <= array.ndim <= 4:
        raise InputError(f"{where} is {given}, but must be {ORDER}; axes on the left may be missing or 1.")
    full = array.reshape((1,) * (4 - array.ndim) + array.shape)
    if full.shape[0] not in (1, len(layers)):
        raise InputError(f"{where} is {given}: of {full.shape[0]} layers, but there are {len(layers)} with attention.")
    found = []
    for n, layer in enumerate(layers):
        one, need = full[n if len(full) > 1 else 0], (layer.heads, layer.q_tokens, layer.kv_tokens)
        if one.shape[0] not in (1, need[0]) or one.shape[1:] != need[1:]:
            hint = ""
            if array.ndim == 3 and len(array) == len(layers) and one.shape[1:] == need[1:]:
                hint = f"; is it one a layer? Then give [{len(array)}, 1, {need[1]}, {need[2]}]"
            raise InputError(
                f"{where} is {given}, but {layer.name} needs [heads, q_tokens, kv_tokens] = {list(need)}{hint}."
            )
        found.append(np.broadcast_to(one, need))
    return found


def polarized(keep: np.ndarray, threshold: float | None, where: str) -> AttentionMask:
    """A mask with its global tokens. Raises InputError when a row keeps nothing, with what is mostly the reason."""
    try:
        return polarize(keep, threshold)
    except InputError as error:
        hint = "" if keep.any(axis=-1).all() else " (are kept and pruned scores mixed up?)"
        raise InputError(f"{where}: {error}{hint}") from None


def with_masks(workload: Workload, keep: Any, *, threshold: float | None = None, name: str = "") -> Workload:
    """A workload with other masks, True = kept (see `spread`). Operands stay; scales and tensors were of other masks
    and are the user's to judge. Raises InputError when they do not fit, and for a workload without attention."""
    layers = workload.attention_layers
    if not layers:
        raise InputError(f"workload {workload.name!r} has no attention layer that a mask could belong to.")
    made = spread(as_bool(keep, "the mask"), layers, "the mask")
    masks = {a.name: polarized(k, threshold, f"the mask of {a.name}") for a, k in zip(layers, made)}
    return replace(
        workload,
        name=name or f"{workload.name}_masked",
        masks=masks,
        synthetic=False,
        source="",
        provenance={**workload.provenance, "masks_by": f"accelsim {accelsim.__version__}, masks of the user's own"},
    )


def bare(
    keep: Any, qk_dim: int = 64, v_dim: int = 64, *, name: str = "attention", threshold: float | None = None
) -> Workload:
    """Attention layers and nothing else, of masks [layers, heads, q_tokens, kv_tokens], axes on the left missing or 1.

    True = kept; `qk_dim` and `v_dim` features a head. Raises InputError for an array that is no mask.
    """
    array = as_bool(keep, "the mask")
    if not 2 <= array.ndim <= 4:
        raise InputError(f"the mask is {list(array.shape)}, but must be {ORDER}; axes on the left may be missing.")
    full = array.reshape((1,) * (4 - array.ndim) + array.shape)
    count, heads, q_tokens, kv_tokens = full.shape
    names = ["attention"] if count == 1 else [f"block{n}.attention" for n in range(count)]
    sizes = {"heads": heads, "q_tokens": q_tokens, "kv_tokens": kv_tokens, "qk_dim": qk_dim, "v_dim": v_dim}
    layers = tuple(Attention(name=n, block=n.split(".")[0], **sizes) for n in names)
    masks = {n: polarized(k, threshold, f"the mask of {n}") for n, k in zip(names, full)}
    return Workload(
        name=name, model="attention only", layers=layers, masks=masks,
        provenance={"made_by": f"accelsim {accelsim.__version__}, attention of masks of the user's own"},
    )  # fmt: skip

"""Masks made elsewhere: the published ViTCoD file, and any other in its form, as a workload."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

import accelsim
from accelsim.codesign.models import Model, model
from accelsim.codesign.polarize import polarize
from accelsim.core.errors import InputError, suggest
from accelsim.workload.mask import AttentionMask
from accelsim.workload.workload import Workload


def import_mask(
    file: str | Path,
    name: str,
    globals_file: str | Path | None = None,
    *,
    threshold: float | None = None,
    true_is_kept: bool = False,
) -> Workload:
    """The workload of the known model `name` with the masks of a file.

    file: a .npy bool[layers, heads, q_tokens, kv_tokens], or, for a model whose layers differ in shape, a .npz of one
    bool[heads, q_tokens, kv_tokens] per attention layer under the layer's name. True = pruned, as in the ViTCoD code,
    unless
    `true_is_kept`. globals_file: a .npy[layers, heads] of global-token counts, which then are each head's fullest
    columns; without it, masks are polarized at `threshold` (see `polarize`).
    Errors: InputError when a file is missing, unreadable, or does not fit the model.
    """
    file, network = Path(file), model(name)
    pruned = _masks(file, network)
    if globals_file is not None and threshold is not None:
        raise InputError(
            "give either globals_file or threshold: the counts of a file leave nothing for a threshold to decide."
        )
    counts = None if globals_file is None else _counts(Path(globals_file), network)
    masks = {}
    for i, layer in enumerate(network.attention_layers):
        keep = pruned[i] if true_is_kept else ~pruned[i]
        try:
            masks[layer.name] = polarize(keep, threshold) if counts is None else _with_counts(keep, counts[i])
        except InputError as error:
            hint = (
                "" if keep.any(axis=-1).all() else f" (is True = {'pruned' if true_is_kept else 'kept'} in this file?)"
            )
            raise InputError(f"{file}: layer {i} ({layer.name}): {error}{hint}") from None
    return Workload(
        name=f"{name}_{file.stem}",
        model=name,
        layers=network.layers,
        masks=masks,
        provenance={
            "note": "Imported masks; layer sizes from the model's publication.",
            "made_by": f"accelsim {accelsim.__version__}, import_mask",
            "source": file.name,
            "global_tokens_from": Path(globals_file).name if globals_file else "columns above the threshold",
        },
    )


def _masks(file: Path, network: Model) -> list[np.ndarray]:
    layers = network.attention_layers
    shapes = [(a.heads, a.q_tokens, a.kv_tokens) for a in layers]
    stored = _load(file)
    if isinstance(stored, dict):
        names = [a.name for a in layers]
        for key in stored:
            if key not in names:
                raise InputError(f"{file}: {network.name} has no attention layer {key!r}{suggest(key, names)}.")
        missing = [n for n in names if n not in stored]
        if missing:
            raise InputError(f"{file}: the mask of attention layer {missing[0]!r} of {network.name} is missing.")
        arrays = [stored[n] for n in names]
    elif len(set(shapes)) > 1:
        raise InputError(
            f"{file}: the attention layers of {network.name} differ in shape, so that one .npy cannot hold them; "
            "give a .npz with one array per attention layer under the layer's name."
        )
    else:
        if stored.ndim != 4 or len(stored) != len(layers):
            need = [len(layers), *shapes[0]]
            raise InputError(f"{file}: the mask is {list(stored.shape)} but {network.name} needs {need}, layers first.")
        arrays = list(stored)
    for layer, shape, array in zip(layers, shapes, arrays):
        if array.dtype != np.bool_ or array.shape != shape:
            found = f"{array.dtype}{list(array.shape)}"
            raise InputError(f"{file}: the mask of {layer.name} is {found} but {network.name} needs bool{list(shape)}.")
    return arrays


def _counts(file: Path, network: Model) -> np.ndarray:
    layers = network.attention_layers
    if len({(a.heads, a.kv_tokens) for a in layers}) > 1:
        raise InputError(
            f"{file}: the attention layers of {network.name} differ in heads or tokens, so that one array of "
            "global-token counts does not fit; leave it out and polarize by a threshold."
        )
    counts, need, limit = _load(file), [len(layers), layers[0].heads], layers[0].kv_tokens
    if isinstance(counts, dict) or list(counts.shape) != need or counts.dtype.kind not in "iuf":
        found = "a .npz" if isinstance(counts, dict) else f"{counts.dtype}{list(counts.shape)}"
        raise InputError(
            f"{file}: the global-token counts are {found} but {network.name} needs numbers[layers, heads] = {need}."
        )
    wrong = np.argwhere((counts != np.rint(counts)) | (counts < 0) | (counts > limit))
    if wrong.size:
        layer, head = wrong[0]
        raise InputError(
            f"{file}: layer {layer}, head {head} has {counts[layer, head]:g} global tokens but must have a whole "
            f"number from 0 to {limit}."
        )
    return counts.astype(np.int64)


def _with_counts(keep: np.ndarray, counts: np.ndarray) -> AttentionMask:
    fullest = np.argsort(-keep.sum(axis=1), axis=1, kind="stable")
    is_global = np.zeros((keep.shape[0], keep.shape[2]), bool)
    for head, count in enumerate(counts):
        is_global[head, fullest[head, :count]] = True
    return AttentionMask(keep, np.argsort(~is_global, axis=1, kind="stable"), counts)


def _load(file: Path) -> np.ndarray | dict[str, np.ndarray]:
    try:
        stored = np.load(file, allow_pickle=False)
        if isinstance(stored, np.ndarray):
            return stored
        with stored:
            return {key: stored[key] for key in stored.files}
    except FileNotFoundError:
        near = [p.name for p in sorted(file.parent.glob("*.np[yz]"))] if file.parent.is_dir() else []
        raise InputError(f"{file}: no such mask file{suggest(file.name, near)}.") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{file}: not a readable .npy or .npz of plain arrays ({error}).") from None

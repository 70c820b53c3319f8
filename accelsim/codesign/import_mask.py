"""Masks made elsewhere: the published ViTCoD file, and any other in its form, as a workload."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np

import accelsim
from accelsim.codesign.models import Model, model
from accelsim.codesign.polarize import polarize
from accelsim.core.errors import InputError, suggest
from accelsim.workload.layers import Attention
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
    bool[heads, q_tokens, kv_tokens] per attention layer under the layer's name, or the folder of five .npy that the
    ViTCoD code writes of a LeViT: names that end in dpt0, dpt1, dpt2 (the blocks of a stage), subsample0 and
    subsample1 (between two stages), each [layers, heads, q_tokens, kv_tokens]. True (or 1) = pruned, as in that code,
    unless `true_is_kept`. globals_file: a .npy[layers, heads] of global-token counts, which then are each head's
    fullest columns; without it, masks are polarized at `threshold` (see `polarize`).
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
    stored = _of_stages(file, network) if file.is_dir() else _load(file)
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
            "give a .npz with one array per attention layer under the layer's name, or the folder of a LeViT's files."
        )
    else:
        if stored.ndim != 4 or len(stored) != len(layers):
            need = [len(layers), *shapes[0]]
            raise InputError(f"{file}: the mask is {list(stored.shape)} but {network.name} needs {need}, layers first.")
        arrays = list(stored)
    return [_as_bool(file, network, *given) for given in zip(layers, shapes, arrays)]


def _as_bool(file: Path, network: Model, layer: Attention, shape: tuple[int, ...], array: np.ndarray) -> np.ndarray:
    """The mask as booleans: scripts save zeros and ones of other types too."""
    if array.shape != shape or array.dtype.kind not in "biuf":
        found = f"{array.dtype}{list(array.shape)}"
        raise InputError(f"{file}: the mask of {layer.name} is {found} but {network.name} needs bool{list(shape)}.")
    other = array[(array != 0) & (array != 1)]
    if other.size:
        raise InputError(f"{file}: the mask of {layer.name} holds {other[0]:g} but must be of 0 and 1 (or bool).")
    return array != 0


def _of_stages(folder: Path, network: Model) -> dict[str, np.ndarray]:
    """The masks of a folder of files by stage, by the layers' names."""
    groups: dict[str, list[str]] = {}
    for layer in network.attention_layers:
        stage = re.fullmatch(r"stage(\d)\.(block|down).*", layer.name)
        if stage is None:
            raise InputError(f"{folder}: is a folder, but the masks of {network.name} are one file; give it.")
        groups.setdefault(f"{'dpt' if stage[2] == 'block' else 'subsample'}{stage[1]}", []).append(layer.name)
    files = {key: sorted(folder.glob(f"*{key}.npy")) for key in groups}
    files = {key: [f for f in found if not f.name.startswith(".")] for key, found in files.items()}
    masks: dict[str, np.ndarray] = {}
    for key, names in groups.items():
        if len(files[key]) != 1:
            there = f"has {len(files[key])} files" if files[key] else "has no file"
            raise InputError(
                f"{folder}: {there} whose name ends in {key}.npy but must have one; the masks of {network.name} are in "
                f"one file each for {', '.join(groups)}."
            )
        stored = _load(files[key][0])
        if isinstance(stored, np.ndarray) and stored.ndim == 3 and len(names) == 1:
            stored = stored[None]
        if isinstance(stored, dict) or stored.ndim != 4 or len(stored) != len(names):
            found = "a .npz" if isinstance(stored, dict) else list(stored.shape)
            raise InputError(f"{files[key][0]}: the mask is {found} but must be of {len(names)} layers, layers first.")
        masks |= dict(zip(names, stored))
    return masks


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

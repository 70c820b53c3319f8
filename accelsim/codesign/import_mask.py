"""Masks made elsewhere: the published ViTCoD file, and any other in its form, as a workload."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

import accelsim
from accelsim.codesign.mask_file import is_torch, listed, read_masks
from accelsim.codesign.masks import as_bool, bare, spread, with_masks
from accelsim.codesign.models import Model, model
from accelsim.codesign.polarize import polarize
from accelsim.core.errors import InputError, suggest, visible
from accelsim.core.files import as_name
from accelsim.workload import arrays as npz
from accelsim.workload.mask import AttentionMask
from accelsim.workload.workload import Workload

LARGEST_ITEM = 8  # bytes of a mask's entry, or a count


def import_mask(
    file: str | Path,
    name: str,
    globals_file: str | Path | None = None,
    *,
    threshold: float | None = None,
    true_is_kept: bool = False,
    key: str = "",
) -> Workload:
    """The workload of the known model `name` with the masks of a file.

    file: a .npy, a .npz or a .pt of [layers, heads, q_tokens, kv_tokens], axes on the left missing or 1 (see
    `masks.spread`; `key`: which of its arrays); or, for a model whose layers differ in shape, one of a [heads,
    q_tokens, kv_tokens] per attention layer under the layer's name, or the folder of five .npy that the
    ViTCoD code writes of a LeViT: names that end in dpt0, dpt1, dpt2 (the blocks of a stage), subsample0 and
    subsample1 (between two stages), each [layers, heads, q_tokens, kv_tokens]. Zeros and ones of any type are
    masks, too. True (1) = pruned, as in that code,
    unless `true_is_kept`. globals_file: a .npy[layers, heads] of global-token counts, which then are each head's
    fullest columns; without it, masks are polarized at `threshold` (see `polarize`).
    Errors: InputError when a file is missing, unreadable, or does not fit the model.
    """
    file, network = Path(file), model(name)
    pruned = _masks(file, network, key)
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
        name=as_name(f"{name}_{file.stem}"),
        model=name,
        layers=network.layers,
        masks=masks,
        provenance={
            "note": "Imported masks; layer sizes from the model's publication.",
            "made_by": f"accelsim {accelsim.__version__}, import_mask",
            "source": visible(file.name),
            "global_tokens_from": visible(Path(globals_file).name) if globals_file else "columns above the threshold",
        },
    )


def import_onto(
    file: str | Path,
    workload: Workload | None,
    *,
    threshold: float | None = None,
    true_is_kept: bool = False,
    key: str = "",
    dims: tuple[int, int] = (64, 64),
) -> Workload:
    """The masks of a file onto a workload, or, without one, as attention layers of `dims` features of Q, K and of V.

    The file is as of `import_mask`, arrays by name are those of the workload's attention layers. Raises InputError when
    they do not fit.
    """
    file = Path(file)
    held = read_masks(file, key)
    where = f"{file}: the mask"
    if isinstance(held, dict):
        layers = [a.name for a in workload.attention_layers] if workload else []
        missing = [n for n in layers if n not in held]
        if not layers or missing:
            need = f"no attention layer {missing[0]!r} of {workload.name}" if missing else "one array is needed"
            raise InputError(f"{file}: it has the arrays {listed(held)}, but {need}; --key says which is the mask.")
        keep: list[np.ndarray] | np.ndarray = [as_bool(held[n], f"{where} of {n}") for n in layers]
        if len({k.shape for k in keep}) > 1:
            raise InputError(f"{file}: the masks differ in shape; give one array, or use --model for a LeViT.")
        keep = np.stack(keep)
    else:
        keep = as_bool(held, where)
    keep = keep if true_is_kept else ~keep
    made_of = {"source": visible(file.name)}
    try:
        if workload is None:
            made = bare(keep, *dims, name=as_name(file.stem), threshold=threshold)
        else:
            made = with_masks(workload, keep, threshold=threshold, name=as_name(f"{workload.name}_{file.stem}"))
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    return replace(made, provenance={**made.provenance, **made_of})


def _masks(file: Path, network: Model, key: str = "") -> list[np.ndarray]:
    layers = network.attention_layers
    shapes = [(a.heads, a.q_tokens, a.kv_tokens) for a in layers]
    names = [a.name for a in layers]
    most = {a.name: LARGEST_ITEM * math.prod(shape) for a, shape in zip(layers, shapes)}
    stored = _of_stages(file, network) if file.is_dir() else _load(file, sum(most.values()), most, network, key)
    if isinstance(stored, dict):
        arrays = [stored[n] for n in names]
    elif len(set(shapes)) > 1:
        raise InputError(
            f"{file}: the attention layers of {network.name} differ in shape, so that one .npy cannot hold them; "
            "give a .npz with one array per attention layer under the layer's name, or the folder of a LeViT's files."
        )
    else:
        return spread(as_bool(stored, f"{file}: the mask"), layers, f"{file}: the mask")
    found = []
    for layer, shape, array in zip(layers, shapes, arrays):
        if array.dtype.kind not in "biuf" or array.shape != shape:
            kind = f"{array.dtype}{list(array.shape)}"
            raise InputError(f"{file}: the mask of {layer.name} is {kind} but {network.name} needs bool{list(shape)}.")
        found.append(as_bool(array, f"{file}: the mask of {layer.name}"))
    return found


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
        most = sum(LARGEST_ITEM * math.prod((a.heads, a.q_tokens, a.kv_tokens)) for a in network.attention_layers)
        stored = _load(files[key][0], most, {}, network)
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
    need, limit = [len(layers), layers[0].heads], layers[0].kv_tokens
    counts = _load(file, 1 << 20, {}, network)
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


def _load(
    file: Path, most: int, members: dict[str, int], network: Model, key: str = ""
) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a file of at most so many bytes, or those by the layers' names, each with its own bound."""
    if file.is_file() and (key or is_torch(file)):
        return _named(read_masks(file, key, most), members, file, network)
    try:
        with file.open("rb") as stream:
            packed = stream.read(2) == b"PK"
            stream.seek(0)
            if not packed:
                shape, _, kind = npz.array_header(stream)
                if math.prod(shape) * kind.itemsize > most:
                    raise InputError(
                        f"{file}: the array is {kind}{list(shape)}, which is more than {network.name} can need."
                    )
                stream.seek(0)
                return npz.read_array(stream, most + npz.HEADER)
        have = npz.names(file)
        if len(have) == 1 and have[0] not in members:
            return read_masks(file, most=most)
        for name in have:
            if name not in members:
                raise InputError(
                    f"{file}: {network.name} has no attention layer {name!r}{suggest(name, members)}; of several "
                    "arrays --key says which is the mask."
                )
        missing = [n for n in members if n not in have]
        if missing:
            raise InputError(f"{file}: the mask of attention layer {missing[0]!r} of {network.name} is missing.")
        return npz.decode(file, members)
    except FileNotFoundError:
        near = [p.name for p in sorted(file.parent.glob("*.np[yz]"))] if file.parent.is_dir() else []
        raise InputError(f"{file}: no such mask file{suggest(file.name, near)}.") from None
    except InputError:
        raise
    except npz.BROKEN as error:
        raise InputError(f"{file}: not a readable .npy or .npz of plain arrays ({error}).") from None


def _named(
    held: np.ndarray | dict[str, np.ndarray], members: dict[str, int], file: Path, network: Model
) -> np.ndarray | dict[str, np.ndarray]:
    """An array, or arrays that have the layers' names. Raises InputError for other names."""
    if isinstance(held, dict) and (missing := [n for n in members if n not in held]):
        raise InputError(
            f"{file}: it has the arrays {listed(held)}, but no attention layer {missing[0]!r} of {network.name}; --key "
            "says which array is the mask."
        )
    return held

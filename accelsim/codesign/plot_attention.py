"""A picture of a workload's attention: every layer and head before pruning, after pruning, and polarized."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accelsim.core.errors import InputError, suggest
from accelsim.core.pictures import save, suffix, with_defaults
from accelsim.workload.arrays import decode
from accelsim.workload.mask import AttentionMask
from accelsim.workload.workload import Workload

ROWS, COLUMNS = 48, 24
"""Most layers and most panels of one picture: beyond that nothing can be seen."""


def measured_maps(workload_file: str | Path) -> dict[str, np.ndarray]:
    """LAYER -> average attention [heads, q_tokens, kv_tokens] that an export left beside its workload; empty without
    that file."""
    path = Path(workload_file).with_suffix(".measured.npz")
    if not path.is_file():
        return {}
    return {n.removesuffix(".map"): a.astype(np.float64) for n, a in decode(path).items() if n.endswith(".map")}


def polarized(mask: AttentionMask, head: int) -> np.ndarray:
    """bool[q_tokens, kv_tokens]: the kept scores with the global tokens first; rows alike where queries are keys."""
    order = mask.order[head]
    rows = mask.head(head)[order] if mask.q_tokens == mask.kv_tokens else mask.head(head)
    return rows[:, order]


def plot_attention(
    workload: Workload,
    file: str | Path,
    maps: dict[str, np.ndarray] | None = None,
    *,
    layer: str | None = None,
    heads: int = 8,
) -> Path:
    """Write a .png, .pdf or .svg: a row of panels a layer, each head's map (where known), mask, and polarized mask.

    layer: only this one. heads: at most so many of each layer, the first ones. Returns the path. Errors: InputError
    when the workload has no masks, the layer does not exist, or a map does not fit.
    """
    names = [a.name for a in workload.attention_layers if a.name in workload.masks]
    if not names:
        raise InputError(f"workload {workload.name!r} has no attention masks, so that there is nothing to draw.")
    if layer is not None and layer not in names:
        raise InputError(f"workload {workload.name!r} has no mask for a layer {layer!r}{suggest(layer, names)}.")
    if heads < 1:
        raise InputError(f"heads is {heads} but must be at least 1.")
    suffix(Path(file))
    names = [layer] if layer else names[:ROWS]
    maps = {n: m for n, m in (maps or {}).items() if n in names}
    for name, found in maps.items():
        if found.shape != workload.masks[name].shape:
            need = list(workload.masks[name].shape)
            raise InputError(f"the map of {name!r} is {list(found.shape)} but its mask is {need}; export again.")
    return _draw(workload, Path(file), names, maps, heads)


@with_defaults
def _draw(workload: Workload, file: Path, names: list[str], maps: dict, heads: int) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    each = 3 if maps else 2
    shown = {n: min(workload.masks[n].heads, heads, max(COLUMNS // each, 1)) for n in names}
    columns = each * max(shown.values())
    figure = Figure(figsize=(1.25 * columns + 1.2, 1.5 * len(names) + 1.0))
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(names), columns, squeeze=False)
    for panel in panels.ravel():
        panel.set_axis_off()
    for row, name in zip(panels, names):
        mask = workload.masks[name]
        row[0].text(-0.12, 0.5, name, transform=row[0].transAxes, rotation=90, ha="right", va="center", fontsize=6)
        for head in range(shown[name]):
            some = row[each * head : each * head + each]
            if maps:
                image = maps.get(name, np.zeros(mask.shape))[head]
                some[0].imshow(np.sqrt(image), cmap="Greys", interpolation="nearest", aspect="auto")
                some[0].set_title(f"head {head}: attention", fontsize=5.5, pad=2)
            some[-2].imshow(mask.head(head), cmap="Greys", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
            some[-2].set_title(f"head {head}: {mask.sparsity[head]:.1%} pruned", fontsize=5.5, pad=2)
            some[-1].imshow(polarized(mask, head), cmap="Greys", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
            count = int(mask.global_tokens[head])
            some[-1].axvspan(-0.5, count - 0.5, color="#0072B2", alpha=0.25, lw=0)
            some[-1].set_title(f"{count} global tokens", fontsize=5.5, pad=2)
    made = "synthetic masks" if workload.synthetic else "measured masks"
    before = "attention before pruning (square root, averaged), " if maps else ""
    figure.suptitle(
        f"{workload.name}: {before}kept scores, and polarized (global tokens first, shaded); {made}, "
        f"{workload.sparsity:.1%} pruned",
        fontsize=8,
    )
    figure.tight_layout(rect=(0.02, 0, 1, 1 - 0.25 / figure.get_figheight()))
    save(figure, file, suffix(file), dpi=110)
    return file

"""A workload as rows of a table: what each layer is and how much work its mask leaves."""

from __future__ import annotations

from typing import NamedTuple

from accelsim.core.errors import visible
from accelsim.workload.layers import LinearAttention
from accelsim.workload.workload import Workload

ACCURACY = "accuracy, "  # what the names of such entries begin with


class LayerRow(NamedTuple):
    """macs: per image, attention dense; masked_macs: what the mask leaves. sparsity: pruned fraction of an attention
    layer's scores (None for other layers). global_tokens: per head (empty for other layers and without a mask).
    denser_share: fraction of the kept scores that lie in global tokens' columns (None as for sparsity)."""

    name: str
    kind: str
    role: str
    shape: str
    macs: int
    masked_macs: int
    sparsity: float | None = None
    global_tokens: tuple[int, ...] = ()
    denser_share: float | None = None


def describe(workload: Workload) -> list[LayerRow]:
    """One row per layer, in order."""
    return [_row(workload, layer) for layer in workload.layers]


def _row(workload: Workload, layer) -> LayerRow:
    said = (getattr(layer, name, None) for name in ("role", "rule", "op", "norm"))
    role = next(filter(None, said), "")
    row = LayerRow(layer.name, layer.kind, role, layer.shape, layer.macs, workload.masked_macs(layer))
    if layer.kind != "attention":
        return row
    mask = workload.masks.get(layer.name)
    if mask is None:
        return row._replace(sparsity=0.0)
    kept = int(mask.nnz.sum())
    return row._replace(
        sparsity=1 - kept / mask.scores,
        global_tokens=tuple(mask.global_tokens.tolist()),
        denser_share=int(mask.denser_nnz.sum()) / kept,
    )


def accuracies(workload: Workload) -> dict[str, float]:
    """What the provenance says of the network's accuracy, a share of the test images after each step of training."""
    said = {n.removeprefix(ACCURACY): v for n, v in workload.provenance.items() if n.startswith(ACCURACY)}
    return {step: share for step, share in said.items() if isinstance(share, float)}


def summary(made):
    """A workload as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = describe(made)
    masked = sum(row.masked_macs for row in rows)
    yield f"{made.name}: {made.model}, batch {made.batch}, {made.sparsity:.2%} of the attention scores pruned"
    yield f"{made.macs:,} MACs an image, {masked:,} with the masks; hash {made.hash[:16]}"
    linear = [layer for layer in made.layers if isinstance(layer, LinearAttention)]
    if linear:
        more = [layer.name for layer in linear if layer.macs > layer.softmax_macs]
        what = f"{sum(a.macs for a in linear):,} MACs, {sum(a.softmax_macs for a in linear):,} with softmax"
        yield f"Linear attention, {', '.join(sorted({a.rule for a in linear}))}: {what}"
        if more:
            yield f"More MACs than with softmax in {len(more)} of {len(linear)} layers: {', '.join(more)}"
    if made.synthetic and made.masks:
        yield "The masks are synthetic, not trained ones."
    if measured := accuracies(made):
        yield f"Accuracy: {'; '.join(f'{visible(step)} {share:.2%}' for step, share in measured.items())}"
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for title, wide in (("layer", True), ("role", True), ("shape", False)):
        table.add_column(title, no_wrap=wide, overflow="fold")
    for title in ("10^6 MACs", "with mask", "pruned", "in denser"):
        table.add_column(title, justify="right", overflow="fold", min_width=6)
    table.add_column("global tokens", overflow="fold")
    for row in rows:
        macs = [f"{n / 1e6:,.1f}" for n in (row.macs, row.masked_macs)]
        shares = [f"{x:.1%}" if x is not None else "" for x in (row.sparsity, row.denser_share)]
        tokens = " ".join(map(str, row.global_tokens))
        table.add_row(row.name, row.role or row.kind, row.shape, *macs, *shares, tokens)
    yield table

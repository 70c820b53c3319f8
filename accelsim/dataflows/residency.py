"""Activations that stay on chip from one layer to the next: which can, and which do.

What a layer computes leaves through the output buffer. It goes to DRAM, from where the next layer loads it; or it is
handed on to the activation buffer, where room for all of it was reserved before the layer began, and the next layer
finds it there and gives the room back. Where other layers read it too, further on, it goes both ways, and only the load
is left out. Room that is reserved is not there for the layer's own tiles, so that keeping has a price: of every pair of
layers the mapper decides.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from accelsim.core.errors import InputError
from accelsim.dataflows.mapping import RULE, Choice, LayerMapping
from accelsim.dataflows.tiling import Stay
from accelsim.isa.tables import BOTH, KEPT, TO_DRAM
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, Norm
from accelsim.workload.wiring import PROJECTIONS, wiring
from accelsim.workload.workload import Workload

INPUT = "input"  # beside the parts of a layer, in a mapping
DRAM, KEEP, FUSED = "dram", "keep", "fused"
Fused = tuple[Sequence[LayerMapping], int, bool]  # layers of a chain, the number of the next, whether its input is kept
# [ours] Estimates of two ways are no closer than this: cycles that a byte of DRAM counts beside them.
BYTE_CYCLES = 0.002


def output_bytes(layer: Layer, batch: int) -> int:
    """Bytes that a layer computes, of all pictures."""
    if isinstance(layer, Gemm):
        return batch * layer.outputs
    if isinstance(layer, Attention):
        return batch * layer.q_tokens * layer.heads * layer.v_dim
    return batch * (layer.out_tokens if isinstance(layer, Elementwise) else layer.tokens) * layer.features


def taken_bytes(layer: Layer, batch: int) -> int:
    """Bytes of the input of a layer that reads one tensor through the activation buffer; 0: it is none."""
    if isinstance(layer, Gemm):
        return batch * layer.inputs * (layer.repeat == 1)
    if isinstance(layer, Norm) or (isinstance(layer, Elementwise) and layer.operands == 1):
        return batch * layer.tokens * layer.features
    return 0


def chances(workload: Workload) -> list[int]:
    """Of every layer where its output would go if it were kept: KEPT where only the next layer reads it, BOTH where
    others do too, TO_DRAM where it cannot be kept.

    It can where it is the next layer's whole input, as one tensor, token by token: not what attention reads, which lies
    head by head and goes to two buffers.
    """
    layers, found = workload.layers, []
    reads = wiring(workload)
    for layer, after in pairwise(layers):
        said, size = reads[after.name], output_bytes(layer, workload.batch)
        projection = isinstance(layer, Gemm) and layer.role in PROJECTIONS
        if projection or said.inputs != (layer.name,) or size != taken_bytes(after, workload.batch):
            found.append(TO_DRAM)
            continue
        others = [n for n, one in reads.items() if layer.name in (*one.inputs, one.residual) and n != after.name]
        found.append(BOTH if others or said.residual == layer.name else KEPT)
    return [*found, TO_DRAM]


def decide(
    layers: Sequence[Layer],
    able: Sequence[int],
    made: Callable[[int, Stay], LayerMapping],
    objective: str,
    pinned: Mapping[str, Mapping[str, object]],
    fused: Callable[[int, bool], Iterable[Fused]] = lambda number, comes: (),
) -> tuple[LayerMapping, ...]:
    """How every layer is cut, and which outputs stay on chip: of all ways the one with the least sum of what is to be
    made small, where cycles are with a little for each byte, and of equals the one that moves least.

    able: as `chances` says. made: the cut of a layer, by its number, with its activations where a Stay says; raises
    InputError where they do not fit. fused: the chains of layers that begin with one, its input on chip or not (see
    `dataflows/fusion.py`). pinned: layer -> what of it a user has decided, INPUT among it. Raises InputError where
    nothing fits.
    """
    asked(layers[0].name, TO_DRAM, pinned)
    # of every number of layers, and of whether what comes next is kept: the best so far
    best: list[dict[bool, tuple[float, int, tuple]]] = [{} for _ in range(len(layers) + 1)]
    best[0][False] = 0.0, 0, ()

    def enter(before: tuple[float, int, tuple], some: Sequence[LayerMapping], until: int, stays: bool) -> None:
        score, moved, path = before
        for one in some:
            whole = Choice({}, None, one.estimate).score("cycles" if objective == RULE else objective)
            whole += BYTE_CYCLES * one.estimate.dram_bytes * (objective in ("cycles", RULE))
            score, moved, path = score + whole, moved + one.estimate.dram_bytes, (path, one)
        if stays not in best[until] or (score, moved) < best[until][stays][:2]:
            best[until][stays] = score, moved, path

    for n, goes in enumerate(able):
        wanted = asked(layers[n + 1].name, goes, pinned) if n + 1 < len(layers) else (False,)
        wrong: InputError | None = None
        for comes, before in best[n].items():
            for stays in wanted:
                try:
                    enter(before, [made(n, Stay(comes, goes if stays else TO_DRAM))], n + 1, stays)
                except InputError as error:
                    wrong = error
            for some, until, stays in fused(n, comes):
                enter(before, some, until, stays)
        if not any(best[n + 1 :]):
            raise wrong or InputError(
                f"mapping of layer {layers[n + 1].name}: {INPUT} is {FUSED}, but it cannot be fused with the layer "
                "before it: no block of rows fits the buffers, or what else is decided"
            )
    path, found = min(best[-1].values(), key=lambda one: one[:2])[2], []
    while path:
        path, one = path
        found.append(one)
    could = [False, *(goes != TO_DRAM for goes in able)]
    return tuple(replace(one, input=input_of(one) * could[n]) for n, one in enumerate(reversed(found)))


def input_of(one: LayerMapping) -> str:
    """Where the input of a layer is, as a mapping says it."""
    return FUSED if one.stay.joined else KEEP if one.stay.input else DRAM


def asked(layer: str, goes: int, pinned: Mapping[str, Mapping[str, object]]) -> tuple[bool, ...]:
    """Whether a layer's input may be kept, all of it, must be or must not; nothing of these where it is fused with the
    layer before. Raises InputError where a user's word is none, or asks for what cannot be."""
    said = pinned.get(layer, {}).get(INPUT)
    if said is None:
        return (False, True) if goes != TO_DRAM else (False,)
    if said not in (DRAM, KEEP, FUSED):
        raise InputError(f"mapping of layer {layer}: {INPUT} is {said!r} but must be one of {DRAM}, {KEEP}, {FUSED}")
    if said != DRAM and goes == TO_DRAM:
        raise InputError(
            f"mapping of layer {layer}: {INPUT} is {said}, but what it reads cannot stay on chip: it is not all that "
            f"the layer before it computed, as one tensor that the activation buffer is read for; give {DRAM}"
        )
    return () if said == FUSED else (said == KEEP,)

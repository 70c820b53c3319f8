"""Layers that are fused: they take turns, some rows of each at a time, so that what one leaves of these rows stays in
the activation buffer and is the next one's input, where all of it would find no room.

Room for it is taken block by block. The first layer of a chain loads its rows, or finds them all on chip; the last
one's go to DRAM, or are all kept for the layer behind. Weights are read again for every block.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from accelsim.core.errors import InputError
from accelsim.dataflows.estimate import ArrayRates, Estimate, Memory, one_after_another, vector_estimate
from accelsim.dataflows.gemm import Columns, shape_of
from accelsim.dataflows.gemm_choice import work_of
from accelsim.dataflows.gemm_estimate import gemm_estimate
from accelsim.dataflows.mapping import Choice, LayerMapping
from accelsim.dataflows.residency import DRAM, FUSED, INPUT, KEEP, output_bytes, taken_bytes
from accelsim.dataflows.tiling import NOWHERE, DenseResources, GemmPlan, Rows, Stay, ceil, constant_bytes, runs
from accelsim.isa.tables import KEPT, TO_DRAM
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, Norm
from accelsim.workload.workload import Workload

TOKENS = "tokens"  # beside the parts of a fused layer, in a mapping: rows that are done at a time
LONGEST = 3  # layers of a chain: a norm and the two of an MLP
BLOCKS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64)  # into how many blocks a chain's rows are cut
TRIED = 3  # sizes of blocks that are estimated, the largest that fit


@dataclass(frozen=True)
class Piece:
    """What is done of a layer at a time: all of it, or some rows. layer: with as many tokens, of `batch` pictures.
    part: which rows these are; None: all. ends: they are the last ones. followed: by the same rows of the layer behind.
    """

    number: int
    layer: Layer
    batch: int
    stay: Stay
    part: Rows | None = None
    ends: bool = True
    followed: bool = False


def pieces(workload: Workload, stays: Mapping[str, Stay]) -> Iterator[Piece]:
    """All layers in the order in which they are done; stays: of each that is named where its activations are."""
    layers, batch, number = workload.layers, workload.batch, 0
    said = [stays.get(layer.name, NOWHERE) for layer in layers]
    while number < len(layers):
        if not (most := said[number].rows):
            yield Piece(number, layers[number], batch, said[number])
            number += 1
            continue
        end = number + 1
        while end < len(layers) and said[end].joined:
            end += 1
        whole = layers[number].tokens * batch
        loaded = [{} if said[number].weights else None for _ in range(number, end)]
        for first in range(0, whole, most):
            rows = min(most, whole - first)
            for n in range(number, end):
                some = block_of(layers[n], rows)
                last = first + rows == whole
                gives = taken_bytes(some, 1) if n > number else taken_bytes(layers[n], batch) * last
                rows_of = Rows(first, whole, gives, last, loaded[n - number])
                yield Piece(n, some, 1, said[n], rows_of, last, n + 1 < end)
        number = end


def block_of(layer: Layer, rows: int) -> Layer:
    """Some rows of a layer, as a layer."""
    return replace(layer, tokens=rows)


def row_by_row(layer: Layer) -> bool:
    """Whether each row of a layer's output is computed from the same row of its input alone."""
    if isinstance(layer, Norm):
        return layer.norm != "groupnorm"
    if isinstance(layer, Elementwise):
        return layer.operands == 1 and layer.out_tokens == layer.tokens
    return isinstance(layer, Gemm) and layer.repeat == 1 and layer.input_elements is None


def chains(layers: Sequence[Layer], able: Sequence[int], first: int) -> Iterator[int]:
    """The last layer of each chain that may begin with a layer, by their numbers; able: as `residency.chances` says."""
    if not row_by_row(layers[first]) or (first and isinstance(layers[first - 1], Attention)):
        return
    for last in range(first + 1, min(len(layers), first + LONGEST)):
        if able[last - 1] != KEPT or not row_by_row(layers[last]) or layers[last].tokens != layers[first].tokens:
            return
        yield last


def block_sizes(rows: int, steps: Sequence[int]) -> list[int]:
    """Rows of a block, the most first: as equal as can be, and whole steps of an array's rows."""
    each = {ceil(rows, n) for n in BLOCKS}
    found = each.union(*({ceil(size, step) * step for size in each} for step in steps))
    return sorted((size for size in found if size < rows), reverse=True)


def weights_fit(layers: Sequence[Layer], have: DenseResources) -> bool:
    """Whether the weights of all layers of a chain fit their buffer together, with their constants."""
    dense = [layer for layer in layers if isinstance(layer, Gemm)]
    size = sum(layer.weights + layer.out_features * constant_bytes(layer) * have.constants for layer in dense)
    return size <= have.weight_bytes


def stays_of_chain(
    layers: Sequence[Layer], batch: int, rows: int, comes: bool, goes: int, weights: bool
) -> tuple[Stay, ...]:
    """Where the activations of the layers of a chain are, of so many rows at a time; comes: the first one's input is
    on chip, all of it; goes: where the last one's output goes; weights: they stay in their buffer."""
    whole = taken_bytes(layers[0], batch) * comes
    kept = output_bytes(layers[-1], batch) * (goes != TO_DRAM)
    found = []
    for n, layer in enumerate(layers):
        last, some = n + 1 == len(layers), block_of(layer, rows)
        # beside its own rows of the input and the output, which it counts itself
        others = whole - taken_bytes(some, 1) * comes * (n == 0) + kept
        others -= output_bytes(some, 1) * (goes != TO_DRAM) * last
        ends = comes if n == 0 else True, goes if last else KEPT
        found.append(Stay(*ends, rows, n > 0, others, weights))
    return tuple(found)


def shortened(plan: GemmPlan, rows: int) -> GemmPlan:
    """The cut of a block for the last one, which may have fewer rows; features and depth are cut as before, since what
    leaves tile by tile lies in DRAM tile by tile."""
    if sum(plan.row_tiles) == rows:
        return plan
    return replace(plan, row_tiles=tuple(some for _, some in runs(rows, plan.row_tiles[0])))


def of_blocks(
    one: LayerMapping,
    block: Layer,
    often: int,
    rest: int,
    groups: Sequence[Columns],
    have: DenseResources,
    rates: ArrayRates,
    memory: Memory,
) -> LayerMapping:
    """The cut of a block of rows with the estimate of all of them: so many, and one of the rows that are left. groups:
    of a dense layer's columns."""

    def whole(choice: Choice, some: Columns | None) -> Choice:
        again = often - one.stay.weights  # blocks beside that with which weights are loaded that stay
        found = [choice.estimate.times(again)] if again else []
        if one.stay.weights:
            found.append(of(choice, some, block, 1))
        if rest:
            found.append(of(choice, some, block_of(block, rest), 0 if one.stay.weights else None))
        return replace(choice, estimate=one_after_another(found))

    def of(choice: Choice, some: Columns | None, layer: Layer, reads: int | None) -> Estimate:
        if some is None:
            return vector_estimate(layer, 1, rates, memory, have.constants, one.stay)
        work = work_of(shape_of(layer, some, 1, have, one.stay), some.run, reads=reads)
        return gemm_estimate(work, shortened(choice.plan, layer.tokens), rates, memory)

    parts = [
        replace(part, chosen=whole(part.chosen, some), others=tuple(whole(other, some) for other in part.others))
        for part, some in zip(one.parts, groups or [None])
    ]
    return replace(one, parts=tuple(parts))


def check_fused(workload: Workload, fuses: bool, pinned: Mapping[str, Mapping[str, object]]) -> None:
    """Raise InputError where a user would have layers fused, but the machine fuses none, or not so many rows at a
    time."""
    for layer in workload.layers:
        said = pinned.get(layer.name, {})
        if said.get(INPUT) == FUSED and not fuses:
            raise InputError(
                f"mapping of layer {layer.name}: {INPUT} is {FUSED}, but this machine fuses no layers; give {DRAM} or "
                f"{KEEP}, or set residency=fused"
            )
        if TOKENS in said:
            most = getattr(layer, "tokens", 1) * workload.batch - 1
            if said.get(INPUT) != FUSED or type(said[TOKENS]) is not int or not 1 <= said[TOKENS] <= most:
                raise InputError(
                    f"mapping of layer {layer.name}: {TOKENS} is {said[TOKENS]!r}, but it is how many rows of fused "
                    f"layers are done at a time: with {INPUT}={FUSED}, a whole number from 1 to {most}"
                )

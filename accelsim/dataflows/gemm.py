"""Dense layers on an array: output-stationary tiles, operands streamed through the global buffers.

A machine hands in what is its own: how the output columns are grouped, and the instruction of a tile.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from accelsim.core.errors import InputError
from accelsim.dataflows.gemm_cuts import faults, plan_gemm
from accelsim.dataflows.gemm_shape import GemmShape
from accelsim.dataflows.program import NOW, Program, Wait
from accelsim.dataflows.sections import Sections
from accelsim.dataflows.stores import Kept, store_kept, store_run, store_tile
from accelsim.dataflows.tiling import (
    MOST_TILES,
    NOWHERE,
    DenseResources,
    GemmPlan,
    Rows,
    Stay,
    ceil,
    constant_bytes,
    output_passes,
)
from accelsim.dataflows.windows import Window, beside_window
from accelsim.isa.tables import TO_DRAM
from accelsim.workload.layers import Gemm


@dataclass(frozen=True)
class Columns:
    """Output columns of a layer that are treated alike.

    packed: a tile of them is kept as one run of bytes. kept: where their values lie in the output, in order; empty:
    row by row. heads, encoded: heads that are compressed behind the array, and to how many (0: none); `leaves` says how
    many values a token leave while columns first to first + count - 1 go in.
    """

    count: int
    packed: bool = False
    kept: tuple[Kept, ...] = ()
    heads: int = 0
    encoded: int = 0
    leaves: Callable[[int, int], int] = lambda first, count: count

    @property
    def run(self) -> int:
        """Values of a token, as the last of them lie, that are next to those of the token behind; 0: none are."""
        last = self.kept[-1] if self.kept else None
        return last.count if last and last.count == last.pitch else 0


class Tile(NamedTuple):
    """A part of a GEMM tile, as the array is told.

    rows x columns outputs; depth of their accumulation, the `last` part of it or not. row: the first in the layer.
    column: the first in the group. passes: operations of the vector unit on each. weight, act: bytes of the buffer
    it is the last to read; weight_read, act_read: all bytes it reads. added: bytes of a residual operand for each
    output. constants: bytes of bias and scale that each step reads beside a column's weights. adds: whether an
    earlier part has left sums. element: the first of the accumulation. beside: bytes in the words of each row's
    window that are not of it, read with the last part; not in act_read.
    """

    rows: int
    columns: int
    depth: int
    last: bool
    row: int
    column: int
    passes: int
    weight: int
    weight_read: int
    act: int
    act_read: int
    added: int = 0
    constants: int = 0
    adds: bool = False
    element: int = 0
    beside: int = 0


Issue = Callable[[Program, GemmPlan, Columns, Tile, Wait, Wait], None]


def shape_of(layer: Gemm, some: Columns, batch: int, have: DenseResources, stay: Stay = NOWHERE) -> GemmShape:
    """What decides how a group of a layer's columns is cut."""
    each = constant_bytes(layer) * have.constants
    inputs = ceil(layer.inputs * batch, layer.repeat)
    tokens = layer.tokens * batch
    sizes = tokens, layer.in_features, some.count, inputs
    where = stay.input, stay.stored, stay.output != TO_DRAM
    return GemmShape(*sizes, layer.residual, each, some.heads, some.encoded, *where, Window.of(layer))


def plan_of(
    layer: Gemm, some: Columns, batch: int, have: DenseResources, plan: GemmPlan | None, stay: Stay = NOWHERE
) -> GemmPlan:
    """The cut of a group of columns: the given one, if it fits, or one chosen by rule."""
    shape = shape_of(layer, some, batch, have, stay)
    if plan is None:
        return plan_gemm(layer.name, shape, have)
    if wrong := faults(shape, plan, have):
        raise InputError(f"layer {layer.name}: the cut it is given does not fit: {'; '.join(wrong)}")
    return plan


def emit_gemm(
    p: Program,
    layer: Gemm,
    groups: Iterable[Columns],
    batch: int,
    have: DenseResources,
    issue: Issue,
    plans: Sequence[GemmPlan] = (),
    stay: Stay = NOWHERE,
    part: Rows | None = None,
    sections: Sections | None = None,
) -> int:
    """Instructions, loads and stores of a dense layer; `plans`: the cut of each group of columns (empty: by rule).
    `stay`: whether its input is there already, which then is given back with the last group's last tile. `part`: where
    a larger layer's rows are done in blocks, which of them `layer` has. `sections`: what was emitted of layers before,
    if columns of one number and kind are issued alike in layers that differ in their names alone. Returns bytes of
    weights that the last tile gives back.

    Weights lie in DRAM tile by tile, as the compiler packed them; the constants of a tile's features come before its
    first part, and stay until its last is done. Activations are token-major, and so are outputs of which
    nothing else is said. `issue` emits the instruction of a tile, which waits for its weights and for its activations.
    """
    groups = tuple(groups)
    if layer.repeat * len(groups) > MOST_TILES:
        raise InputError(
            f"layer {layer.name}: {layer.repeat} independent products are more than memory is taken for; at most "
            f"{MOST_TILES:,} are"
        )
    if plans and len(plans) != len(groups):
        raise InputError(f"layer {layer.name}: {len(plans)} cuts are given for {len(groups)} groups of columns")
    made = [plan_of(layer, some, batch, have, plan, stay) for some, plan in zip(groups, plans or [None] * len(groups))]
    rows = part or Rows(0, layer.tokens * batch, ceil(layer.inputs * batch, layer.repeat))
    freed = 0
    for repetition in range(layer.repeat):
        column = 0
        for columns, plan in zip(groups, made):
            whole = column + columns.count == layer.out_features
            gives = rows.gives * whole if stay.input else -1
            at, rest = (repetition, column), (batch, have, plan, rows, gives)
            emit = partial(emit_columns, layer=layer, at=at, some=columns, issue=issue, rest=rest)
            if sections is None or part is not None:  # blocks of rows may wait for weights of the block before
                freed = emit(p)
            else:
                of = replace(layer, name="any", block="any", encodes=None), replace(columns, leaves=int)
                freed = sections.emit(p, layer.name, (*of, at, rest), emit)
            column += columns.count
    return freed


def emit_columns(
    p: Program,
    *,
    layer: Gemm,
    at: tuple[int, int],
    some: Columns,
    issue: Issue,
    rest: tuple[int, DenseResources, GemmPlan, Rows, int],
) -> int:
    """Output columns that are treated alike, of some rows, of a repetition and from a column on. rest: batch, machine,
    cut, which rows, bytes that the last tile gives back of an input that is there (-1: it is loaded). Returns bytes of
    weights that it gives back."""
    (group, column), (batch, have, plan, part, gives) = at, rest
    kept, place = gives >= 0, group * layer.out_features + column  # of the first column among all of a row
    tokens, depth = layer.tokens * batch, layer.in_features
    inputs = ceil(layer.inputs * batch, layer.repeat)
    each = constant_bytes(layer) * have.constants
    passes = output_passes(layer)
    weights = p.allocate(f"{layer.name}.weight", layer.repeat * depth * layer.out_features) + place * depth
    biases = 0
    if each:
        biases = p.allocate(f"{layer.name}.bias", each * layer.repeat * layer.out_features) + each * place
    row_bytes = ceil(inputs, tokens)
    source = 0
    if not kept:
        source = p.allocate(f"{layer.name}.input", inputs * layer.repeat * part.of // tokens)
        source += group * inputs + part.first * row_bytes
    whole = part.of * layer.out_features * layer.repeat
    residual = p.allocate(f"{layer.name}.residual", whole) if layer.residual else 0
    target = p.allocate(f"{layer.name}.output", whole)
    pitch = layer.out_features * layer.repeat
    resident: Wait = NOW
    outer_rows = plan.order == "rows"
    row_at = list(accumulate(plan.row_tiles[:-1], initial=0))
    feature_at = list(accumulate(plan.feature_tiles[:-1], initial=0))
    tiles = [(m, n) for m in range(len(row_at)) for n in range(len(feature_at))]
    if not outer_rows:
        tiles.sort(key=lambda t: (t[1], t[0]))
    weights_stay = plan.order == "resident" and len(plan.depth_tiles) == 1
    stay_on = part.loaded is not None  # until the last block of rows
    loaded = NOW
    pieces_of = (len(row_at) if have.double_buffer else 1) * (plan.order == "resident" and not kept)
    for nth, (m, n) in enumerate(tiles):
        rows, columns = plan.row_tiles[m], plan.feature_tiles[n]
        last_tile = nth + 1 == len(tiles)
        last_of_row = last_tile or tiles[nth + 1][0] != m
        begin_alone(p, have, have.array)
        if nth < pieces_of or (outer_rows and (nth == 0 or tiles[nth - 1][0] != m)):
            first = min(inputs, row_at[m] * row_bytes)
            until = tokens if pieces_of == 1 else row_at[m] + rows
            if tile_bytes := min(inputs, until * row_bytes) - first:
                resident = p.load(have.act, source + first, tile_bytes)
        addition: Wait = NOW
        if layer.residual:
            start = residual + (part.first + row_at[m]) * pitch + place + feature_at[n]
            addition = p.load(have.act, start, columns, rows, pitch)
        depth_at = 0
        for d, deep in enumerate(plan.depth_tiles):
            last = d + 1 == len(plan.depth_tiles)
            if d:
                begin_alone(p, have, have.array)
            size = deep * columns
            fresh = (m == 0 and not part.first) if stay_on else not weights_stay or m == 0
            if fresh and d == 0 and each:
                p.load(have.weight, biases + each * feature_at[n], each * columns)
            if fresh:
                loaded = p.load(have.weight, weights + feature_at[n] * depth + depth_at * columns, size)
            if stay_on:
                loaded = part.loaded.setdefault((column, n, d), loaded)
            gone = (part.last and m + 1 == len(row_at)) if stay_on else not weights_stay or m + 1 == len(row_at)
            frees = size + each * columns * last if gone else 0
            acts = 0
            if plan.order == "stream":
                start = source + min(inputs, row_at[m] * row_bytes)
                if len(plan.depth_tiles) > 1 and layer.input_elements is None:
                    resident, acts = p.load(have.act, start + depth_at, deep, rows, row_bytes), deep * rows
                else:  # of the distinct elements of its rows, the part's share
                    span = source + min(inputs, (row_at[m] + rows) * row_bytes) - start
                    first = span * depth_at // depth
                    acts = span * (depth_at + deep) // depth - first
                    resident = p.load(have.act, start + first, acts) if acts else resident
            elif last and outer_rows and last_of_row:
                acts = min(inputs, (row_at[m] + rows) * row_bytes) - min(inputs, row_at[m] * row_bytes)
            elif last and last_tile and plan.order == "resident":
                acts = gives if kept else inputs
            if last and layer.residual:
                acts += rows * columns
            # an operand spread over the array is read once a step; what the step shares is broadcast
            act_read = rows * deep * ceil(columns, plan.step_features)
            if last and layer.residual:
                act_read += rows * columns
            weight_read = columns * (deep + each * last) * ceil(rows, plan.step_tokens)
            acts_here = addition if last and addition[1] > resident[1] else resident  # it is added with the last part
            tile = Tile(
                rows,
                columns,
                deep,
                last,
                part.first + row_at[m],
                feature_at[n],
                passes,
                frees,
                weight_read,
                acts,
                act_read,
                int(last and layer.residual),
                each * last,
                d > 0,
                depth_at,
                beside_window(layer, have.vector_rates.port_bytes, True) * last,
            )
            issue(p, plan, some, tile, loaded, acts_here)
            p.will(have.array)
            depth_at += deep
        if some.kept:
            leaves = partial(since, some, feature_at[n])
            corner = part.first + row_at[m], some.leaves(0, feature_at[n])
            store_kept(p, have, plan, some.kept, target, corner, rows, columns, leaves)
        elif some.packed:
            before, wide = some.leaves(0, feature_at[n]), some.leaves(feature_at[n], columns)
            first = target + (place + before) * part.of + (part.first + row_at[m]) * wide
            store_run(p, have, first, rows * wide)
        else:
            first = target + (part.first + row_at[m]) * pitch + place + feature_at[n]
            store_tile(p, have, plan, first, rows, columns, pitch)
    return frees


def begin_alone(p: Program, have: DenseResources, unit: str) -> None:
    """Without double buffering: hold what is loaded next back until a unit is done with what there is."""
    if not have.double_buffer:
        p.fence(have.act, p.all_of(unit))
        p.fence(have.weight, p.all_of(unit))


def since(some: Columns, column: int, first: int, count: int) -> int:
    """How many values a token leave with so many columns of a group, from one on of those from `column` on."""
    return some.leaves(column + first, count)

"""Layers the vector unit does alone: normalisation and element-wise operations, in blocks of rows. A norm's constants
are loaded before its first block, and stay until its last. Where not even four rows fit, a row is taken at a time; of
an element-wise row, as much of it as fits."""

from collections.abc import Iterator

from accelsim.core.errors import InputError
from accelsim.dataflows.gemm import begin_alone
from accelsim.dataflows.program import NOW, Program, Wait
from accelsim.dataflows.tiling import (
    NORM_BYTES,
    NOWHERE,
    PASSES,
    ROW_BY_ROW,
    SWEEPS,
    DenseResources,
    Rows,
    Stay,
    ceil,
    pieces,
)
from accelsim.isa.tables import DESCRIPTOR
from accelsim.workload.layers import Elementwise, Norm

BYTES, SEGMENTS = (DESCRIPTOR.names.index(name) for name in ("bytes", "segments"))


def blocks(layer: Norm | Elementwise, constants: int, have: DenseResources) -> Iterator[tuple[int, int, int]]:
    """(rows, first feature, features) of the blocks of a picture, in order. Raises InputError when none fits."""
    operands = 1 if isinstance(layer, Norm) else layer.operands
    row, room = operands * layer.features, have.act_bytes - constants
    most = min(room // 4 // row, have.store_bytes // 2 // layer.features)
    if most >= 1:
        for rows in pieces(layer.tokens, at_once(layer, most, have)):
            yield rows, 0, layer.features
        return
    wide = min(layer.features, room // operands, have.store_bytes)
    if wide < 1 or (isinstance(layer, Norm) and wide < layer.features):
        least = layer.features if isinstance(layer, Norm) else 1
        needed = (
            (f"{have.act}.capacity_bytes", have.act_bytes, constants + operands * least),
            (f"{have.store}.capacity_bytes", have.store_bytes, least),
        )
        small = ", ".join(f"{part} of {size} (it has {found})" for part, found, size in needed if found < size)
        what = "a row" if isinstance(layer, Norm) else "an element"
        raise InputError(f"layer {layer.name}: {what} at a time needs {small}; make them at least that large")
    for _ in range(layer.tokens):
        for at in range(0, layer.features, wide):
            yield 1, at, min(wide, layer.features - at)


def constants_of(layer: Norm | Elementwise, have: DenseResources) -> int:
    """Bytes of the constants of a norm."""
    return NORM_BYTES[layer.norm] * layer.features if have.constants and isinstance(layer, Norm) else 0


def kept_blocks(layer: Norm | Elementwise, batch: int, have: DenseResources) -> list[tuple[int, int, int]]:
    """The same where the input of all pictures is in the activation buffer: the output buffer alone says how many rows
    go at a time."""
    constants = constants_of(layer, have)
    most, needed = have.store_bytes // 2 // layer.features, constants + layer.tokens * layer.features * batch
    if most < 1 or needed > have.act_bytes:
        raise InputError(
            f"layer {layer.name}: its input stays on chip only with {have.act}.capacity_bytes of {needed} beside what "
            f"its output takes (it has {have.act_bytes}), and {have.store}.capacity_bytes of {2 * layer.features} "
            f"(it has {have.store_bytes}); make them at least that large, or let it go through DRAM"
        )
    return [(rows, 0, layer.features) for rows in pieces(layer.tokens, at_once(layer, most, have))]


def at_once(layer: Norm | Elementwise, most: int, have: DenseResources) -> int:
    """Of so many rows that have room, those of a command: no more than a norm's statistics are kept of."""
    kept = isinstance(layer, Norm) and layer.norm in ROW_BY_ROW
    return min(most, have.vector_rates.rows) if kept else most


def emit_vector(
    p: Program,
    layer: Norm | Elementwise,
    batch: int,
    have: DenseResources,
    stay: Stay = NOWHERE,
    part: Rows | None = None,
) -> None:
    """Instructions, loads and stores of a normalisation or an element-wise layer; `stay`: if its input is there.
    `part`: where a larger layer's rows are done in blocks, which of them `layer` has."""
    if isinstance(layer, Norm):
        operands, out_tokens = 1, layer.tokens
        passes, sweeps = PASSES[layer.norm], SWEEPS[layer.norm]
    else:
        operands, out_tokens = layer.operands, layer.out_tokens
        passes = sweeps = 1
    row = operands * layer.features
    constants = constants_of(layer, have)
    parts = kept_blocks(layer, batch, have) if stay.input else list(blocks(layer, constants, have))
    inputs, outputs = layer.tokens * batch, out_tokens * batch
    part = part or Rows(0, inputs, inputs * row)
    source = 0 if stay.input else p.allocate(f"{layer.name}.input", part.of * row) + part.first * row
    target = p.allocate(f"{layer.name}.output", outputs * part.of // inputs * layer.features)
    target += part.first * layer.features
    loaded = NOW
    if constants:
        begin_alone(p, have, have.vector)
        loaded = p.load(have.act, p.allocate(f"{layer.name}.constants", constants), constants)
    reduces = out_tokens != layer.tokens
    per_row = ceil(layer.features, parts[0][2])
    for _ in range(batch):
        for n, (rows, first, wide) in enumerate(parts):
            begin_alone(p, have, have.vector)
            if stay.input:
                pass  # it is there
            elif wide == layer.features:
                loaded = p.load(have.act, source, rows * row)
            else:
                loaded = p.load(have.act, source + first, wide, operands, layer.features)
            if first + wide == layer.features:
                source += rows * row
            last = n + per_row >= len(parts)
            leaves = 0 if reduces and not last else (out_tokens if reduces else rows) * wide
            size = rows * wide * operands
            cycles, rate = have.vector_rates.command(size, sweeps)
            said = {"elements": size, "passes": passes, "bytes": leaves, "sweeps": sweeps}
            room = room_for(p, have, leaves) if leaves else NOW
            p.issue(have.vector, **said, cycles=cycles, rate=rate, wait=loaded, wait2=room)
            finished = p.will(have.vector)
            if leaves:
                p.store(have.store, target, leaves)
                target += leaves
            if not stay.input:
                p.free(have.act, size, wait=finished)
    there = part.gives * stay.input  # given back as a whole, as it came
    if constants + there:
        p.free(have.act, constants + there, wait=finished)


def room_for(p: Program, have: DenseResources, size: int) -> Wait:
    """What to wait for until so many bytes more have room in the buffer of results, beside all that is to be stored
    before them: a command's results leave while it is at work, and have no other place."""
    words, free, count = p.tiles[have.store], have.store_bytes - size, p.planned[have.store]
    each = len(DESCRIPTOR.names)
    for at in range(len(words) - each, -1, -each):
        free -= words[at + BYTES] * words[at + SEGMENTS]
        if free < 0:
            return p.counters[have.store], count
        count -= 1
    return NOW

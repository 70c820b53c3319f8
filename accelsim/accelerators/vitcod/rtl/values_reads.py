"""What a layer reads, where other layers have left it. The compiler gives a layer's input a place of its own; where
that is not simply what a layer has written, each load of it becomes loads of what it needs: of a grid every second row
and column, of channels those of a product, of operands those of two tensors, and of a picture all pixels of a tile's
windows, before its first part is multiplied."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from accelsim.core.errors import InputError
from accelsim.dataflows.names import Names
from accelsim.dataflows.program import Program, Wait
from accelsim.dataflows.tiling import GemmPlan, ceil
from accelsim.dataflows.windows import Window
from accelsim.workload import shaping
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer
from accelsim.workload.wiring import Reads, size, wiring
from accelsim.workload.workload import Workload

ACT = "act_gb0"


class Asked(NamedTuple):
    """A load as the layer has it: bytes of its tensor, in segments; and the bytes of each of the loads that it is."""

    address: int
    bytes: int
    segments: int
    pitch: int
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """A layer's input. begin: its own place. lies: int64[operands, bytes], where in DRAM each byte is; of operands side
    by side the bytes of `row` features each follow each other. tiles: of windows (begin, end) in the input as the
    compiler has it -> in the input, what is loaded in its stead; None: what is asked for."""

    begin: int
    lies: np.ndarray
    row: int = 0
    tiles: Mapping[int, tuple[int, int]] | None = None
    whole: int = 0  # bytes of a picture, of several products one after the other

    def wanted(self, at: int, size: int, segments: int, pitch: int) -> tuple[int, int, int, int]:
        """What is loaded when the compiler asks for this; of nothing 0 bytes."""
        if self.tiles is None:
            return at, size, segments, pitch
        picture, at = divmod(at, self.whole)
        begin, end = self.tiles.get(at, (0, 0))
        if begin == at == 0 and size == self.whole:  # all of it at once
            end = size
        return picture * self.whole + begin, end - begin, 1, end - begin

    def bytes(self, at: int, size: int, segments: int, pitch: int) -> np.ndarray:
        """Where in DRAM each byte of a load is."""
        count = len(self.lies)
        if count == 1:
            return self.lies[0, (at + pitch * np.arange(segments)[:, None] + np.arange(size)).ravel()]
        row, first = divmod(at, count * self.row)
        each = size * segments // count
        return self.lies[:, row * self.row + first + np.arange(each)].ravel()


def loads_of(at: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """(address, bytes, segments, pitch) of loads that bring these bytes of DRAM in their order."""
    starts = np.flatnonzero(np.diff(at, prepend=at[0] - 2) != 1)
    runs = [*zip(at[starts].tolist(), np.diff(starts, append=len(at)).tolist())]
    while runs:
        (first, many), count, pitch = runs[0], 1, runs[0][1]
        while count < len(runs) and runs[count][1] == many:
            step = runs[count][0] - runs[count - 1][0]
            if step <= 0 or step != (step if count == 1 else pitch):
                break
            count, pitch = count + 1, step
        yield first, many, count, pitch
        del runs[:count]


@dataclass
class Tensors:
    """The inputs that do not lie as they are read, and what was asked for of the activation buffer."""

    sources: dict[str, Source] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def source(self, address: int) -> Source | None:
        """Whose a byte is."""
        for one in self.sources.values():
            if 0 <= address - one.begin < one.lies.size:
                return one
        return None


class ReadingProgram(Program):
    """A program whose loads of activations are of where these have been written."""

    def __init__(self, names: Names) -> None:
        super().__init__(names)
        self.read = Tensors()

    def load(self, buffer: str, address: int, size: int, segments: int = 1, pitch: int = 0) -> Wait:
        """Fetch a tile; what to wait for if one needs it."""
        if buffer != ACT:
            return super().load(buffer, address, size, segments, pitch)
        asked, source = (address, size, segments, pitch or size), self.read.source(address)
        if source is None:
            self.read.asked.append(Asked(*asked, (size * segments,)))
            return super().load(buffer, *asked)
        at, *rest = source.wanted(address - source.begin, *asked[1:])
        if not rest[0]:
            return self.all_of(buffer)
        parts = [*loads_of(source.bytes(at, *rest))]
        self.read.asked.append(Asked(source.begin + at, *rest, tuple(one[1] * one[2] for one in parts)))
        for one in parts:
            wait = super().load(buffer, *one)
        return wait


def found_in(workload: Workload, layer: Layer, reads: Reads) -> list[tuple[str, str, np.ndarray]]:
    """Of each tensor that a layer reads of others: its name, whose output it is, and of each byte, in the order in
    which it is read, which byte of that output (below zero: of a class token before it). A picture's bytes are those of
    its pixels."""
    found, wanted = [], shaping.wanted(layer)
    of = [("input", name, wanted) for name in reads.inputs] if not isinstance(layer, Attention) else []
    if reads.residual:
        of.append(("residual", reads.residual, size(layer)))
    for tensor, name, (tokens, features) in of:
        made = size(workload.layer(name))
        x = np.arange(made[0] * made[1]).reshape(1, *made)
        repeat = layer.repeat if isinstance(layer, Gemm) and tensor == "input" else 1
        at = shaping.fit(x, tokens, features, np.arange(-features, 0), repeat)
        if at is not None and tensor == "input" and isinstance(layer, Gemm):
            whole = x[0] if Window.of(layer) else at[0]
            at = whole.reshape(len(whole), repeat, -1).transpose(1, 0, 2)
        if at is not None:
            found.append((f"{layer.name}.{tensor}", name, at.ravel()))
    return found


def lies_together(at: np.ndarray) -> bool:
    """Whether bytes follow each other."""
    return bool((np.diff(at) == 1).all())


def plain(workload: Workload, layer: Layer, reads: Reads) -> Iterator[tuple[str, str]]:
    """Of each tensor of a layer that is some of what another one writes, byte after byte: its name, and that one."""
    some = found_in(workload, layer, reads)
    apart = isinstance(layer, Gemm) and Window.of(layer) is not None
    apart |= isinstance(layer, Elementwise) and layer.operands > 1
    for tensor, name, at in some:
        if lies_together(at) and not (apart and tensor.endswith(".input")):
            yield tensor, name


def sources(
    workload: Workload, places: Mapping[str, int], outputs: Mapping[str, int], cuts: Mapping[str, Sequence[GemmPlan]]
) -> dict[str, Source]:
    """The inputs that do not lie as they are read. places: each tensor's own place; outputs: where each layer's is."""
    made, reads = {}, wiring(workload)
    for layer in workload.layers:
        some = found_in(workload, layer, reads[layer.name])
        window = Window.of(layer) if isinstance(layer, Gemm) else None
        for tensor, name, at in some:
            if tensor.endswith(".residual") and not lies_together(at):
                made[tensor] = Source(places[tensor], outputs[name] + at[None])
        mine = [outputs[name] + at for tensor, name, at in some if tensor.endswith(".input")]
        begin = places.get(f"{layer.name}.input", 0)
        if window:
            at = mine[0] if mine else begin + np.arange(layer.inputs)
            one = layer.inputs // layer.repeat
            made[f"{layer.name}.input"] = Source(begin, at[None], 0, tiles_of(layer, window, cuts[layer.name]), one)
        elif len(mine) > 1 and isinstance(layer, Elementwise):
            made[f"{layer.name}.input"] = Source(begin, np.stack(mine), layer.features)
        elif mine and not lies_together(mine[0]):
            made[f"{layer.name}.input"] = Source(begin, mine[0][None])
    return made


def tiles_of(layer: Gemm, window: Window, plans: Sequence[GemmPlan]) -> dict[int, tuple[int, int]]:
    """Where a tile of rows begins in a layer's input, as the compiler has it -> the bytes that its windows need and
    those of the tiles before do not; the last one's go to the picture's end. Raises InputError for a picture that
    cannot be cut so."""
    inputs = layer.inputs // layer.repeat
    each, found = ceil(inputs, layer.tokens), {}
    ends = last_bytes(window, layer.tokens)
    if inputs != window.side * window.line or len(plans) != 1:
        raise InputError(f"{layer.name}: its windows are of no square picture, which is not run with values")
    rows, parts = [*accumulate(plans[0].row_tiles, initial=0)], len(plans[0].depth_tiles)
    for first, end in pairwise(rows):
        if plans[0].order == "stream" and min(inputs, end * each) - min(inputs, first * each) < parts:
            raise InputError(f"{layer.name}: a tile loads nothing with its first part, which is not run with values")
        before, after = (int(ends[n - 1]) if n else 0 for n in (first, end))
        found[min(inputs, first * each)] = before, inputs if end == layer.tokens else after
    return found


def last_bytes(window: Window, tokens: int) -> np.ndarray:
    """int64[tokens]: behind which byte of its picture nothing is in any window up to each."""
    down, across = np.divmod(np.arange(tokens), window.out)
    line = np.minimum(window.side, down * window.stride - window.pad + window.kernel) - 1
    pixel = np.minimum(window.side, across * window.stride - window.pad + window.kernel)
    return np.maximum.accumulate(line * window.line + pixel * window.channels)


def needed(window: Window, row: int, tokens: int, element: int, depth: int) -> tuple[int, int]:
    """The first byte of a picture that a tile's windows have in `depth` elements from one on, and the one behind the
    last; (0, 0) where all are beyond its border."""
    down, across = np.divmod(np.arange(row, row + tokens), window.out)
    runs = np.arange(element // window.run, ceil(element + depth, window.run))
    line = down[:, None] * window.stride - window.pad + runs
    low = np.where(runs == runs[0], element - runs[0] * window.run, 0)
    high = np.where(runs == runs[-1], element + depth - runs[-1] * window.run, window.run)
    start = (across[:, None] * window.stride - window.pad) * window.channels
    begin, end = np.maximum(0, start + low), np.minimum(window.line, start + high)
    inside = (line >= 0) & (line < window.side) & (begin < end)
    if not inside.any():
        return 0, 0
    return int((line * window.line + begin)[inside].min()), int((line * window.line + end)[inside].max())

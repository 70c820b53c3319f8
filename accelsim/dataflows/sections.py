"""Pieces of a program that come again: layers of equal sizes say the same, but for where their tensors lie, how far the
counters are and where a chunk of the program is full.

A piece is emitted once into a program of its own, in which counters stand at zero and tensors lie anywhere, and is
written into the real one as often as it is wanted, all at once.
"""

from collections.abc import Callable, Hashable
from dataclasses import replace

import numpy as np

from accelsim.dataflows.program import Program
from accelsim.isa.instructions import INSTRUCTION
from accelsim.isa.tables import DESCRIPTOR

FIRST, COUNT = (INSTRUCTION.names.index(name) for name in ("first", "count"))
ADDRESS, FENCE = (DESCRIPTOR.names.index(name) for name in ("address", "fence"))


class Section(Program):
    """A piece of a program. `costs`: bytes that it takes in the program's chunks, one after the other, and of each
    how many instructions come before it."""

    def __init__(self, p: Program) -> None:
        super().__init__(replace(p.names, memory=""))
        self.costs, self.behind = list[int](), list[int]()
        self.sized: list[tuple[str, int]] = []  # tensors, and bytes of each
        self.goes = dict(p.goes)
        self.later = relative(p)
        self.layer, self.gives = "", 0  # whom it was emitted for, and what that gave

    def charge(self, size: int) -> None:
        self.costs.append(size)
        self.behind.append(len(self.about))

    def allocate(self, tensor: str, size: int) -> int:
        """Between tensors there is room, so that an address behind the last byte of one is none of the next."""
        if tensor not in self.places:
            self.sized.append((tensor, size))
            self.places[tensor], self.memory = self.memory, self.memory + size + 1
        return self.places[tensor]


def relative(p: Program) -> dict[str, list[int]]:
    """The bytes of loads that fences are behind, from what is loaded on."""
    return {b: [at - p.loaded[b] for at in later] for b, later in p.later.items()}


class Sections:
    """Pieces that were emitted, each with what it depends on."""

    def __init__(self) -> None:
        self.made: dict[Hashable, Section] = {}

    def emit(self, p: Program, layer: str, of: Hashable, make: Callable[[Program], int]) -> int:
        """Have `make` emit into `p` what depends on `of` and on nothing else: of the program it may use counters,
        fences and tensors (called after the layer), and not the numbers of rows. What `make` gives."""
        key = of, tuple(p.goes.items()), tuple((b, *later) for b, later in relative(p).items())
        if key not in self.made:
            self.made[key] = section = Section(p)
            section.layer, section.gives = layer, make(section)
        write(p, layer, self.made[key])
        return self.made[key].gives


def write(p: Program, layer: str, piece: Section) -> None:
    """Append a piece for a layer of this name."""
    lies = np.array([*piece.places.values()], np.int64)
    moved = (
        np.array([p.allocate(layer + n.removeprefix(piece.layer), size) for n, size in piece.sized], np.int64) - lies
    )
    shift = np.array([0, *p.planned.values()])  # of what is waited for, by the counter's number
    words = piece.instructions
    for counter, count in ((2, 3), (4, 5)):
        words[:, count] += shift[words[:, counter]]
    append(p, words, np.array(piece.operands), chunks(p, piece))
    for buffer, tiles in piece.descriptors.items():
        p.check_tiles(buffer, len(tiles))
        if len(tiles):
            tiles[:, ADDRESS] += moved[np.searchsorted(lies, tiles[:, ADDRESS], "right") - 1]
            tiles[:, FENCE] += p.fences.get(buffer, 0)  # of a store it says where that goes
        p.tiles[buffer].frombytes(tiles.tobytes())
        p.tiles_about[buffer] += [p.said] * len(tiles)
    for table, rows in piece.tables.items():
        p.tables[table].extend(rows)
        p.sizes[table] += piece.sizes[table]
    for buffer, later in piece.later.items():
        p.later[buffer] = [p.loaded[buffer] + at for at in later]
        p.loaded[buffer] += piece.loaded[buffer]
        p.fences[buffer] += piece.fences[buffer]
    for counter, count in piece.planned.items():
        p.planned[counter] += count


def chunks(p: Program, piece: Section) -> list[int]:
    """Charge what a piece takes of the program's chunks; how many of its instructions come before each that ends a
    chunk."""
    ends, first, sums = list[int](), 0, np.cumsum([0, *piece.costs])
    while True:
        # the first that the chunk which is being filled does not hold, as Program.charge finds it
        over = max(first, int(np.searchsorted(sums, p.chunk - p.filled + sums[first], "right")) - 1)
        last = over == len(piece.costs) or not p.names.memory
        p.filled += int(sums[-1 if last else over] - sums[first])
        if last:
            return ends
        p.chunks.append(p.filled + p.ending)
        p.filled, first = piece.costs[over], over + 1
        ends.append(piece.behind[over])


def append(p: Program, words: np.ndarray, operands: np.ndarray, ends: list[int]) -> None:
    """Append instructions, and among them those that end the chunks that were filled last."""
    p.check_instructions(len(words))
    begun, count = len(p.operands), len(ends)
    at = np.append(words[:, FIRST], len(operands))[ends]
    words[:, FIRST] += begun + 2 * np.searchsorted(ends, np.arange(len(words)), "right")
    if count:
        memory, full = p.names.memory, len(p.chunks) - count
        ending = np.zeros((count, words.shape[1]), np.int64)
        ending[:, :4] = p.units[memory][0], 0, p.counters[memory], 0
        ending[:, FIRST] = begun + at + 2 * np.arange(count)
        ending[:, COUNT] = full + 2 + np.arange(count)
        sizes = np.stack([np.array(p.chunks[full:]), np.full(count, p.fenced)], 1)
        words, operands = np.insert(words, ends, ending, 0), np.insert(operands, np.repeat(at, 2), sizes.ravel())
    p.words.frombytes(words.tobytes())
    p.operands.frombytes(operands.tobytes())
    p.about += [p.said] * len(words)

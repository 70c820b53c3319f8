"""The tiles of rows of scores that the softmax unit is given, and when their probabilities are known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from accelsim.validation.coverage import Block
from accelsim.validation.evidence import Evidence
from accelsim.validation.products.commands import Command
from accelsim.validation.products.products import UnplacedError, joined
from accelsim.validation.program import Step
from accelsim.workload.layers import Attention

KEEP, PASS, FETCH = range(3)  # kinds: scores of the array that stay, that leave, scores of a buffer
SCORE_BYTES = 2


@dataclass
class Tile:
    """A command of the softmax unit.

    known_at: what its counter has reached when all probabilities are known. group, row: the head and the first row,
    once they have been found. blocks: the blocks of scores, as they leave the array.
    """

    step: Step
    kind: int
    rows: int
    columns: int
    reads: int
    known_at: int
    group: int = -1
    row: int = -1
    blocks: list[tuple[Command, Block]] = field(default_factory=list)

    def holds(self, block: Block) -> bool:
        """Whether the rows of a block are of it."""
        return self.group == block.group and self.row <= block.row and block.row + block.rows <= self.row + self.rows


class Tiles:
    """The tiles of one attention layer. all: those of the array's scores; fetched: those of a buffer's."""

    def __init__(self, layer: Attention, evidence: Evidence) -> None:
        self.layer, self.evidence = layer, evidence
        self.all: list[Tile] = []
        self.fetched: list[Tile] = []
        self.places: Mapping[int, tuple[Command, Block]] = {}
        said = evidence.commands("softmax")
        self.counted = np.cumsum(np.where(said["kind"] == PASS, 0, said["rows"]))

    @property
    def kept(self) -> list[Tile]:
        """Those whose scores stay on chip."""
        return [tile for tile in self.all if tile.kind == KEEP]

    def add(self, step: Step) -> None:
        """A command of the softmax unit."""
        said = step.operands
        shape = said["kind"], said["rows"], said["columns"], said["reads"]
        (self.fetched if said["kind"] == FETCH else self.all).append(Tile(step, *shape, int(self.counted[step.nth])))

    def receive(self, scores: Sequence[tuple[Command, Block]]) -> None:
        """The blocks of scores that leave the array, in order. Raises UnplacedError unless tiles are of whole rows."""
        coming = iter(scores)
        for tile in self.all:
            missing = tile.rows * tile.columns
            while missing > 0 and (one := next(coming, None)):
                tile.blocks.append(one)
                missing -= one[1].rows * one[1].columns
            where = f"instruction {tile.step.at}"
            if missing or not tile.blocks:
                raise UnplacedError(f"{where}: the scores that leave the array do not fill its tile")
            whole = joined([block for _, block in tile.blocks])
            if (whole.rows, whole.columns) != (tile.rows, self.layer.kv_tokens):
                raise UnplacedError(f"{where}: its scores are not {tile.rows} complete rows, but {whole}")
            tile.group, tile.row = whole.group, whole.row

    def ready(self, step: Step, block: Block) -> Iterator[str]:
        """What is wrong with reading probabilities from the score buffer for a block of values."""
        tile = next((tile for tile in self.kept if tile.holds(block)), None)
        if tile is None:
            yield f"its rows {block.row} to {block.row + block.rows} are not of one tile of scores"
        elif step.known["softmax"] < tile.known_at:
            yield (
                f"its probabilities need not be known: it waits for {step.known['softmax']} rows of the softmax unit, "
                f"not {tile.known_at}"
            )

    def faults(self, values: Mapping[int, tuple[Command, Block]]) -> Iterator[str]:
        """What is wrong with the tiles as a whole. values: the commands that read probabilities."""
        layer, fused = self.layer, self.evidence.arch.options["attention"] == "fused"
        for name, tiles in (("array", self.all), ("buffer", self.fetched)):
            if name == "buffer" and fused:
                if tiles:
                    yield f"{len(tiles)} tiles are fetched from a buffer"
                continue
            seen = np.zeros((self.evidence.workload.batch * layer.heads, layer.q_tokens), np.uint8)
            for tile in tiles:
                if tile.kind == (PASS if fused else KEEP):
                    yield f"instruction {tile.step.at}: its scores {'leave' if fused else 'stay'}"
                if tile.columns != layer.kv_tokens:
                    yield f"instruction {tile.step.at}: its rows are of {tile.columns} scores of {layer.kv_tokens}"
                if tile.group >= 0:
                    seen[tile.group, tile.row : tile.row + tile.rows] += 1
            none, several = int((seen == 0).sum()), int((seen > 1).sum())
            if none or several:
                yield f"{none} rows of the {name}'s scores are in no tile, {several} in several"
        room = self.evidence.part("softmax", "score_bytes")
        for tile in self.fetched:
            if SCORE_BYTES * tile.rows * tile.columns > room:
                yield f"instruction {tile.step.at}: {SCORE_BYTES * tile.rows * tile.columns} bytes do not fit {room}"
        yield from self.kept_faults(values, room)

    def kept_faults(self, values: Mapping[int, tuple[Command, Block]], room: int) -> Iterator[str]:
        """What is wrong with the tiles that stay on chip: there is room, and they are read as often as is said."""
        readers: dict[int, list[tuple[Command, Block]]] = {n: [] for n in range(len(self.kept))}
        of_row = {(tile.group, tile.row + r): n for n, tile in enumerate(self.kept) for r in range(tile.rows)}
        for one in values.values():
            if (n := of_row.get((one[1].group, one[1].row))) is not None:
                readers[n].append(one)
        spans = [(0, -1)] * len(readers)
        for n, tile in enumerate(self.kept):
            read = sum(block.rows * block.deep for _, block in readers[n])
            if read != tile.reads * tile.rows * tile.columns:
                yield f"instruction {tile.step.at}: its {tile.rows * tile.columns} probabilities are read {read} times"
            if tile.blocks and readers[n]:
                spans[n] = tile.blocks[0][0].step.at, max(command.step.at for command, _ in readers[n])
        for n, tile in enumerate(self.kept):
            begin = spans[n][0]
            # earlier ones are read in order, so that only a few before can still be there
            alive = [t for t, (first, last) in zip(self.kept, spans) if first <= begin < last]
            size = sum(SCORE_BYTES * t.rows * t.columns for t in alive)
            if size > room:
                yield f"instruction {tile.step.at}: {size} bytes of scores are to be held at once, of {room}"

"""Whose each output of attention is, from the order of the passes, and which keys each block of a pass has."""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.vitcod.checks.expected import AttentionWork
from accelsim.validation.evidence import Evidence
from accelsim.validation.report import Report

K = 0  # a decoder's command about K


@dataclass(frozen=True)
class Outputs:
    """Arrays over the outputs of all passes: `work` is an index into the list of AttentionWork, `row` and `head` count
    in the layer, `place` is where it stands in ROWS, `number` the row of its pass in the pass table, the first where
    the pass's keys are cut into blocks.

    Over the rows of the pass table: `pass_work`, `pass_image`, `pass_head` (its first head), `block_first` (the first
    row of its pass), `ordinal` (of its pass, among all), `key0` and `keys` of its block. Over ROWS: `output_of`, the
    output that stands there (-1: none), and `share_of`, the output of which it is a share, or the only one (-1: none).
    `stride`: more than any column; output * stride + column is the key of a score.
    """

    work: np.ndarray
    image: np.ndarray
    head: np.ndarray
    row: np.ndarray
    number: np.ndarray
    place: np.ndarray
    pass_work: np.ndarray
    pass_image: np.ndarray
    pass_head: np.ndarray
    block_first: np.ndarray
    ordinal: np.ndarray
    key0: np.ndarray
    keys: np.ndarray
    output_of: np.ndarray
    share_of: np.ndarray
    works: list[AttentionWork]
    stride: int

    def of(self, place: np.ndarray) -> np.ndarray:
        """The outputs that stand at some places of ROWS; -1 where none does."""
        inside = (place >= 0) & (place < len(self.output_of))
        return np.where(inside, np.append(self.output_of, -1)[np.where(inside, place, -1)], -1)

    def block(self, output: np.ndarray, column: np.ndarray) -> np.ndarray:
        """The row of the pass table whose block holds the key of a score."""
        if not len(self.ordinal):
            return np.zeros(len(output), np.int64)
        starts = self.ordinal * self.stride + self.key0
        mine = self.ordinal[self.number[output]] * self.stride + np.clip(column, 0, self.stride - 1)
        return np.maximum(np.searchsorted(starts, mine, side="right") - 1, 0)

    def of_pass(self, of_block: np.ndarray) -> np.ndarray:
        """What the blocks of each pass have in all; over the rows of the pass table."""
        return np.bincount(self.ordinal, of_block, minlength=1)[self.ordinal].astype(np.int64)

    def named(self, output: int) -> str:
        """An output in words."""
        if not 0 <= output < len(self.work):
            return f"output {output}, which there is not"
        layer = self.works[self.work[output]].layer.name
        image = f" of image {self.image[output]}" if self.image.max() else ""
        return f"layer {layer}{image}, head {self.head[output]}, row {self.row[output]}"

    def score(self, key: int) -> str:
        """A score in words."""
        return f"{self.named(key // self.stride)}, column {key % self.stride}"


def key_ranges(evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """The first key, and how many, of what the decoder is told to bring for each row of the pass table."""
    many, told = len(evidence.tables["passes"]), evidence.commands("decoder")
    told = told[(told["kind"] == K) & (told["number"] >= 0) & (told["number"] < many)]
    first, last = np.full(many, np.iinfo(np.int64).max), np.zeros(many, np.int64)
    np.minimum.at(first, told["number"], told["first"])
    np.maximum.at(last, told["number"], told["first"] + told["tokens"])
    first = np.minimum(first, last)
    return first, last - first


def locate(evidence: Evidence, works: list[AttentionWork], report: Report) -> Outputs | None:
    """Whose every output is, from the order of the passes; None (and a failed check) when they do not cover the layers.

    Passes go through a layer image by image, head by head, and through the rows of heads that are cut into blocks; rows
    of the pass table with the same outputs are blocks of keys, which go through all keys.
    """
    passes, rows = evidence.tables["passes"], evidence.tables["rows"]
    key0, keys = key_ranges(evidence)
    owners, wrong, number, place, ordinal = [], [], 0, 0, 0
    output_of, share_of = np.full((2, len(rows)), -1)
    outputs = 0
    for w, work in enumerate(works):
        layer = work.layer
        for image in range(evidence.workload.batch):
            head = row = 0
            while head < layer.heads and not wrong:
                one = passes[number] if number < len(passes) else None
                if one is None:
                    wrong.append(f"layer {layer.name}: no pass computes row {row} of head {head}")
                elif one.row0 != row or one.heads < 1 or one.rows < 1 or one.first_row != place:
                    wrong.append(f"layer {layer.name}: pass {number} begins at row {one.row0} and not at row {row}")
                elif head + one.heads > layer.heads or row + one.rows > layer.q_tokens:
                    wrong.append(f"layer {layer.name}: pass {number} goes beyond the layer's heads or rows")
                else:
                    size, many = int(one.heads * one.rows), 1
                    while number + many < len(passes) and passes["first_row"][number + many] == place:
                        many += 1
                    blocks = slice(number, number + many)
                    wrong += block_faults(layer, passes, blocks, key0, keys)
                    numbers = np.arange(outputs, outputs + size)
                    output_of[place : place + size] = numbers
                    end = place + size * (1 + many * (many > 1))
                    mine = share_of[place + size * (many > 1) : end]
                    mine[:] = np.resize(numbers, len(mine))
                    owners += [(w, image, head, number, ordinal)] * many
                    outputs += size
                    number, place, row, ordinal = number + many, end, row + one.rows, ordinal + 1
                    if row == layer.q_tokens:
                        head, row = head + int(one.heads), 0
    if not wrong and (number != len(passes) or place != len(rows)):
        wrong.append(f"{len(passes) - number} passes and {len(rows) - place} places of ROWS belong to no layer")
    report.add("passes", "attention", "passes cover each image, head and row once, and blocks the keys", outputs, wrong)
    if wrong:
        return None
    owner = np.array(owners, np.int64).reshape(-1, 5)
    first = owner[:, 3] == np.arange(len(passes))
    size = np.where(first, passes["heads"] * passes["rows"], 0)
    number = np.repeat(np.arange(len(passes)), size)
    nth = np.arange(len(number)) - np.repeat(np.cumsum(size) - size, size)
    head = owner[number, 2] + nth // passes["rows"][number]
    row = passes["row0"][number] + nth % passes["rows"][number]
    stride = 1 + max((w.layer.kv_tokens for w in works), default=0)
    of_output = owner[number, 0], owner[number, 1], head, row, number, passes["first_row"][number] + nth
    return Outputs(*of_output, *owner.T, key0, keys, output_of, share_of, works, stride)


def block_faults(layer, passes: np.ndarray, blocks: slice, key0: np.ndarray, keys: np.ndarray) -> list[str]:
    """What is wrong with the blocks of keys of a pass: all are of the same outputs, lines and places, they go through
    all keys once, and their outputs' shares follow each other behind the outputs."""
    mine, n = passes[blocks], blocks.start
    for name in mine.dtype.names:
        own = ("first_dense", "dense", "first_column", "sparse_columns", "first_share", "scores")
        if name not in own and (mine[name] != mine[name][0]).any():
            return [f"layer {layer.name}: the blocks of pass {n} differ in {name}"]
    ends = key0[blocks] + keys[blocks]
    if (key0[blocks] != np.append(0, ends[:-1])).any() or ends[-1] != layer.kv_tokens:
        return [f"layer {layer.name}: the blocks of pass {n} do not go through {layer.kv_tokens} keys once"]
    size, several = int(mine["heads"][0] * mine["rows"][0]), len(mine) > 1
    if (mine["first_share"] != mine["first_row"] + size * (1 + np.arange(len(mine))) * several).any():
        return [f"layer {layer.name}: the shares of pass {n} do not follow each other"]
    if several and size > mine["places"][0]:
        return [f"layer {layer.name}: pass {n} keeps partial sums of {size} outputs at {mine['places'][0]} places"]
    return []

"""Whether the transposing stage keeps up: the model gives a step as many cycles as the ports need for its words; the
stage has room for two a token."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.dataflows.steps import ArrayPorts, step_length
from accelsim.dataflows.tiling import ceil, read_cycles


@dataclass(frozen=True)
class Step:
    """A step of the array: when it may begin and must have ended, from when on its tile is known to the stage, its
    tokens, the length of its accumulation, and bytes of a residual operand of each token."""

    begin: int
    end: int
    known: int
    rows: int
    depth: int
    added: int


def steps_of(values: Mapping[str, int], moved: Mapping[str, np.ndarray]) -> Iterator[Step]:
    """The steps of a run of the array. moved: of its channels int64[transfers, 1 + fields], cycle and payload."""
    banks, ports = values["act_banks"], ArrayPorts.of(values)
    ends = iter(moved["out"][:, 0].tolist())
    adds, before, free = False, 0, 0  # when the command before was taken up, when the tile before ended
    for command, done in zip(moved["command"].tolist(), moved["done"][:, 0].tolist()):
        came, tokens, features, depth, high, wide, constants, _, _, _, _, _, added = command[:13]
        known = max(came + 1, before)
        before, free = max(known, free), done
        begin = max(before, known + read_cycles(min(high, tokens), banks))
        for row in range(0, tokens, high):
            for column in range(0, features, wide):
                rows, columns = min(high, tokens - row), min(wide, features - column)
                end = begin + step_length(ports, rows, columns, depth, constants, added, adds + (not constants))
                yield Step(begin, end, known, rows, depth, columns * added)
                begin = next(ends) if constants else end
        adds = not constants


class Late(NamedTuple):
    """How many of a run's steps are late, and by how many cycles a run would be longer in which the array waited."""

    steps: int
    of: int
    cycles: int


def late(values: Mapping[str, int], run: Iterable[Step]) -> Late:
    """A word of each of a step's tokens is read as soon as what lay in its place is handed out; a feature is handed out
    a cycle, once its word is there; a residual operand is read behind a step's words."""
    size, rate = values["act_port_bytes"], values["act_banks"] - 0.5
    ports, handed, delay, steps, of, tile = 0.0, (0.0, 0.0), 0.0, 0, 0, -1
    for step in run:
        if step.known != tile:  # the first words of a tile are read from the beginning of a cycle on
            tile, ports = step.known, math.ceil(ports)
        at = step.begin + delay
        for first in range(0, step.depth, size):
            ports = max(ports, handed[0], step.known + delay) + step.rows / rate
            at = max(at, ports) + min(size, step.depth - first)
            handed = handed[1], at
        ports += step.rows * ceil(step.added, size) / rate
        behind = at - step.end - delay
        of += 1
        if behind > 1e-6:
            steps, delay = steps + 1, delay + behind
    return Late(steps, of, round(delay))

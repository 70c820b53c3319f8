"""Quick-select and the pruning it decides, in integers: the k-th largest of some values, and who is kept.

SpAtten, section V-B: a pivot splits the candidates into larger, equal and smaller ones; the side that holds the k-th
largest goes on. One pass over all values then keeps what is larger than it, and of equal ones the first.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil


class Round(NamedTuple):
    """One round: candidates, pivot, how many are larger, equal and smaller, and where it goes on."""

    candidates: int
    pivot: int
    larger: int
    equal: int
    smaller: int
    branch: str


def rounds(
    values: np.ndarray, k: int, pivots: Iterable[int] = (), draw: Callable[[int], int] | None = None
) -> list[Round]:
    """The rounds that find the k-th largest of some values. pivots: of each round; draw: which of so many candidates is
    it; without either the first.

    Raises InputError unless 1 <= k <= len(values).
    """
    if not 1 <= k <= len(values):
        raise InputError(f"quick-select: k is {k}, but there are {len(values)} values; k must be 1 to that many")
    left, given, found = np.asarray(values), iter(pivots), []
    while True:
        pivot = next(given, None) if draw is None else left[draw(len(left))]
        pivot = left[0] if pivot is None else pivot
        above, below = left[left > pivot], left[left < pivot]
        equal = len(left) - len(above) - len(below)
        branch = "larger" if len(above) >= k else "found" if len(above) + equal >= k else "smaller"
        found.append(Round(len(left), int(pivot), len(above), equal, len(below), branch))
        if branch == "found":
            return found
        if branch == "larger":
            left = above
        else:
            left, k = below, k - len(above) - equal


def kept(values: np.ndarray, k: int) -> np.ndarray:
    """The places, in order, of the k largest values; of equal ones the first."""
    if not 0 <= k <= len(values):
        raise InputError(f"top-k: {k} of {len(values)} values cannot be kept; at most all can")
    order = np.argsort(-np.asarray(values, np.int64), kind="stable")
    return np.sort(order[:k])


def search_cycles(found: Sequence[Round], comparators: int, round_cycles: int) -> int:
    """Cycles of the rounds: a row of candidates a cycle, and the depth of comparators, eliminators and FIFO."""
    return sum(ceil(one.candidates, comparators) + round_cycles for one in found)


def script_cycles(found: Sequence[Round], width: int) -> int:
    """The same as the published performance model has it (bert.cpp)."""
    return sum(one.candidates // width + 4 for one in found)

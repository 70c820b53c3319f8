"""Keys tile by tile: which a tile needs, which of them are there already, which loads nobody needs any more."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.salo.schedule import Schedule


class Span(NamedTuple):
    """Keys from `first` on, `count` of them, `step` apart."""

    first: int
    count: int
    step: int

    @property
    def keys(self) -> np.ndarray:
        """Their numbers."""
        return self.first + np.arange(self.count) * self.step


@dataclass(frozen=True)
class Stretch:
    """Of a tile: the keys it needs, those of them that are loaded for it, how many keys are held while it is worked on,
    how many of them are of loads that no later tile needs, and how many are held with what the next one loads."""

    keys: Span
    fresh: tuple[Span, ...]
    held: int
    dead: int
    pair: int


def runs(keys: np.ndarray, step: int) -> tuple[Span, ...]:
    """Ascending keys as spans."""
    cuts = np.flatnonzero(np.diff(keys) != step) + 1
    return tuple(Span(int(run[0]), len(run), step) for run in np.split(keys, cuts) if len(run))


def stretches(plan: Schedule) -> list[Stretch]:
    """Of every tile of a head. What a load brought stays until the next tile needs none of it."""
    need = [Span(*tile.span, tile.step) for tile in plan.tiles]
    live: list[Span] = []
    fresh: list[tuple[Span, ...]] = []
    held, dead = [], []
    for n, mine in enumerate(need):
        there = np.concatenate([one.keys for one in live]) if live else np.zeros(0, np.int64)
        fresh.append(runs(np.setdiff1d(mine.keys, there), mine.step))
        live += fresh[-1]
        held.append(sum(one.count for one in live))
        after = need[n + 1].keys if n + 1 < len(need) else np.zeros(0, np.int64)
        kept = [one for one in live if np.isin(one.keys, after).any()]
        dead.append(held[-1] - sum(one.count for one in kept))
        live = kept
    loads = [sum(one.count for one in some) for some in fresh] + [0]
    return [
        Stretch(mine, new, held[n], dead[n], held[n] + loads[n + 1]) for n, (mine, new) in enumerate(zip(need, fresh))
    ]

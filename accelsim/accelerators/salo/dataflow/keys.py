"""Keys tile by tile: which a tile needs, which of them are there from the tile before, which are needed no more."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from accelsim.accelerators.salo.schedule import Schedule


class Span(NamedTuple):
    """Keys from `first` on, `count` of them, `step` apart."""

    first: int
    count: int
    step: int

    @property
    def end(self) -> int:
        """The first that is not of it."""
        return self.first + self.count * self.step

    def common(self, other: "Span") -> "Span":
        """The keys of both."""
        if not self.count or not other.count or (self.first - other.first) % self.step:
            return NO_KEYS
        first, end = max(self.first, other.first), min(self.end, other.end)
        return Span(first, max(0, end - first) // self.step, self.step)

    def without(self, part: "Span") -> "Iterator[Span]":
        """Its keys but those of a part of it."""
        if not part.count:
            part = Span(self.end, 0, self.step)
        for first, end in ((self.first, part.first), (part.end, self.end)):
            if end > first:
                yield Span(first, (end - first) // self.step, self.step)


NO_KEYS = Span(0, 0, 1)


@dataclass(frozen=True)
class Stretch:
    """Of a tile: the keys it needs, those of them that are loaded for it, how many are dead behind it, and how many it
    and the next one need together."""

    keys: Span
    fresh: tuple[Span, ...]
    dead: int
    pair: int

    def bytes(self, token: int) -> int:
        """Of its keys and values."""
        return self.keys.count * token


def stretches(plan: Schedule, keys: int) -> list[Stretch]:
    """Of every tile of a head, whose keys are all within `keys`."""
    need = [Span(*tile.span, tile.step) for tile in plan.tiles]
    assert all(s.first >= 0 and (not s.count or s.end - s.step < keys) for s in need)
    kept = [a.common(b) for a, b in pairwise(need)]
    found = []
    for n, mine in enumerate(need):
        before = kept[n - 1] if n else NO_KEYS
        after = kept[n] if n < len(kept) else NO_KEYS
        pair = mine.count + (need[n + 1].count - after.count if n < len(kept) else 0)
        found.append(Stretch(mine, tuple(mine.without(before)), mine.count - after.count, pair))
    return found

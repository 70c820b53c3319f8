"""What a machine's mapper hands out: for every layer the cut that was chosen, its estimate, and the next best.

A cut is data: what `accelsim map -o` writes and `--mapping` pins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from accelsim.dataflows.estimate import Estimate, one_after_another
from accelsim.dataflows.tiling import NOWHERE, Stay

OBJECTIVES = ("cycles", "energy", "edp", "bytes")
RULE = "rule"  # instead of an objective: nothing is looked for, layers are cut by rule
# [ours] What a byte of DRAM costs beside a cycle of the chip, in picojoules: an order of magnitude, for ranking cuts of
# the same work only. The bill of a run prices every action (docs/energy.md).
DRAM_PJ_PER_BYTE, CYCLE_PJ = 120.0, 200.0
NEXT_BEST = 3  # kept beside the chosen one
# [ours] Estimates of cuts of one layer are no closer to each other than that: of those within it, the one that moves
# least is taken; of those that move hardly more, and are within the other share of their best, the first.
ALIKE, SAME, HARDLY_MORE = 0.99, 0.999, 1.02


@dataclass(frozen=True)
class Choice:
    """A way to cut a part of a layer: as data, as its emitter takes it, and what it is estimated to take."""

    cut: Mapping[str, object]
    plan: object
    estimate: Estimate

    def score(self, objective: str) -> float:
        """What is made small. Raises KeyError for an unknown objective."""
        cycles, moved = self.estimate.cycles, self.estimate.dram_bytes
        energy = DRAM_PJ_PER_BYTE * moved + CYCLE_PJ * cycles
        return {"cycles": cycles, "energy": energy, "edp": energy * cycles, "bytes": float(moved)}[objective]


@dataclass(frozen=True)
class Part:
    """A part of a layer that is cut by itself; `others`: the next best. pinned: the user's, not the mapper's."""

    name: str
    chosen: Choice
    others: tuple[Choice, ...] = ()
    pinned: bool = False


@dataclass(frozen=True)
class LayerMapping:
    """How a layer is cut. times: how often its parts follow each other. stay: where its activations are, and how
    many rows are done at a time where it is fused with others. input: that of its input, `dram`, `keep` or `fused`,
    where it could stay on chip."""

    layer: str
    phase: str
    shape: str
    parts: tuple[Part, ...]
    times: int = 1
    stay: Stay = NOWHERE
    input: str = ""

    @cached_property
    def estimate(self) -> Estimate:
        """Of the whole layer: a part's fill and drain overlap with its neighbours."""
        found = [part.chosen.estimate for part in self.parts]
        if len(found) == self.times == 1:
            return found[0]
        inner = [one if n == 0 else one.without("fill") for n, one in enumerate(found)]
        inner = [one if n + 1 == len(found) else one.without("drain") for n, one in enumerate(inner)]
        return one_after_another(inner).times(self.times)

    def named(self, layer: str) -> "LayerMapping":
        """The same of an equal layer, with its estimate, which is made once."""
        twin = object.__new__(LayerMapping)
        twin.__dict__.update(vars(self), layer=layer, estimate=self.estimate)
        return twin

    def as_data(self) -> dict[str, object]:
        """Part -> cut, as it is written to a file and stored with a result."""
        cuts = {part.name: dict(part.chosen.cut) for part in self.parts if part.chosen.cut or not self.input}
        said = {"input": self.input} if self.input else {}
        return said | ({"tokens": self.stay.rows} if self.stay.joined else {}) | cuts


def best(choices: Sequence[Choice], objective: str = "cycles") -> tuple[Choice, tuple[Choice, ...]]:
    """The choice that moves least of those whose objective is as good as the best, of equals the first that is hardly
    worse than the best of them; and the next best of those that differ."""
    ranked = sorted(choices, key=lambda one: one.score(objective))
    alike = [one for one in choices if ALIKE * one.score(objective) <= ranked[0].score(objective)]
    moved = min(one.estimate.dram_bytes for one in alike)
    least = [one for one in alike if one.estimate.dram_bytes <= HARDLY_MORE * moved]
    limit = min(one.score(objective) for one in least) / SAME
    first = next(one for one in least if one.score(objective) <= limit)
    others = (one for n, one in enumerate(ranked) if all(one.cut != other.cut for other in (first, *ranked[:n])))
    return first, tuple(islice(others, NEXT_BEST))

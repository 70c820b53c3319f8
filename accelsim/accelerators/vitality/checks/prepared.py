"""What accumulators, dividers and adders do of each head, told from their commands alone: whose operands a sweep waits
for, and which vectors go from unit to unit."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from accelsim.accelerators.vitality.dataflow.resources import Resources
from accelsim.accelerators.vitality.machine import UNITS
from accelsim.components.lane_unit import MODE, PERMIT
from accelsim.validation.program import Step
from accelsim.workload.layers import LinearAttention

NEXT = {"accumulate": "divide", "divide": "add", "add": "accumulate"}


class Operand(NamedTuple):
    """Q, K or V of a head, which one load brings into a buffer."""

    name: str
    group: int
    buffer: str
    load: int


class Fact(NamedTuple):
    """Something is so when a unit has finished so many."""

    unit: str
    count: int


class Preparation:
    """Follows the units of one layer. facts: (what, head) -> since when. permits: (head, values), as they were given.
    read: told of every operand that a sweep reads, and of how many sweeps its unit has finished then."""

    def __init__(
        self,
        layer: LinearAttention,
        have: Resources,
        operands: Mapping[tuple[str, int], Operand],
        read: Callable[[Operand, Step, int], None],
    ) -> None:
        self.layer, self.have, self.read = layer, have, read
        self.operands = operands
        self.by_load = {(one.buffer, one.load): one for one in operands.values()}
        self.shapes = dict.fromkeys("k", (layer.kv_tokens, layer.qk_dim))
        self.shapes |= {"q": (layer.q_tokens, layer.qk_dim), "v": (layer.kv_tokens, layer.v_dim)}
        self.facts: dict[tuple[str, int], Fact] = {}
        self.permits: list[tuple[int, int]] = []
        self.modes: dict[str, list[tuple[int, int, int]]] = {unit: [] for unit in UNITS}
        self.vectors: dict[str, deque[tuple[str, int]]] = {unit: deque() for unit in UNITS}
        self.subtracted = -1  # the head whose mean the adders took last
        self.finished = dict.fromkeys(UNITS, 0)

    def faults(self, steps: Mapping[str, Sequence[Step]], before: Mapping[str, int]) -> Iterator[str]:
        """Go through all commands; what is wrong with them. before: sweeps of each unit in earlier layers."""
        self.finished = dict(before)
        left = {unit: deque(steps[unit]) for unit in UNITS}
        moved = True
        while moved:
            moved = False
            for unit, queue in left.items():
                while queue and (not queue[0].operands["takes"] or self.vectors[unit]):
                    yield from (f"instruction {queue[0].at}: {fault}" for fault in self.take(unit, queue[0]))
                    queue.popleft()
                    moved = True
        for unit, queue in left.items():
            if queue:
                yield f"instruction {queue[0].at}: {unit} waits for a vector that never comes"
            if self.vectors[unit]:
                yield f"{len(self.vectors[unit])} vectors for {unit} are taken by nobody"

    def take(self, unit: str, step: Step) -> Iterator[str]:
        """One command of a unit."""
        said = step.operands
        vector = self.vectors[unit].popleft() if said["takes"] else None
        if said["kind"] == MODE:
            self.modes[unit].append((said["rows"], said["columns"], said["gives"]))
        elif said["kind"] == PERMIT:
            self.permits.append((self.subtracted, said["rows"]))
        else:
            self.finished[unit] += 1
            what = getattr(self, unit)(step, vector)
            if what is None:
                yield f"it is no sweep of {unit} that rule {self.layer.rule} has"
            elif said["gives"]:
                self.vectors[NEXT[unit]].append(what)

    def swept(self, unit: str, step: Step, one: Operand | None, reads: int, writes: int) -> bool:
        """Whether a sweep is of a whole operand, where it lies."""
        said = step.operands
        if one is None or (said["reads"], said["writes"]) != (reads, writes):
            return False
        buffer = self.have.weight if said["source"] else self.have.act
        if buffer != one.buffer or (said["rows"], said["columns"]) != self.shapes[one.name]:
            return False
        if (
            unit != "accumulate" or self.layer.rule != "l1"
        ):  # else a divider's sweep of it ends later: it needs the sums
            self.read(one, step, self.finished[unit])
        return True

    def enter(self, unit: str, what: str, group: int) -> tuple[str, int]:
        """Note a fact."""
        self.facts[what, group] = Fact(unit, self.finished[unit])
        return what, group

    def awaited(self, step: Step) -> Operand | None:
        """The operand whose load a sweep waits for."""
        found = [self.by_load.get((b, n - 1)) for b, n in step.waits.items()]
        return next((one for one in found if one), None)

    def accumulate(self, step: Step, vector: tuple[str, int] | None) -> tuple[str, int] | None:
        """Sums over tokens."""
        said, rule = step.operands, self.layer.rule
        if not said["reads"]:
            shape = said["rows"], said["columns"]
            if vector and vector[0] == "less" and shape == (1, self.layer.qk_dim):
                return self.enter("accumulate", "ksum", vector[1])
            return None
        one = self.awaited(step)
        if not self.swept("accumulate", step, one, 1, 0):
            return None
        if rule == "l1":
            return (f"sum {one.name}", one.group) if one.name in "qk" and said["gives"] else None
        if one.name == "v":
            return self.enter("accumulate", "vsum", one.group)
        if one.name != "k":
            return None
        if rule == "hash" or vector == ("centred", one.group):
            return self.enter("accumulate", "ksum", one.group)
        return ("sum k", one.group) if said["gives"] and vector is None else None

    def divide(self, step: Step, vector: tuple[str, int] | None) -> tuple[str, int] | None:
        """Means, or operands by their sums."""
        said = step.operands
        if vector is None or not vector[0].startswith("sum "):
            return None
        if self.layer.rule == "l1":
            name = vector[0][-1]
            one = self.operands.get((name, vector[1]))
            return (
                self.enter("divide", f"normalised {name}", vector[1]) if self.swept("divide", step, one, 1, 1) else None
            )
        right = (said["rows"], said["columns"], said["gives"]) == (1, self.layer.qk_dim, 1)
        return self.enter("divide", "mean", vector[1]) if right else None

    def add(self, step: Step, vector: tuple[str, int] | None) -> tuple[str, int] | None:
        """Keys less their mean; or n times the mean, and the sum less that."""
        said = step.operands
        if vector is None or vector[0] != "mean":
            return None
        self.subtracted = vector[1]
        if self.have.after:
            right = (said["rows"], said["columns"]) == (2, self.layer.qk_dim)
            return self.enter("add", "less", vector[1]) if right else None
        one = self.operands.get(("k", vector[1]))
        return self.enter("add", "centred", vector[1]) if self.swept("add", step, one, 1, 1) else None

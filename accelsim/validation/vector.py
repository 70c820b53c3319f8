"""Layers the vector unit does alone."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from accelsim.dataflows.tiling import ROW_BY_ROW
from accelsim.validation.course import Course, Follower
from accelsim.validation.evidence import Evidence, sizes
from accelsim.validation.program import Step
from accelsim.validation.report import Report
from accelsim.workload import functional
from accelsim.workload.layers import Elementwise, Norm


class VectorFollower(Follower):
    """Follows the instructions of a normalising or element-wise layer: each reads the next load, and a norm's
    constants, which come first."""

    def __init__(self, course: Course) -> None:
        self.course, self.act, self.layer = course, course.judge.act, course.layer
        self.loads = iter(course.loads[self.act])
        self.norm = course.judge.constants and isinstance(course.layer, Norm)
        self.constants: list[int] | None = None  # of a turn
        self.elements: list[int] = []  # of each command
        self.taken = 0  # bytes that have been handed on and read
        self.left = 0  # bytes that leave in a turn
        self.wrong: list[str] = []

    def step(self, step: Step) -> None:
        """A command of the vector unit."""
        if step.unit == self.course.judge.vector:
            if self.constants is None:
                self.constants = [next(self.loads, 0)] if self.norm else []
            for load in (*self.constants, *self.inputs(step.operands["elements"])):
                self.course.ledgers[self.act].read(load, step, self.course.scope)
            self.elements.append(step.operands["elements"])
            self.left += step.operands["bytes"]

    def inputs(self, size: int) -> list[int]:
        """The next load, or what has been handed on of the next so many bytes, by number."""
        if self.course.found is None:
            return [next(self.loads, 0)]
        numbers, at = [], 0
        for number, many in self.course.found:
            if at < self.taken + size and at + many > self.taken:
                numbers.append(number)
            at += many
        if at < self.taken + size:
            self.wrong.append(f"{self.course.scope}: {self.taken + size} bytes are read of {at} that were handed on")
        self.taken += size
        return numbers

    def turn(self, stores: Mapping[str, Sequence[int]]) -> None:
        """What leaves in a turn is stored before the next layer's turn."""
        judge, tables = self.course.judge, self.course.evidence.tables
        mine = np.asarray(stores[judge.store] if judge.store else [], np.int64)
        stored = int(sizes(tables[judge.store][mine]).sum()) if judge.store else self.left
        if stored != self.left:
            self.wrong.append(f"{self.course.scope}: {stored} bytes are stored in a turn in which {self.left} leave")
        self.constants, self.left = None, 0

    def close(self, report: Report) -> None:
        """The layer on the values that come out of the layers before it, command by command."""
        layer, scope, wrong = self.layer, self.course.scope, []
        report.add("vector", scope, "what leaves is stored in its turn", len(self.elements), self.wrong)
        if self.course.found is not None:  # else the loads say what each command is of
            size = layer.tokens * layer.features * self.course.evidence.workload.batch
            report.equal("vector", scope, "commands are of all that was handed on", sum(self.elements), size)
        computed = self.course.judge.network.of(layer.name)
        if not isinstance(layer, Norm):
            return
        x, wanted = computed.operands["x"].reshape(-1), computed.output.reshape(-1)
        if layer.norm in ROW_BY_ROW and self.elements:
            most = int(self.course.evidence.result.parts[self.course.judge.vector].parameters["rows"])
            rows = max(self.elements) // layer.features
            many = [f"{scope}: {rows} rows at once, but it keeps {most}"] if rows > most else []
            report.add("vector", scope, "no more rows are swept at once than statistics are kept of", 1, many)
        whole = layer.features * (layer.tokens if layer.norm == "groupnorm" else 1)
        found, at = np.zeros_like(wanted), 0
        constants = (computed.operands[n] for n in ("gamma", "beta", "shift", "epsilon"))
        gamma, beta, shift, epsilon = constants
        for n, size in enumerate(self.elements):
            if size % whole or (layer.norm == "groupnorm" and size != whole):
                wrong.append(f"{scope}, command {n}: {size} elements are no whole statistics of {whole}")
            elif size:
                # a statistic is of one token, but for groupnorm's
                block = x[at : at + size].reshape(-1, layer.features)
                found[at : at + size] = functional.normalise(
                    block, layer.norm, gamma, beta, int(shift), int(epsilon)
                ).reshape(-1)
            at += size
        differ = int((found != wanted).sum())
        if differ and not wrong:
            wrong.append(f"{scope}: {differ} outputs differ")
        rule = "normalised rows equal the reference, on the outputs of the layers before"
        report.add("chained", scope, rule, len(wanted), wrong)


def vector_cycles(unit: Mapping[str, int], commands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cycles of each command of a vector unit with these parameters, and the bytes it reads a cycle."""
    sweeps = commands["sweeps"]
    words = sweeps * -(-commands["elements"] // unit["port_bytes"])
    read = -(-2 * words // (2 * unit["banks"] - 1))  # every other word of one bank is not its own
    cycles = np.maximum(np.maximum(sweeps * -(-commands["elements"] // unit["lanes"]), read), 1)
    rate = -(-words * unit["port_bytes"] // cycles)
    return cycles + (sweeps > 1) * ((sweeps - 1) * unit["reduce_cycles"] + unit["rsqrt_cycles"]), rate


def check_vectors(evidence: Evidence, vector: str, act: str, found_on_chip: Collection[int], report: Report) -> None:
    """The vector unit's commands take in what was loaded for them and give out what is stored."""
    at, commands, layers = evidence.instructions(vector), evidence.commands(vector), evidence.workload.layers
    loads = [isinstance(one, Norm | Elementwise) and n not in found_on_chip for n, one in enumerate(layers)]
    alone = np.array([*loads, False], bool)
    here = alone[np.minimum(evidence.layer_of_instruction()[at], len(layers))]
    mine, program, size = commands[here], evidence.tables["program"][at[here]], sizes(evidence.tables[act])
    loaded = 1 + list(evidence.names.counters).index(act)
    second = np.where(program["wait2"] == loaded, program["count2"], 0)
    nth = np.where(program["wait"] == loaded, program["count"], second) - 1
    good = (nth >= 0) & (nth < len(size)) & (mine["elements"] == np.append(size, 0)[np.clip(nth, -1, len(size))])
    report.compare(
        "vector",
        "vector unit",
        "a command is of the elements that were loaded for it",
        good,
        lambda n: f"command {n} is of {mine['elements'][n]} elements and waits for load {nth[n]}",
    )
    cycles, rate = vector_cycles(evidence.result.parts[vector].parameters, commands)
    report.compare(
        "vector",
        "vector unit",
        "a command says how long its sweeps take, and what it reads a cycle",
        (commands["cycles"] == cycles) & (commands["rate"] == rate),
        lambda n: (
            f"command {n} says {commands['cycles'][n]} cycles and {commands['rate'][n]} bytes a cycle, but takes "
            f"{cycles[n]} and {rate[n]}"
        ),
    )
    taken = evidence.count(vector, "read_bytes")
    report.equal(
        "vector",
        "vector unit",
        "elements read for commands, sweep by sweep",
        taken,
        int((commands["elements"] * commands["sweeps"]).sum()),
    )

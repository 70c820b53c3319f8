"""From a plan to its points: every combination that counts, in a fixed order, each with the key of its result."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from accelsim import __version__
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.sweep.design import Base, parameters
from accelsim.sweep.expression import Expression, parse
from accelsim.sweep.plan import SAMPLED, Plan, Subject
from accelsim.sweep.source import source_hash
from accelsim.sweep.workloads import Settings, WorkloadFile, found, parted, varied, workload_file
from accelsim.sweep.workloads import value as number

TRIES = 1000  # draws for one design that meets the constraints, at most:
MOST_DRAWS = 1_000_000  # for a whole sweep, or
MOST_TIMES = 30  # as many as there are points, for one with many
MOST = 1_000_000  # combinations of a sweep


def base(subject: Subject) -> Base:
    """Raises InputError when there is no such machine or its file is wrong."""
    return Base(found("arch_configs", subject.file, subject.where), subject.overrides, subject.places)


@dataclass(frozen=True)
class Point:
    """One design and one workload. `arch` is None, and `error` says why, when the design is impossible."""

    key: str
    machine: str
    workload: WorkloadFile
    settings: Settings
    arch: Arch | None
    error: str | None = None
    estimated: bool = False


def point(machine: Base, settings: Settings, work: WorkloadFile, estimated: bool = False) -> Point:
    """Settle a design. Its key is the hash of everything the result depends on: the resolved configuration, the prices
    of its energy table and of the machine, the workload, the version and the source of the simulator.
    """
    design, about = parted(settings, machine.schema.options)
    try:
        arch, error = machine.with_settings(design), None
        work = varied(work, about) if about else work
        content = {
            "arch": arch.hash,
            "prices": machine.prices if arch.energy is machine.plain.energy else machine.prices_of(arch),
        }
    except InputError as reason:
        arch, error = None, str(reason)
        content = {"base": machine.arch.hash, "set": machine.overrides, "settings": settings}
    content |= {"workload": work.hash, "version": __version__, "source": source_hash(machine.arch.machine)}
    if estimated:  # which is no result of a simulation, and never stands for one
        content["estimated"] = True
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return Point(key, machine.title, work, settings, arch, error, estimated)


@dataclass(frozen=True)
class Expansion:
    """Everything a plan asks for: per machine its designs, each to run on every workload."""

    designs: tuple[tuple[Base, tuple[Settings, ...]], ...]
    workloads: tuple[WorkloadFile, ...]
    estimated: bool = False

    def __len__(self) -> int:
        return sum(len(settings) for _, settings in self.designs) * len(self.workloads)

    def __iter__(self) -> Iterator[Point]:
        for machine, designs in self.designs:
            for settings in designs:
                for work in self.workloads:
                    yield point(machine, settings, work, self.estimated)


def expand(plan: Plan, estimated: bool = False) -> Expansion:
    """All points of a plan. Raises InputError for an unknown machine, workload, parameter or name in a constraint, when
    nothing is left to run, and, before anything is made, when there is too much of it.
    """
    wanted = sum(combinations(plan, subject) for subject in plan.machines) * len(plan.workloads)
    if wanted > MOST:
        raise InputError(
            f"{plan.where}: {wanted:,} combinations of machines, values and workloads are more than"
            f" the {MOST:,} that can be looked at; leave out values, or draw some: method: random, points: 1000"
        )
    designs = tuple(
        (machine, tuple(designs_of(plan, subject, machine))) for subject in plan.machines for machine in [base(subject)]
    )
    made = Expansion(designs, tuple(workload_file(w) for w in plan.workloads), estimated)
    if not len(made):
        raise InputError(f"{plan.where}: no combination of values meets the constraints; there is nothing to run")
    return made


def combinations(plan: Plan, subject: Subject) -> int:
    """How many designs of a machine are looked at."""
    sizes = [len(a) for a in (*plan.axes, *subject.axes)]
    if plan.method in SAMPLED:
        return plan.points
    return min(sizes, default=1) if plan.method == "zip" else math.prod(sizes)


def designs_of(plan: Plan, subject: Subject, machine: Base) -> Iterator[Settings]:
    """The settings of every design of a machine that meets the constraints."""
    axes = (*plan.axes, *subject.axes)
    values = [(a.name, a.values or (a.at(0.0), a.at(0.999))) for a in axes]
    meets = Filter(machine, plan.constraints, values, {a.name: a.where for a in axes})
    if plan.method in SAMPLED:
        yield from drawn(plan, axes, meets)
        return
    combine = zip if plan.method == "zip" else itertools.product
    for settings in combine(*([(a.name, text) for text in a.values] for a in axes)) if axes else [()]:
        if meets(settings):
            yield settings


def drawn(plan: Plan, axes: Sequence, meets: "Filter") -> Iterator[Settings]:
    """`plan.points` different designs by random numbers; a Latin hypercube is drawn anew until there are enough."""
    import numpy as np

    possible = math.prod(map(len, axes))
    if possible < plan.points:
        raise InputError(
            f"{plan.where}: there are only {possible:,} different designs, but {plan.points:,} are"
            " asked for; ask for fewer points or widen the axes"
        )
    rng, found, draws = np.random.default_rng(plan.seed), {}, 0
    most = min(TRIES * plan.points, max(MOST_DRAWS, MOST_TIMES * plan.points))
    while len(found) < plan.points and draws < most:
        shares = rng.random((plan.points, len(axes)))
        if plan.method == "latin_hypercube":
            cells = np.stack([rng.permutation(plan.points) for _ in axes], axis=1) if axes else shares
            shares = (cells + shares) / plan.points
        draws += plan.points
        for row in shares:
            settings = tuple((a.name, a.at(float(u))) for a, u in zip(axes, row))
            if settings not in found and len(found) < plan.points and meets(settings):
                found[settings] = None
    if len(found) < plan.points:
        raise InputError(
            f"{plan.where}: only {len(found)} different designs that meet the constraints were found"
            f" in {draws} draws, but {plan.points} are asked for; ask for fewer points or widen the axes"
        )
    yield from found


class Filter:
    """Whether settings meet the constraints, which are about the resolved parameters of a machine.

    As long as no axis changes a clock or a model, no parameter depends on another's value, so that each value is
    resolved once, not once for every combination. An impossible design meets every constraint: it is run, and listed as
    failed. Raises InputError when an axis names no parameter or a constraint no value; `places` says
    in which file and line each axis stands.
    """

    def __init__(
        self,
        machine: Base,
        constraints: Sequence[tuple[str, str]],
        axes: Sequence[tuple[str, Sequence[str]]],
        places: Mapping[str, str] = MappingProxyType({}),
    ):
        self.machine, self.values, self.places = machine, parameters(machine.arch), places
        _, about = parted(tuple((name, values[0]) for name, values in axes), machine.schema.options)
        self.about = {name for name, _ in about}  # axes of the workload
        self.values |= dict(about)
        for name, values in axes:
            if name not in self.about:
                self.check_name(name, values[0])
        self.short = {name: self.full(name) for name, _ in axes}
        self.conditions: list[Expression] = [
            parse(text, self.values, where, self.short.values()) for text, where in constraints
        ]
        asked = set().union(*(c.names for c in self.conditions)) if self.conditions else set()
        self.apart = not any(name.startswith("clocks.") or name.endswith(".model") for name in self.short.values())
        self.resolved: dict[tuple[str, str], object] = {}
        if self.apart:
            for name, values in axes:
                if self.short[name] in asked:
                    for value in values:
                        self.resolve(name, value)

    def full(self, name: str) -> str:
        return name.removeprefix("options.").removeprefix("parts.")

    def check_name(self, name: str, value: str) -> None:
        """An axis must name something: a bad value fails its points, a bad name the sweep."""
        try:
            self.machine.with_settings([(name, value)])
        except InputError as error:
            if self.full(name) not in self.values and not name.startswith("energy."):
                where = f"{self.places[name]}: " if self.places.get(name) else ""
                why = str(error).removeprefix(f"--set {name}={value}: ")
                raise InputError(f"{where}axis {name} of {self.machine.path}: {why}") from None

    def resolve(self, name: str, value: str) -> object:
        """A value as it is used; None when it is impossible."""
        if (name, value) not in self.resolved:
            try:
                if name in self.about:
                    made = number(name, value)
                else:
                    made = parameters(self.machine.with_settings([(name, value)])).get(self.short[name])
                self.resolved[name, value] = made
            except InputError:
                self.resolved[name, value] = None
        return self.resolved[name, value]

    def __call__(self, settings: Settings) -> bool:
        if not self.conditions:
            return True
        values = self.of(settings)
        return values is None or all(c.holds(values) for c in self.conditions)

    def of(self, settings: Settings) -> dict[str, object] | None:
        """All parameters under some settings, or None when they are impossible."""
        if self.apart:
            changed = {self.short[name]: self.resolve(name, value) for name, value in settings}
            return None if None in changed.values() else self.values | changed
        try:
            design, about = parted(settings, self.machine.schema.options)
            return parameters(self.machine.with_settings(design)) | {n: number(n, text) for n, text in about}
        except InputError:
            return None

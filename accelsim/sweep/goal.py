"""What a search looks for: designs are judged by simulation, or screened by closed-form estimates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from accelsim.accelerators import machine
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.energy import EnergyTable, floor_plan, load_table
from accelsim.sweep.axes import Axis
from accelsim.sweep.campaign import Execute, run
from accelsim.sweep.expression import Expression, parse
from accelsim.sweep.pareto import front
from accelsim.sweep.plan import FIGURES, Plan
from accelsim.sweep.points import Filter, Point, Settings, WorkloadFile, base, point, workload_file
from accelsim.sweep.processes import inline
from accelsim.sweep.store import Store

WORST = 1e30  # what Optuna is told of a design that cannot be
SAME = ("area_mm2", "power_w", "chip_power_w")  # not summed over workloads; those of the first
ESTIMATED = ("cycles", "seconds", "area_mm2")  # figures that need no simulation


@dataclass(frozen=True)
class Candidate:
    """A design with what it scores; `broken` is by how much it breaks the constraints, 0 for not at all."""

    settings: Settings
    scores: tuple[float, ...]
    broken: float


class Goal:
    """A plan as a search: one machine, one or more workloads (figures are summed over them, areas are not)."""

    estimated, figures = False, FIGURES

    def __init__(self, plan: Plan, store: Store, execute: Execute):
        if len(plan.machines) != 1:
            raise InputError(f"{plan.where}: a search has one machine, not {len(plan.machines)}; search each by itself")
        self.plan, self.store, self.execute = plan, store, execute
        subject = plan.machines[0]
        self.base = base(subject)
        self.axes: tuple[Axis, ...] = (*plan.axes, *subject.axes)
        if not self.axes:
            raise InputError(f"{plan.where}: there are no axes to search along")
        self.works: list[WorkloadFile] = [workload_file(w) for w in plan.workloads]
        values = [(a.name, a.values or (a.at(0.0),)) for a in self.axes]
        self.before = Filter(self.base, (), values, {a.name: a.where for a in self.axes})
        known = [*self.before.values, *FIGURES]
        conditions = [parse(text, known, where, self.before.short.values()) for text, where in plan.constraints]
        self.early: list[Expression] = [c for c in conditions if not c.names & set(FIGURES)]
        self.late: list[Expression] = [c for c in conditions if c.names & set(FIGURES)]

    def breaks(self, settings: Settings) -> float:
        """By how much a design breaks what can be said without a simulation; impossible designs break all."""
        if (values := self.before.of(settings)) is None:
            return float(len(self.early) + 1)
        return sum(c.violation(values) for c in self.early)

    def judge(self, designs: Sequence[Settings]) -> list[Candidate]:
        """Simulate designs, or take them from the store."""
        points = [point(self.base, d, w, self.estimated) for d in designs for w in self.works]
        run(f"{self.plan.name} search", points, self.store, self.execute)
        found = []
        for n, settings in enumerate(designs):
            mine = points[n * len(self.works) : (n + 1) * len(self.works)]
            if any(self.store.status(p.key) != "done" for p in mine):
                found.append(Candidate(settings, (WORST,) * len(self.plan.objectives), float(len(self.late) + 1)))
                continue
            rows = [self.row(p) for p in mine]
            total = {n: rows[0][n] if n in SAME else sum(r[n] or 0 for r in rows) for n in self.figures}
            values = (self.before.of(settings) or {}) | total
            scores = tuple(float(total[n]) for n in self.plan.objectives)
            found.append(Candidate(settings, scores, sum(c.violation(values) for c in self.late)))
        return found

    def row(self, one: Point) -> dict:
        """The figures of a point that is stored."""
        return self.store.figures(one.key, *self.figures)


class Screen(Goal):
    """The same by estimates: by those objectives and constraints that are about figures they have."""

    estimated, figures = True, ESTIMATED

    def __init__(self, plan: Plan, store: Store):
        wanted = tuple(name for name in plan.objectives if name in ESTIMATED)
        if not wanted:
            raise InputError(
                f"{plan.where}: a design is screened by {', '.join(ESTIMATED)}, and none of them is an objective: "
                f"{', '.join(plan.objectives)}; add one, or search without --screen"
            )
        super().__init__(replace(plan, name=f"{plan.name} screened", objectives=wanted), store, inline)
        if not machine(self.base.arch.machine).maps:
            raise InputError(
                f"{plan.where}: {self.base.arch.machine} has no estimates to screen by; search without --screen"
            )
        self.late = [c for c in self.late if c.names & set(FIGURES) <= set(ESTIMATED)]
        self.areas: dict[str, float] = {}
        self.has_area = "area_mm2" in wanted or any("area_mm2" in c.names for c in self.late)

    def row(self, one: Point) -> dict:
        found = self.store.figures(one.key, "cycles", "seconds")
        if self.has_area and one.arch.hash not in self.areas:
            self.areas[one.arch.hash] = area_mm2(one.arch)
        return found | {"area_mm2": self.areas.get(one.arch.hash, 0.0)}


def area_mm2(arch: Arch, table: EnergyTable | None = None) -> float:
    """The area of a machine's components, of which no program is needed. table: its prices, if they are at hand."""
    model = machine(arch.machine)
    return sum(piece.um2 for piece in floor_plan(model.parts_of(arch), table or table_of(arch))) / 1e6


def table_of(arch: Arch) -> EnergyTable:
    """The prices of a machine."""
    return load_table(arch.energy, machine(arch.machine).price_documents(), arch.places)


def promising(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """At most so many different designs that meet the constraints: the front, then the front of the others, and so on;
    of a front that is too large those that are spread evenly along it."""
    left = list({c.settings: c for c in candidates if not c.broken}.values())
    chosen: list[Candidate] = []
    while left and len(chosen) < count:
        places, room = front([c.scores for c in left]), count - len(chosen)
        some = places
        if len(places) > room:
            some = [places[round(n * (len(places) - 1) / max(1, room - 1))] for n in range(room)]
        chosen += [left[n] for n in some]
        left = [c for n, c in enumerate(left) if n not in set(places)]
    return chosen

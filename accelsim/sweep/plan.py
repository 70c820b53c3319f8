"""What a sweep file says: machines, workloads, axes, how to combine them, which combinations count."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import accelsim.core.document as document
from accelsim.config import shipped
from accelsim.core.document import Entry
from accelsim.core.errors import InputError, suggest
from accelsim.core.files import as_name, check_name
from accelsim.sweep.axes import Axis, axis, whole

METHODS = ("grid", "zip", "random", "latin_hypercube")
SAMPLED = ("random", "latin_hypercube")
KEYS = ("sweep", "machines", "workloads", "axes", "method", "points", "seed", "constraints", "objectives")
KINDS = ("all", "attention", "gemm", "norm", "elementwise")
SAMPLERS = ("tpe", "nsga2", "random")
FIGURES = (
    "cycles", "seconds", "energy_pj", "chip_energy_pj", "dram_energy_pj", "power_w", "chip_power_w", "area_mm2",
    "dram_read_bytes", "dram_write_bytes",
)  # fmt: skip
WORKLOAD_AXES = ("model", "sparsity", "seed", "batch")  # axes that are no parameter of a machine
MADE = "<made>"  # the workload of a sweep that names none, and makes its own
MOST_ENTRIES = 1000  # machines, workloads or constraints of a sweep
WHERE = field(default="", compare=False, repr=False)  # the file and line that say it; a plan is the same without


@dataclass(frozen=True)
class Subject:
    """A machine's file (or shipped name) with overrides that hold for all its points, and axes of its own."""

    file: str
    overrides: tuple[str, ...] = ()
    axes: tuple[Axis, ...] = ()
    where: str = WHERE
    places: tuple[str, ...] = field(default=(), compare=False, repr=False)  # of the overrides


@dataclass(frozen=True)
class Work:
    """A workload's file (or shipped name), whole or only its layers of one kind."""

    file: str
    only: str = "all"
    where: str = WHERE


@dataclass(frozen=True)
class Plan:
    """A sweep. `axes` hold for every machine; `points` is how many designs are drawn where `method` samples;
    `constraints` are (text, where); `objectives` are the figures a search makes small; `where` is the file and the line
    that says how many designs there are.
    """

    name: str
    machines: tuple[Subject, ...]
    workloads: tuple[Work, ...]
    axes: tuple[Axis, ...] = ()
    method: str = "grid"
    points: int = 0
    seed: int = 0
    constraints: tuple[tuple[str, str], ...] = ()
    objectives: tuple[str, ...] = ("cycles", "energy_pj", "area_mm2")
    where: str = WHERE


def find(name_or_path: str | Path) -> Path:
    """The sweep file meant by a path or by the name of a shipped one. Raises InputError that lists what is shipped."""
    if Path(name_or_path).is_file():
        return Path(name_or_path)
    known = {path.stem: path for path in sorted((shipped.folder("arch_configs") / "sweeps").glob("*.yaml"))}
    name = str(name_or_path).removesuffix(".yaml")
    if name in known:
        return known[name]
    raise InputError(
        f"{str(name_or_path)!r}: there is no such file and no sweep of this name; shipped are {', '.join(known)}"
        f"{suggest(Path(name).name, known)}"
    )


def read(name_or_path: str | Path) -> Plan:
    """Read a sweep file. Raises one InputError with a line for every mistake there is."""
    path = find(name_or_path)
    top, repeated = document.read(path)
    reader = Reader(path, [(line, f"{path}:{line}: {sentence}") for line, sentence in repeated])
    if not isinstance(top.value, dict) or not top.value:
        raise InputError(f"{path}:1: a sweep is described by a mapping with 'machines', 'workloads' and 'axes'")
    plan = reader.plan(top.value)
    if reader.problems:
        raise InputError("\n".join(text for _, text in sorted(reader.problems, key=lambda problem: problem[0])))
    return plan


class Reader:
    """Reads the entries of one file and collects what is wrong with them as (line, sentence)."""

    def __init__(self, path: Path, problems: list[tuple[int, str]]):
        self.path, self.problems = path, problems

    def problem(self, line: int, rule: str) -> None:
        self.problems.append((line, f"{self.path}:{line}: {rule}"))

    def plan(self, top: dict[str, Entry]) -> Plan:
        for key, entry in top.items():
            if key not in KEYS:
                self.problem(
                    entry.line, f"there is no entry {key!r} in a sweep{suggest(key, KEYS)}; it has {', '.join(KEYS)}"
                )
        axes = top.get("axes", Entry(1, {}))
        makes = isinstance(axes.value, dict) and "model" in axes.value  # its workloads itself
        for key in ("machines", "workloads"):
            if key not in top and not (key == "workloads" and makes):
                self.problem(1, f"{key!r} is missing; a sweep says which {key} it runs, as in '{key}: [NAME]'")
        empty = Entry(1, {})
        method = self.word(top, "method", "grid", METHODS)
        machines = tuple(filter(None, map(self.machine, self.items(top, "machines"))))
        plan = Plan(
            name=self.name(top),
            machines=machines,
            workloads=tuple(filter(None, map(self.workload, self.items(top, "workloads"))))
            or (Work(MADE, where=f"{self.path}:{axes.line}"),),
            axes=self.axes(top.get("axes", empty)),
            method=method,
            points=self.count(top, "points", 0),
            seed=self.count(top, "seed", 0),
            constraints=tuple(
                (entry.value, f"{self.path}:{entry.line}")
                for entry in self.items(top, "constraints")
                if self.is_text(entry, "a constraint")
            ),
            objectives=tuple(filter(None, map(self.objective, self.items(top, "objectives")))) or Plan.objectives,
            where=f"{self.path}:{top.get('points', top.get('axes', empty)).line}",
        )
        if len(set(plan.objectives)) < len(plan.objectives):
            self.problem(top["objectives"].line, "an objective is given twice; remove one")
        line = top.get("method", top.get("points", empty)).line
        if (plan.method in SAMPLED) != ("points" in top):
            need = "needs 'points: N', how many designs are drawn" if plan.method in SAMPLED else "has no 'points'"
            self.problem(line, f"method {plan.method} {need}")
        for subject in machines:
            self.check_axes((*plan.axes, *subject.axes), plan.method, line)
        return plan

    def check_axes(self, axes: tuple[Axis, ...], method: str, line: int) -> None:
        names = [a.name.removeprefix("options.").removeprefix("parts.") for a in axes]
        for name in sorted({n for n in names if names.count(n) > 1}):
            self.problem(line, f"{name} is an axis twice, of the sweep or of a machine; leave one out")
        if method not in SAMPLED:
            for open_axis in (a for a in axes if not a.values):
                self.problem(
                    line,
                    f"{open_axis.name} is an open range, which a {method} cannot walk; add step, factor or steps to it",
                )
        if method == "zip" and len({len(a.values) for a in axes}) > 1:
            sizes = ", ".join(f"{a.name} {len(a.values)}" for a in axes)
            self.problem(line, f"axes that are zipped must have the same number of values, not {sizes}")

    def name(self, top: dict[str, Entry]) -> str:
        name = self.word(top, "sweep", as_name(self.path.stem))
        line = top["sweep"].line if "sweep" in top else 1
        return self.taken(Entry(line, name), lambda: check_name(name, f"{self.path}:{line}: sweep")) or name

    def objective(self, entry: Entry) -> str | None:
        if not self.is_text(entry, "an objective"):
            return None
        if entry.value not in FIGURES:
            hint = suggest(entry.value, FIGURES)
            self.problem(entry.line, f"objective {entry.value!r} is none of {', '.join(FIGURES)}{hint}")
        return entry.value

    def items(self, top: dict[str, Entry], key: str) -> list[Entry]:
        entry = top.get(key)
        if entry is None:
            return []
        if isinstance(entry.value, list) and len(entry.value) > MOST_ENTRIES:
            self.problem(entry.line, f"{key} has {len(entry.value)} entries; at most {MOST_ENTRIES} can be given")
            return []
        if isinstance(entry.value, list) and entry.value:
            return entry.value
        if isinstance(entry.value, str) and entry.value:
            return [entry]
        self.problem(entry.line, f"{key} must be a list, as in '{key}: [NAME]'")
        return []

    def word(self, top: dict[str, Entry], key: str, default: str, known: tuple[str, ...] = ()) -> str:
        entry = top.get(key)
        if entry is None:
            return default
        if not self.is_text(entry, key):
            return default
        if known and entry.value not in known:
            hint = suggest(entry.value, known)
            self.problem(entry.line, f"{key}: expected one of {', '.join(known)}, not {entry.value!r}{hint}")
            return default
        return entry.value

    def count(self, top: dict[str, Entry], key: str, default: int) -> int:
        entry = top.get(key)
        if entry is None or not self.is_text(entry, key):
            return default
        if key == "seed" and entry.value == "0":
            return 0
        return self.taken(entry, lambda: whole("the sweep", key, entry.value, f"{self.path}:{entry.line}")) or default

    def is_text(self, entry: Entry, what: str) -> bool:
        if isinstance(entry.value, str) and entry.value:
            return True
        self.problem(entry.line, f"{what} must be a single value")
        return False

    def taken(self, entry: Entry, made: Callable):
        """What `made` gives; None, and a problem, when it refuses."""
        try:
            return made()
        except InputError as error:
            self.problems.append((entry.line, str(error)))
            return None

    def axes(self, entry: Entry) -> tuple[Axis, ...]:
        if not isinstance(entry.value, dict):
            self.problem(entry.line, "axes must be a mapping, as in 'axes: {engine.lines: [32, 64]}'")
            return ()
        made = (
            self.taken(values, lambda n=name, v=values: axis(n, v, f"{self.path}:{v.line}"))
            for name, values in entry.value.items()
        )
        return tuple(filter(None, made))

    def machine(self, entry: Entry) -> Subject | None:
        where = f"{self.path}:{entry.line}"
        if isinstance(entry.value, str) and entry.value:
            return Subject(entry.value, where=where)
        known = ("machine", "set", "axes")
        if not self.mapping(entry, known, "a machine", "machine"):
            return None
        fixed = entry.value.get("set", Entry(entry.line, {}))
        if not isinstance(fixed.value, dict) or not all(isinstance(v.value, str) for v in fixed.value.values()):
            self.problem(fixed.line, "set must be a mapping of single values, as in 'set: {heads: serial}'")
            return None
        overrides = tuple(f"{name}={value.value}" for name, value in fixed.value.items())
        own = self.axes(entry.value["axes"]) if "axes" in entry.value else ()
        places = tuple(f"{self.path}:{value.line}" for value in fixed.value.values())
        return Subject(entry.value["machine"].value, overrides, own, where, places)

    def workload(self, entry: Entry) -> Work | None:
        where = f"{self.path}:{entry.line}"
        if isinstance(entry.value, str) and entry.value:
            return Work(entry.value, where=where)
        if not self.mapping(entry, ("workload", "only"), "a workload", "workload"):
            return None
        return Work(entry.value["workload"].value, self.word(entry.value, "only", "all", KINDS), where)

    def mapping(self, entry: Entry, known: tuple[str, ...], what: str, must: str) -> bool:
        """Whether an entry is a mapping with only known keys and the one it must have; else a problem."""
        if not isinstance(entry.value, dict) or must not in entry.value or not self.is_text(entry.value[must], must):
            self.problem(entry.line, f"{what} is a name or a mapping with {must!r}, as in '{{{must}: NAME}}'")
            return False
        for key, value in entry.value.items():
            if key not in known:
                self.problem(value.line, f"{what} has no entry {key!r}{suggest(key, known)}; it has {', '.join(known)}")
                return False
        return True

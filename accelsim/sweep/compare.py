"""Machines side by side, and a machine without each of its ideas: speed-ups and energy, with the geometric mean."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import accelsim.core.document as document
from accelsim.config import shipped
from accelsim.core.errors import InputError
from accelsim.energy import energies
from accelsim.sweep.campaign import Execute, executor, run
from accelsim.sweep.design import Base, switches
from accelsim.sweep.measure import Figures
from accelsim.sweep.plan import Work
from accelsim.sweep.points import point, workload_file
from accelsim.sweep.processes import Notice
from accelsim.sweep.side_by_side import Entry, entry_of
from accelsim.sweep.store import Store

COMPARED = ("cycles", "seconds", "energy_pj", "dram_read_bytes")  # what a run must have to be compared
SHARE = 0.9  # of the drawn prices that an interval holds


@dataclass(frozen=True)
class Contest:
    """Variants (the first is the reference) on workloads: figures[variant][workload], and the sums that their energy is
    made of, by price."""

    variants: list[str]
    workloads: list[str]
    figures: list[list[Figures]]
    terms: list[list[dict]]
    entries: list[Entry]  # of each variant and workload, to be laid side by side

    @property
    def models(self) -> list[bool]:
        """[variant]: whether its figures are a model's."""
        wide = len(self.workloads)
        return [entry.model for entry in self.entries[::wide]]

    @property
    def titles(self) -> list[str]:
        """The variants, with a mark at those whose figures are a model's."""
        return [f"{name} (model)" if model else name for name, model in zip(self.variants, self.models)]

    def gains(self, metric: str) -> list[list[float | None]]:
        """[variant][workload]: how many times smaller the metric is than the reference's; None where one is 0."""
        first = self.figures[0]
        return [[a[metric] / b[metric] if a[metric] and b[metric] else None for a, b in zip(first, row)]
                for row in self.figures]  # fmt: skip

    def energy_ratios(self, parts: Sequence[str]) -> list[list["Ratio | None"]]:
        """[variant][workload, and at the end their geometric mean]: how many times less energy `parts` ("chip", "dram")
        take than the reference's. The prices are drawn anew within their bounds, the same ones for all variants. None
        where one takes none, and, of parts alone, of a model, whose energy is of its whole board."""
        drawn = [[energies(t, t["bounds"], parts) for t in row] for row in self.terms]
        nominal = [[sum(sum(t[p].values()) for p in parts) for t in row] for row in self.terms]
        known = [all(row) and (len(parts) > 1 or not model) for row, model in zip(nominal, self.models)]
        found: list[list[Ratio | None]] = []
        for mine, at, has in zip(drawn, nominal, known):
            if not (has and known[0]):
                found.append([None] * (len(self.workloads) + 1))
                continue
            ratios = [first / other for first, other in zip(drawn[0], mine)]
            gains = [first / other for first, other in zip(nominal[0], at)]
            ratios.append(np.exp(np.mean(np.log(ratios), axis=0)))
            found.append([ratio(g, r) for g, r in zip([*gains, geometric_mean(gains)], ratios)])
        return found


@dataclass(frozen=True)
class Ratio:
    """A ratio at nominal prices, and between which two figures it lies for `SHARE` of the drawn ones."""

    nominal: float
    low: float
    high: float

    @property
    def resolved(self) -> bool:
        """Whether the prices, within their bounds, leave it on one side of 1."""
        return self.low > 1 or self.high < 1


def ratio(nominal: float, drawn: np.ndarray) -> Ratio:
    low, high = np.quantile(drawn, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Ratio(nominal, float(low), float(high))


def geometric_mean(values: Sequence[float | None]) -> float | None:
    """None where a value is missing."""
    if None in values:
        return None
    return math.exp(sum(map(math.log, values)) / len(values))


def contest(
    variants: Sequence[tuple[str, Base, Sequence[tuple[str, str]]]],
    workloads: Sequence[Work],
    store: str,
    execute: Execute,
) -> Contest:
    """Simulate every variant, given as (name, machine, settings), on every workload. Raises InputError if one fails."""
    files = [workload_file(w) for w in workloads]
    points = [point(base, tuple(settings), f) for _, base, settings in variants for f in files]
    with Store(store) as opened:
        state = run("compare", points, opened, execute)
        if state.failures:
            raise InputError("\n".join(f"{name}: {error}" for name, error in state.failures))
        found, terms = [opened.figures(p.key, *COMPARED) for p in points], [opened.terms(p.key) for p in points]
    rows, sums = ([each[i : i + len(files)] for i in range(0, len(each), len(files))] for each in (found, terms))
    names = [name for name, _, _ in variants]
    called = [name for name in names for _ in files]
    entries = [entry_of(name, p.arch, p.workload, row) for name, p, row in zip(called, points, found)]
    return Contest(names, [f.name for f in files], rows, sums, entries)


def split(names: Sequence[str], more: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The machines and the workloads among names and files; `more` machines were said otherwise. Raises InputError
    unless there are both."""
    machines = [n for n in names if is_machine(n)]
    workloads = [n for n in names if n not in machines]
    if not (machines or more) or not workloads:
        missing = "workload" if machines or more else "machine"
        raise InputError(f"a comparison needs machines and workloads; there is no {missing} among {', '.join(names)}")
    return machines, workloads


def is_machine(name: str) -> bool:
    """Whether a file says `machine: NAME`, or a shipped machine has this name."""
    if not Path(name).is_file():
        return name.removesuffix(".yaml") in shipped.listing("arch_configs")
    top, _ = document.read(Path(name))
    return isinstance(top.value, dict) and "machine" in top.value


def subject(text: str) -> tuple[str, tuple[str, ...]]:
    """A machine and its values from one text, "vitcod engine.lines=32". Raises InputError when it is none."""
    try:
        name, *values = shlex.split(text) or [""]
    except ValueError as error:
        raise InputError(f"--machine {text!r}: it cannot be split into words ({error})") from None
    for value in values:
        if "=" not in value:
            raise InputError(f"--machine {text!r}: behind the machine come NAME=VALUE, but {value!r} is none")
    return name, tuple(values)


def compare(
    machines: Sequence[str | tuple[str, Sequence[str]]],
    workloads: Sequence[Work],
    *,
    overrides: Sequence[str] = (),
    store: str = ":memory:",
    processes: int | None = None,
    notice: Notice = lambda _: None,
) -> Contest:
    """Machines, each by its name or with values of its own, the first of which is the reference, on workloads. Raises
    InputError when a run fails; `notice` is told in a line when a process was killed and is started again.
    """
    given = [(m, ()) if isinstance(m, str) else m for m in machines]
    bases = [Base(m, (*overrides, *values)) for m, values in given]
    names = [" ".join([b.arch.name, *values]) for b, (_, values) in zip(bases, given)]
    twice = {n for n in names if names.count(n) > 1}
    labels = [" ".join([str(m), *values]) if n in twice else n for (m, values), n in zip(given, names)]
    return contest(
        [(name, b, ()) for name, b in zip(labels, bases)], workloads, store, executor(processes, notice=notice)
    )


def ablate(
    machine: str,
    workloads: Sequence[Work],
    *,
    steps: Sequence[str] = (),
    overrides: Sequence[str] = (),
    store: str = ":memory:",
    processes: int | None = None,
    notice: Notice = lambda _: None,
) -> Contest:
    """A machine as it is, then without each of its switches (options that are true or false) that are on.

    With `steps`, such as ("prune", "reorder+two_engines", "auto_encoder"): first without all of them, then with one
    more after the other. Raises InputError for a machine without such switches, an unknown step, and when a run fails.
    """
    base = Base(machine, overrides)
    known = switches(base.arch.machine)
    on = [name for name in known if base.arch.options[name] == "true"]
    if not on:
        raise InputError(f"{machine}: no option of this machine is on that could be switched off")
    if not steps:
        variants = [(base.arch.name, base, ()), *((f"without {n}", base, ((n, "false"),)) for n in on)]
        return contest(variants, workloads, store, executor(processes, notice=notice))
    groups = [step.split("+") for step in steps]
    for name in (n for group in groups for n in group):
        if name not in known:
            raise InputError(f"--steps: {name!r} is no switch of {machine}; these are: {', '.join(known)}")
    variants = []
    for count in range(len(groups) + 1):
        settings = tuple((n, "true" if i < count else "false") for i, group in enumerate(groups) for n in group)
        variants.append((f"+ {steps[count - 1]}" if count else "without all of these", base, settings))
    return contest(variants, workloads, store, executor(processes, notice=notice))

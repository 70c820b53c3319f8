"""Predictions against hardware of others: cases that somebody measured, what a machine predicts of each, how far it is
off. A machine hands in its calibrations; a case is a row of a CSV file, whose columns are what was given and measured.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accelsim.core.errors import InputError, shown


@dataclass(frozen=True)
class Case:
    """A row of a file: where it stands, its columns, and the folders in which what it names is looked for, in turn."""

    where: str
    columns: Mapping[str, str]
    folders: tuple[Path, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.columns[name]

    def number(self, name: str, default: int | None = None) -> int:
        """A column as a whole number; `default` where it is empty. Raises InputError if it is none."""
        text = self.columns[name].strip()
        if not text and default is not None:
            return default
        try:
            return int(text)
        except ValueError:
            raise InputError(f"{self.where}: {name} must be a whole number, not {shown(text)}") from None

    def beside(self, name: str) -> Path | None:
        """A file that lies in one of its folders, as DIR/FILE or as FILE; None: in none of them."""
        tried = (folder / one for folder in self.folders for one in (name, Path(name).name))
        return next((path for path in tried if path.is_file()), None)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Cases of one kind that a machine predicts.

    name: of the part that is predicted. hardware: whose it is, and how it was measured. file: its cases, below the
    folder of reference data. given: columns that a case must have. figure: the measured column whose relative error
    counts. predict: what a machine says of a case, by the names of measured columns. bound: the largest relative error
    that is promised of a case; 0: every column is equal. fitted: ids of the cases that were used for any constant, or
    to decide between readings. cases: those that rows of a CSV file make (unless said: each is one); arrays: those of a
    file that is no CSV.
    """

    name: str
    hardware: str
    file: str
    given: Sequence[str]
    figure: str
    predict: Callable[[Case], Mapping[str, int]]
    bound: Callable[[Case], float]
    fitted: frozenset[str] = frozenset()
    cases: Callable[[Sequence[Case]], list[Case]] = list
    arrays: Callable[[Path], list[Case]] | None = None

    def read(self, path: Path, *folders: Path) -> list[Case]:
        """The cases of a file; what they name is looked for in its folder, then in others."""
        if self.arrays:
            return self.arrays(path)
        return self.cases(read_cases(path, *folders))


@dataclass(frozen=True)
class Outcome:
    """A case, what was measured of it and what is predicted, by column; and the error that is allowed."""

    case: str
    figure: str
    measured: Mapping[str, int]
    predicted: Mapping[str, int]
    bound: float

    @property
    def error(self) -> float:
        """Of the figure that counts, relative to what was measured."""
        wanted = self.measured[self.figure]
        return abs(self.predicted[self.figure] - wanted) / wanted

    @property
    def differing(self) -> list[str]:
        """The columns that are predicted otherwise than measured."""
        return [name for name, value in self.measured.items() if self.predicted[name] != value]

    @property
    def holds(self) -> bool:
        """Whether it is as near as was promised; a promise of 0 is one of every column."""
        return self.error <= self.bound if self.bound else not self.differing


@dataclass
class Calibrated:
    """What came of the cases of one kind."""

    machine: str
    calibration: Calibration
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def exact(self) -> int:
        """Cases of which every measured column is predicted."""
        return sum(not one.differing for one in self.outcomes)

    @property
    def mean(self) -> float:
        return sum(one.error for one in self.outcomes) / len(self.outcomes)

    @property
    def worst(self) -> float:
        return max(one.error for one in self.outcomes)

    @property
    def broken(self) -> list[Outcome]:
        """Cases that are off by more than was promised."""
        return [one for one in self.outcomes if not one.holds]


def read_cases(path: Path, *folders: Path) -> list[Case]:
    """The rows of a CSV file; what they name is looked for in its folder, then in others. Raises InputError if it has
    none, or one of another length than its header."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except UnicodeDecodeError:
        raise InputError(f"{path}: it is no text in UTF-8; a file of cases is a CSV file with a header") from None
    if len(rows) < 2:
        raise InputError(f"{path}: it has no cases; the first line is a header, every other one a case")
    header = rows[0]
    found = []
    for line, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(header):
            raise InputError(f"{path}:{line}: it has {len(row)} columns, but the header has {len(header)}")
        found.append(Case(f"{path}:{line}", dict(zip(header, row)), (path.parent, *folders)))
    return found


def kind_of(path: Path, cases: Sequence[Case], kinds: Sequence[Calibration]) -> Calibration:
    """Whose cases a file has, by its columns. Raises InputError if nobody's."""
    columns = cases[0].columns
    kinds = [kind for kind in kinds if not kind.arrays]
    for kind in kinds:
        if {*kind.given, kind.figure} <= columns.keys():
            return kind
    lacking = {kind.name: [n for n in (*kind.given, kind.figure) if n not in columns] for kind in kinds}
    said = "; ".join(f"for {name} it lacks {', '.join(names)}" for name, names in lacking.items())
    raise InputError(f"{path}: its columns are of no known form: {said}")


def predict(machine: str, kind: Calibration, cases: Sequence[Case]) -> Calibrated:
    """Every case predicted, and compared in the columns that were measured."""
    made = Calibrated(machine, kind)
    for number, case in enumerate(cases):
        found = kind.predict(case)
        measured = {name: case.number(name) for name in found if case.columns.get(name, "").strip()}
        if measured.get(kind.figure, 0) < 1:
            raise InputError(f"{case.where}: {kind.figure} must be >= 1, not {shown(case[kind.figure])}")
        name = case.columns.get("id", str(number))
        made.outcomes.append(Outcome(name, kind.figure, measured, found, kind.bound(case)))
    return made


def table(found: Sequence[Calibrated]) -> Iterator[object]:
    """One row a kind of cases, for a terminal; and the cases that are off by more than was promised."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("design", "hardware"):
        made.add_column(title, overflow="fold")
    for title in ("cases", "exact", "mean error", "worst error", "above bound", "fitted"):
        made.add_column(title, justify="right")
    for one in found:
        fitted = sum(outcome.case in one.calibration.fitted for outcome in one.outcomes)
        errors = [f"{100 * error:.2f} %" for error in (one.mean, one.worst)]
        counts = [f"{n:,}" for n in (len(one.broken), fitted)]
        design = f"{one.machine} {one.calibration.name}"
        made.add_row(design, one.calibration.hardware, f"{len(one.outcomes):,}", f"{one.exact:,}", *errors, *counts)
    yield made
    for one in found:
        for outcome in one.broken[:10]:
            columns = ", ".join(
                f"{name} {outcome.predicted[name]:,} for {outcome.measured[name]:,}" for name in outcome.differing[:4]
            )
            yield f"ABOVE BOUND: {one.machine} {one.calibration.name}, case {outcome.case}: {columns}"

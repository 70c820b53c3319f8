"""The results of a store as a table: columns by name, conditions over them, and files of it."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import accelsim.core.files as files
from accelsim.core.errors import InputError
from accelsim.sweep.expression import parse
from accelsim.sweep.store import Row, Store

Columns = dict[str, list]
ABOUT = ("machine", "workload", "sparsity", "status", "error")


def load_results(
    store: str | Path, *, sweep: str | None = None, where: Iterable[str] = (), failed: bool = False, whole: bool = False
) -> Columns:
    """The points of a store as columns of one length, ready for `pandas.DataFrame(...)`.

    Columns: machine, workload, sparsity, status, error; what the sweeps varied (`engine.lines`), as the machine uses
    it; then every figure (`cycles`, `energy_pj`, ...; see docs/sweeps.md), None where a point has none. `sweep`: only
    the points of this sweep; `where`: conditions such as "engine.lines >= 32"; `failed`: failed points too; `whole`:
    every parameter of the machine, not only what was varied. Raises InputError for an unknown sweep, name or store.
    """
    with Store(store, create=False) as opened:
        if sweep is not None and sweep not in opened.sweeps():
            known = ", ".join(opened.sweeps()) or "none"
            raise InputError(f"{store}: there is no sweep {sweep!r} in this store; there are: {known}")
        rows = opened.rows(sweep=sweep, arch=whole)
        if not whole and len({frozenset(row.settings) for row in rows}) > 1:  # one sweep varied what another left alone
            rows = opened.rows(sweep=sweep, arch=True)
    rows = [row for row in rows if failed or row.status == "done"]
    return selected(columns(rows, whole), where, f"{store}: --where")


def columns(rows: list[Row], whole: bool = False) -> Columns:
    """Rows as columns; what a point's own sweep did not vary is taken from its configuration."""
    settings = list(dict.fromkeys(name for row in rows for name in row.settings))
    values = [flat(row.arch) | row.settings if row.arch else row.settings for row in rows]
    if whole:
        settings = list(dict.fromkeys([*settings, *(name for row in values for name in row)]))
    made: Columns = {name: [getattr(row, name) for row in rows] for name in ABOUT}
    made |= {name: [v.get(name) for v in values] for name in settings}
    made |= transposed([row.figures or {} for row in rows])
    if "estimated" in made:  # which says of every point whether its figures are
        made["estimated"] = [int(bool(value)) for value in made["estimated"]]
    return made


def estimates(table: Columns) -> int:
    """How many points of a table are estimated in closed form, not simulated."""
    return sum(table.get("estimated", ()))


def transposed(rows: list[dict]) -> Columns:
    """Mappings as columns, None where one has no such entry; fast where all have the same."""
    kinds = {tuple(row) for row in rows}
    if len(kinds) == 1:
        return dict(zip(*kinds, map(list, zip(*(row.values() for row in rows)))))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def flat(arch: dict) -> dict[str, object]:
    """A stored configuration by the names of overrides."""
    found = {f"clocks.{name}": hertz(text) for name, text in arch["clocks"].items()} | arch["options"]
    for part, values in arch["parts"].items():
        found |= {f"{part}.{name}": value for name, value in values.items()}
    return found


def hertz(text: str) -> int | float:
    from accelsim.config.units import frequency
    from accelsim.sweep.design import number

    return number(frequency(text))


def selected(table: Columns, where: Iterable[str], source: str) -> Columns:
    """The lines for which every condition holds; one that lacks a value a condition asks for is left out."""
    conditions = [parse(text, table, source) for text in where]
    if not conditions:
        return table
    names = set().union(*(c.names for c in conditions))
    keep = []
    for i in range(len(table["machine"])):
        values = {name: table[name][i] for name in names}
        if None not in values.values() and all(c.holds(values) for c in conditions):
            keep.append(i)
    return {name: [column[i] for i in keep] for name, column in table.items()}


def column(table: Columns, name: str, store: str | Path) -> list:
    """A column by its name, or by what is behind the last point of it. Raises InputError that names what is near."""
    return table[parse(name, table, f"{store}").full.get(name, name)]


def write_csv(table: Columns, path: Path) -> Path:
    """Comma-separated, a header line, empty where there is no value."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(table)
    lines.writerows(zip(*table.values()))
    return put(path, text.getvalue().encode())


def write_parquet(table: Columns, path: Path) -> Path:
    """Apache Parquet. Raises InputError without pyarrow."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError("Parquet files need pyarrow; install it with `pip install 'accelsim[data]'`") from None
    arrays = {}
    for name, values in table.items():
        kinds = {type(v) for v in values if v is not None}
        mixed = len(kinds) > 1 and not kinds <= {int, float}
        exact = [float(v) if v is not None and kinds == {int, float} else v for v in values]
        arrays[name] = pyarrow.array([v if v is None else str(v) for v in values] if mixed else exact)
    made = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(arrays), made)
    return put(path, made.getvalue())


def put(path: Path, content: bytes) -> Path:
    """Write a file that is whole or not there. Raises InputError when it cannot be written."""
    try:
        files.write(path, content)
    except OSError as reason:
        raise InputError(f"{path}: cannot be written ({reason.strerror or reason}); name another file") from None
    return path

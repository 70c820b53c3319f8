"""Many runs: sweeps, comparisons, and the tables of their results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from accelsim.api.loading import Settings, texts
from accelsim.api.tables import Table
from accelsim.core.errors import InputError
from accelsim.sweep.store import MEMORY


def run_sweep(
    sweep: str | Path | Mapping[str, Any], store: str | Path, *, processes: int | None = None, retry: bool = False
) -> Table:
    """Simulate every point of a sweep that the store does not hold yet; all its points as a table.

    sweep: a sweep file, the name of a shipped one, or the same as a mapping: {"machines": ["vitcod"], "workloads":
    ["deit_tiny_s90"], "axes": {"engine.lines": [16, 32]}} (docs/sweeps.md). store: a file, made if it is not there.
    processes: all cores without it, 0 for this process. retry: simulate failed points again. Points that failed are in
    the table with `status` "failed" and their `error`. Raises InputError when the sweep or the store is unusable.
    """
    from accelsim.sweep import campaign, table
    from accelsim.sweep.plan import read
    from accelsim.sweep.points import expand
    from accelsim.sweep.store import Store

    if isinstance(sweep, Mapping):
        with TemporaryDirectory(prefix="accelsim-") as folder:
            path = Path(folder) / "sweep.yaml"
            path.write_text(yaml.safe_dump(dict(sweep), sort_keys=False), encoding="utf-8")
            plan = read(path)
    else:
        plan = read(sweep)
    points = expand(plan)
    with Store(store) as opened:
        campaign.run(plan.name, points, opened, campaign.executor(processes), retry=retry)
    return Table(table.load_results(store, sweep=plan.name, failed=True))


def load_results(
    store: str | Path, *, sweep: str | None = None, where: Iterable[str] = (), failed: bool = False, whole: bool = False
) -> Table:
    """The points of a store as a table.

    Columns: machine, workload, sparsity, status, error; what the sweeps varied (`engine.lines`), as the machine uses
    it; then every figure (`cycles`, `energy_pj`, ...; see docs/sweeps.md), None where a point has none. sweep: only the
    points of this sweep; where: conditions such as "engine.lines >= 32"; failed: failed points too; whole: every
    parameter of the machine, not only what was varied. Raises InputError for an unknown sweep, name or store.
    """
    from accelsim.sweep import table

    return Table(table.load_results(store, sweep=sweep, where=where, failed=failed, whole=whole))


def compare(
    machines: Sequence[str],
    workloads: Sequence[str],
    settings: Settings = None,
    *,
    only: str = "all",
    processes: int | None = None,
) -> Table:
    """Machines side by side on workloads: a row for each pair, with its cycles, its energy and its speed-up over the
    first machine.

    machines, workloads: names of shipped ones, or files. settings: hold for all machines. only: layers of a kind
    (`"attention"`). Raises InputError when a run fails.
    """
    from accelsim.sweep.compare import compare as contest
    from accelsim.sweep.plan import Work

    if isinstance(machines, str) or isinstance(workloads, str):
        raise InputError('machines and workloads are lists, such as ["vitcod", "systolic"] and ["deit_tiny_s90"]')
    works = [Work(name, only) for name in workloads]
    found = contest([str(m) for m in machines], works, overrides=texts(settings), store=MEMORY, processes=processes)
    gains, energy = found.gains("seconds"), found.energy_ratios(("chip", "dram"))
    rows = []
    for v, variant in enumerate(found.variants):
        for w, workload in enumerate(found.workloads):
            ratio = energy[v][w]
            spread = (ratio.nominal, ratio.low, ratio.high) if ratio else ()
            rows.append(
                {
                    "machine": variant, "workload": workload, **{k: found.figures[v][w][k] for k in KEPT},
                    "speed_up": gains[v][w], **dict(zip(GAINS, spread)),
                }
            )  # fmt: skip
    return Table.of(rows)


GAINS = ("energy_gain", "energy_gain_low", "energy_gain_high")
KEPT = ("cycles", "seconds", "energy_pj", "chip_energy_pj", "dram_energy_pj", "dram_read_bytes")

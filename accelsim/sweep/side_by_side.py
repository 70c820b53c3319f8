"""Runs side by side, from a comparison or from result folders: figures, and beside them what they rest on."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from accelsim import __version__
from accelsim.core.errors import InputError, cut, shown, visible

FORMAT = "accelsim comparison 1"
FIGURES = (
    "cycles", "seconds", "energy_pj", "energy_low_pj", "energy_high_pj", "chip_energy_pj", "dram_energy_pj", "area_mm2",
    "dram_read_bytes", "dram_write_bytes",
)  # fmt: skip
ASSUMPTIONS = ("clock_hz", "multipliers", "operand_bits", "on_chip_bytes", "dram_peak_bytes_per_s", "peak_ops_per_s")
RENAMED = {"cycles": "total_cycles", "seconds": "seconds_at_clock"}  # in a result.json
ROOF = ("peak_ops_per_s", "dram_peak_bytes_per_s")  # under `roofline` there
RESULT = "result.json"
MOST = 1e300  # of a figure


@dataclass(frozen=True)
class Entry:
    """A run. name: the machine as the table calls it. model: its figures are a model's. content: hash of the workload.
    figures, assumptions: of FIGURES and ASSUMPTIONS; what does not exist or is not known is None. memory: in words."""

    name: str
    machine: str
    workload: str
    content: str
    model: bool
    figures: dict[str, int | float | None]
    assumptions: dict[str, int | float | None]
    memory: str
    origin: str = ""  # the folder it was read from

    @property
    def title(self) -> str:
        return f"{self.name} (model)" if self.model else self.name

    @property
    def case(self) -> tuple[str, str]:
        """Entries with the same one ran the same."""
        return self.workload, self.content


def entry_of(name: str, arch, workload, figures: dict) -> Entry:
    """A run of a comparison: machine and configuration, the workload's file, and the figures of the store."""
    from accelsim.accelerators import machine

    made = dict(figures) | {"clock_hz": float(arch.clocks["core"])}
    model = machine(arch.machine).analytic
    return Entry(
        name, arch.machine, workload.name, workload.hash, model, {n: made.get(n) for n in FIGURES},
        {n: made.get(n) for n in ASSUMPTIONS}, memory_of(arch.parts.get("dram", {}), arch.models.get("dram")),
    )  # fmt: skip


def memory_of(dram: dict, model: str | None) -> str:
    """The memory in a few words: of a simulation its standard and channels."""
    if "standard" in dram:
        return f"{dram['standard']} x {dram.get('channels', 1)}"
    return model or ""


def is_result(name: str | Path) -> bool:
    """Whether a name is a folder that a run has written."""
    with suppress(OSError):  # a name too long for the file system is none
        return (Path(name) / RESULT).is_file()
    return False


def read_folders(names: Sequence[str]) -> list[Entry]:
    """The runs of result folders. Raises InputError when there are fewer than two or one is no result."""
    if len(names) < 2:
        raise InputError(f"{names[0]}: a comparison of result folders needs two or more of them")
    for each in names:
        if not is_result(each):
            raise InputError(
                f"{each}: this is no result folder ({RESULT} is missing), but {next(filter(is_result, names))} is one;"
                " compare folders with folders, or machines on workloads"
            )
    entries = [read_folder(Path(name)) for name in names]
    titles = [(e.name, e.case) for e in entries]
    return [
        e if titles.count((e.name, e.case)) == 1 else Entry(**{**vars(e), "name": f"{e.name} ({e.origin})"})
        for e in entries
    ]


def read_folder(folder: Path) -> Entry:
    """The run of a result folder. Raises InputError with what is wrong with it."""
    path = folder / RESULT
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: it cannot be read ({error}); run the machine again") from None
    if not isinstance(found, dict) or not str(found.get("format")).startswith("accelsim result"):
        raise InputError(f"{path}: this is no result of accelsim; run the machine again")
    arch, work, roof = (section(found, name, path) for name in ("architecture", "workload", "roofline"))
    figures = {n: number(found, RENAMED.get(n, n), path) for n in FIGURES}
    assumptions = {n: number(roof if n in ROOF else found, n, path) for n in ASSUMPTIONS}
    for figure in ("cycles", "seconds"):
        if not figures[figure]:
            raise InputError(f"{path}: {RENAMED[figure]} is {shown(figures[figure])} but must be a number above 0")
    dram = arch.get("parts", {}).get("dram", {}) if isinstance(arch.get("parts"), dict) else {}
    dram = dram if isinstance(dram, dict) else {}
    return Entry(
        name(arch.get("name", found.get("machine"))), name(found.get("machine")), name(work.get("name")),
        name(work.get("hash")), found.get("kind") == "analytic model", figures, assumptions,
        name(memory_of(dram, dram.get("model"))), str(folder),
    )  # fmt: skip


def section(found: dict, key: str, path: Path) -> dict:
    """A mapping of a result."""
    value = found.get(key)
    if not isinstance(value, dict):
        raise InputError(f"{path}: {key} is {shown(value)} but must be a mapping; run the machine again")
    return value


def name(value: object) -> str:
    """A name of a file as a table shows it."""
    return cut(visible(str(value)))


def number(found: dict, key: str, path: Path) -> int | float | None:
    """A figure, None where an older result has none."""
    value = found.get(key)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MOST):
        return value
    raise InputError(f"{path}: {key} is {shown(value)} but must be a number of 0 or more; run the machine again")


def speedups(entries: Sequence[Entry]) -> list[float | None]:
    """How many times faster each is than the first that ran the same; None for one that stands alone."""
    first: dict[tuple, Entry] = {}
    for e in entries:
        first.setdefault(e.case, e)
    alone = {case for case in first if sum(e.case == case for e in entries) == 1}
    return [None if e.case in alone else first[e.case].figures["seconds"] / e.figures["seconds"] for e in entries]


def as_json(entries: Sequence[Entry]) -> dict:
    """The comparison as one document."""
    return {
        "format": FORMAT,
        "version": __version__,
        "results": [
            {
                "name": e.name,
                "machine": e.machine,
                "kind": "analytic model" if e.model else "simulation",
                "workload": e.workload,
                "workload_hash": e.content,
                **({"folder": e.origin} if e.origin else {}),
                **e.figures,
                "speedup_over_first": speedup,
                "assumptions": {**e.assumptions, "memory": e.memory},
            }
            for e, speedup in zip(entries, speedups(entries))
        ],
    }

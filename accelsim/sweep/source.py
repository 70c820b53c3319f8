"""What a result depends on beside its configuration and its workload: the simulator's source and the energy table."""

import hashlib
from functools import cache
from pathlib import Path

import accelsim
from accelsim.accelerators.plugins import Plugin, plugins

ROOMS = (
    "core", "components", "isa", "workload", "dataflows", "accelerators", "energy", "config",
    "report/record.py", "report/metrics.py", "report/figures.py", "sweep/measure.py",
)  # fmt: skip
KINDS = (".py", ".yaml", ".csv")
NO_FIGURE = ("paper.yaml",)  # what a paper claims decides no figure


def source_hash(machine: str = "") -> str:
    """sha256 of every file that a figure can depend on, as they were when first asked for: of the package, and of the
    plug-in that a machine is."""
    found = plugin(machine)
    return package_hash() + (found.source_hash() if found else "")


@cache
def plugin(machine: str) -> Plugin | None:
    """The plug-in that a machine is, if it is one."""
    from accelsim.accelerators import shipped

    return None if not machine or machine in shipped() else plugins().get(machine)


@cache
def package_hash() -> str:
    """sha256 of every file of the package that a figure can depend on."""
    root = Path(accelsim.__file__).resolve().parent
    digest = hashlib.sha256()
    for room in ROOMS:
        place = root / room
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for file in (f for f in files if f.suffix in KINDS and f.name not in NO_FIGURE):
            content = file.read_bytes()
            digest.update(f"{file.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def prices(energy: str, name: str, said: tuple[tuple[str, str], ...] = ()) -> str:
    """sha256 of the resolved energy table that a configuration's `energy` (as JSON) names, with the prices of the
    machine `name`: a file may have changed. `said`: where its entries are said."""
    import json

    from accelsim.accelerators import machine
    from accelsim.energy import load_table

    table = load_table(json.loads(energy), machine(name).price_documents(), dict(said))
    return hashlib.sha256(json.dumps(table.document, sort_keys=True, default=str).encode()).hexdigest()

"""Who may import whom, and what a source file looks like (docs/architecture.md): read from the syntax trees."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 300

MACHINES = {path.parent.name for path in (ROOT / "accelsim" / "accelerators").glob("*/__init__.py")}
MACHINE = ("core", "isa", "components", "workload", "dataflows", "config", "energy", "report.record", "validation")

# Every room may import itself, what reads, writes and refuses for all, and the version; beyond that what follows, but
# no room imports a machine, and no machine another.
MAY_IMPORT = {
    "core": (),
    "isa": (),
    "workload": (),
    "components": ("core", "isa"),
    "codesign": ("workload",),
    "dataflows": ("workload", "isa"),
    "config": ("core",),
    "energy": ("core.result", "core.status"),
    "report": ("core.result", "core.status", "energy", "workload.arrays"),
    "accelerators": MACHINE,
    "accelerators/NAME": (*MACHINE, "accelerators", "rtl"),
    "validation": ("core", "isa", "components", "workload", "dataflows", "config"),
    "sweep": (
        "core.result",
        "core.processors",
        "core.private",
        "codesign",
        "accelerators",
        "config",
        "workload",
        "energy",
        "report",
    ),
    "reproduce": ("codesign", "accelerators", "config", "workload", "energy", "report", "sweep"),
    "rtl": ("core", "isa", "components"),
    "api": ("core", "workload", "codesign", "config", "accelerators", "energy", "report", "sweep", "validation"),
    "cli": ("",),
}
BY_ALL = ("core.errors", "core.document", "core.files", "core.pictures", "__version__")
FORBIDDEN_NAME = re.compile(r"(^|_)(utils?|helpers?|old)$|Manager|Helper|Utils|V\d$")


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def room_of(path: Path) -> str:
    """accelsim/core/clock.py is in the room core; a machine's folder is a room, accelerators/MACHINE."""
    room, *below = path.relative_to(ROOT / "accelsim").parts
    return f"{room}/{below[0]}" if room == "accelerators" and len(below) > 1 else room


def rule_of(room: str) -> str:
    """The row of MAY_IMPORT for a room: machines share one."""
    return "accelerators/NAME" if room.startswith("accelerators/") else room


def imported(tree: ast.AST) -> list[tuple[int, str, bool]]:
    """(line, full name, whether inside a function) of everything a module imports."""
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, id(node) in inside) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            packages = ("accelsim", "accelsim.accelerators")
            names = [f"{module}.{alias.name}" for alias in node.names] if module in packages else [module]
            found += [(node.lineno, name, id(node) in inside) for name in names]
    return found


def begins(name: str, allowed: str) -> bool:
    return not allowed or name == allowed or name.startswith(f"{allowed}.")


def complaints(room: str, source: str) -> list[str]:
    """Everything in one file that breaks a rule, as sentences with their line."""
    tree = ast.parse(source)
    found = []
    for line, name, inside in imported(tree):
        if name.startswith("."):
            found.append(f"{line}: imports {name}; imports are absolute")
        if name.split(".")[0] in ("torch", "torchvision", "timm") and not (room == "codesign" and inside):
            found.append(f"{line}: imports {name}; only functions of codesign may")
        if not name.startswith("accelsim."):
            continue
        target = name.removeprefix("accelsim.")
        if not any(begins(target, allowed) for allowed in (room, *BY_ALL, *MAY_IMPORT[rule_of(room)])):
            found.append(f"{line}: {room} imports {name}")
        for machine in MACHINES - {room.removeprefix("accelerators/")}:
            if begins(target, f"accelerators.{machine}"):
                found.append(f"{line}: {room} imports the machine {machine}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            if room != "cli":
                found.append(f"{node.lineno}: prints")
            elif any(isinstance(argument, ast.JoinedStr) for argument in node.args):
                found.append(f"{node.lineno}: prints an f-string")
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and FORBIDDEN_NAME.search(node.name):
            found.append(f"{node.lineno}: a name that says nothing, {node.name}")
    return found


@pytest.mark.parametrize("path", sources("accelsim"), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_source_file_keeps_the_rules(path):
    if path == ROOT / "accelsim" / "__init__.py":
        assert imported(ast.parse(path.read_text())) == []
        return
    if path == ROOT / "accelsim" / "__main__.py":
        assert [name for _, name, _ in imported(ast.parse(path.read_text()))] == ["accelsim.cli"]
        return
    assert rule_of(room_of(path)) in MAY_IMPORT, "a new room needs its line in MAY_IMPORT and in docs/architecture.md"
    assert complaints(room_of(path), path.read_text(encoding="utf-8")) == []


def test_the_compiler_is_imported_only_by_what_compiles():
    """A run whose machine code is kept need not wait for numba: functions import it, or a module that they import."""
    at_once = re.compile(r"^(from|import) (numba|llvmlite)\b", re.MULTILINE)
    found = [path.name for path in sources("accelsim") if at_once.search(path.read_text())]
    assert sorted(found) == ["lean.py", "pointer.py"]


def test_no_file_is_too_long_and_every_name_says_something():
    paths = sources("accelsim", "tests", "benchmarks")
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in paths}
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}
    folders = {parent for p in paths for parent in p.relative_to(ROOT).parents}
    assert [str(p) for p in [*paths, *folders] if FORBIDDEN_NAME.search(p.stem)] == []


@pytest.mark.parametrize(
    ("room", "source", "complaint"),
    [
        ("core", "import accelsim.components.dram", "1: core imports accelsim.components.dram"),
        ("core", "def f():\n    from accelsim import workload", "2: core imports accelsim.workload"),
        ("workload", "from accelsim.core import InputError", "1: workload imports accelsim.core"),
        ("report", "from accelsim.components.sram import Sram", "1: report imports accelsim.components.sram"),
        ("energy", "from accelsim.core.simulator import Simulator", "1: energy imports accelsim.core.simulator"),
        ("config", "from accelsim.accelerators import schema", "1: config imports accelsim.accelerators.schema"),
        ("validation", "import accelsim.accelerators.run", "1: validation imports accelsim.accelerators.run"),
        ("accelerators", "import accelsim.rtl.cosim", "1: accelerators imports accelsim.rtl.cosim"),
        ("sweep", "import accelsim.accelerators.vitcod", "1: sweep imports the machine vitcod"),
        ("cli", "from accelsim.accelerators import vitcod", "1: cli imports the machine vitcod"),
        ("accelerators", "import accelsim.accelerators.vitcod.machine", "1: accelerators imports the machine vitcod"),
        (
            "accelerators/systolic",
            "import accelsim.accelerators.vitcod.tables",
            "1: accelerators/systolic imports the machine vitcod",
        ),
        ("accelerators/vitcod", "from accelsim.sweep import grid", "1: accelerators/vitcod imports accelsim.sweep"),
        ("components", "from accelsim.corel import x", "1: components imports accelsim.corel"),
        ("cli", "from accelsim.cli import sweep", None),
        ("sweep", "from accelsim.cli import main", "1: sweep imports accelsim.cli"),
        ("rtl", "from accelsim.accelerators import machine", "1: rtl imports accelsim.accelerators.machine"),
        ("config", "from . import arch", "1: imports .; imports are absolute"),
        ("codesign", "import torch", "1: imports torch; only functions of codesign may"),
        ("core", "def f():\n    import torch.nn", "2: imports torch.nn; only functions of codesign may"),
        ("core", "print(3)", "1: prints"),
        ("cli", "print(f'{3}')", "1: prints an f-string"),
        ("core", "class ChannelManager: pass", "1: a name that says nothing, ChannelManager"),
        ("core", "def shape_utils(): pass", "1: a name that says nothing, shape_utils"),
        ("core", "class MacLinesV2: pass", "1: a name that says nothing, MacLinesV2"),
        ("core", "from accelsim.core.errors import InputError\nfrom accelsim import __version__", None),
        ("accelerators/vitcod", "from accelsim.accelerators.vitcod.tables import PASS", None),
        ("accelerators/vitcod", "import accelsim.rtl.cosim\nfrom accelsim.validation import Judge", None),
        ("accelerators", "from accelsim.accelerators import netlist", None),
        ("codesign", "def f():\n    import torch", None),
        ("cli", "from accelsim.report import tables\nprint('done')", None),
        ("report", "from accelsim.energy.bill import bill\nfrom accelsim.core.result import Result", None),
    ],
)
def test_the_rules_themselves(room, source, complaint):
    assert complaints(room, source) == ([complaint] if complaint else [])

"""Who may import whom, and what a source file looks like (docs/architecture.md): read from the syntax trees."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 300

# Every room may import itself, accelsim.core.errors and the version; beyond that:
MAY_IMPORT = {
    "core": (),
    "isa": (),
    "workload": (),
    "components": ("core", "isa"),
    "codesign": ("workload",),
    "dataflows": ("workload", "isa"),
    "config": ("core",),
    "energy": ("core.result", "core.status"),
    "report": ("core.result", "core.status", "energy"),
    "accelerators": ("core", "isa", "components", "workload", "dataflows", "config", "energy", "report.record", "rtl"),
    "validation": ("core", "isa", "components", "workload", "dataflows", "config", "accelerators"),
    "sweep": ("core.result", "core.processors", "accelerators", "config", "workload", "energy", "report"),
    "rtl": ("core", "isa", "components"),
    "cli": ("",),
}
BY_ALL = ("core.errors", "__version__")
FORBIDDEN_NAME = re.compile(r"(^|_)(utils?|helpers?|old)$|Manager|Helper|Utils|V\d$")


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def room_of(path: Path) -> str:
    """accelsim/core/clock.py is in the room core, accelsim/cli.py in the room cli."""
    return path.relative_to(ROOT / "accelsim").parts[0].removesuffix(".py")


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
            names = [f"accelsim.{alias.name}" for alias in node.names] if module == "accelsim" else [module]
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
        if not any(begins(target, allowed) for allowed in (room, *BY_ALL, *MAY_IMPORT[room])):
            found.append(f"{line}: {room} imports {name}")
        if begins(target, "cli"):
            found.append(f"{line}: imports the command line")
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
    assert room_of(path) in MAY_IMPORT, "a new room needs its line in MAY_IMPORT and in docs/architecture.md"
    assert complaints(room_of(path), path.read_text(encoding="utf-8")) == []


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
        ("config", "from accelsim.accelerators import schema", "1: config imports accelsim.accelerators"),
        ("components", "from accelsim.corel import x", "1: components imports accelsim.corel"),
        ("rtl", "from accelsim.accelerators import machine", "1: rtl imports accelsim.accelerators"),
        ("cli", "from accelsim.cli import main", "1: imports the command line"),
        ("config", "from . import arch", "1: imports .; imports are absolute"),
        ("codesign", "import torch", "1: imports torch; only functions of codesign may"),
        ("core", "def f():\n    import torch.nn", "2: imports torch.nn; only functions of codesign may"),
        ("core", "print(3)", "1: prints"),
        ("cli", "print(f'{3}')", "1: prints an f-string"),
        ("core", "class ChannelManager: pass", "1: a name that says nothing, ChannelManager"),
        ("core", "def shape_utils(): pass", "1: a name that says nothing, shape_utils"),
        ("core", "class MacLinesV2: pass", "1: a name that says nothing, MacLinesV2"),
        ("core", "from accelsim.core.errors import InputError\nfrom accelsim import __version__", None),
        ("codesign", "def f():\n    import torch", None),
        ("cli", "from accelsim.report import tables\nprint('done')", None),
        ("report", "from accelsim.energy.bill import bill\nfrom accelsim.core.result import Result", None),
    ],
)  # fmt: skip
def test_the_rules_themselves(room, source, complaint):
    assert complaints(room, source) == ([complaint] if complaint else [])

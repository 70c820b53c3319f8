"""docs/timing.md names the tests that assert it; they exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "timing.md").read_text(encoding="utf-8")
FOLDERS = ("components", "dataflows", "core", "accelerators/*", "accelerators/*/*")


def test_every_test_that_the_document_names_exists():
    files = {path.name: path for folder in FOLDERS for path in (ROOT / "tests").glob(f"{folder}/test_*.py")}
    functions = {
        node.name
        for folder in FOLDERS
        for path in (ROOT / "tests").glob(f"{folder}/test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    named = re.findall(r"`((?:test_|\.\.\.)[\w./]*)`", TEXT)
    assert len(named) > 60
    for name in named:
        if name.endswith(".py"):
            assert name in files
        else:  # dots stand for what is left out
            pattern = re.compile(name.replace("...", r"\w*") + r"\Z")
            assert any(pattern.match(f) for f in functions), f"docs/timing.md names {name}, which is no test"


def test_every_component_has_its_test_file_in_the_document():
    rooms = (
        (ROOT / "accelsim").glob("components/[a-z]*.py"),
        (ROOT / "accelsim").glob("accelerators/*/components/[a-z]*.py"),
    )
    for path in (p for room in rooms for p in room if "@tick" in p.read_text(encoding="utf-8")):
        said = f"`test_{path.stem}.py`" in TEXT or re.search(
            rf"^- .*`{path.stem}`.*(\n  .*)*`test_\w+\.py`", TEXT, re.M
        )
        assert said, f"docs/timing.md does not say which test asserts {path.stem}"

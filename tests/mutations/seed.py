"""A copy of the tree with a bug in it, and the tests that must see it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.mutations.bug import Bug

ROOT = Path(__file__).parents[2]
LIMIT = 600  # seconds; a bug that makes a test run on is caught


class Outcome(NamedTuple):
    """Whether a test failed, which, and how long it took."""

    caught: bool
    by: str
    seconds: float


def places(bug: Bug) -> int:
    """How often the text of a bug stands in its file."""
    return (ROOT / "accelsim" / bug.file).read_text(encoding="utf-8").count(bug.before)


def plant(bug: Bug, tree: Path) -> None:
    """Put the bug into a copy of the tree. Raises ValueError when its text is not there exactly once."""
    path = tree / "accelsim" / bug.file
    text = path.read_text(encoding="utf-8")
    if text.count(bug.before) != 1:
        raise ValueError(f"{bug.name}: {bug.before!r} stands {text.count(bug.before)} times in {bug.file}, not once")
    path.write_text(text.replace(bug.before, bug.after), encoding="utf-8")


def copied(tree: Path) -> None:
    """A copy of the package and its tests; what they only read is linked."""
    leave = shutil.ignore_patterns("__pycache__", ".*", "data")
    for folder in ("accelsim", "tests"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=leave)
    for path in ROOT.iterdir():
        if not path.name.startswith(".") and not (tree / path.name).exists():
            (tree / path.name).symlink_to(path)


def outcome(bug: Bug) -> Outcome:
    """Whether the bug's tests see it. They stop at the first failure."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        copied(tree)
        plant(bug, tree)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly"]
        command += [f"tests/{one}" for one in bug.tests]
        environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return Outcome(True, f"no end within {LIMIT} s", time.monotonic() - start)
    seen = [
        row.split(" ", 1)[1].split(" - ")[0] for row in done.stdout.splitlines() if row.startswith(("FAILED", "ERROR"))
    ]
    if done.returncode not in (0, 1) and not seen:
        raise RuntimeError(f"{bug.name}: its tests do not run: {(done.stdout + done.stderr)[-400:]}")
    return Outcome(done.returncode != 0, seen[0] if seen else "", time.monotonic() - start)

"""Machines outside the package: made by `new-machine` or written down here, in this process or in ones of their own."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from accelsim.accelerators.new_machine import write_machine
from accelsim.accelerators.plugins import VARIABLE, name_plugin
from tests.conftest import ROOT

NUMBERS = itertools.count()  # a module stays imported: every machine of this process has a name of its own


@pytest.fixture
def outside(tmp_path, monkeypatch) -> Path:
    """A working directory; whatever plug-ins are named from it are forgotten afterwards."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def new(outside):
    """Makes a machine with files edited: `new({"machine.py": (old, new)})` gives its folder."""

    def make(edits: dict[str, tuple[str, str]] | None = None, name: str = "") -> Path:
        folder = outside / (name or f"made{next(NUMBERS)}")
        write_machine(folder)
        for file, (old, text) in (edits or {}).items():
            edit(folder / file.replace("NAME", folder.name), old, text)
        return folder

    return make


@pytest.fixture
def loaded(new):
    """Makes such a machine and has it named: its folder."""

    def make(edits: dict[str, tuple[str, str]] | None = None) -> Path:
        folder = new(edits)
        name_plugin(folder)
        return folder

    return make


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that stands in a file exactly once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def accelsim(folder: Path, *arguments: object, status: int = 0, **environment: str) -> subprocess.CompletedProcess:
    """A command in a process of its own, started in a folder."""
    return python(folder, "-m", "accelsim.cli", *arguments, status=status, **environment)


def python(folder: Path, *arguments: object, status: int = 0, **environment: str) -> subprocess.CompletedProcess:
    """Python in a process of its own, which finds this accelsim."""
    paths = os.pathsep.join([str(ROOT), *filter(None, [environment.pop("PYTHONPATH", "")])])
    command = [sys.executable, *map(str, arguments)]
    plain = {n: v for n, v in os.environ.items() if n not in (VARIABLE, "ACCELSIM_TRACEBACK")}
    everything = plain | {"PYTHONPATH": paths} | environment
    done = subprocess.run(command, cwd=folder, env=everything, capture_output=True, text=True, timeout=240)
    assert done.returncode == status, done.stdout + done.stderr
    return done

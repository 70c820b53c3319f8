"""Lint: every module with all of Verilator's warnings."""

import re
from pathlib import Path

from accelsim.rtl.netlist import BITS
from accelsim.rtl.package import Package
from accelsim.rtl.verilator import verilator
from accelsim.rtl.vsim import SOURCES

# A table's row, an item or an address reaches a unit, or a function in it, whole, though it reads a part of it.
# The package has widths for all units.
WHOLE = re.compile(r"UNUSEDSIGNAL: .*: Bits of (signal|function variable) are not used: '|UNUSEDPARAM: .*isa\.sv:")


def lint(package: Package, folder: Path) -> dict[str, list[str]]:
    """Verilator's warnings and errors on each of a machine's modules and of the harness's at its default parameters;
    `folder` is for the package."""
    isa = folder / "isa.sv"
    isa.write_text(package.text(BITS))
    found = {}
    flags = ["--lint-only", "-Wall", "-Wno-fatal", "-y", str(package.sources), "-y", str(SOURCES)]
    for path in package.modules():
        try:
            said = verilator(*flags, "--top-module", path.stem, str(isa), str(path))
        except RuntimeError as refused:
            said = str(refused)
        lines = [line for line in said.splitlines() if "%Warning" in line or "%Error" in line]
        found[path.stem] = [line for line in lines if not WHOLE.search(line)]
    return found

"""Lint: every module with all of Verilator's warnings."""

from pathlib import Path

from accelsim.rtl.package import package
from accelsim.rtl.vsim import SOURCES, verilator


def lint(folder: Path) -> dict[str, str]:
    """What Verilator has to say of each module at its default parameters; `folder` is for the package."""
    isa = folder / "isa.sv"
    isa.write_text(package(20))
    said = {}
    for path in sorted(SOURCES.glob("*.sv")):
        try:
            said[path.stem] = verilator(
                "--lint-only", "-Wall", "-Wno-fatal", "--top-module", path.stem, f"-y{SOURCES}", str(isa), str(path)
            )
        except RuntimeError as refused:
            said[path.stem] = str(refused)
    return said

"""A configuration as hardware: the modules, the tops with that configuration's parameters, and a file list."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from accelsim.core import Param
from accelsim.core.errors import InputError
from accelsim.rtl.attention import CAPACITY
from accelsim.rtl.coding import CodingSizes
from accelsim.rtl.core import RANDOM, core
from accelsim.rtl.datapath import Sizes
from accelsim.rtl.netlist import Netlist, alone
from accelsim.rtl.twins import TWINS
from accelsim.rtl.vsim import SOURCES

FILE_LIST = "files.f"
ENCODER_DEPTHS = {"outputs": 4, "out": 4}  # as the machine wires it


def encoder_values(parts: Mapping[str, Mapping[str, int | str]]) -> dict[str, int]:
    """The encoder's parameters of a configuration's parts."""
    declared = TWINS["encoder"].component.declared(Param)
    return {n: p.check("encoder", parts["encoder"][n]) for n, p in declared.items()}


def tops(
    values: Mapping[str, dict[str, int]], rows: Mapping[str, int] = CAPACITY, sizes: Sizes = RANDOM
) -> list[Netlist]:
    """What is written: the encoder between its channels, if there are values for it, and attention_core."""
    nets = [alone("encoder", values["encoder"], ENCODER_DEPTHS, {}, CodingSizes())] if "encoder" in values else []
    return [*nets, core(values, dict(rows), sizes=sizes)]


def write(
    values: Mapping[str, dict[str, int]], folder: Path, rows: Mapping[str, int] = CAPACITY, sizes: Sizes = RANDOM
) -> list[Path]:
    """Write the RTL of the attention units with these parameters into `folder`; the files in the order to read them.

    `values` are the parameters of each unit of attention_core, and of `encoder`, which stands outside it; `rows` are
    the sizes of the tables, `sizes` those of the data path. Raises InputError when the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / FILE_LIST).exists():
        raise InputError(f"{folder}: the folder is not empty and holds no {FILE_LIST}; choose another for the RTL")
    ends = []
    for net in tops(values, rows, sizes):
        package, *_, end = net.files(folder)
        ends.append(end)
    modules = sorted(SOURCES.glob("*.sv"))
    for path in modules:
        shutil.copyfile(path, folder / path.name)
    ordered = [package, *(folder / path.name for path in modules), *ends]
    temporary = folder / f"{FILE_LIST}.{os.getpid()}"
    temporary.write_text("".join(f"{p.name}\n" for p in ordered))
    os.replace(temporary, folder / FILE_LIST)
    return ordered

"""A configuration as hardware: the modules, the tops with that configuration's parameters, and a file list."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from accelsim.core.errors import InputError
from accelsim.rtl.netlist import Netlist

FILE_LIST = "files.f"


def write(tops: Sequence[Netlist], folder: Path, *, alone: bool = False) -> list[Path]:
    """Write netlists of one machine and all its modules, or only those in them (`alone`), into `folder`; the files in
    the order to read them.

    Raises InputError when the folder holds something else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / FILE_LIST).exists():
        raise InputError(f"{folder}: the folder is not empty and holds no {FILE_LIST}; choose another for the RTL")
    ends = []
    for net in tops:
        package, *_, end = net.files(folder)
        ends.append(end)
    needed = {name for net in tops for name in net.modules()}
    others = () if alone else {path.stem for path in tops[0].package.modules()}.difference(tops[0].package.simulated)
    modules = [path for path in tops[0].package.modules() if path.stem in needed or path.stem in others]
    for path in modules:
        shutil.copyfile(path, folder / path.name)
    ordered = [package, *(folder / path.name for path in modules), *ends]
    temporary = folder / f"{FILE_LIST}.{os.getpid()}"
    temporary.write_text("".join(f"{p.name}\n" for p in ordered))
    os.replace(temporary, folder / FILE_LIST)
    return ordered

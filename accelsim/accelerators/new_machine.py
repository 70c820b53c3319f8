"""Writes a small machine for a user to begin with: a copy of the one that lies in `_template`, under another name."""

import keyword
import os
from importlib.util import find_spec
from pathlib import Path

from accelsim.config.shipped import listing
from accelsim.core.errors import InputError
from accelsim.core.files import scratch

NAME = "my_machine"  # what the template is called
TEMPLATE = Path(__file__).parent / "_template" / NAME
KINDS = (".py", ".yaml", ".md")


def write_machine(folder: str | Path) -> list[Path]:
    """Write a machine into a folder that does not exist or is empty; its name is the machine's. The files written.

    Raises InputError, and writes nothing, for a name that cannot be one, and for a folder that holds something.
    """
    target = Path(os.path.abspath(folder))
    check(folder, target)
    with scratch(target.parent, target.name) as room:
        whole = room / target.name
        whole.mkdir()
        for file in sorted(f for f in TEMPLATE.iterdir() if f.suffix in KINDS):
            (whole / renamed(file.name, target.name)).write_text(
                renamed(file.read_text("utf-8"), target.name), encoding="utf-8"
            )
        os.replace(whole, target)
    return sorted(Path(folder) / file.name for file in target.iterdir())


def renamed(text: str, name: str) -> str:
    """A text of the template for a machine of this name."""
    return text.replace(NAME, name).replace(class_name(NAME), class_name(name))


def class_name(name: str) -> str:
    """The class of a machine: MyMachine for my_machine, FastMachine for fast."""
    words = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    return words if words.endswith("Machine") else f"{words}Machine"


def check(folder: str | Path, target: Path) -> None:
    """Raise InputError unless a machine can be written there."""
    name, where = target.name, f"{folder}: the folder's name is the machine's"
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(f"{where}, and {name!r} is no Python identifier; use letters, digits and underscores")
    if name in listing("arch_configs"):
        raise InputError(f"{where}, and a machine {name!r} is there already; choose another name")
    if name in (file.stem for file in TEMPLATE.iterdir() if file.stem != NAME):
        raise InputError(f"{where}, and {name!r} is the name of a file in it; choose another name")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"{folder}: there is something already; name a folder that does not exist or is empty")
    if not target.parent.is_dir():
        raise InputError(f"{folder}: the folder {target.parent} does not exist")
    if (found := module_of(name)) and target not in (Path(found), *Path(found).parents):
        raise InputError(f"{where}, and a module {name!r} can be imported from {found} already; choose another name")


def module_of(name: str) -> str:
    """Where a module of this name would be imported from; nothing if there is none."""
    spec = find_spec(name)
    if spec is None:
        return ""
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    return next((os.path.abspath(place) for place in places if place and os.path.exists(place)), "Python itself")

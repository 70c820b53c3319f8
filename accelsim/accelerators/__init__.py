"""Machines: parts, wiring, choice of dataflows; a folder each. They are found by name, never listed."""

import importlib
from functools import lru_cache
from pathlib import Path

from accelsim.accelerators.machine import Machine
from accelsim.core.errors import InputError, suggest


@lru_cache
def shipped() -> tuple[str, ...]:
    """The machines that come with accelsim: the folders here that hold a module `machine`."""
    return tuple(sorted(p.parent.name for p in Path(__file__).parent.glob("*/machine.py")))


def machine(name: str) -> Machine:
    """A machine by its name. Raises InputError for an unknown one."""
    if name not in shipped():
        known = shipped()
        raise InputError(f"machine {name!r} is not known: expected {', '.join(known)}{suggest(name, known)}")
    return importlib.import_module(f"accelsim.accelerators.{name}.machine").MACHINE


def schema(name: str):
    """The MachineSchema of a machine."""
    return machine(name).schema

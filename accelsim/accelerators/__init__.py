"""Machines: parts, wiring, choice of dataflows; one file a machine."""

import importlib
from types import ModuleType

from accelsim.core.errors import InputError, suggest

MACHINES = ("vitcod",)


def machine(name: str) -> ModuleType:
    """The module of a machine: `SCHEMA` (what its user decides) and `build(arch, workload, ...)` (its netlist).

    Raises InputError for an unknown name.
    """
    if name not in MACHINES:
        raise InputError(f"machine {name!r} is not known: expected {', '.join(MACHINES)}{suggest(name, MACHINES)}")
    return importlib.import_module(f"accelsim.accelerators.{name}")


def schema(name: str):
    """The MachineSchema of a machine."""
    return machine(name).SCHEMA

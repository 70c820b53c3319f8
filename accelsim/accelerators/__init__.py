"""Machines: parts, wiring, choice of dataflows; a folder each. They are found by name, never listed."""

import importlib
from functools import lru_cache
from pathlib import Path

from accelsim.accelerators.machine import Machine
from accelsim.accelerators.plugins import plugins
from accelsim.config import shipped as configurations
from accelsim.config.schema import MachineSchema
from accelsim.core.errors import InputError, suggest


@lru_cache
def shipped() -> tuple[str, ...]:
    """The machines that come with accelsim: the folders here that hold a module `machine`."""
    folders = (p.parent.name for p in Path(__file__).parent.glob("*/machine.py"))
    return tuple(sorted(name for name in folders if not name.startswith("_")))


def simulated() -> tuple[str, ...]:
    """Those of them that have a netlist; the others are analytic."""
    return tuple(name for name in shipped() if not machine(name).analytic)


def machine(name: str) -> Machine:
    """A machine by its name: a shipped one, or a plug-in. Raises InputError for an unknown one."""
    if name in shipped():
        return importlib.import_module(f"accelsim.accelerators.{name}.machine").MACHINE
    found = plugins()
    if name in found:
        return found[name].machine
    known = [*shipped(), *found]
    raise InputError(f"machine {name!r} is not known: expected {', '.join(known)}{suggest(name, known)}")


def schema(name: str) -> MachineSchema:
    """The MachineSchema of a machine."""
    return machine(name).schema


def brought() -> dict[str, Path]:
    """The configurations that plug-ins bring, by name."""
    return {name: path for one in plugins().values() for name, path in one.configurations.items()}


configurations.bring("arch_configs", brought)

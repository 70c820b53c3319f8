"""The kernel: what a component is, how components are wired, how time passes. No accelerator, no ViT, no joule."""

from accelsim.core.component import Component, Count, In, Lanes, Mem, Out, Param, Reg, tick
from accelsim.core.errors import InputError
from accelsim.core.status import BLOCKED, BUSY, IDLE, NEVER, STARVED, STATUS_NAMES

__all__ = [
    "BLOCKED", "BUSY", "IDLE", "NEVER", "STARVED", "STATUS_NAMES",
    "Channel", "Component", "Count", "DeadlockError", "In", "InputError", "Lanes", "Mem", "Out", "Param", "Reg",
    "Simulator", "can_pop", "can_push", "front", "pop", "push", "room", "tick", "waiting",
]  # fmt: skip

LATER = {
    name: module
    for module, names in {
        "accelsim.core.channel": ("Channel", "can_pop", "can_push", "front", "pop", "push", "room", "waiting"),
        "accelsim.core.simulator": ("DeadlockError", "Simulator"),
    }.items()
    for name in names
}


def __getattr__(name: str):
    """Names that need numba are imported when first asked for, so that `accelsim --help` need not wait for it."""
    if name in LATER:
        import importlib

        return getattr(importlib.import_module(LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

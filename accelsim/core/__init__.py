"""The kernel: what a component is, how components are wired, how time passes. No accelerator, no ViT, no joule."""

from accelsim.core.component import Component, Count, In, Ins, Lanes, Mem, Out, Outs, Param, Reg, tick
from accelsim.core.errors import InputError
from accelsim.core.status import BLOCKED, BUSY, IDLE, NEVER, STARVED, STATUS_NAMES

OF_CHANNELS = ("Channel", "can_pop", "can_push", "front", "pass_on", "pop", "port", "port_count", "push", "push_words")
LATER = dict.fromkeys(OF_CHANNELS, "accelsim.core.channel") | dict.fromkeys(
    ("DeadlockError", "Simulator"), "accelsim.core.simulator"
)


def __getattr__(name: str):
    """Names that need numba are imported when first asked for, so that `accelsim --help` need not wait for it."""
    if name in LATER:
        import importlib

        return getattr(importlib.import_module(LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "BLOCKED",
    "BUSY",
    "IDLE",
    "NEVER",
    "STARVED",
    "STATUS_NAMES",
    "Channel",
    "Component",
    "Count",
    "DeadlockError",
    "In",
    "InputError",
    "Ins",
    "Lanes",
    "Mem",
    "Out",
    "Outs",
    "Param",
    "Reg",
    "Simulator",
    "can_pop",
    "can_push",
    "front",
    "pass_on",
    "pop",
    "port",
    "port_count",
    "push",
    "push_words",
    "tick",
]

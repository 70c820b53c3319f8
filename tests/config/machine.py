"""A small machine to configure: an engine, two kinds of memory, and options."""

from pathlib import Path

import pytest

from accelsim.config import MachineSchema, Part, load_arch
from accelsim.core import Component, Count, In, InputError, Mem, Out, Param
from accelsim.core.errors import suggest


class Engine(Component):
    """Multiplies, one line a column.

    The second paragraph is for readers of the code.
    """

    lines = Param(64, "count", "MAC lines", high=4096)
    macs = Param(8, "count", "MACs of one line")
    operand_bits = Param(8, "bits", "width of an operand", high=32)
    order = Param("rows", "choice", "the order of work", choices=("rows", "columns"))
    drain = Param(0, "cycles", "from the last operand to the last result", low=0)
    work = In("what to do", number="running number")
    done = Out("what was done", number="running number")
    program = Mem("the program")
    mac_ops = Count("multiplications and additions")


class Pipe(Component):
    """A memory with a latency and a width."""

    latency = Param(30, "cycles", "from request to the first byte")
    width = Param(64, "bytes/cycle", "bytes moved in a cycle")
    capacity_bytes = Param(1024, "bytes", "what it holds")
    read_bytes = Count("bytes read", "bytes")


class Banked(Component):
    """A memory of banks."""

    banks = Param(16, "count", "banks")
    capacity_bytes = Param(2048, "bytes", "what it holds")


def heads_fit(arch) -> str | None:
    if arch.options["heads"] == "parallel" and arch.parts["engine"]["lines"] < 4:
        return f"heads: parallel needs at least 4 lines, but engine.lines is {arch.parts['engine']['lines']}"
    return None


def toy(**changes) -> MachineSchema:
    """The machine, or one with other fields."""
    fields = {
        "name": "toy",
        "title": "A machine to test with.",
        "clocks": {"core": "500 MHz", "dram": "1200 MHz"},
        "options": {
            "heads": Param("parallel", "choice", "how heads share the lines", choices=("parallel", "serial")),
            "auto_encoder": Param("true", "choice", "whether Q and K are compressed", choices=("false", "true")),
            "depth": Param(2, "count", "items a channel holds"),
        },
        "parts": {
            "engine": Part("The array.", "core", Engine, {"lines": 32}),
            "dram": Part("The memory.", "dram", {"pipe": Pipe, "banked": Banked}, {"latency": "60 ns"}),
            "buffer": Part("The buffer.", "core", Pipe, {"capacity_bytes": "53 KiB"}),
        },
        "rules": (heads_fit,),
    }
    return MachineSchema(**fields | changes)


def schemas(name: str) -> MachineSchema:
    if name != "toy":
        raise InputError(f"there is no machine {name!r}; there is toy{suggest(name, ['toy'])}")
    return toy()


def problems(path: Path, *overrides, known=schemas) -> list[str]:
    """The lines of the error that a file and overrides give, with the folder taken off."""
    with pytest.raises(InputError) as error:
        load_arch(path, known, overrides)
    return str(error.value).replace(f"{path.parent}/", "").splitlines()

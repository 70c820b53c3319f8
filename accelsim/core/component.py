"""A component: parameters, ports, registers and counters, declared; behaviour, one `tick` function."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from accelsim.core.errors import InputError, shown, suggest

# What a parameter may be at most if it does not say: lanes and queues that are allocated, waits and sizes that are
# multiplied with each other and summed over a run.
MOST = {
    "count": 1 << 16, "cycles": 1 << 24, "bytes": 1 << 40, "bytes/cycle": 1 << 24, "bits": 1 << 10, "permille": 1000,
    "mW": 1 << 24, "fJ": 1 << 30,
}  # fmt: skip


class Field:
    """Anything declared in a component's header."""

    name: str
    doc: str

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


class Param(Field):
    """A number fixed when the component is built: default, unit, one sentence, and the range it may have; without
    `high` that is what memory and 64-bit counters allow of its unit.

    `unit` is one of count, cycles, bytes, bytes/cycle, bits, permille, mW, fJ, or choice (then `choices` lists the
    words; inside a tick the value is the word's index).
    """

    def __init__(
        self, default: int | str, unit: str, doc: str, *, low: int = 1, high: int | None = None, choices: tuple = ()
    ) -> None:
        self.default, self.unit, self.doc, self.low, self.high, self.choices = default, unit, doc, low, high, choices

    def check(self, owner: str, value: Any) -> int:
        """The value as the integer a tick sees. Raises InputError when it breaks the rule."""
        where = f"{owner}.{self.name}"
        if self.choices:
            if value not in self.choices:
                raise InputError(
                    f"{where}: expected one of {', '.join(map(str, self.choices))}, not {shown(value)} ({self.doc})"
                    + suggest(value, self.choices)
                )
            return self.choices.index(value)
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise InputError(f"{where}: expected a whole number of {self.unit}, not {shown(value)} ({self.doc})")
        high = MOST.get(self.unit, MOST["count"]) if self.high is None else self.high
        if not self.low <= value <= high:
            most = "" if self.high is None and value < self.low else f" and <= {high}"
            raise InputError(f"{where}: must be >= {self.low}{most} {self.unit}, not {shown(value)} ({self.doc})")
        return int(value)


class Reg(Field):
    """A scalar register."""

    def __init__(self, doc: str, *, reset: int = 0) -> None:
        self.doc, self.reset = doc, reset


class Count(Field):
    """An action counter; energy is count x the action's price, added up after the run."""

    def __init__(self, doc: str, unit: str = "count") -> None:
        self.doc, self.unit = doc, unit


class Lanes(Field):
    """An array of identical sub-units, one record of int64 registers each; so many, or as parameter `size` says."""

    def __init__(self, size: str | int, doc: str, **registers: str) -> None:
        self.size, self.doc, self.registers = size, doc, registers
        self.dtype = np.dtype([(n, "i8") for n in registers])


class Mem(Field):
    """A table: handed in when the component is built (a program), or made by `build(component)` as working storage."""

    def __init__(self, doc: str, build: Callable[["Component"], np.ndarray] | None = None) -> None:
        self.doc, self.build = doc, build


class Port(Field):
    """One end of a channel; `payload` names the int64 fields of an item, each with a sentence."""

    def __init__(self, doc: str, **payload: str) -> None:
        self.doc, self.fields, self.optional = doc, payload, False

    @property
    def payload(self) -> tuple[str, ...]:
        """The fields of an item, in their order."""
        return tuple(self.fields)


class In(Port):
    """A consumer's end of a channel. An `optional` one may stay unconnected: nothing ever arrives there."""

    def __init__(self, doc: str, *, optional: bool = False, **payload: str) -> None:
        Port.__init__(self, doc, **payload)
        self.optional = optional


class Out(Port):
    """A producer's end of a channel."""


class PortArray(Port):
    """Like ports side by side, taken inside a tick by number (`port(name, n)`, see channel.py) and named when they are
    connected, in their order: `NAME.ELEMENT`. So many as parameter `size` says, or, without it, as are connected.

    Without a payload its ends take that of the port at the other end, and a tick moves items word by word
    (`push_words`, `pass_on`).
    """

    def __init__(self, doc: str, *, size: str = "", **payload: str) -> None:
        super().__init__(doc, **payload)
        self.size, self.optional = size, False


class Ins(PortArray, In):
    """An array of consumer's ends."""


class Outs(PortArray, Out):
    """An array of producer's ends."""


def tick(function: Callable) -> staticmethod:
    """Mark a function as a component's behaviour in one cycle; its body is compiled (see elaborate.py).

    Its arguments are asked for by name, as a module header lists its ports: `now` is the cycle of the component's own
    clock, `r` the record of parameters, scalar registers and counters, `mark` the simulator's mark (see Simulator.run);
    any other name is the port, lanes or memory declared under it; a parameter asked for by name is compiled in, and
    branches for other values are left out. It returns a status and sets `r.wake` to the next cycle in which it would
    act even if no channel moved; if it sets none, BUSY means "ask again in the next cycle", any other status "wake me
    when a channel moves". It is called when that cycle comes, when an item arrives on an In port
    that was empty, or that it has emptied, and when room appears on an Out port that was full; called at any other time
    it must change nothing and say the same again.
    """
    return staticmethod(function)


class Component:
    """Base of all components. Subclasses declare fields and one `tick`."""

    fields: dict[str, Field] = {}
    record: np.dtype
    counted: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        cls.fields = {n: f for k in reversed(cls.__mro__) for n, f in vars(k).items() if isinstance(f, Field)}
        cls.record = np.dtype(
            [("wake", "i8")]
            + [(n, "i8") for kind in (Param, Reg, Count) for n, f in cls.fields.items() if isinstance(f, kind)]
        )
        cls.counted = tuple(cls.declared(Count))  # the last of the record

    def __init__(self, name: str, clock: str = "core", **values: Any) -> None:
        self.name, self.clock = name, clock
        self.r = np.zeros(1, self.record).view(np.recarray)
        self.storage: dict[str, np.ndarray] = {}
        unknown = [v for v in values if not isinstance(self.fields.get(v), Param | Mem)]
        if unknown:
            known = self.declared(Param)
            raise InputError(
                f"{name}.{unknown[0]}: no such parameter of {type(self).__name__}{suggest(unknown[0], known)}"
            )
        for n, f in self.fields.items():
            if isinstance(f, Param):
                self.r[n] = f.check(name, values.get(n, f.default))
            elif isinstance(f, Reg):
                self.r[n] = f.reset
        try:
            self.allocate(values)
        except (MemoryError, OverflowError) as error:
            values = {n: self.value(n) for n, p in self.declared(Param).items() if not p.choices}
            largest = sorted(values, key=values.get, reverse=True)  # what is too large stands first
            sizes = ", ".join(f"{name}.{n} = {values[n]}" for n in largest)
            raise InputError(
                f"{sizes}: there is not the memory for a {type(self).__name__} of these sizes; make them smaller"
            ) from error
        self.check()

    def allocate(self, tables: dict[str, Any]) -> None:
        """Make its lanes and memories; `tables` has those that are handed in."""
        for n, f in self.fields.items():
            if isinstance(f, Lanes):
                size = self.value(f.size) if isinstance(f.size, str) else f.size
                self.storage[n] = np.zeros(size, f.dtype).view(np.recarray)
        for n, f in self.fields.items():
            if isinstance(f, Mem):
                self.storage[n] = tables[n] if f.build is None else f.build(self)

    def check(self) -> None:
        """Rules between parameters; raises InputError. Nothing by default."""

    def value(self, name: str) -> int:
        """The current value of a parameter, register or counter."""
        return int(np.asarray(self.r)[name][0])  # a record array itself looks for names in Python

    @classmethod
    def declared(cls, kind: type) -> dict[str, Any]:
        """The fields of one kind, in the order of declaration."""
        return {n: f for n, f in cls.fields.items() if isinstance(f, kind)}

    @classmethod
    def signature(cls) -> list[str]:
        """The names the tick asks for, in order."""
        code = cls.tick.__code__
        return list(code.co_varnames[: code.co_argcount])

    def parameters(self) -> dict[str, int | str]:
        """Every parameter as a user would write it."""
        return {n: p.choices[self.value(n)] if p.choices else self.value(n) for n, p in self.declared(Param).items()}

    def counts(self) -> dict[str, int]:
        """Every action counter."""
        return dict(zip(self.counted, self.counters.tolist()))

    @cached_property
    def counters(self) -> np.ndarray:
        """int64: where the action counters stand in its record."""
        return np.asarray(self.r).view(np.int64)[len(self.record) - len(self.counted) :]

"""Elaboration: every component's tick behind one C signature, compiled once and kept on disk.

An entry is called as `entry(now, words)`: `words` is the address of a row of integers that say where the arguments of
the tick lie, its record first. So the kernel needs no wiring of its own: it calls a table of entries, and another
choice of components compiles only what no netlist has held before. Generated is only how the arguments are found; what
follows is the tick's body as it was written. ACCELSIM_DUMP=1 prints the entries.
"""

import ast
import inspect
import os
import sys
import textwrap
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from accelsim.core.channel import Channel, Channels
from accelsim.core.component import Component
from accelsim.core.keep import Generated, name_of
from accelsim.core.schedule import TABLES

ENTRY = """\
import numpy as np
from accelsim.core.channel import Channel as _Channel, Channels as _Channels
from accelsim.core.invoke import array_at as _array_at, record_at as _record_at
{imports}

{types}


def entry(now, _words):
{bindings}
{body}
"""

KERNEL = """\
    call[0].at, call[0].quiet = advance(
        call[0].start, call[0].stop, call[0].skip, control, slots, state, cycles, period, edge, coming, late, first,
        order, due, moves, entries, rows, words, Trace(used, events, transfers), mark,
    )
    return 0
"""
Tables = Mapping[str, tuple[np.dtype, int]]  # what lies in each, and its dimensions
Argument = int | Channel | Channels | np.record | np.ndarray


@lru_cache
def literal(dtype: np.dtype) -> str:
    """A number's or a record's type as an expression."""
    if dtype.names is None:
        return f"np.dtype({dtype.str!r})"
    names = list(dtype.names)
    formats, offsets = [dtype.fields[n][0].str for n in names], [dtype.fields[n][1] for n in names]
    fields = {"names": names, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize}
    return f"np.dtype({fields})"


def words(value: Argument) -> list[int]:
    """Where an argument lies: a record's address; an array's and its shape; both of a channel; nowhere for a number."""
    if isinstance(value, int):
        return []
    if isinstance(value, Channel):
        return [*words(value.control), *words(value.slots)]
    if isinstance(value, Channels):
        return words(value.lines)
    plain = np.asarray(value)  # the same memory; of a record array, all that is asked goes through Python
    if plain.ndim and not plain.flags.c_contiguous:
        raise TypeError("a component's memory must lie in one piece")
    return [plain.ctypes.data, *plain.shape]


class Row:
    """Lines of an entry that find its arguments behind a row of words."""

    def __init__(self) -> None:
        self.types, self.bindings, self.length = ['_word = np.dtype("i8")'], [], 0

    def bind(self, name: str, value: np.record | np.ndarray) -> None:
        """An argument that lies in memory."""
        self.types.append(f"{name}_type = {literal(value.dtype)}")
        at = self.length
        shape = "".join(f"_w[{at + 1 + n}], " for n in range(len(value.shape)))
        what = f"_array_at(_w[{at}], ({shape}), " if shape else f"_record_at(_w[{at}], "
        self.bindings.append(f"    {name} = {what}{name}_type)")
        self.length += 1 + len(value.shape)

    def find(self, name: str, value: Argument) -> None:
        """Any argument of a tick; a number is compiled in."""
        if isinstance(value, int):
            self.types.append(f"{name} = {value}")
        elif isinstance(value, Channel):
            self.bind(f"{name}_control", value.control)
            self.bind(f"{name}_slots", value.slots)
            self.bindings.append(f"    {name} = _Channel({name}_control, {name}_slots)")
        elif isinstance(value, Channels):
            self.bind(f"{name}_lines", value.lines)
            self.types.append(f"{name}_like = {literal(value.like.dtype)}")
            nowhere = ", ".join("0" for _ in value.like.shape)
            self.bindings.append(f"    {name} = _Channels({name}_lines, _array_at(0, ({nowhere},), {name}_like))")
        else:
            self.bind(name, value)

    @property
    def made_of(self) -> str:
        """What distinguishes entries of the same body."""
        return "\n".join([ENTRY, *self.types, *self.bindings])

    def text(self, imports: str, body: str) -> str:
        """The module, with the body as it was written."""
        first = f"    _w = _array_at(_words, ({self.length},), _word)"
        bindings = "\n".join([first, *self.bindings])
        made = ENTRY.format(imports=imports, types="\n".join(self.types), bindings=bindings, body=body)
        if os.environ.get("ACCELSIM_DUMP"):
            sys.stderr.write(made)
        return made


def entry_module(kind: type[Component], values: Mapping[str, Argument]) -> Generated:
    """The entry of a component whose tick is called with these arguments."""
    row = Row()
    for name, value in values.items():
        row.find(name, value)

    def text() -> str:
        lines = textwrap.dedent(inspect.getsource(kind.tick)).splitlines()
        body = ast.parse("\n".join(lines)).body[0].body
        names = [n for n in kind.tick.__code__.co_names if n in kind.tick.__globals__]
        imports = f"from {kind.tick.__module__} import {', '.join(names)}" if names else ""
        return row.text(imports, "\n".join(lines[body[0].lineno - 1 :]))

    made_of = "\n".join([row.made_of, kind.__qualname__, kind.tick.__code__.co_filename])
    return Generated(name_of(kind.__name__, made_of, kind), kind, text)


def called_module(stem: str, tables: Tables, imports: str, body: str, made_of: str = "") -> Generated:
    """A function that Python calls with a row of such tables (see `row_of` and machine_code.caller); of whatever it is
    made beside the core, `made_of` tells the digest."""
    row = Row()
    for name, (dtype, dimensions) in tables.items():
        row.bind(name, np.zeros((0,) * dimensions, dtype))
    return Generated(name_of(stem, row.made_of + imports + body + made_of, None), None, lambda: row.text(imports, body))


def row_of(tables: Tables, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The row of words of tables that are as they were declared; the tables must outlive it."""
    for name, (dtype, dimensions) in tables.items():
        array = values[name]
        if array.dtype != dtype or array.ndim != dimensions:
            raise TypeError(f"{name} is {array.dtype} with {array.ndim} dimensions, not {dtype} with {dimensions}")
    return np.array([word for name in tables for word in words(values[name])], np.int64)


def kernel_module() -> Generated:
    """The kernel, which calls the entries."""
    imports = "from accelsim.core.schedule import advance\nfrom accelsim.core.trace import Trace"
    return called_module("kernel", TABLES, imports, KERNEL)

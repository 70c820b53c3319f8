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

KERNEL = """\
from accelsim.core.machine_code import kept_function
from accelsim.core.schedule import advance


@kept_function(error_model="numpy")
def kernel({arguments}):
    return advance({arguments})
"""

ENTRY = """\
import numpy as np
from accelsim.core.channel import Channel as _Channel, Channels as _Channels
from accelsim.core.invoke import array_at as _array_at, record_at as _record_at
from accelsim.core.machine_code import entry_point
{imports}

{types}


@entry_point
def entry(now, _words):
{bindings}
{body}
"""

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
    if value.shape and not value.flags.c_contiguous:
        raise TypeError("a component's memory must lie in one piece")
    return [value.__array_interface__["data"][0], *value.shape]


def entry_module(kind: type[Component], values: Mapping[str, Argument]) -> Generated:
    """The entry of a component whose tick is called with these arguments; a number is compiled in."""
    types, bindings = ['_word = np.dtype("i8")'], []
    length = 0

    def bind(name: str, value: np.record | np.ndarray) -> None:
        nonlocal length
        types.append(f"{name}_type = {literal(value.dtype)}")
        shape = "".join(f"_w[{length + 1 + n}], " for n in range(len(value.shape)))
        what = f"_array_at(_w[{length}], ({shape}), " if shape else f"_record_at(_w[{length}], "
        bindings.append(f"    {name} = {what}{name}_type)")
        length += 1 + len(value.shape)

    for name, value in values.items():
        if isinstance(value, int):
            types.append(f"{name} = {value}")
        elif isinstance(value, Channel):
            bind(f"{name}_control", value.control)
            bind(f"{name}_slots", value.slots)
            bindings.append(f"    {name} = _Channel({name}_control, {name}_slots)")
        elif isinstance(value, Channels):
            bind(f"{name}_lines", value.lines)
            types.append(f"{name}_like = {literal(value.like.dtype)}")
            nowhere = ", ".join("0" for _ in value.like.shape)
            bindings.append(f"    {name} = _Channels({name}_lines, _array_at(0, ({nowhere},), {name}_like))")
        else:
            bind(name, value)
    bindings.insert(0, f"    _w = _array_at(_words, ({length},), _word)")

    def text() -> str:
        lines = textwrap.dedent(inspect.getsource(kind.tick)).splitlines()
        body = ast.parse("\n".join(lines)).body[0].body
        names = [n for n in kind.tick.__code__.co_names if n in kind.tick.__globals__]
        made = ENTRY.format(
            imports=f"from {kind.tick.__module__} import {', '.join(names)}" if names else "",
            types="\n".join(types),
            bindings="\n".join(bindings),
            body="\n".join(lines[body[0].lineno - 1 :]),
        )
        if os.environ.get("ACCELSIM_DUMP"):
            sys.stderr.write(made)
        return made

    made_of = "\n".join([ENTRY, kind.__qualname__, kind.tick.__code__.co_filename, *types, *bindings])
    return Generated(name_of(kind.__name__, made_of, kind), kind, text)


def kernel_module() -> Generated:
    """The kernel, which calls the entries."""
    from accelsim.core.schedule import advance

    text = KERNEL.format(arguments=", ".join(inspect.signature(advance.py_func).parameters))
    return Generated(name_of("kernel", text, None), None, lambda: text)

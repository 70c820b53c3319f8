"""A machine as rows of text: what can be set, what it is set to, and what each block does; from its declarations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from accelsim.config.arch import Arch
from accelsim.config.resolve import read
from accelsim.config.schema import MachineSchema, Part
from accelsim.config.units import frequency, frequency_text, size_text
from accelsim.core.component import Component, Count, In, Param, Port, PortArray
from accelsim.core.errors import InputError, suggest


class ParamRow(NamedTuple):
    """A parameter, option or clock. changed: the value is not the default. sentence: what it is, with its choices."""

    name: str
    value: str
    default: str
    unit: str
    sentence: str
    changed: bool


class PortRow(NamedTuple):
    """direction: "in" or "out". payload: the fields of an item."""

    name: str
    direction: str
    payload: tuple[str, ...]
    sentence: str


class CounterRow(NamedTuple):
    """What is counted, and in which unit."""

    name: str
    unit: str
    sentence: str


@dataclass(frozen=True)
class PartRows:
    """role: what it does in this machine. sentence: what the component is. models: those there are to choose from."""

    name: str
    role: str
    component: str
    sentence: str
    clock: str
    model: str
    models: tuple[str, ...]
    params: tuple[ParamRow, ...]
    ports: tuple[PortRow, ...]
    counters: tuple[CounterRow, ...]


@dataclass(frozen=True)
class Description:
    """name: the configuration's. machine, title: the schema's."""

    name: str
    machine: str
    title: str
    clocks: tuple[ParamRow, ...]
    options: tuple[ParamRow, ...]
    parts: tuple[PartRows, ...]


def describe(schema: MachineSchema, arch: Arch) -> Description:
    """Everything a user can know of a machine before a run, with the values of `arch`."""
    return Description(
        arch.name,
        schema.name,
        schema.title,
        tuple(_clock(name, text, schema, arch) for name, text in schema.clocks.items()),
        tuple(_param(name, p, arch.options[name], p.default) for name, p in schema.options.items()),
        tuple(_part(name, part, arch) for name, part in schema.parts.items()),
    )


def only(found: Description, parts: Sequence[str]) -> Description:
    """The description of some parts (all without any), with their clocks and no options. Raises InputError for a part
    that there is not."""
    known = [part.name for part in found.parts]
    for name in parts:
        if name not in known:
            raise InputError(
                f"{found.name} has no part {name!r}{suggest(name, known)}; its parts are {', '.join(known)}"
            )
    if not parts:
        return found
    kept = tuple(part for part in found.parts if part.name in parts)
    clocks = tuple(row for row in found.clocks if row.name in {part.clock for part in kept})
    return replace(found, clocks=clocks, options=(), parts=kept)


def _clock(name: str, default: str, schema: MachineSchema, arch: Arch) -> ParamRow:
    hertz = arch.clocks[name]
    driven = ", ".join(part for part, declared in schema.parts.items() if declared.clock == name)
    changed = hertz != frequency(default)
    return ParamRow(name, frequency_text(hertz), default, "frequency", f"the clock of {driven or 'no part'}", changed)


def _part(name: str, part: Part, arch: Arch) -> PartRows:
    model = arch.models.get(name, part.default_model)
    component = part.choices[model]
    hertz = arch.clocks[part.clock]
    params = []
    for key, param in part.params(model).items():
        default = part.defaults.get(key, param.default)
        same = read(default, param, name, part.clock, hertz) if isinstance(default, str) else default
        params.append(_param(key, param, arch.parts[name][key], default, same))
    return PartRows(
        name,
        part.doc,
        component.__name__,
        _sentence(component),
        part.clock,
        model,
        tuple(part.choices) if part.has_choice else (),
        tuple(params),
        tuple(_port(key, port) for key, port in component.declared(Port).items()),
        tuple(CounterRow(key, count.unit, count.doc) for key, count in component.declared(Count).items()),
    )


def _param(name: str, param: Param, value: object, default: object, same: object = None) -> ParamRow:
    """`same`: the default as a value, where `default` is text with a unit."""
    unit = "choice" if param.choices else param.unit
    sentence = f"{param.doc}: {', '.join(map(str, param.choices))}" if param.choices else param.doc
    changed = value != (default if same is None else same)
    return ParamRow(name, _text(value, unit), _text(default, unit), unit, sentence, changed)


def _text(value: object, unit: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if unit == "bytes" and isinstance(value, int) and (shown := size_text(value)) != f"{value} bytes":
        return f"{value} ({shown})"
    return str(value)


def _port(name: str, port: Port) -> PortRow:
    direction = "in" if isinstance(port, In) else "out"
    return PortRow(f"{name}[]" if isinstance(port, PortArray) else name, direction, port.payload, port.doc)


def _sentence(component: type[Component]) -> str:
    """The first paragraph of the docstring on one line."""
    first = (component.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(first.split())

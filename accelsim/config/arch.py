"""A machine with every value settled: a YAML file and the overrides of a command line, checked against a schema."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from accelsim.config import document, shipped
from accelsim.config.resolve import Resolution, Setting
from accelsim.config.schema import SECTIONS, MachineSchema
from accelsim.config.units import frequency_text
from accelsim.core.errors import InputError, suggest


@dataclass(frozen=True)
class Arch:
    """name: the file's stem, or what it says. clocks: name -> hertz. options: name -> value. parts: part -> parameter
    -> value, every parameter of the chosen model, integers in the parameter's unit or one of its choices. models: part
    -> model, for the parts that have a choice. energy: `table` and `override` as given. source: the file. Treat the
    dictionaries as read-only.
    """

    name: str
    machine: str
    clocks: dict[str, Fraction]
    options: dict[str, object]
    parts: dict[str, dict[str, object]]
    models: dict[str, str]
    energy: dict[str, object]
    source: str

    def as_dict(self) -> dict[str, object]:
        """Everything but the source, JSON-able; written as YAML it is a configuration file that gives the same Arch."""
        return {
            "machine": self.machine,
            "name": self.name,
            "clocks": {name: frequency_text(hertz) for name, hertz in self.clocks.items()},
            "options": dict(self.options),
            "parts": {
                part: ({"model": self.models[part]} if part in self.models else {}) | values
                for part, values in self.parts.items()
            },
            "energy": dict(self.energy),
        }

    @cached_property
    def hash(self) -> str:
        """sha256 of what decides a result: everything but the name and the source."""
        content = {key: value for key, value in self.as_dict().items() if key != "name"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_arch(path_or_name: str | Path, schemas: Callable[[str], MachineSchema], overrides: Sequence[str] = ()) -> Arch:
    """Read a machine: an existing file, or the name of a shipped one, with overrides such as "engine.lines=32".

    `schemas` gives the schema of a machine's name, or raises InputError. Later overrides win over earlier ones and over
    the file; what nobody says has its default. Raises one InputError with a line for every mistake there is.
    """
    path = shipped.find("arch_configs", path_or_name)
    top, repeated = document.read(path)
    resolution = Resolution(str(path))
    for line, problem in repeated:
        resolution.problem(line, f"{path}:{line}: {problem}")
    schema = _machine(path, top, schemas, resolution)
    if schema is None:
        raise InputError(resolution.text())
    settings = list(_settings(path, top, schema, resolution))
    for text in overrides:
        if setting := _override(text, schema, resolution):
            settings.append(setting)
    fields = resolution.settle(schema, settings)
    name = top.value.get("name")
    if name and isinstance(name.value, str):
        fields["name"] = name.value
    if resolution.problems:
        raise InputError(resolution.text())
    arch = Arch(**{"name": path.stem, "machine": schema.name, "source": str(path)} | fields)
    broken = [sentence for rule in schema.rules if (sentence := rule(arch))]
    if broken:
        raise InputError("\n".join(f"{path}: {sentence}" for sentence in broken))
    return arch


def _machine(path: Path, top: document.Entry, schemas, resolution: Resolution) -> MachineSchema | None:
    if not isinstance(top.value, dict) or not top.value:
        resolution.problem(1, f"{path}:1: a machine is described by a mapping that says at least 'machine: NAME'")
        return None
    machine = top.value.get("machine")
    if machine is None:
        near = suggest("machine", top.value)
        resolution.problem(1, f"{path}:1: 'machine' is missing; say which machine this configures{near}")
        return None
    if not isinstance(machine.value, str) or not machine.value:
        resolution.problem(machine.line, f"{path}:{machine.line}: machine must be a name, such as 'machine: vitcod'")
        return None
    try:
        return schemas(machine.value)
    except InputError as error:
        resolution.problem(machine.line, f"{path}:{machine.line}: machine: {error}")
        return None


def _settings(path: Path, top: document.Entry, schema: MachineSchema, resolution: Resolution):
    """Every value in the file as a Setting; what is in the wrong place becomes a problem."""
    for section, entry in top.value.items():
        where = f"{path}:{entry.line}"
        if section not in SECTIONS:
            home = "parts" if section in schema.parts else "options" if section in schema.options else ""
            hint = f"; it belongs under '{home}:'" if home else suggest(section, SECTIONS)
            resolution.problem(entry.line, f"{where}: there is no section {section!r}{hint}")
        elif section in ("machine", "name"):
            if not isinstance(entry.value, str) or not entry.value:
                resolution.problem(entry.line, f"{where}: {section} must be a name")
        elif entry.value == "":
            continue  # a section all of whose entries are commented out
        elif section == "energy":
            yield Setting(where, ("energy",), entry.value, entry.line)
        elif not isinstance(entry.value, dict):
            resolution.problem(
                entry.line, f"{where}: {section} must be a mapping, such as '{section}: {{NAME: VALUE}}'"
            )
        elif section == "parts":
            for part, values in entry.value.items():
                if isinstance(values.value, dict) and part in schema.parts:
                    yield from _values(path, ("parts", part), values.value)
                elif values.value != "" or part not in schema.parts:
                    yield Setting(f"{path}:{values.line}", ("parts", part), values.value, values.line)
        else:
            yield from _values(path, (section,), entry.value)


def _values(path: Path, keys: tuple[str, ...], mapping: dict[str, document.Entry]):
    for key, entry in mapping.items():
        yield Setting(f"{path}:{entry.line}", (*keys, key), entry.value, entry.line)


def _override(text: str, schema: MachineSchema, resolution: Resolution) -> Setting | None:
    """A Setting from "engine.lines=32", "options.heads=serial", "heads=serial" or "clocks.core=1 GHz"."""
    where = f"--set {text}"
    key, equals, value = text.partition("=")
    keys = tuple(k.strip() for k in key.split("."))
    if not equals or not all(keys):
        resolution.problem(None, f"{where}: an override has the form NAME=VALUE, such as engine.lines=32")
        return None
    if keys[0] in ("machine", "name"):
        resolution.problem(None, f"{where}: {keys[0]} can only be said in the file")
        return None
    if len(keys) == 1:
        known = [*schema.options, *(f"{part}.{p}" for part in schema.parts for p in _params(schema, part))]
        if keys[0] in schema.parts:
            example = f"{keys[0]}.{_params(schema, keys[0])[0]}"
            resolution.problem(None, f"{where}: {keys[0]} is a part; name one of its parameters, such as {example}")
            return None
        if keys[0] not in schema.options:
            homes = [k for k in known if k.endswith(f".{keys[0]}")]
            hint = f" (did you mean {' or '.join(map(repr, homes))}?)" if homes else suggest(keys[0], known)
            resolution.problem(None, f"{where}: there is no option {keys[0]!r}{hint}")
            return None
        keys = ("options", *keys)
    elif keys[0] not in SECTIONS:
        keys = ("parts", *keys)
    return Setting(where, keys, value.strip(), None)


def _params(schema: MachineSchema, part: str) -> list[str]:
    declared = schema.parts[part]
    return list(dict.fromkeys(p for model in declared.choices for p in declared.params(model)))

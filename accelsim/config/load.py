"""From a YAML file and the overrides of a command line, checked against a machine's schema, to an Arch."""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

from accelsim.config import shipped
from accelsim.config.arch import Arch
from accelsim.config.resolve import Resolution, Setting
from accelsim.config.schema import SECTIONS, MachineSchema
from accelsim.core import document
from accelsim.core.errors import InputError, suggest
from accelsim.core.files import as_name, check_name


def load_arch(
    path_or_name: str | Path,
    schemas: Callable[[str], MachineSchema],
    overrides: Sequence[str] = (),
    places: Sequence[str] = (),
) -> Arch:
    """Read a machine: an existing file, or the name of a shipped one, with overrides such as "engine.lines=32".

    `places` says in which file and line each override stands, if not on the command line.

    `schemas` gives the schema of a machine's name, or raises InputError. Later overrides win over earlier ones and over
    the file; what nobody says has its default. Raises one InputError with a line for every mistake there is.
    """
    path = shipped.find("arch_configs", path_or_name)
    top, repeated = document.read(path)
    resolution = Resolution(str(path))
    for line, problem in repeated:
        resolution.problem(line, f"{path}:{line}: {problem}")
    schema = machine_of(path, top, schemas, resolution)
    if schema is None:
        raise InputError(resolution.text())
    settings = list(settings_of(path, top, schema, resolution))
    for text, place in zip_longest(overrides, places, fillvalue=""):
        if setting := override(text, schema, resolution, place):
            settings.append(setting)
    fields = resolution.settle(schema, settings)
    fields["sources"] = overridden(sources_of(path, top, schema, resolution), settings)
    name = top.value.get("name")
    if name and isinstance(name.value, str) and name.value:
        try:
            fields["name"] = check_name(name.value, f"{path}:{name.line}: name")
        except InputError as error:
            resolution.problem(name.line, str(error))
    if resolution.problems:
        raise InputError(resolution.text())
    arch = Arch(**{"name": as_name(path.stem), "machine": schema.name, "source": str(path)} | fields)
    if broken := schema.broken(arch):
        raise InputError("\n".join(f"{path}: {sentence}" for sentence in broken))
    return arch


def machine_of(path: Path, top: document.Entry, schemas, resolution: Resolution) -> MachineSchema | None:
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


def settings_of(path: Path, top: document.Entry, schema: MachineSchema, resolution: Resolution):
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
        elif entry.value == "" or section == "sources":
            continue  # a section all of whose entries are commented out, or one that changes no value
        elif section == "energy":
            yield Setting(where, ("energy",), entry.value, entry.line)
        elif not isinstance(entry.value, dict):
            resolution.problem(
                entry.line, f"{where}: {section} must be a mapping, such as '{section}: {{NAME: VALUE}}'"
            )
        elif section == "parts":
            for part, values in entry.value.items():
                if isinstance(values.value, dict) and part in schema.parts:
                    yield from values_of(path, ("parts", part), values.value)
                elif values.value != "" or part not in schema.parts:
                    yield Setting(f"{path}:{values.line}", ("parts", part), values.value, values.line)
        else:
            yield from values_of(path, (section,), entry.value)


def sources_of(path: Path, top: document.Entry, schema: MachineSchema, resolution: Resolution) -> dict[str, str]:
    """Where the values of a file are from: `PART.PARAMETER`, `PART` (all of its) or `clocks.NAME` -> text."""
    section = top.value.get("sources")
    if section is None or section.value == "":
        return {}
    if not isinstance(section.value, dict):
        resolution.problem(
            section.line, f"{path}:{section.line}: sources must be a mapping, such as 'PART: a data sheet'"
        )
        return {}
    known = [f"clocks.{name}" for name in schema.clocks]
    for part in schema.parts:
        known += [part, f"{part}.model", *(f"{part}.{parameter}" for parameter in params_of(schema, part))]
    found = {}
    for name, entry in section.value.items():
        where = f"{path}:{entry.line}: sources.{name}"
        if name not in known:
            resolution.problem(entry.line, f"{where}: the machine has no such value or part{suggest(name, known)}")
        elif not isinstance(entry.value, str) or not entry.value:
            resolution.problem(entry.line, f"{where}: expected a text that says where the value is from")
        else:
            found[name] = entry.value
    return found


def overridden(sources: dict[str, str], settings: Sequence[Setting]) -> dict[str, str]:
    """The sources of a file, if it says any, with those of the values that were given beside it."""
    given = [s for s in settings if s.is_override and s.keys[0] in ("parts", "clocks")]
    return sources | {s.name: f"said by {s.where}" for s in given} if sources else {}


def values_of(path: Path, keys: tuple[str, ...], mapping: dict[str, document.Entry]):
    for key, entry in mapping.items():
        yield Setting(f"{path}:{entry.line}", (*keys, key), entry.value, entry.line)


def override(text: str, schema: MachineSchema, resolution: Resolution, place: str = "") -> Setting | None:
    """A Setting from "engine.lines=32", "options.heads=serial", "heads=serial" or "clocks.core=1 GHz", which stands in
    a file and line (`place`), or else on the command line.
    """
    where = f"{place}: {text}" if place else f"--set {text}"
    key, equals, value = text.partition("=")
    keys = tuple(k.strip() for k in key.split("."))
    if not equals or not all(keys):
        resolution.problem(None, f"{where}: an override has the form NAME=VALUE, such as engine.lines=32")
        return None
    if keys[0] in ("machine", "name"):
        resolution.problem(None, f"{where}: {keys[0]} can only be said in the file")
        return None
    if len(keys) == 1:
        known = [*schema.options, *(f"{part}.{p}" for part in schema.parts for p in params_of(schema, part))]
        if keys[0] in schema.parts and keys[0] not in schema.options:
            example = f"{keys[0]}.{params_of(schema, keys[0])[0]}"
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


def params_of(schema: MachineSchema, part: str) -> list[str]:
    declared = schema.parts[part]
    return list(dict.fromkeys(p for model in declared.choices for p in declared.params(model)))

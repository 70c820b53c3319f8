"""Reading the YAML half of a workload file strictly: plain values only, no duplicate keys, and every value knows its
line."""

from __future__ import annotations

from pathlib import Path

import yaml

from accelsim.core.errors import InputError, suggest

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TYPES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}


class Section(dict):
    """A YAML mapping that knows its place, so that a complaint can name file and line."""

    def __init__(self, path: Path, line: int):
        super().__init__()
        self.path, self.line, self.lines = path, line, {}

    def error(self, rule: str, key: str | None = None) -> InputError:
        return InputError(f"{self.path}:{self.lines.get(key, self.line)}: {rule}")

    def only(self, known, what: str) -> None:
        """Refuse a key that is not in `known`."""
        for key in self:
            if key not in known:
                raise self.error(f"{what} has no entry {key!r}{suggest(key, known)}.", key)

    def take(self, key: str, kind: type, default=...):
        """The value of `key`, which must be of `kind` (a whole number passes for a float); `default` when it is
        absent."""
        if key not in self:
            if default is ...:
                raise self.error(f"the entry {key!r} is missing.")
            return default
        value = self[key]
        if kind is float and type(value) is int:
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(f"{key} is {_show(value)} but must be {_TYPES[kind]}.", key)
        return value


def read(path: Path) -> Section:
    """The top mapping of a YAML file. Errors: InputError with file, line and rule."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = [p.name for p in sorted(path.parent.glob("*.yaml"))] if path.parent.is_dir() else []
        raise InputError(f"{path}: no such workload file{suggest(path.name, near)}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the workload file cannot be read ({error}).") from None
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if not isinstance(node, yaml.MappingNode):
                raise InputError(
                    f"{path}:1: a workload file must be a YAML mapping that begins with 'format: accelsim-workload'."
                )
            return _mapping(loader, path, node, set())
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: not valid YAML ({getattr(error, 'problem', None) or error}).") from None
    except RecursionError:
        raise InputError(f"{path}: the YAML is nested too deeply for a workload file.") from None


def _mapping(loader, path: Path, node: yaml.MappingNode, seen: set[int]) -> Section:
    section = Section(path, node.start_mark.line + 1)
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
            raise InputError(f"{path}:{line}: the key {getattr(key_node, 'value', '')!r} must be a plain text.")
        if key_node.value in section:
            first = section.lines[key_node.value]
            raise InputError(
                f"{path}:{line}: {key_node.value!r} is given twice (first on line {first}); remove one of the two."
            )
        section.lines[key_node.value] = line
        section[key_node.value] = _value(loader, path, value_node, seen)
    return section


def _value(loader, path: Path, node: yaml.Node, seen: set[int]):
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        if node.tag.rpartition(":")[2] not in ("str", "int", "float", "bool", "null"):
            raise InputError(
                f"{path}:{line}: {node.value!r} is a {node.tag} but only texts, numbers and true/false are allowed."
            )
        try:
            return loader.construct_object(node)
        except (ValueError, KeyError):
            raise InputError(f"{path}:{line}: {node.value!r} is no valid {node.tag.rpartition(':')[2]}.") from None
    if id(node) in seen:
        raise InputError(
            f"{path}:{line}: YAML anchors and aliases are not allowed in a workload file; write the value out."
        )
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, path, node, seen)
    return [_value(loader, path, item, seen) for item in node.value]


def _show(value) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)

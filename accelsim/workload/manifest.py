"""Reading the YAML half of a workload file strictly: plain values only, no duplicate keys, and every value knows its
line."""

from __future__ import annotations

from pathlib import Path

from accelsim.core.document import NO_NUMBER, Entry, read_once, scalar
from accelsim.core.errors import InputError, shown, suggest

LARGEST = 1 << 62  # of a whole number; sizes have narrower bounds of their own
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
    top = read_once(path, "workload file", "*.yaml")
    if not isinstance(top.value, dict) or not top.value:
        raise InputError(
            f"{path}:1: a workload file must be a YAML mapping that begins with 'format: accelsim-workload'."
        )
    return _mapping(path, top)


def _mapping(path: Path, entry: Entry) -> Section:
    section = Section(path, entry.line)
    for key, value in entry.value.items():
        section.lines[key] = value.line
        section[key] = _value(path, value)
    return section


def _value(path: Path, entry: Entry):
    if isinstance(entry.value, dict):
        return _mapping(path, entry)
    if isinstance(entry.value, list):
        return [_value(path, item) for item in entry.value]
    if entry.quoted:
        return entry.value
    if entry.value in ("", "~", "null"):
        return None
    value = scalar(entry.value)
    if (isinstance(value, int | float) and abs(value) > LARGEST) or NO_NUMBER.fullmatch(entry.value):
        raise InputError(
            f"{path}:{entry.line}: {entry.value!r} cannot be counted with: a number is finite and at most 2**62; put a "
            "text in quotes."
        )
    return value


def _show(value) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else shown(value)

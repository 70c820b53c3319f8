"""Reads a mapping of a YAML file; every mistake is a sentence with its line."""

from collections.abc import Callable
from typing import Any

import accelsim.core.document as document
from accelsim.core.document import Entry
from accelsim.core.errors import InputError, shown, suggest


class Reader:
    """A mapping. Every method raises InputError for what is missing or of another kind."""

    def __init__(self, path: str, entry: Entry):
        self.path, self.line = path, entry.line
        if not isinstance(entry.value, dict):
            raise self.wrong(f"this is {shown(entry.value)} but must be a mapping")
        self.held: dict[str, Entry] = entry.value

    def wrong(self, rule: str, line: int = 0) -> InputError:
        return InputError(f"{self.path}:{line or self.line}: {rule}")

    def only(self, *known: str) -> bool:
        """Raise InputError for an entry that is not known."""
        for key, entry in self.held.items():
            if key not in known:
                raise self.wrong(
                    f"there is no entry {key!r}{suggest(key, known)}; there are {', '.join(known)}", entry.line
                )
        return True

    def has(self, key: str) -> bool:
        return key in self.held

    def plain(self, key: str, kind: type | tuple[type, ...], rule: str, default: Any = None) -> Any:
        if key not in self.held:
            if default is None:
                raise self.wrong(f"{key!r} is missing; it must be {rule}")
            return default
        entry = self.held[key]
        value = document.plain(entry)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(f"{key} is {shown(value)} but must be {rule}", entry.line)
        return value

    def text(self, key: str, default: str | None = None, among: tuple[str, ...] = ()) -> str:
        found = str(self.plain(key, (str, int, float), "text", default))
        if among and found not in among:
            raise self.wrong(
                f"{key} is {found!r} but must be one of {', '.join(among)}{suggest(found, among)}", self.held[key].line
            )
        return found

    def number(self, key: str) -> float:
        return self.plain(key, (int, float), "a number")

    def flag(self, key: str, default: bool) -> bool:
        return default if key not in self.held else self.plain(key, bool, "true or false")

    def texts(self, key: str, default: list | None = None) -> tuple[str, ...]:
        return tuple(str(value) for value in self.plain(key, list, "a list", default))

    def inner(self, key: str) -> "Reader":
        if key not in self.held:
            raise self.wrong(f"{key!r} is missing; it must be a mapping")
        return Reader(self.path, self.held[key])

    def mapping(self, key: str, default: dict | None = None) -> dict[str, Any]:
        return self.plain(key, dict, "a mapping", {} if default is None else default)

    def each(self, key: str, made: Callable[["Reader"], Any]) -> tuple:
        entry = self.held.get(key, Entry(self.line, []))
        if not isinstance(entry.value, list):
            raise self.wrong(f"{key} must be a list", entry.line)
        return tuple(made(Reader(self.path, item)) for item in entry.value)

"""A YAML file as plain text values that know their lines. Types are the reader's to decide: `on`, `010` and `1:30` stay
text here, where YAML alone would make True, 8 and 90 of them. Every file of a user that is YAML is read here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from accelsim.core.errors import InputError, suggest

DEEPEST = 12
LARGEST = 1 << 25  # bytes of a file; those that come with the package have less than 200 KiB
MOST_ENTRIES = 100_000  # of a file in which entries may be repeated
TOO_DEEP = f"nested more than {DEEPEST} levels deep, which no such file needs"
NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,39})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")
NO_NUMBER = re.compile(r"[+-]?\.(?:nan|inf)|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A value: text, a mapping or a list of entries, and the line its key (or itself) stands on."""

    line: int
    value: "str | dict[str, Entry] | list[Entry]"
    quoted: bool = False


def text_of(path: Path, what: str = "", nearby: str = "") -> str:
    """The text of a file. Raises InputError when it cannot be read, is too large or is not UTF-8; then `what` says
    what it should be, and `nearby`, a pattern, which files of the folder are suggested for one that is not there."""
    said = f"the {what} cannot be read" if what else "cannot be read"
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
    except FileNotFoundError:
        near = [p.name for p in sorted(path.parent.glob(nearby))] if nearby and path.parent.is_dir() else []
        raise InputError(f"{path}: no such {what or 'file'}{suggest(path.name, near)}.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {said}: {getattr(error, 'strerror', None) or error}") from None
    if len(found) > LARGEST:
        raise InputError(f"{path}: {said}: it has more than {LARGEST:,} bytes, which no such file needs")
    try:
        return found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: {said}: it is not UTF-8 text; save it as UTF-8") from None


def read(path: Path, what: str = "", nearby: str = "") -> tuple[Entry, list[tuple[int, str]]]:
    """The top of a YAML file, and (line, sentence) for every key that is given twice.

    Raises InputError for a file that cannot be read, is not UTF-8, is not YAML, or uses anchors, tags or two documents.
    """
    return parse(text_of(path, what, nearby), str(path))


def read_once(path: Path, what: str = "", nearby: str = "") -> Entry:
    """The top of a YAML file in which a key that is given twice is an error, too."""
    return once(str(path), *read(path, what, nearby))


def once(path: str, top: Entry, repeated: list[tuple[int, str]]) -> Entry:
    """The top of a file. Raises InputError for the first key that is given twice."""
    for line, problem in repeated:
        raise InputError(f"{path}:{line}: {problem}")
    return top


def parse(text: str, path: str, aliases: bool = False) -> tuple[Entry, list[tuple[int, str]]]:
    """As `read`, for the text of the file `path`; with `aliases`, entries may be repeated by anchor and alias."""
    return _Reader(path, aliases).document(text)


class _Reader:
    """From the parser's events to entries; nothing is built that is larger than a file may be."""

    def __init__(self, path: str, aliases: bool) -> None:
        self.path, self.aliases = path, aliases
        self.repeated: list[tuple[int, str]] = []
        self.anchors: dict[str, tuple[Entry, int]] = {}
        self.entries = 0  # with those that aliases repeat

    def document(self, text: str) -> tuple[Entry, list[tuple[int, str]]]:
        path = self.path
        try:
            events = yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            next(events)  # the stream's start
            if isinstance(next(events), yaml.StreamEndEvent):
                return Entry(1, {}), self.repeated
            entry = self.entry(next(events), events, 0)
            next(events)  # the document's end
            after = next(events)
            if not isinstance(after, yaml.StreamEndEvent):
                raise InputError(f"{path}:{after.start_mark.line + 1}: a second YAML document begins here; remove it")
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
            if "nesting depth" in str(problem):  # newer parsers have a limit of their own, far above ours
                raise InputError(f"{path}{line}: {TOO_DEEP}") from None
            raise InputError(f"{path}{line}: not valid YAML: {problem}") from None
        return entry, self.repeated

    def entry(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Entry:
        line, before = event.start_mark.line + 1, self.entries
        where = f"{self.path}:{line}"
        anchor, repeats = event.anchor, isinstance(event, yaml.AliasEvent)
        if (anchor or repeats) and not self.aliases:
            raise InputError(f"{where}: anchors and aliases (& and *) are not supported; write the values out")
        if repeats:
            if anchor not in self.anchors:
                raise InputError(f"{where}: the alias *{anchor} has no anchor &{anchor} before it")
            found, size = self.anchors[anchor]
            self.entries += size
        else:
            if event.tag:
                raise InputError(f"{where}: the tag {event.tag} is not supported; write a plain value")
            if depth > DEEPEST:
                raise InputError(f"{where}: {TOO_DEEP}")
            self.entries += 1
            found = Entry(line, *self.content(event, events, depth))
            if anchor:
                self.anchors[anchor] = found, self.entries - before
        if self.aliases and self.entries > MOST_ENTRIES:
            raise InputError(f"{where}: with what its aliases repeat there are more than {MOST_ENTRIES:,} entries")
        return found

    def content(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> tuple:
        if isinstance(event, yaml.ScalarEvent):
            return event.value, bool(event.style)  # a plain word's style is None or empty
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                items.append(self.entry(event, events, depth + 1))
            return (items,)
        mapping: dict[str, Entry] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self.entry(event, events, depth + 1)
            value = self.entry(next(events), events, depth + 1)
            if not isinstance(key.value, str):
                raise InputError(f"{self.path}:{key.line}: a key must be a plain word")
            if key.value in mapping:
                first = mapping[key.value].line
                self.repeated.append((key.line, f"{key.value!r} is given twice (first on line {first}); remove one"))
            else:
                mapping[key.value] = Entry(key.line, value.value, value.quoted)
        return (mapping,)


def plain(entry: Entry) -> object:
    """The entry as JSON-able values: unquoted numbers and true/false become such, everything else stays text."""
    if isinstance(entry.value, dict):
        return {key: plain(value) for key, value in entry.value.items()}
    if isinstance(entry.value, list):
        return [plain(item) for item in entry.value]
    return entry.value if entry.quoted else scalar(entry.value)


def lines(entry: Entry, path: str, key: str = "") -> dict[str, str]:
    """`A.B.C` -> "FILE:LINE" of everything below an entry, whose own name is `key`."""
    found = {key: f"{path}:{entry.line}"} if key else {}
    if isinstance(entry.value, dict):
        for name, below in entry.value.items():
            found |= lines(below, path, f"{key}.{name}" if key else name)
    return found


def scalar(text: str) -> bool | int | float | str:
    """The number or truth value that a text is, or the text."""
    if text in ("true", "false"):
        return text == "true"
    found = NUMBER.fullmatch(text)
    if not found:
        return text
    return float(text) if found[1] or found[2] else int(text)

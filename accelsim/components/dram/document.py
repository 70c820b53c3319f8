"""YAML mappings that remember the lines of their values, for errors that name them."""

import math
import re

from accelsim.core.document import Entry
from accelsim.core.errors import InputError, suggest

WHOLE = re.compile(r"[0-9]{1,15}")
DECIMAL = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?")
MOST = 1 << 24  # of any number of a standard: clocks from one command to another, rows of a bank


class Document:
    """A YAML mapping whose values remember their lines."""

    def __init__(self, path: str, entry: Entry, where: str = ""):
        self.path, self.where, self.line = path, where, entry.line
        if not isinstance(entry.value, dict):
            raise self.error(entry, f"{where.rstrip('.') or 'the file'} must be a mapping of names to values")
        self.entries: dict[str, Entry] = entry.value

    def error(self, entry: Entry | None, sentence: str) -> InputError:
        line = entry.line if entry is not None else self.line
        return InputError(f"{self.path}:{line}: {sentence}.")

    def check_keys(self, required, optional=()) -> None:
        for key, entry in self.entries.items():
            if key not in required and key not in optional:
                known = (*required, *optional)
                raise self.error(entry, f"{self.where}{key} is not known{suggest(key, known)}")
        for key in required:
            if key not in self.entries:
                raise self.error(None, f"{self.where}{key} is missing")

    def text(self, key: str) -> str:
        entry = self.entries[key]
        if not isinstance(entry.value, str):
            raise self.error(entry, f"{self.where}{key} must be a single value")
        return entry.value

    def number(self, key: str) -> float:
        text = self.text(key)
        value = float(text) if DECIMAL.fullmatch(text) else math.nan
        if not 0 < value <= MOST:
            rule = f"it must be a number above 0, such as 1.2, and at most {MOST}"
            raise self.error(self.entries[key], f"{self.where}{key} is {text!r}: {rule}")
        return value

    def integer(self, key: str, low: int = 1, high: int = MOST) -> int:
        text = self.text(key)
        if not WHOLE.fullmatch(text) or not low <= int(text) <= high:
            rule = f"it must be a whole number from {low} to {high}"
            raise self.error(self.entries[key], f"{self.where}{key} is {text!r}: {rule}")
        return int(text)

    def clocks(self, key: str, tck_ns: float) -> int:
        """A whole number of clocks, or a time such as `13.75 ns`, rounded up as JEDEC does (a 2.5 % guard band)."""
        text = self.text(key)
        time = text.removesuffix("ns").strip() if text.endswith("ns") else ""
        found = 0.0
        if DECIMAL.fullmatch(time):
            found = math.ceil(float(time) / tck_ns - 0.025)
        elif WHOLE.fullmatch(text):
            found = int(text)
        if not 1 <= found <= MOST:
            rule = f"it must be a whole number of clocks from 1 to {MOST}, or a time such as '13.75 ns'"
            raise self.error(self.entries[key], f"{self.where}{key} is {text!r}: {rule}")
        return int(found)

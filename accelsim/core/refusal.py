"""What numba says of a tick that it cannot compile, as one sentence about the file it was written in."""

import inspect
import re
from pathlib import Path

from accelsim.core.component import Component
from accelsim.core.errors import InputError, suggest

LONGEST = 300
RECORD = re.compile(r"Record\([^()]*\)")
INNER = re.compile(r"( for '\$[^']*')?, defined at .*|\.? Raised from None")
PREAMBLE = "Failed in nopython mode"
WHERE = ("During: ", "File ", "There are ", "def entry")  # what follows is of no use to whom wrote the tick


def refusal(kind: type[Component], generated: Path, made: str, error: Exception) -> InputError:
    """The sentence: file, line, whose tick, the reason; of a module that was generated with the text `made`."""
    lines, first = inspect.getsourcelines(kind.tick)
    line = first
    if isinstance(error, KeyError):  # a record without that field
        name = error.args[0]
        known = [*kind.fields, *(f for field in kind.fields.values() for f in getattr(field, "fields", ()))]
        why = f"there is no register, parameter, counter or item's field {name!r}{suggest(name, known)}"
        line += next((n for n, text in enumerate(lines) if re.search(rf"\.{name}\b", text)), 0)
    else:
        why = reason(error)
        line += place(generated, made, str(error), len(lines)) or 0
    return InputError(f"{kind.tick.__code__.co_filename}:{line}: the tick of {kind.__name__} cannot be compiled: {why}")


def place(generated: Path, made: str, text: str, length: int) -> int | None:
    """Which line of a tick of so many numba points to. Entries end with the tick's body as it was written."""
    ends = 1 + len(made.rstrip().splitlines())  # the first line of the file is the seal
    named = re.findall(rf"{re.escape(generated.name)}\"?[^\n]*?(?:line |\()(\d+)", text)
    found = [length - 1 - (ends - int(number)) for number in named]
    return next((n for n in reversed(found) if 0 < n < length), None)


def reason(error: Exception) -> str:
    """The first of numba's paragraphs, on one line."""
    said = []
    for line in (line.strip() for line in str(error).splitlines()):
        if line.startswith(WHERE) and said:
            break
        if line and not line.startswith(PREAMBLE):
            said.append(line.removeprefix(">>> "))
    text = INNER.sub("", RECORD.sub("a record", " ".join(said))) or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."

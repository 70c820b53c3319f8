"""The one exception for what a user can mend: bad files, values and combinations."""

import re

LONGEST_VALUE = 60  # characters of a value that a sentence shows
LONGEST_LINE = 2000  # of a line of a sentence
QUOTED = re.compile(r"(?<!\w)('[^'\n]{61,}'|\"[^\"\n]{61,}\"|\[[^\]\n]{61,}\]+)(?!\w)")
WORD = re.compile(r"[^\s/\\'\"]{121,}")  # no path, which stays whole
UNPRINTABLE = re.compile(r"[^\n\x20-\x7e\xa0-\U0010ffff]|[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


class InputError(ValueError):
    """A full sentence: where (file, line, name), the value, the rule, a suggestion. The CLI exits with status 2.

    Whatever a file or an argument says is shown in part only when it is long, and never with characters that a terminal
    obeys: they are written as escapes.
    """

    def __init__(self, sentence: object = "") -> None:
        lines = visible(WORD.sub(lambda m: cut(m[0]), QUOTED.sub(lambda m: cut(m[0]), str(sentence)))).split("\n")
        super().__init__("\n".join(cut(line, LONGEST_LINE) for line in lines))


def cut(text: str, most: int = LONGEST_VALUE) -> str:
    """A text of at most so many characters, both its ends."""
    if len(text) <= most:
        return text
    tail = most // 4
    return f"{text[: most - tail - 3]}...{text[-tail:]}"


def visible(text: str) -> str:
    """A text without characters that a terminal obeys: they are written as escapes. Line breaks stay."""
    return UNPRINTABLE.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def shown(value: object) -> str:
    """A value as a sentence names it: as Python writes it, cut when it is long."""
    if isinstance(value, dict | list | tuple | set):
        return cut(repr(value)) if len(value) <= LONGEST_VALUE else f"a {type(value).__name__} of {len(value)} entries"
    if isinstance(value, int) and abs(value) >= 10**LONGEST_VALUE:
        return "a number of more than 60 digits"
    return cut(repr(value))


def suggest(word: str, known) -> str:
    """`" (did you mean 'lines'?)"`, or nothing when no known word is close."""
    import difflib

    word = str(word)
    if len(word) > LONGEST_VALUE:
        return ""
    close = difflib.get_close_matches(word, [str(k) for k in known], n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""

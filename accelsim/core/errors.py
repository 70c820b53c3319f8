"""The one exception for what a user can mend: bad files, values and combinations."""


class InputError(ValueError):
    """A full sentence: where (file, line, name), the value, the rule, a suggestion. The CLI exits with status 2."""


def suggest(word: str, known) -> str:
    """`" (did you mean 'lines'?)"`, or nothing when no known word is close."""
    import difflib

    close = difflib.get_close_matches(str(word), [str(k) for k in known], n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""

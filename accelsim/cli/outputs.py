"""Standard output and error as they may be: closed by a reader that has seen enough, never opened, full, or ASCII."""

import os
import sys
from typing import Any, NoReturn, TextIO

CLOSED = 141  # what a shell reports of a program whose reader is gone


class Output:
    """A stream whose failure ends the program with a status, not with a traceback."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        try:
            return self.stream.write(text)
        except OSError as error:
            self.leave(error)

    def flush(self) -> None:
        try:
            self.stream.flush()
        except OSError as error:
            self.leave(error)

    def leave(self, error: OSError) -> NoReturn:
        """Whatever is still buffered goes nowhere, or the interpreter would complain of it at its end."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(CLOSED)
        if self.stream is not sys.__stderr__:
            sys.stderr.write(f"error: the output cannot be written: {error.strerror or error}\n")
        raise SystemExit(2)


def prepare() -> None:
    """Make both streams usable; what cannot be shown in their encoding is shown as an escape."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the program runs
            setattr(sys, f"__{name}__", stream)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, Output(stream))

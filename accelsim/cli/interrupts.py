"""Ctrl-C at any moment: one word and exit status 130, also while libraries are imported or the program ends."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STATUS = 130
LATER = 0.01  # seconds after which an interrupt that was lost comes again
OURS = ("accelsim", "accelsim.exe", "-m")  # what a program is called whose first import this is
heard = False  # whether a command was interrupted: what a library makes of that is no fault of it


def leave(*_) -> None:
    """Nothing is begun, or everything is done."""
    os.write(2, b"interrupted\n")
    os._exit(STATUS)


def interrupt(*_) -> None:
    """A command undoes what it has begun."""
    global heard
    heard = True
    raise KeyboardInterrupt


def again(unraisable) -> None:
    """Where Python would print that it ignores an interrupt, in a callback of a library, it comes once more."""
    if unraisable.exc_type is KeyboardInterrupt:
        if signal.getsignal(signal.SIGINT) is interrupt:  # not at the very end, where nobody handles it any more
            threading.Timer(LATER, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(unraisable)


def prepare() -> None:
    """Leave at once from now on, unless whoever started this wants no interrupts, or has them handled."""
    if threading.current_thread() is threading.main_thread() and expected():
        signal.signal(signal.SIGINT, leave)
        sys.unraisablehook = again


def expected() -> bool:
    return signal.getsignal(signal.SIGINT) in (signal.default_int_handler, leave)


@contextmanager
def raised() -> Iterator[None]:
    """A command runs that can be interrupted: in a program that was prepared, and else as it is."""
    if signal.getsignal(signal.SIGINT) is not leave:
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, leave)


if os.path.basename(sys.argv[0] if sys.argv else "") in OURS:
    prepare()

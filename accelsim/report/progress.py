"""A progress bar over the layers of a run."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

FORCED = {"FORCE_COLOR", "TTY_COMPATIBLE"}  # variables that say what is a terminal


@dataclass(frozen=True)
class Watched:
    """What a run tells: `layers`, how many are finished; `compiling`, how many components are compiled first."""

    layers: Callable[[int], None]
    compiling: Callable[[int], None]


@contextmanager
def watch(title: str, layers: int) -> Iterator[Watched]:
    """A progress bar over the layers, on a terminal; elsewhere only a line, when a machine is compiled first."""
    console = terminal()
    if console is None:
        yield Watched(lambda done: None, lambda count: sys.stderr.write(f"{first_time(count)}\n"))
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("layers"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=layers)
        yield Watched(
            lambda done: bar.update(task, completed=done, description=title),
            lambda count: bar.update(task, description=first_time(count)),
        )


def terminal():
    """The console of standard error, where that is a terminal. Elsewhere rich, which takes a while to import, is asked
    only if a variable says that it is one all the same."""
    if not FORCED & os.environ.keys() and not sys.stderr.isatty():
        return None
    from rich.console import Console

    console = Console(stderr=True)
    return console if console.is_terminal else None


def first_time(count: int) -> str:
    """What is said of so many components that no machine has held before."""
    return f"compiling {count} component{'s' * (count > 1)}, once; later runs load them"


@contextmanager
def trying(title: str) -> Iterator[Callable[[str], None]]:
    """A line that says what is being tried, on a terminal."""
    console = terminal()
    if console is None:
        yield lambda _: None
        return
    with console.status(title) as status:
        yield lambda what: status.update(f"{title}: {what}")

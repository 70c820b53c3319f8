"""A progress bar over the layers of a run."""

from contextlib import contextmanager


@contextmanager
def watch(title: str, layers: int):
    """A progress bar over the layers, on a terminal; the first run of a machine compiles it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("layers"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=layers)
        yield lambda done: bar.update(task, completed=done)

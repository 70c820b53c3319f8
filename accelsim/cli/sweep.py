"""Commands about many runs."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import Json, plain, put

FAILED = 3  # the exit status when some points failed; 1 when all did
Show = Callable[[Iterable[object]], None]
File = Annotated[str, typer.Argument(metavar="FILE", help="A sweep file, or the name of a shipped one.")]
StoreOption = Annotated[Path, typer.Option("--store", metavar="STORE", help="The results; made if it is not there.")]
Processes = Annotated[
    int | None,
    typer.Option(
        "-j", "--processes", min=0, max=1024, help="Workers; all cores without it, 0 for this process itself."
    ),
]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="A Dask scheduler, as in tcp://host:8786.")
]
Where = Annotated[
    list[str] | None, typer.Option("--where", metavar="CONDITION", help="Only these points; 'lines >= 32'. Repeatable.")
]
SweepName = Annotated[str | None, typer.Option("--sweep", metavar="NAME", help="Only the points of this sweep.")]
Workloads = Annotated[list[str], typer.Argument(metavar="WORKLOAD...", help="Shipped workloads, or YAML files.")]
Only = Annotated[str, typer.Option("--only", help="Only layers of a kind: attention, gemm, norm, elementwise, or all.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a value in all of them.")]
Picture = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw the speed-ups as bars.")]
Keep = Annotated[str, typer.Option("--store", metavar="STORE", help="Keep the runs, and use those that are kept.")]


def register(app: typer.Typer, show: Show) -> None:
    """Add the commands to an app; `show` prints tables and sentences."""
    for command in (sweep, search, compare, ablate):
        app.command(command.__name__)(resumable(shown(command, show), show))
    app.command()(shown(results, show))


def shown(command: Callable[..., Iterator[object]], show: Show) -> Callable[..., None]:
    """A command that prints what it yields, as it comes."""

    @wraps(command)
    def run(*arguments, **options) -> None:
        for thing in command(*arguments, **options):
            show([thing])

    return run


def resumable(command: Callable[..., None], show: Show) -> Callable[..., None]:
    """A command that says what it has kept in its store when it is interrupted."""

    @wraps(command)
    def run(*arguments, **options) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt:
            if not Path(options["store"]).exists():
                raise
            show([f"interrupted; what was finished is in {options['store']}, and the same command goes on from there"])
            raise typer.Exit(130) from None

    return run


def say(sentence: str) -> None:
    """Print a line about something that went wrong and was mended."""
    sys.stderr.write(f"{sentence}\n")


def sweep(
    file: File,
    store: StoreOption,
    processes: Processes = None,
    scheduler: Scheduler = None,
    retry: Annotated[bool, typer.Option("--retry", help="Simulate failed points again.")] = False,
    as_json: Json = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Estimate the points in closed form; nothing is simulated.")
    ] = False,
) -> Iterator[object]:
    """Simulate every point of a sweep that the store does not hold yet.

    Exit status: 0 when no point failed, 3 when some did, 1 when all did, 2 when the file, the store or the cluster is
    unusable, 130 when interrupted. The same command goes on where it was, after any of these.
    """
    from accelsim.sweep import campaign, terminal
    from accelsim.sweep.plan import read
    from accelsim.sweep.points import expand
    from accelsim.sweep.store import Store

    campaign.executor(processes, scheduler)  # what cannot be one is refused before anything is read
    plan = read(file)
    points = expand(plan, estimate)
    if not as_json:
        yield terminal.announcement(plan, points)
    with bar(plan.name, len(points)) as (progress, notice), Store(store) as opened:
        execute = campaign.executor(processes, scheduler, notice)
        state = campaign.run(plan.name, points, opened, execute, retry=retry, progress=progress)
    if as_json:
        put({"sweep": plan.name, "store": store, **plain(state)})
    else:
        yield from terminal.ending(state, store, estimate)
    if state.failures:
        raise typer.Exit(FAILED if len(state.failures) < state.total else 1)


@contextmanager
def bar(title: str, total: int):
    """A progress bar with rate, estimate and failures, on a terminal; what updates it, and what prints a line above."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[failed]}"),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(title, total=total, rate="", failed="")

        def update(state) -> None:
            elapsed = shown.tasks[0].elapsed or 0.0
            rate = f"{state.computed / elapsed:.1f} points/s" if elapsed and state.computed else ""
            failed = f"{len(state.failures)} failed" if state.failures else ""
            shown.update(task, completed=state.handled, total=state.total, rate=rate, failed=failed)

        def notice(sentence: str) -> None:
            shown.console.print(sentence, markup=False, highlight=False, soft_wrap=True)

        yield update, notice


def results(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The store of a sweep.")],
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write all columns as CSV.")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", metavar="FILE", help="Write them as Parquet.")] = None,
    where: Where = None,
    sweep: SweepName = None,
    failed: Annotated[bool, typer.Option("--failed", help="Failed points too, with what is wrong with them.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Every parameter, not only what was varied.")] = False,
    best: Annotated[str, typer.Option("--best", metavar="FIGURE", help="Show the points where this is smallest.")] = "",
    as_json: Json = False,
) -> Iterator[object]:
    """Print the points of a store, or write them as a table."""
    from accelsim.sweep import table, terminal

    found = table.load_results(store, sweep=sweep, where=where or (), failed=failed, whole=whole)
    if as_json:
        put(found)
    elif not (csv or parquet):
        yield from terminal.points(found, best)
    for path, write in ((csv, table.write_csv), (parquet, table.write_parquet)):
        if path and (written := write(found, path)) and not as_json:
            yield f"{written}: {len(found['machine'])} points, {len(found)} columns"


def search(
    file: File,
    store: StoreOption,
    budget: Annotated[int, typer.Option("--budget", min=1, max=100_000, help="How many designs to simulate.")] = 100,
    sampler: Annotated[str, typer.Option("--sampler", help="tpe, nsga2 or random.")] = "tpe",
    screen: Annotated[
        int, typer.Option("--screen", min=0, max=100_000, help="Estimate so many first; simulate the most promising.")
    ] = 0,
    grid: Annotated[bool, typer.Option("--grid/--no-grid", help="Compare with a grid of the same budget.")] = True,
    processes: Processes = None,
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> Iterator[object]:
    """Look for the best designs with Optuna: a front of cycles, energy and area, or of other figures."""
    from accelsim.sweep import terminal
    from accelsim.sweep.campaign import Progress
    from accelsim.sweep.search import search as look

    with bar("search", screen + budget * (2 if grid else 1)) as (update, notice):
        found = look(
            file,
            store,
            budget,
            sampler=sampler,
            grid=grid,
            screen=screen,
            processes=processes,
            scheduler=scheduler,
            progress=lambda done, total: update(Progress(total, computed=done)),
            notice=notice,
        )
    if as_json:
        put(terminal.search_document(found, grid))
    else:
        yield from terminal.search(found, grid)


def compare(
    names: Annotated[
        list[str],
        typer.Argument(metavar="MACHINE... WORKLOAD... | DIR DIR...", help="Machines, then workloads; or results."),
    ],
    machines: Annotated[
        list[str] | None,
        typer.Option("--machine", metavar="'MACHINE NAME=VALUE...'", help="One more machine, as set. Repeatable."),
    ] = None,
    only: Only = "all",
    overrides: Set = None,
    picture: Picture = None,
    store: Keep = ":memory:",
    processes: Processes = None,
    as_json: Json = False,
) -> Iterator[object]:
    """Run machines side by side, or lay results side by side; speed-ups and energy over the first."""
    from accelsim.sweep import terminal
    from accelsim.sweep.compare import compare as run
    from accelsim.sweep.compare import split, subject
    from accelsim.sweep.plan import Work
    from accelsim.sweep.side_by_side import as_json as document
    from accelsim.sweep.side_by_side import is_result, read_folders

    if not machines and any(map(is_result, names)):
        entries, found = read_folders(names), None
    else:
        first, works = split(names, machines or ())
        found = run(
            [*first, *map(subject, machines or ())], [Work(w, only) for w in works], overrides=overrides or (),
            store=store, processes=processes, notice=say,
        )  # fmt: skip
        entries = found.entries
    if found:
        yield from contested(found, picture, as_json)
    elif as_json:
        put(document(entries))
    if not as_json:
        yield from terminal.side_by_side(entries)


def contested(found, picture: Path | None, as_json: bool) -> Iterator[object]:
    """A comparison as tables, or as a document."""
    from accelsim.sweep import terminal
    from accelsim.sweep.side_by_side import as_json as document

    tables = terminal.contest(found, f"against {found.titles[0]}", picture)
    if as_json:
        list(tables)  # which draws the picture, too
        put(document(found.entries))
    else:
        yield from tables


def ablate(
    machine: Annotated[str, typer.Argument(metavar="MACHINE", help="A shipped machine, or a YAML file.")],
    workloads: Workloads,
    only: Only = "all",
    steps: Annotated[
        str,
        typer.Option("--steps", metavar="A,B+C,...", help="Switch these on one after the other, from none of them."),
    ] = "",
    overrides: Set = None,
    picture: Picture = None,
    store: Keep = ":memory:",
    processes: Processes = None,
    as_json: Json = False,
) -> Iterator[object]:
    """Run a machine without each of its ideas (its switches), or with one more after the other."""
    from accelsim.sweep.compare import ablate as run
    from accelsim.sweep.plan import Work

    wanted = [step for step in steps.split(",") if step]
    found = run(
        machine,
        [Work(w, only) for w in workloads],
        steps=wanted,
        overrides=overrides or (),
        store=store,
        processes=processes,
        notice=say,
    )
    yield from contested(found, picture, as_json)

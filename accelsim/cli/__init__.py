"""The command line: parses, calls, prints. Whatever takes long to import is imported by the command that needs it."""

from accelsim.cli import interrupts  # first: Ctrl-C may come while the others are imported

# isort: split
import gc
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

import accelsim
from accelsim.cli import (
    calibrate,
    codesign,
    conversion,
    machines,
    mapping,
    outputs,
    pictures,
    reproduce,
    rtl,
    runs,
    schemas,
    study,
    sweep,
    synth,
    workloads,
)
from accelsim.cli.documents import Json, plain, put
from accelsim.cli.mapping import Pins, subject
from accelsim.cli.workloads import Batch

PIPED_COLUMNS = 200  # nothing is folded in a file or a pipe


class Commands(TyperGroup):
    """The commands, in the order of this file; a failure is one sentence and an exit status, not a traceback."""

    def list_commands(self, ctx) -> list[str]:
        return list(self.commands)

    def get_params(self, ctx):
        return conversion.lightened(super().get_params(ctx))

    def get_command(self, ctx, name):
        found = super().get_command(ctx, name)
        if found is not None:
            conversion.lightened(found.get_params(ctx))
        return found

    def invoke(self, ctx):
        if os.environ.get("ACCELSIM_TRACEBACK") == "1":
            return super().invoke(ctx)
        try:
            with interrupts.raised():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            stop("interrupted", interrupts.STATUS)
        except Exception as error:
            if interrupts.heard and not hasattr(error, "exit_code"):
                stop("interrupted", interrupts.STATUS)
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort | BrokenPipeError):
                raise  # the parser's own
            fail(error)


app = typer.Typer(
    cls=Commands,
    help="Cycle-accurate simulation of sparse vision-transformer accelerators.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing what draws boxes takes longer than all else that help needs
    context_settings={"max_content_width": 120},
)

Machine = Annotated[str, typer.Argument(metavar="MACHINE", help="A shipped machine, or a YAML file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Change a value, e.g. engine.lines=32. Repeatable; the last wins."
    ),
]


def stop(sentence: str, status: int) -> None:
    """Say why on stderr and exit."""
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(status)


def fail(error: Exception) -> None:
    """Exit with 2 for what a user can mend, with 1 for a fault of the simulator."""
    from accelsim.core.errors import InputError

    if isinstance(error, InputError):
        stop(f"error: {error}", 2)
    if isinstance(error, OSError):
        said = InputError(f"{error.filename or 'the system'}: {error.strerror or error}")  # which cuts what is long
        stop(f"error: {said}", 2)
    if isinstance(error, MemoryError):
        stop("error: there is not enough memory for this; a smaller workload or machine needs less", 2)
    plugins = sys.modules.get("accelsim.accelerators.plugins")  # there is none where none was named
    if plugins and (fault := plugins.fault(error)):
        stop(f"error: {fault}", 2)
    stop(f"internal error: {type(error).__name__}: {error} (ACCELSIM_TRACEBACK=1 shows where)", 1)


def show(things: Iterable[object]) -> None:
    """Print tables and sentences; plain and unfolded when stdout is no terminal."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    console = Console(markup=False, highlight=False, emoji=False, width=PIPED_COLUMNS if piped else None)
    for thing in things:
        console.print(thing)


def version(wanted: bool) -> None:
    if wanted:
        show([f"accelsim {accelsim.__version__}"])
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version and exit.")
    ] = False,
    plugins: Annotated[
        list[Path] | None,
        typer.Option(
            "--plugin", metavar="DIR", help="A machine of yours: a folder or file. Its code runs. Repeatable."
        ),
    ] = None,
) -> None:
    """Cycle-accurate simulation of sparse vision-transformer accelerators."""
    if plugins:
        from accelsim.accelerators.plugins import name_plugin

        for path in plugins:
            name_plugin(path)


runs.register(app, lambda things: show(things))


@app.command()
def validate(
    machine: Machine,
    workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload, or a YAML file.")],
    overrides: Overrides = None,
    every: Annotated[bool, typer.Option("--every", help="Print every check, not only one row a rule.")] = False,
    as_json: Json = False,
    batch: Batch = None,
    pins: Pins = None,
) -> None:
    """Check that a simulated dataflow is legal and its results right; exit with 1 when a check fails."""
    from accelsim import accelerators
    from accelsim.validation import validate
    from accelsim.validation.table import tables

    arch, work = subject(machine, workload, overrides, pins, batch)
    report = validate(accelerators.machine(arch.machine), arch, work)
    if as_json:
        put({**plain(report), "passed": report.passed})
    else:
        show(tables(report, every))
    if not report.passed:
        raise SystemExit(1)


@app.command()
def dram(
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="TRACE", help="cycle,addr,op lines, or Ramulator's or DRAMsim3's format; gzipped or not."
        ),
    ],
    controller: Annotated[
        str, typer.Option(help="dramsim3, frfcfs or frfcfs_rowhit (the latter two are Ramulator's).")
    ] = "dramsim3",
    standard: Annotated[str, typer.Option(help="A shipped standard, or a YAML file.")] = "ddr4_2400_reference",
    channels: Annotated[int, typer.Option(help="Channels, 1 to 16.")] = 1,
    mapping: Annotated[
        str, typer.Option("--map", help="m1, m2, or the fields from the highest bits down: row|bank|...|channel.")
    ] = "m1",
    ranks: Annotated[int | None, typer.Option(help="Ranks of a channel; the standard's own without it.")] = None,
    closed_page: Annotated[bool, typer.Option("--closed-page", help="Close a row after each access.")] = False,
    io: Annotated[bool, typer.Option("--io", help="Count the energy of wires and termination too.")] = False,
    completions: Annotated[
        Path | None,
        typer.Option(metavar="OUT.npz", help="Store when each request was accepted and done, in DRAM cycles."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay a memory trace, exact to the cycle of DRAMsim3 or Ramulator 2.1."""
    from accelsim.components.dram.replay import replay_file
    from accelsim.components.dram.statistics import figure

    found = replay_file(
        trace, controller=controller, standard=standard, channels=channels, mapping=mapping, ranks=ranks,
        closed_page=closed_page, io=io, completions=completions,
    )  # fmt: skip
    if as_json:
        put(found)
        return
    show(f"{name:38} {figure(value)}" for name, value in found.items())


def shipped_workload(name: str) -> Path:
    """The file meant by a path or by the name of a shipped workload."""
    from accelsim.config.shipped import find

    return find("workloads", name)


def write(made, output: Path | None) -> None:
    """Save a workload and say what it is."""
    from accelsim.workload import save

    path = save(made, output or Path(f"{made.name}.yaml"))
    pruned = f"{made.sparsity:.2%} of the attention scores pruned" if made.attention_layers else "no softmax attention"
    show([f"{path}: {len(made.layers)} layers, {pruned}"])


workloads.register(app, lambda things: show(things), write)
mapping.register(app, show)
machines.register(app, lambda things: show(things))
schemas.register(app, lambda things: show(things))
calibrate.register(app, show)
codesign.register(app, show, shipped_workload)
study.register(app, show)
synth.register(app, write, shipped_workload)
rtl.register(app, show)
sweep.register(app, show)
reproduce.register(app, show)
pictures.register(app, show)


def main() -> None:
    """The entry point of the `accelsim` command."""
    interrupts.prepare()
    outputs.prepare()
    # What a command makes it mostly needs to its end: to look for garbage seldom saves a fifteenth of a run.
    gc.set_threshold(200_000, 20, 100)
    try:
        app()
    finally:
        sys.stdout.flush()
        gc.freeze()  # Python's end would look through all there is once more

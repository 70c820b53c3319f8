"""Commands about one run."""

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer

from accelsim.cli.documents import Json, put
from accelsim.cli.mapping import Pins, subject
from accelsim.cli.workloads import Batch

LONGEST = 3  # attention layers of which `--why` says what they are made of
Show = Callable[[Iterable[object]], None]
TraceLayers = Annotated[
    list[str] | None,
    typer.Option(
        "--trace-layers", metavar="NAME", help="Only this layer or block in the timeline or waveform. Repeatable."
    ),
]


def advised(machine: str, overrides: list[str], work, record, summary) -> list[str]:
    """The largest losses of a run as sentences."""
    from accelsim.report.critical import chains
    from accelsim.report.progress import trying
    from accelsim.sweep.design import Base
    from accelsim.sweep.relief import advise

    with trying("trying what relieves the losses") as progress:
        found = advise(Base(machine, overrides), work, record, progress)
    said = [f"{n}. {one.sentence(record, summary.area_um2)}" for n, one in enumerate(found, 1)]
    longest = sorted(chains(record), key=lambda one: -one.cycles)[:LONGEST]
    made_of = ["", "What the longest attention layers are made of", *(one.sentence() for one in longest)]
    return ["Where the MACs stand still, most first", *(said or ["nothing is lost"]), *made_of * bool(longest), ""]


def register(app: typer.Typer, show: Show) -> None:
    """Add the commands to an app; `show` prints tables and sentences."""

    @app.command()
    def run(
        machine: Annotated[str, typer.Argument(metavar="MACHINE", help="A shipped machine, or a YAML file.")],
        workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload, or a YAML file.")],
        output: Annotated[
            Path | None,
            typer.Option("-o", "--output", metavar="DIR", help="The results; results/MACHINE_WORKLOAD without it."),
        ] = None,
        overrides: Annotated[
            list[str] | None,
            typer.Option(
                "--set", metavar="NAME=VALUE", help="Change a value, e.g. engine.lines=32. Repeatable; the last wins."
            ),
        ] = None,
        plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw the pictures.")] = True,
        layers: Annotated[bool, typer.Option("--layers", help="Print a row for every layer too.")] = False,
        verbose: Annotated[
            bool, typer.Option("-v", "--verbose", help="Components, memories, energy, and how the run was made, too.")
        ] = False,
        why: Annotated[
            bool,
            typer.Option(
                "--why", help="Say where the largest losses are, and try which setting relieves each (some more runs)."
            ),
        ] = False,
        trace: Annotated[
            Path | None,
            typer.Option(metavar="FILE", help="Write a timeline, too: .pftrace or .json for ui.perfetto.dev, .vcd."),
        ] = None,
        vcd: Annotated[
            Path | None,
            typer.Option(
                metavar="FILE", help="Write a waveform, too, with all that crosses channels: a second run, watched."
            ),
        ] = None,
        trace_layers: TraceLayers = None,
        batch: Batch = None,
        pins: Pins = None,
        as_json: Json = False,
    ) -> None:
        """Simulate a workload on a machine, cycle by cycle; print where the time and the energy went."""
        from accelsim.accelerators.run import run
        from accelsim.api import waves
        from accelsim.core import keep
        from accelsim.report import files, metrics, perfetto, slices, tables
        from accelsim.report.progress import watch

        arch, work = subject(machine, workload, overrides, pins, batch)
        target = output or Path("results") / f"{arch.name}_{work.name}{'' if batch is None else f'_batch{batch}'}"
        files.check_target(target)
        if trace:
            perfetto.check_suffix(trace)
        if vcd:
            waves.check_waves(arch, vcd)
        if trace or vcd:
            slices.check_names([layer.name for layer in work.layers], trace_layers or ())
        with watch(f"{work.name} on {arch.name}", len(work.layers)) as watched:
            keep.observers.append(watched.compiling)
            # What prints is imported while the simulation, which leaves Python to others, runs.
            Thread(target=import_module, args=["accelsim.report.wide"], daemon=True).start()
            try:
                record = run(arch, work, trace=True, progress=watched.layers)
            finally:
                keep.observers.remove(watched.compiling)
        packed, summary = files.packing(record), metrics.summarize(record)
        files.write(record, target, pictures=plots, summary=summary, packed=packed)
        written = [target] + ([perfetto.write_trace(record, trace, trace_layers or ())] if trace else [])
        if vcd:
            with watch(f"waveform of {work.name} on {arch.name}", len(work.layers)) as watched:
                said = partial(typer.echo, err=True)
                written.append(waves.write_waves(arch, work, record, vcd, trace_layers or (), said, watched.layers))
        advice = advised(machine, overrides or [], work, record, summary) if why else []
        if as_json:
            put(files.as_json(record, summary))
        else:
            show(
                [
                    tables.report(record, summary, layers=layers, verbose=verbose),
                    *advice,
                    *(f"written to {path}" for path in written),
                ]
            )

    @app.command()
    def report(
        folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Result folders of runs, at most 8.")],
        output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.html", help="The page.")] = Path(
            "report.html"
        ),
    ) -> None:
        """Write one self-contained page of one or more results: figures, timeline, layers, roofline, stalls, blocks."""
        from accelsim.report import archive
        from accelsim.report.page import check_page, write_page

        check_page(folders, output)
        names = [folder.resolve().name for folder in folders]
        shown = [name if names.count(name) == 1 else str(folder) for name, folder in zip(names, folders)]
        path = write_page([(name, archive.restore(folder)) for name, folder in zip(shown, folders)], output)
        show([f"{path}: {path.stat().st_size / 1e6:,.2f} MB"])

    @app.command()
    def trace(
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="The result folder of a run.")],
        output: Annotated[
            Path,
            typer.Option(
                "-o", "--output", metavar="FILE", help="A .pftrace, a .json of Chrome's trace events, or a .vcd."
            ),
        ],
        layers: TraceLayers = None,
    ) -> None:
        """Write the timeline of a result for ui.perfetto.dev, or as a waveform; nothing is simulated again."""
        from accelsim.report import archive, perfetto

        perfetto.check_suffix(output)
        path = perfetto.write_trace(archive.restore(folder), output, layers or ())
        show([f"{path}: {path.stat().st_size / 1e6:,.1f} MB{'' if path.suffix == '.vcd' else ', for ui.perfetto.dev'}"])

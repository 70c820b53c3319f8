"""Commands that draw: the results of one run, or of a sweep."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

Show = Callable[[Iterable[object]], None]


def register(app: typer.Typer, show: Show) -> None:
    """Add the command to an app; `show` prints sentences."""

    @app.command()
    def plot(
        source: Annotated[
            Path, typer.Argument(metavar="DIR|STORE", help="The result folder of a run, or the store of a sweep.")
        ],
        words: Annotated[
            list[str] | None,
            typer.Argument(
                metavar="[DIR] [KIND]",
                help="A second run, for both timelines in one picture; which picture. "
                "Of a run: timeline, stalls, utilization, energy or roofline; timeline without it. "
                "Of a store: metric, speedup, pareto, sensitivity, heatmap or utilization.",
            ),
        ] = None,
        output: Annotated[
            Path | None,
            typer.Option("-o", "--output", metavar="FILE", help="A .png, .pdf or .svg; KIND.png without it."),
        ] = None,
        size: Annotated[str, typer.Option(metavar="WxH", help="Inches; 3.5x2.5 is a column of a paper.")] = "",
        dpi: Annotated[int, typer.Option(help="Dots an inch, of a .png.")] = 150,
        paper: Annotated[
            str,
            typer.Option(
                metavar="WIDTH", help="As a paper has it, without title: column or page wide, of two columns (a run)."
            ),
        ] = "",
        parts: Annotated[
            list[str] | None,
            typer.Option("--component", metavar="NAME", help="Only this component (a run). Repeatable."),
        ] = None,
        window: Annotated[
            str, typer.Option(metavar="FROM:TO", help="Only these core cycles, or a layer's or block's name (a run).")
        ] = "",
        phase: Annotated[
            str, typer.Option(metavar="PHASE", help="Only layers of a phase; all: a panel each (stalls of a run).")
        ] = "",
        metric: Annotated[str, typer.Option("--metric", metavar="FIGURE", help="What is drawn (a store).")] = "",
        over: Annotated[
            list[str] | None,
            typer.Option("--over", metavar="NAME", help="An axis; pareto: a figure (a store). Repeatable."),
        ] = None,
        where: Annotated[
            list[str] | None,
            typer.Option("--where", metavar="CONDITION", help="Only these points (a store). Repeatable."),
        ] = None,
        sweep: Annotated[
            str | None, typer.Option("--sweep", metavar="NAME", help="Only the points of this sweep (a store).")
        ] = None,
    ) -> None:
        """Draw a result again, or the results of a store; nothing is simulated again."""
        from accelsim.core.errors import InputError
        from accelsim.report.plots import frame

        inches = frame.size(size) if size else None
        words = list(words or ())
        second = Path(words.pop(0)) if words and Path(words[0]).is_dir() else None
        kind = words.pop(0) if words else ""
        if words:
            raise InputError(f"{words[0]!r} is one word too many: a picture is of a run, of two runs, or of a store")
        of_run = {"--component": parts, "--window": window, "--phase": phase, "--paper": paper, "a second run": second}
        of_store = {"--metric": metric, "--over": over, "--where": where, "--sweep": sweep}
        for name, value in (of_store if source.is_dir() else of_run).items():
            if value:
                what = ("a store", "a run") if source.is_dir() else ("a run", "a store")
                raise InputError(f"{name} is for {what[0]}, and {source} is {what[1]}")
        if source.is_dir():
            from accelsim.report import archive, summarize
            from accelsim.report.plots import draw_one, draw_two

            suffix = ".pdf" if paper else ".png"
            kind = kind or "timeline"
            record = archive.restore(source)
            wanted = frame.Frame(inches, dpi, tuple(parts or ()), None, phase, paper)
            target = output or Path(f"{kind}{suffix}")
            if second:
                if kind != "timeline":
                    raise InputError(
                        f"two runs are drawn as a timeline, not as {kind}; `accelsim report` has them side by side"
                    )
                runs = [(folder.resolve().name, archive.restore(folder)) for folder in (source, second)]
                show([f"{draw_two(runs, target, wanted, window)}: written"])
                return
            wanted = replace(wanted, window=frame.window(window, record) if window else None)
            show([f"{draw_one(kind, record, summarize(record), target, wanted)}: written"])
            return
        from accelsim.sweep import plots, table

        if not kind:
            raise InputError(f"{source}: say which picture of the store to draw: {', '.join(plots.KINDS)}")
        found = table.load_results(source, sweep=sweep, where=where or ())
        path = plots.draw(
            kind, found, output or Path(f"{kind}.png"), metric=metric or "cycles", axes=over or (), size=inches, dpi=dpi
        )
        show([f"{path}: written"])

"""`accelsim reproduce`: a paper's evaluation again."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import Json, put
from accelsim.cli.sweep import Processes, bar

Show = Callable[[Iterable[object]], None]


def register(app: typer.Typer, show: Show) -> None:
    """Add the command to an app; `show` prints tables and sentences."""

    @app.command()
    def reproduce(
        machine: Annotated[str, typer.Argument(metavar="MACHINE", help="A machine with a paper, such as vitcod.")],
        output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where everything is written.")],
        equal: Annotated[
            str,
            typer.Option("--equal", metavar="TERMS", help="macs, peak, area or published; else as the paper's file."),
        ] = "",
        seeds: Annotated[int, typer.Option("--seeds", min=1, help="Synthetic masks of each network, up to 32.")] = 1,
        models: Annotated[
            list[str] | None, typer.Option("--model", metavar="NAME", help="Only this network. Repeatable.")
        ] = None,
        over: Annotated[
            list[str] | None, typer.Option("--over", metavar="NAME", help="Only this opponent. Repeatable.")
        ] = None,
        extras: Annotated[
            bool, typer.Option("--extras/--no-extras", help="Ablations, waterfall, mask traits, crossover, accuracy.")
        ] = True,
        effort: Annotated[
            int, typer.Option("--effort", metavar="N", min=0, max=10_000, help="Also: each at its best of N designs.")
        ] = 0,
        paper_mode: Annotated[
            bool,
            typer.Option("--paper-mode", help="Instead: every combination of what the paper leaves open of MACHINE."),
        ] = False,
        processes: Processes = None,
        as_json: Json = False,
    ) -> None:
        """Simulate what a machine's paper claims, against every reading of its baselines; tables and pictures in DIR.

        Stopped, the same command goes on where it was.
        """
        from accelsim.core.errors import InputError
        from accelsim.reproduce.paper_mode import search
        from accelsim.reproduce.report import STORE, reproduce

        if paper_mode and (equal or seeds > 1 or models or over or effort or not extras):
            raise InputError(
                "--paper-mode compares with no other machine; leave --equal, --seeds, --model, --over, --effort out"
            )

        with bar(f"reproduce {machine}", 1) as (progress, notice):
            try:
                found = search(
                    machine, output, processes=processes, progress=progress, notice=notice
                ) if paper_mode else reproduce(
                    machine, output, equal=equal, seeds=seeds, models=tuple(models or ()),
                    opponents=tuple(over or ()), extras=extras, designs=effort,
                    processes=processes, progress=progress, notice=notice,
                )  # fmt: skip
            except KeyboardInterrupt:
                show(
                    [f"interrupted; what was finished is in {output / STORE}, and the same command goes on from there"]
                )
                raise typer.Exit(130) from None
        if as_json:
            files = [str(f) for f in found.files]
            put({"machine": machine, "said": list(found.first), "tables": found.grids, "files": files})
            return
        from accelsim.report.tables import table

        show(found.first)
        for grid in (g for g in found.grids if g.printed):
            made = table(grid.title, *grid.columns)
            made.words = grid.words
            for row in grid.rows:
                made.add_row(*row)
            show([made, *grid.notes])
        show(found.paper.study.left_out)
        longer = [f"{grid.slug}.csv" for grid in found.grids if not grid.printed]
        show(
            [
                f"{output}: {len(found.files)} files; report.md has them all"
                + f", also {', '.join(longer)}" * bool(longer)
            ]
        )

"""Commands about methods at equal accuracy: train them from one network, and make workloads of what they kept."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.codesign import LARGEST_SEED

Show = Callable[[Iterable[object]], None]


def register(app: typer.Typer, show: Show) -> None:
    """Add the commands to an app; `show` prints tables and sentences."""

    @app.command("train-study")
    def train_study(
        output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write, or to go on.")],
        seconds: Annotated[
            float, typer.Option(min=0, help="Fit the epochs to this time; 0: 20 epochs, and 2 of each fine-tuning.")
        ] = 0,
        folder: Annotated[Path | None, typer.Option(help="Where the four .gz files of fashion-mnist are.")] = None,
        train: Annotated[int | None, typer.Option(help="Train with so many images; all without it.")] = None,
        test: Annotated[int | None, typer.Option(help="Test with so many images; all without it.")] = None,
        dim: Annotated[int, typer.Option(min=1, help="Features of a token.")] = 192,
        depth: Annotated[int, typer.Option(min=1, help="Blocks.")] = 12,
        heads: Annotated[int, typer.Option(min=1, help="Of attention.")] = 3,
        batch: Annotated[int, typer.Option(min=1, help="Images of a step.")] = 256,
        device: Annotated[str, typer.Option(help="cpu, cuda, or auto: a GPU where there is one.")] = "auto",
        seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of weights and order.")] = 1,
    ) -> None:
        """Train ViTCoD's, Sanger's and SpAtten's algorithms from one network at DeiT-Tiny's shape; wants a GPU."""
        from dataclasses import replace

        from accelsim.codesign.demo_data import load_data
        from accelsim.codesign.study import DEIT_TINY, Strengths, Study

        recipe = replace(DEIT_TINY, dim=dim, depth=depth, heads=heads, batch=batch, device=device, seed=seed)
        data = load_data("fashion-mnist", folder, train, test)
        Study(data, recipe, Strengths(), output, lambda line: show([line])).run(seconds)

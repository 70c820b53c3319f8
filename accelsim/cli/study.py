"""Commands about methods at equal accuracy: train them from one network, and make workloads of what they kept."""

from collections.abc import Callable, Iterable
from dataclasses import replace
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
            float, typer.Option(min=0, help="Fit the epochs to this time; 0: as many as the options below say.")
        ] = 0,
        epochs: Annotated[float, typer.Option(min=0.01, max=10000, help="Of the dense training.")] = 20,
        thin_epochs: Annotated[
            float, typer.Option(min=0, max=10000, help="Before it, with a quarter of the patches: for slow machines.")
        ] = 0,
        tuning_epochs: Annotated[float, typer.Option(min=0.01, max=10000, help="Of each fine-tuning.")] = 2,
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
        from accelsim.codesign.demo_data import load_data
        from accelsim.codesign.study import DEIT_TINY, Strengths, Study
        from accelsim.core.errors import InputError

        if seconds and thin_epochs:
            raise InputError("--seconds fits the epochs itself; leave out either it or --thin-epochs.")
        recipe = replace(
            DEIT_TINY, dim=dim, depth=depth, heads=heads, batch=batch, device=device, seed=seed,
            epochs=epochs, thin_epochs=thin_epochs, tuning_epochs=tuning_epochs,
        )  # fmt: skip
        data = load_data("fashion-mnist", folder, train, test)
        Study(data, recipe, Strengths(), output, lambda line: show([line])).run(seconds)

    @app.command("study-workloads")
    def study_workloads(
        study: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that train-study wrote.")],
        output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where the workloads go.")],
        name: Annotated[str, typer.Option(help="What their names begin with.")] = "fmnist_deit_tiny",
        rivals: Annotated[bool, typer.Option("--rivals", help="Sanger's masks of test images as workloads too.")] = (
            False
        ),
        outcome: Annotated[
            Path | None, typer.Option(metavar="DIR", help="Write study.json and Sanger's masks here, without weights.")
        ] = None,
        images: Annotated[int, typer.Option(min=1, help="Test images whose masks --outcome writes.")] = 8,
    ) -> None:
        """Make workloads of a study: each sparsity's masks with their accuracy, no weights (needs the extra torch)."""
        from accelsim.codesign.pytorch import need
        from accelsim.codesign.study_workloads import Outcome, sanger_workloads, vitcod_workload
        from accelsim.core.errors import InputError
        from accelsim.workload import save

        # a few passes: more threads wait for each other
        need("torch", "making workloads of a study").set_num_threads(1)
        found = Outcome(study)
        if not found.known["sparsities"]:
            raise InputError(
                f"{study}: no network of the study is pruned yet; go on with accelsim train-study -o {study}"
            )
        output.mkdir(parents=True, exist_ok=True)
        for sparsity in found.known["sparsities"]:
            made = vitcod_workload(found, sparsity, f"{name}_s{100 * float(sparsity):g}")
            accuracy = found.known["sparsities"][sparsity]["accuracy"]
            path = save(made, output / f"{made.name}.yaml")
            show([f"{path}: {made.sparsity:.2%} of the attention scores pruned, accuracy {accuracy:.2%}"])
        if rivals:
            bare = replace(made, name=name)
            for one in found.known["rivals"]:
                for work in sanger_workloads(found, one["threshold"], bare) if one["method"] == "sanger" else ():
                    show([f"{save(work, output / f'{work.name}.yaml')}: {work.sparsity:.2%} pruned"])
        if outcome is not None:
            show([str(path) for path in found.save(outcome, images)])

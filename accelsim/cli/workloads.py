"""Commands that show and make workloads without PyTorch, and the option that says how many images one has."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer

Show = Callable[[Iterable[object]], None]
Batch = Annotated[
    int | None, typer.Option("--batch", metavar="N", help="So many images instead of as many as the workload says.")
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE.yaml", help="Where to write; NAME.yaml without it.")
]
Model = Annotated[
    str,
    typer.Option(
        "--model", metavar="MODEL", help="deit_tiny, deit_small, deit_base, levit_128, levit_192 or levit_256."
    ),
]


def register(app: typer.Typer, show: Show) -> None:
    """Add the commands to an app; `show` prints tables and sentences."""
    for name, command in (("workload", workload), ("synth", synth), ("import-mask", import_mask)):
        app.command(name)(shown(command, show))


def shown(command: Callable[..., Iterator[object]], show: Show) -> Callable[..., None]:
    """A command that prints what it yields."""

    @wraps(command)
    def run(*arguments, **options) -> None:
        show(command(*arguments, **options))

    return run


def images(work, batch: int | None):
    """A workload of so many images, weights reused over all of them; as many as it says without a number."""
    from accelsim.core.errors import InputError
    from accelsim.workload.bounds import batch_problem

    if batch is not None and (problem := batch_problem(batch)):
        raise InputError(f"--batch: {problem}")
    return work if batch is None else replace(work, batch=batch)


def workload(
    path: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload, or a YAML file.")],
) -> Iterator[object]:
    """Print the layers of a workload, their work and their masks."""
    from accelsim.config.shipped import find
    from accelsim.workload import load
    from accelsim.workload.summary import summary

    yield from (summary(load(find("workloads", path))))


def synth(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="deit_tiny, deit_small, deit_base, levit_128, levit_192 or levit_256."),
    ],
    sparsity: Annotated[float, typer.Option(help="The share of attention scores to prune, e.g. 0.9.")],
    seed: Annotated[int, typer.Option(help="Other seeds give other masks.")] = 1,
    output: Output = None,
) -> Iterator[object]:
    """Make a workload of a known model with synthetic masks."""
    from accelsim.codesign.synthetic import synthesize

    yield saved(synthesize(model, sparsity, seed), output)


def import_mask(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A .npy or .npz of true and false, or of 0 and 1; or the folder of a LeViT's five."
        ),
    ],
    model: Model,
    globals_file: Annotated[
        Path | None, typer.Option("--globals", metavar="FILE", help="A .npy of global-token counts per layer and head.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="A column with more kept scores than this is a global token.")
    ] = None,
    true_is_kept: Annotated[
        bool, typer.Option("--true-is-kept", help="True marks a kept score, not a pruned one.")
    ] = False,
    output: Output = None,
) -> Iterator[object]:
    """Make a workload of a known model with the masks of a file."""
    from accelsim.codesign.import_mask import import_mask

    yield saved(import_mask(file, model, globals_file, threshold=threshold, true_is_kept=true_is_kept), output)


def saved(made, output: Path | None) -> str:
    """Save a workload; what it is."""
    from accelsim.workload import save

    path = save(made, output or Path(f"{made.name}.yaml"))
    return f"{path}: {len(made.layers)} layers, {made.sparsity:.2%} of the attention scores pruned"

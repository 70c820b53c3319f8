"""Commands about workloads: what one is, new ones with masks of one's own, and the option that says how many images."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import Json, put

MODELS = "deit_tiny, deit_small, deit_base, levit_128, levit_192 or levit_256."
Show = Callable[[Iterable[object]], None]
Write = Callable[[object, Path | None], None]
Batch = Annotated[
    int | None, typer.Option("--batch", metavar="N", help="So many images instead of as many as the workload says.")
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE.yaml", help="Where to write; NAME.yaml without it.")
]


def images(work, batch: int | None):
    """A workload of so many images, weights reused over all of them; as many as it says without a number."""
    from accelsim.core.errors import InputError
    from accelsim.workload.bounds import batch_problem

    if batch is not None and (problem := batch_problem(batch)):
        raise InputError(f"--batch: {problem}")
    return work if batch is None else replace(work, batch=batch)


def register(app: typer.Typer, show: Show, write: Write) -> None:
    """Add the commands to an app; `show` prints tables and sentences, `write` saves a workload and says what it is."""

    @app.command()
    def workload(
        path: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload, or a YAML file.")],
        as_json: Json = False,
    ) -> None:
        """Print the layers of a workload, their work and their masks."""
        from accelsim.config.shipped import find
        from accelsim.workload import load
        from accelsim.workload.summary import describe, summary

        made = load(find("workloads", path))
        if not as_json:
            show(summary(made))
            return
        about = {
            name: getattr(made, name) for name in ("name", "model", "batch", "synthetic", "macs", "sparsity", "hash")
        }
        put({**about, "provenance": dict(made.provenance), "layers": describe(made)})

    @app.command("import-mask")
    def import_mask(
        file: Annotated[
            Path,
            typer.Argument(
                metavar="FILE",
                help="A .npy, .npz or .pt of true and false, or of 0 and 1; or the folder of a LeViT's five.",
            ),
        ],
        model: Annotated[str, typer.Option("--model", metavar="MODEL", help=MODELS)] = "",
        onto: Annotated[
            str, typer.Option("--workload", metavar="WORKLOAD", help="Onto this workload, e.g. an exported one.")
        ] = "",
        attention: Annotated[bool, typer.Option("--attention", help="Attention layers of these masks only.")] = False,
        key: Annotated[str, typer.Option(help="Which array of a .npz or .pt is the mask.")] = "",
        qk_dim: Annotated[int, typer.Option(min=1, help="With --attention: features of Q and K a head.")] = 64,
        v_dim: Annotated[int, typer.Option(min=1, help="With --attention: features of V a head.")] = 64,
        globals_file: Annotated[
            Path | None,
            typer.Option("--globals", metavar="FILE", help="A .npy of global-token counts [layers, heads] (--model)."),
        ] = None,
        threshold: Annotated[
            float | None, typer.Option(help="A column with more kept scores than this is a global token.")
        ] = None,
        true_is_kept: Annotated[
            bool, typer.Option("--true-is-kept", help="True marks a kept score, not a pruned one.")
        ] = False,
        output: Output = None,
    ) -> None:
        """Make a workload with the masks of a file: of a known model, onto another workload, or attention only."""
        from accelsim.codesign.import_mask import import_mask, import_onto
        from accelsim.config.shipped import find
        from accelsim.core.errors import InputError
        from accelsim.workload import load

        if [bool(model), bool(onto), attention].count(True) != 1:
            raise InputError("import-mask: give one of --model MODEL, --workload WORKLOAD and --attention")
        if model:
            made = import_mask(file, model, globals_file, threshold=threshold, true_is_kept=true_is_kept, key=key)
        else:
            if globals_file is not None:
                raise InputError("import-mask: --globals goes with --model")
            work = load(find("workloads", onto)) if onto else None
            dims = (qk_dim, v_dim)
            made = import_onto(file, work, threshold=threshold, true_is_kept=true_is_kept, key=key, dims=dims)
        write(made, output)

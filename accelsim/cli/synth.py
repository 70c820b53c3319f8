"""Commands that make workloads without a network at hand: of a known model, or of another workload."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

Write = Callable[[object, Path | None], None]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="The workload to write.")]
PATTERN = "window:31,globals=1, window:7x7,globals=1 or window:31,dilation=2"
RULES = "taylor (ViTALiTy), l1 (SimA) or hash (EcoFormer)"


def register(app: typer.Typer, write: Write, find: Callable[[str], Path]) -> None:
    """Add the commands to an app; `write` saves a workload and says what it is, `find` knows them by name."""

    @app.command()
    def synth(
        model: Annotated[
            str,
            typer.Argument(
                metavar="MODEL", help="deit_tiny, deit_small, deit_base, levit_128, levit_192 or levit_256."
            ),
        ],
        sparsity: Annotated[
            float | None, typer.Option(help="The share of attention scores to prune, e.g. 0.9.")
        ] = None,
        attention: Annotated[str | None, typer.Option(help=f"Linear attention instead of softmax: {RULES}.")] = None,
        masks: Annotated[str | None, typer.Option(help=f"Masks of a pattern: {PATTERN}.")] = None,
        seed: Annotated[int, typer.Option(help="Other seeds give other masks.")] = 1,
        output: Output = None,
    ) -> None:
        """Make a workload of a known model, with synthetic masks, those of a pattern, or linear attention."""
        from accelsim.codesign.synthetic import exchange_attention, synthesize, window_masks
        from accelsim.core.errors import InputError
        from accelsim.workload.pattern import WindowPattern

        given = {"--sparsity": sparsity, "--attention": attention, "--masks": masks}
        said = [name for name, value in given.items() if value is not None]
        if len(said) != 1:
            what = " and ".join(said) or "neither --sparsity nor --attention nor --masks"
            raise InputError(
                f"synth {model} has {what}: give --sparsity 0.9 for softmax attention under masks, --masks "
                "window:31,globals=1 for those of a pattern, or --attention taylor, which has no scores to prune"
            )
        if sparsity is not None:
            made = synthesize(model, sparsity, seed)
        elif masks is not None:
            made = window_masks(model, WindowPattern.parse(masks))
        else:
            made = exchange_attention(model, attention)
        write(made, output)

    @app.command()
    def convert(
        workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload, or a YAML file.")],
        attention: Annotated[str, typer.Option(help=f"The attention to have instead: {RULES}; or {PATTERN}.")],
        bits: Annotated[int, typer.Option(min=1, max=256, help="Bits of a code of rule hash.")] = 16,
        output: Output = None,
    ) -> None:
        """Make a workload of the same network with another attention, or other masks; its own masks go, and for linear
        attention its auto-encoder."""
        from accelsim.workload import load
        from accelsim.workload.linear import converted
        from accelsim.workload.pattern import PREFIX, WindowPattern
        from accelsim.workload.windowed import windowed

        if attention.startswith(PREFIX):
            write(windowed(load(find(workload)), WindowPattern.parse(attention)), output)
        else:
            write(converted(load(find(workload)), attention, bits), output)

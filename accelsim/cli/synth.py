"""Commands that make workloads without a network at hand: of a known model, or of another workload."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from accelsim.core.errors import InputError

Write = Callable[[object, Path | None], None]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="The workload to write.")]
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
        seed: Annotated[int, typer.Option(help="Other seeds give other masks.")] = 1,
        output: Output = None,
    ) -> None:
        """Make a workload of a known model, with synthetic masks or with linear attention."""
        from accelsim.codesign.synthetic import exchange_attention, synthesize

        if (sparsity is None) == (attention is None):
            what = "neither --sparsity nor --attention" if sparsity is None else "--sparsity and --attention"
            raise InputError(
                f"synth {model} has {what}: give --sparsity 0.9 for softmax attention under masks, or --attention "
                "taylor, which has no scores to prune"
            )
        made = synthesize(model, sparsity, seed) if attention is None else exchange_attention(model, attention)
        write(made, output)

    @app.command()
    def convert(
        workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload, or a YAML file.")],
        attention: Annotated[str, typer.Option(help=f"The attention to have instead: {RULES}.")],
        bits: Annotated[int, typer.Option(min=1, max=256, help="Bits of a code of rule hash.")] = 16,
        output: Output = None,
    ) -> None:
        """Make a workload of the same network with another attention; its masks and auto-encoder go."""
        from accelsim.workload import load
        from accelsim.workload.linear import converted

        write(converted(load(find(workload)), attention, bits), output)

"""The command that writes JSON Schemas of machine and sweep files, by which editors complete and check them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import put

KINDS = ("machine", "sweep")


def register(app: typer.Typer, show: Callable[[Iterable[object]], None]) -> None:
    """Add the command to an app; `show` prints tables and sentences."""

    @app.command()
    def schema(
        kind: Annotated[str, typer.Argument(metavar="machine|sweep", help="Of which files.")],
        names: Annotated[
            list[str] | None,
            typer.Argument(metavar="[MACHINE]...", help="Files of, or sweeps over, these; all machines without any."),
        ] = None,
        output: Annotated[
            Path | None, typer.Option("-o", "--output", metavar="FILE.json", help="Write it; printed without it.")
        ] = None,
    ) -> None:
        """Print the JSON Schema of machine or sweep files, by which editors complete and check them."""
        from accelsim.config.json_schema import machine_document
        from accelsim.core import files
        from accelsim.core.errors import InputError, shown, suggest
        from accelsim.sweep.json_schema import sweep_document

        if kind not in KINDS:
            raise InputError(f"there is a schema of {' and of '.join(KINDS)} files, not {shown(kind)}"
                             f"{suggest(kind, KINDS)}")  # fmt: skip
        made = (machine_document if kind == "machine" else sweep_document)(declared(names or ()))
        if output is None:
            put(made)
            return
        files.write(output, (json.dumps(made, indent=1) + "\n").encode())
        show([f"{output}: JSON Schema of {kind} files"])


def declared(names: Iterable[str]):
    """What machines declare: those of these names, or of the configurations of these names; of all without any."""
    from accelsim import accelerators
    from accelsim.accelerators.plugins import plugins
    from accelsim.config import load_arch

    known = [*accelerators.shipped(), *plugins()]
    wanted = [n if n in known else load_arch(n, accelerators.schema).machine for n in names]
    return [accelerators.schema(name) for name in dict.fromkeys(wanted or known)]

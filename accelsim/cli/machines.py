"""Commands about machines: what there are, what one is, whether it keeps its contract, and a new one."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import Json, plain, put

Show = Callable[[Iterable[object]], None]
Machine = Annotated[str, typer.Argument(metavar="MACHINE", help="A machine by name, or a YAML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a value. Repeatable; the last wins.")
]


def register(app: typer.Typer, show: Show) -> None:
    """Add the commands to an app; `show` prints tables and sentences."""

    @app.command()
    def describe(
        machine: Machine,
        parts: Annotated[
            list[str] | None, typer.Argument(metavar="[PART]...", help="Only these blocks; all without any.")
        ] = None,
        overrides: Overrides = None,
        as_json: Json = False,
    ) -> None:
        """Print everything that can be set of a machine, with its value, and what each block does."""
        from accelsim.accelerators import schema
        from accelsim.accelerators.description import channels, diagram, wiring
        from accelsim.config import load_arch
        from accelsim.config.describe import describe, only
        from accelsim.config.table import tables

        arch = load_arch(machine, schema, overrides or ())
        said, rows = only(describe(schema(arch.machine), arch), parts or []), channels(arch)
        if parts:
            rows = [r for r in rows if {r.producer.split(".")[0], r.consumer.split(".")[0]} & set(parts)]
        if as_json:
            put({**plain(said), "channels": plain(rows)})
            return
        show(tables(said))
        if rows:
            show(["Who sends to whom", *diagram(rows), "", wiring(rows)])

    @app.command("list")
    def listing(as_json: Json = False) -> None:
        """List the machines and workloads there are, with those of plug-ins."""
        import accelsim.accelerators  # noqa: F401, so that plug-ins are listed too
        from accelsim.config.shipped import listing

        if as_json:
            put({"machines": listing("arch_configs"), "workloads": listing("workloads")})
            return
        show(["Machines (accelsim describe NAME)", *(f"  {name}" for name in listing("arch_configs"))])
        show(["Workloads (accelsim workload NAME)", *(f"  {name}" for name in listing("workloads"))])

    @app.command("check-machine")
    def check_machine(
        machine: Machine,
        overrides: Overrides = None,
        cases: Annotated[int, typer.Option(min=1, max=10_000, help="Small random networks to run.")] = 4,
        seed: Annotated[int, typer.Option(min=0, help="Other seeds give other networks.")] = 1,
        as_json: Json = False,
    ) -> None:
        """Try what every machine owes on small random networks; exit with 1 when something is broken."""
        from accelsim.accelerators import schema
        from accelsim.accelerators.contract import check_contract, failed, table
        from accelsim.config import load_arch

        if "numba" not in sys.modules:  # which reads it then: every index of every tick is looked at
            os.environ.setdefault("NUMBA_BOUNDSCHECK", "1")
        arch = load_arch(machine, schema, overrides or ())
        rules = check_contract(arch, cases=cases, seed=seed)
        broken = failed(rules)
        if as_json:
            put({"machine": arch.name, "networks": cases, "passed": not broken, "rules": rules})
        else:
            show(table(rules))
            ending = f"{len(broken)} rules BROKEN" if broken else "all rules hold"
            show([f"{arch.name}: {cases} networks, {ending}"])
        if broken:
            raise SystemExit(1)

    @app.command("new-machine")
    def new_machine(
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder to make; its name is the machine's.")],
    ) -> None:
        """Write a small machine of your own, to begin with: one unit, a compiler, prices, a configuration, a test."""
        from accelsim.accelerators.new_machine import write_machine

        files = write_machine(folder)
        show([f"{file}" for file in files])
        show([f"try it: accelsim --plugin {folder} check-machine {folder.name}"])

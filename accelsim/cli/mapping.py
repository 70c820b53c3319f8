"""Commands about cuts: how every layer is cut and why, and how long it would take, without a simulation."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import Json, put
from accelsim.cli.workloads import Batch, images

Show = Callable[[Iterable[object]], None]
Machine = Annotated[str, typer.Argument(metavar="MACHINE", help="A machine by name, or a YAML file.")]
Name = Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload, or a YAML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a value. Repeatable; the last wins.")
]
Pins = Annotated[
    Path | None,
    typer.Option("--mapping", metavar="FILE.yaml", help="Cuts of layers, in the place of what would be chosen."),
]


def register(app: typer.Typer, show: Show) -> None:
    """Add the commands to an app; `show` prints tables and sentences."""

    @app.command("map")
    def map_(
        machine: Machine,
        workload: Name,
        overrides: Overrides = None,
        pins: Pins = None,
        batch: Batch = None,
        every: Annotated[bool, typer.Option("--every", help="Print every layer, not only one of a kind.")] = False,
        output: Annotated[
            Path | None, typer.Option("-o", "--output", metavar="FILE.yaml", help="Write what was chosen.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Print how each layer is cut, what that is estimated to take, what binds, and the next best cuts."""
        from accelsim.accelerators.mappings import mapped, written
        from accelsim.report.mappings import cut_rows, cuts, legend

        arch, work = subject(machine, workload, overrides, pins, batch)
        found = mapped(arch, work)
        path = written(output, arch, work, found) if output else None
        if as_json:
            put({"machine": arch.name, "workload": work.name, "layers": cut_rows(found)})
            return
        show([cuts(found, every), *legend(found)])
        if path:
            show([f"{path}: {len(found)} layers"])

    @app.command()
    def estimate(
        machine: Machine,
        workload: Name,
        overrides: Overrides = None,
        pins: Pins = None,
        batch: Batch = None,
        every: Annotated[bool, typer.Option("--layers", help="Print every layer, not only one row a phase.")] = False,
        as_json: Json = False,
    ) -> None:
        """Say in milliseconds how long a workload would take, in closed form; no cycle is simulated."""
        from accelsim import accelerators
        from accelsim.accelerators.mappings import mapped
        from accelsim.report.mappings import calibration, calibration_rows, estimates, layer_rows, phase_rows

        arch, work = subject(machine, workload, overrides, pins, batch)
        found, clock_hz = mapped(arch, work), float(arch.clocks["core"])
        table = accelerators.machine(arch.machine).calibration
        if as_json:
            cycles = sum(one.estimate.cycles for one in found)
            put(
                {
                    "machine": arch.name, "workload": work.name, "estimated": True, "cycles": cycles,
                    "seconds": cycles / clock_hz, "phases": phase_rows(found), "layers": layer_rows(found),
                    "calibration": calibration_rows(table),
                }
            )  # fmt: skip
            return
        show([estimates(found, clock_hz, every), *calibration(table, work.name)])


def subject(machine: str, workload: str, overrides: list[str] | None, pins: Path | None, batch: int | None):
    """The configuration, with what is pinned of its mapping, and the workload."""
    from accelsim.accelerators import schema
    from accelsim.accelerators.mappings import pinned
    from accelsim.config import load_arch
    from accelsim.config.shipped import find
    from accelsim.workload import load

    arch = load_arch(machine, schema, overrides or ())
    work = images(load(find("workloads", workload)), batch)
    return (pinned(arch, pins, work) if pins else arch), work

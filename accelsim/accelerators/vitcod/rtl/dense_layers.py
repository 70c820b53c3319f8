"""The dense layers of a workload through the MAC array, driven as the whole machine drives it: every command comes and
every output is taken in the cycle in which it is in a run of the machine."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.machine import MACHINE, resources
from accelsim.accelerators.vitcod.rtl.dense import DenseSizes, DenseWork, Place, Product
from accelsim.accelerators.vitcod.rtl.dense_cases import TWIN, bench
from accelsim.accelerators.vitcod.rtl.stage import Tile, late, steps_of
from accelsim.config.arch import Arch
from accelsim.core import IDLE, Out, Param, Simulator
from accelsim.core.channel import WATCHED
from accelsim.core.trace import EVENT
from accelsim.dataflows.windows import Window
from accelsim.rtl.cosim import AFTER, EVENTS, Case
from accelsim.rtl.stimulus import Script
from accelsim.workload.layers import Attention, Gemm
from accelsim.workload.network import Network, Rule
from accelsim.workload.workload import Workload

ARRAY = "engine"  # what the machine calls it


@dataclass(frozen=True)
class Recorded:
    """A run of the machine: its cycles, the array's table `frees`, and a unit's parameters; of each port of the unit
    (of an array `PORT.ELEMENT`) the depth of its channel, what crosses it, int64[items, 1 + fields], cycle and payload,
    and in which cycles items are taken; and of each unit the status changes, int64[changes, 2], cycle and status."""

    cycles: int
    values: Mapping[str, int]
    frees: np.ndarray
    depths: Mapping[str, int]
    moved: Mapping[str, np.ndarray]
    taken: Mapping[str, np.ndarray]
    statuses: Mapping[str, np.ndarray]


def recorded(arch: Arch, workload: Workload, unit: str = ARRAY) -> Recorded:
    """What happens at a unit's ports while the machine runs a workload."""
    sim, program = MACHINE.build(arch, workload, trace=EVENTS)
    parts = {c.name: c for c in sim.components}
    ends = {}
    for i, wire in enumerate(sim.wires):
        for name, port in ((wire.producer.name, wire.out), (wire.consumer.name, wire.into)):
            if name == unit:
                ends[port] = i
                sim.wires[i] = replace(wire, monitored=WATCHED)
    sim.run()
    MACHINE.finish(arch, sim, True)
    period = sim.periods[parts[unit].clock]
    log = np.concatenate(sim.transfers)
    log[:, 0] //= period
    fields = {n: len(sim.wires[i].payload) for n, i in ends.items()}
    moved = {n: log[log[:, 1] == i][:, [0, *range(2, 2 + fields[n])]] for n, i in ends.items()}
    taken = {n: log[log[:, 1] == ~i][:, [0, 2]] for n, i in ends.items()}
    for name in ends:
        if (taken[name][:, 1] > 1).any():
            raise ValueError(f"{unit}.{name}: several items are taken in a cycle, which a bench's far end does not do")
    values = {n: parts[unit].value(n) for n in parts[unit].declared(Param)}
    depths = {n: sim.wires[i].depth for n, i in ends.items()}
    return Recorded(
        sim.result().cycles(), values, program.finish()["frees"], depths, moved,
        {n: times[:, 0] for n, times in taken.items()}, statuses_of(sim),
    )  # fmt: skip


def opened(run: Recorded, ports: Collection[str]) -> dict[str, np.ndarray]:
    """The patterns in which far ends take items in the cycles in which they are taken in a run, by the wires' names."""
    opens = {}
    for name in ports:
        pattern = np.zeros(run.cycles + AFTER + 1, np.uint8)
        pattern[run.taken[name]] = 1
        opens[name.replace(".", "_")] = pattern
    return opens


def statuses_of(sim: Simulator) -> dict[str, np.ndarray]:
    """The status changes of each component, in cycles of its clock."""
    events = np.concatenate(sim.events) if sim.events else np.zeros(0, EVENT)
    found = {}
    for i, component in enumerate(sim.components):
        mine = events[events["component"] == i]
        found[component.name] = np.stack([mine["at"] // sim.periods[component.clock], mine["status"]], axis=1)
    return found


def at_work(run: Recorded, units: Collection[str]) -> int:
    """Cycles of a run in which at least one of these units is not idle."""
    change = np.zeros(run.cycles + 1, np.int64)
    for name in units:
        at, status = run.statuses[name].T
        working = (status != IDLE).astype(np.int64)
        np.add.at(change, np.minimum(at, run.cycles), np.diff(working, prepend=0))
    return int((np.cumsum(change)[:-1] > 0).sum())


def array_case(arch: Arch, workload: Workload, data: bool) -> Iterator[Case]:
    """One case: a whole run of the machine at the array's ports, on the workload's operands or of the control alone."""
    run = recorded(arch, workload)
    commands = run.moved["command"][:, 1:]
    net = bench(run.values, run.depths, len(commands), DenseSizes() if data else None)
    work = None
    if data:
        places = places_of(workload, resources(arch), commands)
        work = DenseWork([*products_of(arch, workload)], places, commands)
        net = replace(net, sizes=work.needed(net.data))
    opens = opened(run, [name for name, port in TWIN.ports().items() if isinstance(port, Out)])
    script = Script(run.moved["command"][:, 0], commands)
    yield Case(f"{workload.name}", net, {"frees": run.frees}, {"command": script}, opens, operands=work)


def places_of(workload: Workload, have: Resources, commands: np.ndarray) -> list[Place]:
    """Where each tile of the array is. Tiles of a group of columns come in either order: those with the same rows from
    left to right, those with the same outputs from the first element to the last."""
    encoded, places, left = {layer.name: layer for layer in workload.attention_layers}, [], iter(commands.tolist())
    number = 0
    for layer in workload.layers:
        if not isinstance(layer, Gemm):
            continue
        for _ in range(layer.repeat):
            first = 0
            for group in columns_of(layer, encoded.get(layer.encodes), have):
                rest = layer.tokens * workload.batch * group.count
                column: dict[int, int] = {}
                element = 0
                while rest:
                    rows, columns, depth, _, _, last, _, _, _, row, *_ = next(left)
                    places.append(Place(number, row, first + column.get(row, 0), element))
                    element += depth
                    if last:
                        column[row] = column.get(row, 0) + columns
                        rest, element = rest - rows * columns, 0
                first += group.count
            number += 1
    return places


def windows_of(workload: Workload) -> list[Window | None]:
    """Of each product of its dense layers the window that the stage is told of."""
    gemms = [layer for layer in workload.layers if isinstance(layer, Gemm)]
    found = [(Window.of(layer), layer.repeat) for layer in gemms]
    return [window if window and window.out else None for window, repeat in found for _ in range(repeat)]


def lies(workload: Workload, arch: Arch, commands: np.ndarray) -> list[Tile]:
    """How the activations of each tile lie."""
    windows = windows_of(workload)
    return [(windows[at.layer], at.row, at.element) for at in places_of(workload, resources(arch), commands)]


def products_of(arch: Arch, workload: Workload) -> Iterator[Product]:
    """What each dense layer computes on, one after the other; a layer of several products is as many. The network is
    computed from its first layer on, with what the workload lacks made up (see workload/network.py)."""
    network, windows = network_of(arch, workload), iter(windows_of(workload))
    for layer in workload.layers:
        if isinstance(layer, Gemm):
            computed = network.of(layer.name)
            x, weight, bias, requant = (computed.operands[n] for n in ("x", "weight", "bias", "requant"))
            for n in range(layer.repeat):
                whole = x[:, n].reshape(-1, x.shape[-1])
                scale = requant[n, :, 0].astype(np.int64) | requant[n, :, 1].astype(np.int64) << 16
                yield Product(whole, weight[n], np.asarray(bias[n], np.int32), scale, next(windows))


def network_of(arch: Arch, workload: Workload) -> Network:
    """A workload's network as the machine computes it."""
    on = {name: arch.options[name] == "true" for name in ("prune", "auto_encoder")}

    def rule(layer: Attention) -> Rule:
        keep = workload.mask(layer.name).keep
        coded = on["auto_encoder"] and layer.encoded_heads is not None
        return Rule(keep if on["prune"] else np.ones_like(keep), coded, arch.parts["softmax"]["mode"])

    return Network(workload, rule)


def remarks(arch: Arch, workload: Workload, units: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Of each module the cycles of a run in which its units are at work; and whether the transposing stage keeps up."""
    run = recorded(arch, workload)
    every = {"all of these": [unit for some in units.values() for unit in some]}
    for name, some in {**units, **every}.items():
        cycles = at_work(run, some)
        share = 100 * cycles / run.cycles
        yield f"{name}: at work in {cycles:,} of {run.cycles:,} cycles of {workload.name} ({share:.1f} %)"
    found = late(run.values, steps_of(run.values, run.moved, lies(workload, arch, run.moved["command"][:, 1:])))
    yield (
        f"transposing_stage: late in {found.steps:,} of {found.of:,} steps; waiting for it, the array would take "
        f"{found.cycles:,} cycles more"
    )

"""The dense layers of a workload through the MAC array, driven as the whole machine drives it: every command comes and
every output is taken in the cycle in which it is in a run of the machine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.dataflow.mapping import stays_of
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.machine import MACHINE, resources
from accelsim.accelerators.vitcod.rtl.dense import DenseSizes, DenseWork, Place, Product
from accelsim.accelerators.vitcod.rtl.dense_cases import TWIN, bench
from accelsim.accelerators.vitcod.rtl.stage import Tile, late, steps_of
from accelsim.config.arch import Arch
from accelsim.core import Out
from accelsim.dataflows.fusion import Piece, pieces
from accelsim.dataflows.windows import Window
from accelsim.rtl import driven
from accelsim.rtl.cosim import Case
from accelsim.rtl.stimulus import Script
from accelsim.workload.layers import Attention, Gemm
from accelsim.workload.network import Network, Rule
from accelsim.workload.workload import Workload

ARRAY = "engine"  # what the machine calls it


def recorded(arch: Arch, workload: Workload, unit: str = ARRAY) -> driven.Recorded:
    """What happens at a unit's ports while the machine runs a workload."""
    return driven.recorded(MACHINE, arch, workload, unit)


def array_case(arch: Arch, workload: Workload, data: bool) -> Iterator[Case]:
    """One case: a whole run of the machine at the array's ports, on the workload's operands or of the control alone."""
    run = recorded(arch, workload)
    commands = run.moved["command"][:, 1:]
    net = bench(run.values, run.depths, len(commands), DenseSizes() if data else None)
    work = None
    if data:
        places = places_of(workload, resources(arch), pieces_of(arch, workload), commands)
        work = DenseWork([*products_of(arch, workload)], places, commands)
        net = replace(net, sizes=work.needed(net.data))
    opens = driven.opened(run, [name for name, port in TWIN.ports().items() if isinstance(port, Out)])
    script = Script(run.moved["command"][:, 0], commands)
    yield Case(f"{workload.name}", net, {"frees": run.tables["frees"]}, {"command": script}, opens, operands=work)


def pieces_of(arch: Arch, workload: Workload) -> Iterator[Piece]:
    """What a machine does of a workload, layer by layer, in its order: fused ones take turns."""
    return pieces(workload, stays_of(MACHINE.mapping(arch, workload)))


def places_of(workload: Workload, have: Resources, order: Iterable[Piece], commands: np.ndarray) -> list[Place]:
    """Where each tile of the array is; order: as `pieces_of` says. Tiles of a group of columns come in either order:
    those with the same rows from left to right, those with the same outputs from the first element to the last."""
    encoded, places, left = {layer.name: layer for layer in workload.attention_layers}, [], iter(commands.tolist())
    repeats = [layer.repeat if isinstance(layer, Gemm) else 0 for layer in workload.layers]
    products = list(accumulate(repeats, initial=0))  # before each layer
    for piece in order:
        layer = piece.layer
        if not isinstance(layer, Gemm):
            continue
        for number in range(products[piece.number], products[piece.number + 1]):
            first = 0
            for group in columns_of(layer, encoded.get(layer.encodes), have):
                rest = layer.tokens * piece.batch * group.count
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
    return places


def windows_of(workload: Workload) -> list[Window | None]:
    """Of each product of its dense layers the window that the stage is told of."""
    gemms = [layer for layer in workload.layers if isinstance(layer, Gemm)]
    found = [(Window.of(layer), layer.repeat) for layer in gemms]
    return [window if window and window.out else None for window, repeat in found for _ in range(repeat)]


def lies(workload: Workload, arch: Arch, commands: np.ndarray) -> list[Tile]:
    """How the activations of each tile lie."""
    windows, order = windows_of(workload), pieces_of(arch, workload)
    places = places_of(workload, resources(arch), order, commands)
    return [(windows[at.layer], at.row, at.element) for at in places]


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
    yield from driven.shares(run, units, workload.name)
    found = late(run.values, steps_of(run.values, run.moved, lies(workload, arch, run.moved["command"][:, 1:])))
    yield (
        f"transposing_stage: late in {found.steps:,} of {found.of:,} steps; waiting for it, the array would take "
        f"{found.cycles:,} cycles more"
    )

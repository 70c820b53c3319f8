"""Random dense layers for the MAC array to be co-simulated on."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from accelsim.accelerators.vitcod.rtl.dense import DenseSizes, DenseWork, Place, Product
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, PAYLOADS, TWINS
from accelsim.dataflows.steps import ArrayPorts, timed
from accelsim.dataflows.tiling import ceil, pieces
from accelsim.dataflows.windows import Window
from accelsim.isa.tables import FREES
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import Rng, make, script
from accelsim.rtl.netlist import Netlist, alone
from accelsim.workload.shaping import im2col

TWIN = TWINS["mac_array"]
TILES = 64  # of a random case
WIDE = 24  # bits of a word: what a tile reads is counted in bytes
UNUSED = {"psum_bytes": 1, "row_values": 1}  # parameters of which the module makes no use
# Sizes of the array that are tried in turn.
ARRAYS = [
    {"lines": 8, "macs": 4, "psum_banks": 2, "psum_port_bytes": 16, "step_cycles": 0, "weight_banks": 2,
     "weight_port_bytes": 8, "act_banks": 2, "act_port_bytes": 16},
    {"lines": 3, "macs": 5, "psum_banks": 1, "psum_port_bytes": 7, "step_cycles": 2, "weight_banks": 1,
     "weight_port_bytes": 3, "act_banks": 1, "act_port_bytes": 5},
    {"lines": 16, "macs": 8, "psum_banks": 8, "psum_port_bytes": 32, "step_cycles": 0, "weight_banks": 4,
     "weight_port_bytes": 64, "act_banks": 4, "act_port_bytes": 64},
    {"lines": 1, "macs": 1, "psum_banks": 1, "psum_port_bytes": 4, "step_cycles": 0, "weight_banks": 1,
     "weight_port_bytes": 1, "act_banks": 1, "act_port_bytes": 1},
    {"lines": 16, "macs": 8, "psum_banks": 8, "psum_port_bytes": 32, "step_cycles": 0, "weight_banks": 4,
     "weight_port_bytes": 64, "act_banks": 4, "act_port_bytes": 4},
]  # fmt: skip


def bench(values: Mapping[str, int], depths: Mapping[str, int], tiles: int, sizes: DenseSizes | None) -> Netlist:
    """The array between its channels."""
    net = alone(PACKAGE, TWIN, {**UNUSED, **values}, depths, {"frees": tiles}, sizes)
    return replace(net, bits=WIDE)


def mac_array(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    """Random layers, cut into tiles in either order of rows and columns, of steps that are sometimes smaller than the
    array, with their depth in up to three parts."""
    depths = {**depths, "out": 1}  # there is one set of shadow registers
    layers, places, commands = [], [], []
    sizes = DenseSizes(tiles=TILES)
    while True:
        layer, where, told = draw_layer(rng, values, len(layers), largest)
        work = DenseWork([*layers, layer], places + where, np.array(commands + told, np.int64))
        net = bench(values, depths, TILES, sizes)
        need = work.needed(net.data)
        if any(
            getattr(need, name) > getattr(sizes, name) for name in ("tiles", "steps", "acts", "weights", "constants")
        ):
            if layers:
                break
            continue
        layers.append(layer)
        places, commands = places + where, commands + told
        if rng.random() < 0.3:
            break
    work = DenseWork(layers, places, np.array(commands, np.int64))
    frees = rng.integers(0, 1 << 16, (len(commands), len(FREES.names)))
    table = np.array([tuple(row) for row in frees.tolist()], FREES).view(np.recarray)
    case = make(rng, "mac_array", net, {"frees": table}, {"command": script(rng, commands, work.commands.shape[1])})
    return replace(case, operands=work)


def draw_layer(rng: Rng, values: Mapping[str, int], number: int, largest: int) -> tuple[Product, list, list[tuple]]:
    """A random layer of up to `largest` tokens, where each of its tiles is, and the array's commands."""

    def some(most: int) -> int:
        return int(rng.integers(1, most + 1))

    lines, macs, ports = values["lines"], values["macs"], ArrayPorts.of(values)
    tokens, features, depth = some(largest), some(3 * max(lines, macs)), some(96 if rng.random() < 0.7 else 6)
    window = draw_window(rng) if rng.random() < 0.3 else None
    if window:
        images = some(max(1, min(4, largest // window.out**2)))
        tokens, depth = images * window.out**2, window.depth
    tall, wide = (lines, macs) if rng.random() < 0.5 else (macs, lines)
    if rng.random() < 0.5:
        tall, wide = some(tall), some(wide)
    tall, wide = min(tall, tokens), min(wide, features)
    parts = pieces(depth, ceil(depth, some(3)))
    starts = np.cumsum([0, *parts]).tolist()
    rows, columns = pieces(tokens, some(tokens)), pieces(features, some(features))
    row_at, column_at = np.cumsum([0, *rows]).tolist(), np.cumsum([0, *columns]).tolist()
    tiles = [(m, n) for m in range(len(rows)) for n in range(len(columns))]
    if rng.random() < 0.5:
        tiles.sort(key=lambda tile: tile[1])
    heads = int(rng.integers(0, 7))
    each, added, passes = int(rng.choice([4, 8])), int(rng.integers(0, 2)), some(4)
    places, commands = [], []
    for m, n in tiles:
        for part, element in zip(parts, starts):
            last = element + part == depth
            places.append(Place(number, row_at[m], column_at[n], element))
            met, meets = (of % heads if heads else 0 for of in (column_at[n], wide))
            cut = {"tokens": rows[m], "features": columns[n], "depth": part, "step_tokens": tall}
            cut |= {"step_features": wide, "constants": each * last, "added": added * last}
            said = cut | {"heads": heads, "encoded": ceil(heads, 2), "passes": passes, "token": row_at[m]}
            lies = {"window": window, "row": row_at[m], "element": element} if window else {}
            said |= {"met": met, "meets": meets} | timed(ports, **cut, **lies, adds=element > 0)
            commands.append(tuple(said[name] for name in PAYLOADS["gemm"]))
    bias = rng.integers(-(1 << 31), 1 << 31, features) if each == 8 else np.zeros(features, np.int64)
    x = rng.integers(-128, 128, (tokens, depth)).astype(np.int8)
    if window:
        pictures = rng.integers(-128, 128, (images, window.side**2, window.channels)).astype(np.int8)
        x = im2col(pictures, window.out**2, window.depth, 1).reshape(tokens, depth)
    product = Product(
        x,
        rng.integers(-128, 128, (depth, features)).astype(np.int8),
        bias.astype(np.int32),
        rng.integers(0, 1 << 32, features),
        window,
    )
    return product, places, commands


def draw_window(rng: Rng) -> Window:
    """Windows of a random convolution that overlap, of small pictures: tiles go from one to the next."""
    kernel = int(rng.integers(2, 4))
    return Window(kernel, int(rng.integers(1, 9)), int(rng.integers(1, kernel)), int(rng.integers(2, 6)))

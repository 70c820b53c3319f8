"""Random cases for the memory side of a machine: buffers, the DMA engine, and a memory behind it that answers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from accelsim.isa.tables import BOTH, DESCRIPTOR, KEEPING, REQUEST, TILE, TO_DRAM
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import Rng, make, script
from accelsim.rtl.memory import TWINS
from accelsim.rtl.netlist import Netlist, Unit, Wire
from accelsim.rtl.package import Package

ROWS = 64  # of a list of loads or stores, with the one that ends it
BITS = 24  # of a word
Values = Mapping[str, Mapping[str, int]]  # of each unit
PIPES = (
    {"latency": 72, "channels": 4, "bytes_per_cycle": 16, "interleave_bytes": 64, "window": 32},
    {"latency": 1, "channels": 1, "bytes_per_cycle": 3, "interleave_bytes": 48, "window": 1},
    {"latency": 20, "channels": 3, "bytes_per_cycle": 8, "interleave_bytes": 64, "window": 5},
)
ENGINES = (
    {"burst_bytes": 1024, "outstanding": 32}, {"burst_bytes": 64, "outstanding": 2},
    {"burst_bytes": 100, "outstanding": 7},
)  # fmt: skip


@dataclass(frozen=True)
class Side:
    """What stands around the DMA engine, and how deep the channels are: streams of other buffers, units that read the
    load buffer and whether one is told of its loads, units that fill the store buffer, whether stores are handed on."""

    depth: int
    streams: int = 0
    readers: int = 0
    filling: bool = False
    results: int = 0
    keeps: bool = False


def side(package: Package, top: str, values: Values, of: Side) -> Netlist:
    """The units there are values for, of `dram`, `dma`, `buffer` and `store`, and all their channels."""
    modules = {"dram": "dram_pipe", "dma": "dma", "buffer": "load_buffer", "store": "store_buffer"}
    units = [Unit(name, TWINS[module], dict(values[name])) for name, module in modules.items() if name in values]
    wires = []

    def wire(producer: str, consumer: str, deep: int = of.depth) -> None:
        """A channel from UNIT.PORT to UNIT.PORT; an end without a dot is outside."""
        ends = [tuple(end.split(".", 1)) if "." in end else None for end in (producer, consumer)]
        name = (consumer if ends[0] is None else producer).replace(".", "_")
        wires.append(Wire(name, deep, *ends))

    if "dma" in values:
        for n in range(of.streams):
            wire("out", f"dma.tile.{n}")
            wire(f"dma.arrived.{n}", "out")
    wire("dma.request" if "dma" in values else "out", "dram.request", 8)
    wire("dram.reply", "dma.reply" if "dma" in values else "out", 8)
    if "store" in values:
        for n in range(of.results):
            wire("out", f"store.results.{n}")
        wire("store.request", "dma.tile.store")
        wire("dma.arrived.store", "store.written")
        wire("store.done", "out")
    if "buffer" in values:
        for port in ("release", "command"):
            wire("out", f"buffer.{port}")
        for n in range(of.readers):
            wire("out", f"buffer.reading.{n}")
        wire("buffer.request", "dma.tile.buffer")
        wire("dma.arrived.buffer", "buffer.fill")
        wire("buffer.done", "out")
        if of.filling:
            wire("buffer.filling.reader", "out")
        if of.keeps:
            wire("store.keep.buffer" if "store" in values else "out", "buffer.keep.store")
            wire("buffer.kept.store", "store.kept.buffer" if "store" in values else "out")
    return Netlist(package, top, units, wires, dict.fromkeys(("loads", "stores"), ROWS), BITS)


def draw_tiles(rng: Rng, count: int, most: int) -> np.ndarray:
    """int64[count, 4]: address, bytes, segments and pitch of random tiles of up to `most` bytes, at most."""
    rows = []
    for _ in range(count):
        size = int(rng.integers(1, most + 1))
        segments = int(rng.integers(1, size + 1)) if rng.random() < 0.2 else int(rng.integers(1, min(4, size) + 1))
        each = size // segments
        rows.append((int(rng.integers(1 << 30)), each, segments, each + int(rng.integers(0, 300))))
    return np.array(rows, np.int64).reshape(count, 4)


def table(tiles: np.ndarray, fences: np.ndarray) -> np.recarray:
    """DESCRIPTOR records."""
    made = np.zeros(len(tiles), DESCRIPTOR).view(np.recarray)
    for name, column in zip(DESCRIPTOR.names, [*tiles.T, fences], strict=True):
        made[name] = column
    return made


def parts(rng: Rng, total: int, most: int) -> list[int]:
    """A number of bytes in random pieces of up to `most`."""
    made = []
    while total:
        made.append(min(total, int(rng.integers(1, most + 1))))
        total -= made[-1]
    return made


def dram_pipe(package: Package, rng: Rng, values: Values, of: Side) -> Case:
    """Bursts, alone or one behind the other, from some bytes to thousands."""
    bursts, end = [], 0
    for _ in range(int(rng.integers(1, 200))):
        size = int(rng.choice([64, int(rng.integers(1, 200)), int(rng.integers(1, 3000))]))
        at = end if rng.random() < 0.5 else int(rng.integers(1 << 30))
        bursts.append((at, size, int(rng.integers(2)), int(rng.integers(6))))
        end = at + size
    net = side(package, "dram_pipe_bench", values, of)
    return make(rng, "dram_pipe", net, {}, {"dram_request": script(rng, bursts, len(REQUEST))})


def streams(rng: Rng, of: Side, busy: float = 1) -> dict[str, object]:
    """The tiles of other buffers' streams."""
    scripts = {}
    for n in range(of.streams):
        tiles = draw_tiles(rng, int(busy * rng.integers(0 if n else 1, 20)), int(rng.choice([40, 3000])))
        rows = [(*tile, int(rng.integers(2))) for tile in tiles.tolist()]
        scripts[f"dma_tile_{n}"] = script(rng, rows, len(TILE))
    return scripts


def dma(package: Package, rng: Rng, values: Values, of: Side) -> Case:
    """Tiles of several streams, read and written in front of a pipe."""
    net = side(package, "dma_bench", values, of)
    return make(rng, "dma", net, {}, streams(rng, of))


def load_ends(rng: Rng, values: Values, of: Side, kept: int) -> tuple[dict, dict]:
    """Table and scripts of the load buffer's other ends: loads, the space that is given back in all for them and for
    `kept` bytes, for which room is reserved, fences, and what readers take."""
    one = values["buffer"]
    capacity, width = one["capacity_bytes"], one["banks"] * one["port_bytes"]
    tiles = draw_tiles(rng, int(rng.integers(0 if kept else 1, ROWS)), int(rng.choice([capacity, capacity // 5])))
    fences = np.cumsum(rng.random(len(tiles)) < rng.choice([0, 0.1, 0.5]))
    total = int((tiles[:, 1] * tiles[:, 2]).sum()) + kept
    granted = int(total * rng.random() * rng.integers(2))
    grants = [(size, 0) for size in parts(rng, granted, capacity)] + [(0, 1)] * int(fences.max(initial=0))
    grants += [(-size, 0) for size in parts(rng, kept, capacity // 3)]
    rng.shuffle(grants)
    frees = [(size, int(rng.integers(0, 2 * size))) for size in parts(rng, total - granted, capacity)]
    slow = float(rng.choice([0.02, 0.004]))
    patient = None if rng.random() < 0.5 else slow
    scripts = {
        "buffer_release": script(rng, frees, 2, eager=slow),
        "buffer_command": script(rng, [tuple(map(int, g)) for g in grants], 2, eager=patient),
    }
    for n in range(of.readers):
        rates = [0, *rng.integers(0, 1 + width * 5 // 4 // of.readers, int(rng.integers(0, 60))).tolist(), 0]
        more = [(change,) for change in np.diff(rates).tolist()]
        scripts[f"buffer_reading_{n}"] = script(rng, more, 1, eager=float(rng.choice([0.1, 0.01])))
    return {"loads": table(tiles, fences)}, scripts


def load_buffer(package: Package, rng: Rng, values: Values, of: Side) -> Case:
    """Loads of all sizes, with fences, while readers take more and less of the ports and space is given back; results
    are handed on to it in between."""
    most = values["buffer"]["capacity_bytes"] // 3
    handed = [tuple(tile[1:3]) for tile in draw_tiles(rng, int(rng.integers(20)), most).tolist()]
    kept = sum(size * segments for size, segments in handed) if of.keeps else 0
    tables, scripts = load_ends(rng, values, of, kept)
    if of.keeps:
        scripts["buffer_keep_store"] = script(rng, handed, len(KEEPING))
    net = side(package, "load_buffer_bench", values, of)
    return make(rng, "load_buffer", net, tables, scripts | streams(rng, of, 0.3), stuck=True)


def store_buffer(package: Package, rng: Rng, values: Values, of: Side) -> Case:
    """Stores of all sizes to DRAM, to a load buffer, or both, of results that come in pieces from several units."""
    capacity = values["store"]["capacity_bytes"]
    piece = int(rng.choice([1 + capacity // 8, 1 + capacity // 3]))
    most = capacity - piece
    tiles = draw_tiles(rng, int(rng.integers(1, ROWS)), int(rng.choice([most, 1 + most // 8])))
    goes = rng.integers(TO_DRAM, BOTH + 1, len(tiles)) if of.keeps else np.zeros(len(tiles), np.int64)
    sizes = tiles[:, 1] * tiles[:, 2]
    made = parts(rng, int(sizes.sum()), piece)
    unit = rng.integers(0, of.results, len(made))
    tables: dict = {}
    scripts = streams(rng, of, 0.3)
    if of.keeps:
        tables, ends = load_ends(rng, values, of, int(sizes[goes != TO_DRAM].sum()))
        scripts |= ends
    for n in range(of.results):
        mine = [(size,) for size, by in zip(made, unit) if by == n]
        scripts[f"store_results_{n}"] = script(rng, mine, 1)
    net = side(package, "store_buffer_bench", values, of)
    return make(rng, "store_buffer", net, tables | {"stores": table(tiles, goes)}, scripts, stuck=of.keeps)


BUFFERS = (
    {"capacity_bytes": 8192, "banks": 4, "port_bytes": 64, "outstanding": 4, "overlap": 1},
    {"capacity_bytes": 300, "banks": 1, "port_bytes": 3, "outstanding": 1, "overlap": 0},
    {"capacity_bytes": 2000, "banks": 3, "port_bytes": 8, "outstanding": 3, "overlap": 1},
)
STORES = (
    {"capacity_bytes": 4096, "banks": 2, "port_bytes": 64}, {"capacity_bytes": 200, "banks": 1, "port_bytes": 3},
    {"capacity_bytes": 1500, "banks": 3, "port_bytes": 8},
)  # fmt: skip


def parameters(*units: str) -> list[dict[str, Mapping[str, int]]]:
    """Of these units the values that are tried in turn."""
    each = {"dram": PIPES, "dma": ENGINES, "buffer": BUFFERS, "store": STORES}
    return [{unit: each[unit][n] for unit in units} for n in range(len(PIPES))]


# Of each component how to make a case, and the parameters and surroundings that are tried in turn.
Maker = Callable[[Package, Rng, Values, Side], Case]
SETTINGS: dict[str, tuple[Maker, list[dict[str, Mapping[str, int]]], list[Side]]] = {
    "dma": (dma, parameters("dram", "dma"), [Side(2, 5), Side(1, 3), Side(4, 1)]),
    "load_buffer": (load_buffer, parameters("dram", "dma", "buffer"), [
        Side(2, 1, 3, True, keeps=True), Side(1, 0, 1), Side(4, 2, 2, keeps=True),
    ]),
    "store_buffer": (store_buffer, [
        *parameters("dram", "dma", "buffer", "store")[:1], *parameters("dram", "dma", "store")[1:],
    ], [Side(2, 1, 1, True, 2, True), Side(1, 0, results=1), Side(4, 2, results=3)]),
    "dram_pipe": (dram_pipe, parameters("dram"), [Side(8), Side(1), Side(2)]),
}  # fmt: skip


def cases(package: Package, component: str, count: int, seed: int, *, settings: int | None = None) -> Iterator[Case]:
    """`count` cases of a component, its settings (or the first so many of them) in turn; same seed, same cases."""
    maker, values, sides = SETTINGS[component]
    used = len(values) if settings is None else min(settings, len(values))
    for n in range(count):
        rng = np.random.default_rng([seed, n, *component.encode()])
        yield replace(maker(package, rng, values[n % used], sides[n % used]), name=f"{component} {n}")

"""Random products for the array to be co-simulated on."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from accelsim.accelerators.systolic.rtl.datapath import ArraySizes
from accelsim.accelerators.systolic.rtl.lengths import IS, OS
from accelsim.accelerators.systolic.rtl.modules import ARRAY, NAME, bench
from accelsim.accelerators.systolic.rtl.work import SOFTMAX, VECTOR, ArrayWork, Place, Product
from accelsim.components.systolic_array import PART
from accelsim.dataflows.tiling import pieces
from accelsim.isa.tables import FREES
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import Rng, make, script

COMMANDS = 256  # of a random case at most
LARGEST = 60  # tokens of one
SMALL = {"timing": 0, "row_skip": 0, "psum_hop": 1, "ahead": 4, "left_word": 1, "top_word": 1}
# Arrays that are tried in turn: each is a build.
ARRAYS = [
    SMALL | {"rows": 4, "columns": 3, "dataflow": 0, "overlap": 1, "accumulator_bytes": 4, "left_bytes": 64,
             "top_bytes": 2},
    SMALL | {"rows": 3, "columns": 5, "dataflow": 1, "overlap": 1, "accumulator_bytes": 160, "left_bytes": 1,
             "top_bytes": 64},
    SMALL | {"rows": 3, "columns": 4, "dataflow": 2, "overlap": 0, "accumulator_bytes": 256, "left_bytes": 64,
             "top_bytes": 3, "psum_hop": 2, "ahead": 1, "left_word": 8, "top_word": 3},
    SMALL | {"rows": 3, "columns": 2, "dataflow": 0, "overlap": 0, "accumulator_bytes": 4, "left_bytes": 2,
             "top_bytes": 64, "ahead": 2, "left_word": 2, "top_word": 8},
]  # fmt: skip
DEPTHS = [4, 1, 2, 3]  # of the channels, in turn


def cases(count: int, seed: int) -> Iterator[Case]:
    """Random cases on all of them."""
    for n in range(count):
        which = n % len(ARRAYS)
        depths = dict.fromkeys(ARRAY.ports(), DEPTHS[which])
        yield systolic_array(np.random.default_rng([seed, n, 91]), f"{NAME} {n}", ARRAYS[which], depths)


def systolic_array(rng: Rng, name: str, values: Mapping[str, int], depths: Mapping[str, int]) -> Case:
    """Random products one after the other, cut into commands in any way that a compiler may."""
    sizes = ArraySizes()
    net = bench(values, depths, COMMANDS, sizes)
    products, places, commands = [], [], []
    while True:
        product, where, told = draw(rng, values, len(products))
        work = ArrayWork([*products, product], places + where, np.array(commands + told, np.int64))
        need = work.needed(net.data)
        limits = zip(
            (need.left, need.top, need.streams, need.holds), (sizes.left, sizes.top, sizes.streams, sizes.holds)
        )
        if len(work.commands) > COMMANDS or any(one > most for one, most in limits):
            if products:
                break
            continue
        products.append(product)
        places, commands = places + where, commands + told
        if rng.random() < 0.2:
            break
    work = ArrayWork(products, places, np.array(commands, np.int64))
    frees = rng.integers(0, 1 << 16, (len(commands), len(FREES.names)))
    tables = {
        "frees": np.array([tuple(row) for row in frees.tolist()], FREES).view(np.recarray),
        "commands": work.commands,
    }
    case = make(rng, name, net, tables, {"command": script(rng, commands, len(PART))})
    return replace(case, operands=work)


def draw(rng: Rng, values: Mapping[str, int], number: int) -> tuple[Product, list[Place], list[tuple]]:
    """A random product, where each command is in it, and the commands."""

    def some(most: int) -> int:
        return int(rng.integers(1, most + 1))

    def cut(total: int, most: int) -> list[tuple[int, int]]:
        """(first, size) of pieces of at most `most`."""
        sizes = pieces(total, min(total, some(most)))
        return list(zip(np.cumsum([0, *sizes]).tolist(), sizes))

    high, wide, dataflow = values["rows"], values["columns"], values["dataflow"]
    m, n, k = some(3 * high if rng.random() < 0.7 else LARGEST), some(3 * wide), some(rng.choice([3, 3 * high, 40]))
    to = int(rng.choice([VECTOR, SOFTMAX]))
    each, added, passes = int(rng.choice([0, 4, 8])), int(rng.integers(0, 2)), some(4)
    found = []  # (row, rows), (column, columns), (depth, deep), first, last, adds, leaves
    parts = cut(k, k) if rng.random() < 0.6 else [(0, k)]
    if dataflow == OS:
        for rows in cut(m, high if len(parts) > 1 else m):
            for columns in cut(n, wide):
                for depth, deep in parts:
                    begins, ends = depth == 0, depth + deep == k
                    found.append((rows, columns, (depth, deep), begins, ends, False, ends))
    else:
        across, along = (m, n) if dataflow == IS else (n, m)
        room = values["accumulator_bytes"] // 4 // wide
        if k <= high and rng.random() < 0.5:  # one operand for a stream that comes in parts
            for side in cut(across, wide):
                streams = cut(along, along)
                for stream in streams:
                    both = (side, stream) if dataflow == IS else (stream, side)
                    found.append((*both, (0, k), stream is streams[0], stream is streams[-1], False, True))
        else:
            for stream in cut(along, room):
                for side in cut(across, wide):
                    for depth, deep in parts:
                        both = (side, stream) if dataflow == IS else (stream, side)
                        found.append((*both, (depth, deep), True, True, depth > 0, depth + deep == k))
    places, commands = [], []
    for rows, columns, deep, first, last, adds, leaves in found:
        places.append(Place(number, *rows, *columns, *deep))
        sides = {OS: (rows, columns, deep), IS: (deep, rows, columns)}.get(dataflow, (deep, columns, rows))
        said = dict(zip(("rows", "columns", "stream"), (size for _, size in sides)))
        said |= {"first": first, "last": last, "adds": adds, "to": to * leaves, "passes": passes, "row": rows[0]}
        said |= {"constants": each * leaves, "added": added * leaves}
        commands.append(tuple(int(said[name]) for name in PART))
    operands = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((m, k), (k, n)))
    return Product(*operands), places, commands

"""Random items and commands for the vector unit to be co-simulated on."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.accelerators.vitcod.rtl.vector import FEATURES, VectorDatapath, VectorSizes
from accelsim.accelerators.vitcod.rtl.vector_jobs import Job, Leaving, Normalised, Operated
from accelsim.accelerators.vitcod.rtl.vector_work import VectorWork
from accelsim.dataflows.tiling import PASSES, SWEEPS, VectorRates
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import Rng, make, script
from accelsim.rtl.netlist import Netlist, alone

TWIN = TWINS["vector_unit"]
# Sizes of the unit that are tried in turn; told: whether a buffer is told of reads.
UNITS = [
    {"lanes": 64, "reduce_cycles": 8, "rsqrt_cycles": 16, "rows": 64, "banks": 4, "port_bytes": 64, "told": 1},
    {"lanes": 1, "reduce_cycles": 4, "rsqrt_cycles": 10, "rows": 8, "banks": 1, "port_bytes": 3, "told": 1},
    {"lanes": 5, "reduce_cycles": 5, "rsqrt_cycles": 13, "rows": 32, "banks": 2, "port_bytes": 16, "told": 0},
]


def bench(values: Mapping[str, int], depths: Mapping[str, int], told: int, sizes: VectorSizes | None) -> Netlist:
    """The vector unit between its channels; told: whether the activation buffer is told of its reads."""
    elements = {"reading": {"act": ""} if told else {}}
    return alone(PACKAGE, TWIN, dict(values), depths, {}, sizes, elements)


def vector_unit(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    """Outputs of the array and tiles of the sequencer, each of some layer."""
    values = dict(values)
    told = values.pop("told")
    net = bench(values, depths, told, VectorSizes())
    rates = VectorRates.of(values, values)
    size = int(rng.choice([4, 80, 8 * largest]))
    tables = [rng.integers(-128, 128, 256).astype(np.int8) for _ in range(2)]
    items, outputs = drawn(rng, net.data, int(rng.integers(0, 41)), lambda: leaving(rng, size, tables))
    commands, tiles = drawn(
        rng, net.data, int(rng.integers(not items, 21)), lambda: command(rng, values, rates, size, tables)
    )
    work = VectorWork(items, commands, np.array(outputs).reshape(-1, 2), np.array(tiles).reshape(-1, 6))
    scripts = {"outputs": script(rng, outputs, 2), "command": script(rng, tiles, 6, eager=0.05)}
    return replace(make(rng, "vector_unit", net, {}, scripts), operands=work)


def drawn(
    rng: Rng, data: VectorDatapath, count: int, draw: Callable[[], tuple[Job, tuple]]
) -> tuple[list[Job], list[tuple]]:
    """Up to so many jobs, and what the control is told of each, while there is room in half of the memories."""
    jobs: list[Job] = []
    told: list[tuple] = []
    for _ in range(count):
        job, said = draw()
        need = VectorWork([*jobs, job], [], np.zeros((0, 2)), np.zeros((0, 6))).needed(data)
        if any(2 * getattr(need, name) > getattr(data.sizes, name) for name in ("acts", "sums", "constants")):
            break
        jobs.append(job)
        told.append(said)
    return jobs, told


def scaling(rng: Rng, magnitude: int) -> tuple[int, int]:
    """A multiplier and shift that bring such a magnitude to some 8 bits, a little less or too much; sometimes any."""
    if rng.random() < 0.1:
        return int(rng.integers(0, 1 << 16)), int(rng.integers(0, 63))
    multiplier = int(rng.integers(1 << 14, 1 << 15))
    shift = (magnitude * multiplier).bit_length() - 8 + int(rng.integers(-2, 3))
    return multiplier, min(max(shift, 0), 62)


def leaving(rng: Rng, size: int, tables: list[np.ndarray]) -> tuple[Leaving, tuple]:
    """An item of the array, and (elements, passes)."""
    elements = int(rng.integers(1, size + 1))
    most = 1 << int(rng.integers(3, 32))
    sums = rng.integers(-most, most, elements)
    scale = np.array([scaling(rng, most) for _ in range(min(elements, 8))])[rng.integers(0, min(elements, 8), elements)]
    adds, looks = rng.random(2) < 0.5
    residual = rng.integers(-128, 128, elements).astype(np.int8) if adds else None
    table = tables[int(rng.integers(2))] if looks else None
    made = Leaving(sums.astype(np.int32), scale, residual, scaling(rng, 128) if adds else (1, 0), table)
    return made, (elements, 1 + int(adds) + int(looks))


def command(
    rng: Rng, values: Mapping[str, int], rates: VectorRates, size: int, tables: list[np.ndarray]
) -> tuple[Job, tuple]:
    """A command, and (elements, passes, bytes that leave, sweeps, cycles, rate)."""
    kind = str(rng.choice(["layernorm", "layernorm", "rmsnorm", "batchnorm", "add", "multiply", "look", "mean"]))
    if kind.endswith("norm"):
        passes, sweeps = PASSES[kind], SWEEPS[kind]
        job: Job = normalised(rng, kind, values["lanes"], values["rows"], size)
        shape = job.x.shape
        elements = shape[0] * shape[1]
    else:
        shape = int(rng.integers(1, 9)), int(rng.integers(1, max(2, size // 8)))
        if kind == "mean":
            shape = shape[0], ceil_to(shape[1], values["lanes"])
        job = operated(rng, kind, shape, tables)
        passes, sweeps, elements = 1, 1, len(job.x) * shape[0] * shape[1]
    said = elements, passes, shape[1] * (1 if kind == "mean" else shape[0]), sweeps
    return job, (*said, *rates.command(elements, sweeps))


def normalised(rng: Rng, norm: str, lanes: int, most: int, size: int) -> Normalised:
    """A command that normalises: at most so many rows, from about as long as the lanes are many, of any spread, with
    any mean; some of one value."""
    features = lanes + int(rng.integers(0, max(2, size // 2)))
    if rng.random() < 0.3:
        features = min(ceil_to(features, lanes), (1 << FEATURES) - 1)
    rows = int(rng.integers(1, 1 + min(most, max(1, 2 * size // features))))
    spread, mean = int(rng.choice([1, 3, 128])), int(rng.integers(-128, 128))
    x = np.clip(rng.integers(-spread, spread, (rows, features)) + mean * (rng.random() < 0.5), -128, 127)
    if rng.random() < 0.2:
        x[int(rng.integers(rows))] = mean * (rng.random() < 0.7)
    gamma = rng.integers(-1 << 15, 1 << 15, features) if rng.random() < 0.2 else rng.integers(64, 256, features)
    shift = int(rng.integers(8, 14))
    beta = rng.integers(-1 << 31, 1 << 31, features) if rng.random() < 0.2 else rng.integers(-32, 32, features) << shift
    epsilon = int(rng.choice([0, 1, features * features // 1000, 1 << 40]))
    return Normalised(x.astype(np.int8), norm, gamma.astype(np.int16), beta.astype(np.int32), shift, epsilon)


def ceil_to(number: int, of: int) -> int:
    """The next multiple."""
    return -(-number // of) * of


def operated(rng: Rng, kind: str, shape: tuple[int, int], tables: list[np.ndarray]) -> Operated:
    """A command of an element-wise layer."""
    x = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(1 if kind in ("look", "mean") else 2)]
    if kind == "look":
        return Operated("gelu", x, np.zeros((0, 2), np.int64), tables[int(rng.integers(2))])
    magnitude = {"multiply": 1 << 14, "mean": 64 * shape[0]}.get(kind, 1 << 7)
    requant = np.array([scaling(rng, magnitude) for _ in x])
    return Operated(kind, x, requant)

"""What is predicted of ITA's public RTL: the block alone, and its wrapper with a memory port.

A case gives the sizes, the gates, and a seed from which its operands follow; row sums, whose bit lengths cost cycles,
are computed from these. No constant of the rules was fitted to a run.
"""

from collections.abc import Mapping

import numpy as np

from accelsim.accelerators.ita.arithmetic import passed, requantise
from accelsim.accelerators.ita.bench import LAYERS, Tiles, cycles_of_steps, gate, phases, run, tables
from accelsim.accelerators.ita.components.block import Block
from accelsim.accelerators.ita.components.cluster import ClusterBlock
from accelsim.accelerators.ita.components.streams import StreamedBlock
from accelsim.core.errors import InputError, shown
from accelsim.validation.calibration import Calibration, Case

MULTIPLIER = 96  # of every requantisation of the runs
WIRED = 16  # columns that the published tree of maxima looks at
BUDGET = 1 << 28  # cycles of a case
DENIED = 0.03  # the error that is allowed where the memory denies grants
RTL = "pulp-platform/ITA at ba96519, in Verilator"
GATES = ("gate_in", "gate_weight", "gate_out")


def words(seed: int, tensor: int, count: int) -> np.ndarray:
    """int64[count]: the hash that the runs' operands are made of."""
    low = np.uint64(0xFFFFFFFF)
    x = (np.uint64((seed * 0x9E3779B1 + tensor * 0x85EBCA77) & 0xFFFFFFFF) + np.arange(count, dtype=np.uint64)) & low
    x ^= x >> np.uint64(16)
    x = x * np.uint64(0x7FEB352D) & low
    x ^= x >> np.uint64(15)
    x = x * np.uint64(0x846CA68B) & low
    return (x ^ (x >> np.uint64(16))).astype(np.int64)


def tensor(seed: int, number: int, rows: int, columns: int) -> np.ndarray:
    """int64[rows, columns]: operand `number` of a run, of 8 bits."""
    return (words(seed, number, rows * columns) % 256 - 128).reshape(rows, columns)


def product(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """int64: exact, since every sum has less than 53 bits."""
    return (x.astype(np.float64) @ w.astype(np.float64)).astype(np.int64)


def logits(case: Case) -> np.ndarray:
    """int8[S, S]: Q K^T of a run with attention."""
    s, p, seed = case.number("S"), case.number("P"), case.number("seed")
    flat, shift = case["data"] == "flat", case.number("logit_shift")
    if case["layer"] == "Attention":
        e = case.number("E")
        x, down = tensor(seed, 1, s, e), int(np.floor(np.log2(5461 * np.sqrt(e) * MULTIPLIER / 37)))

        def projected(way: int) -> np.ndarray:
            bias = words(seed, 12 + way, p) % 65536 - 32768
            return requantise(product(x, tensor(seed, 2 + way, e, p)) + bias, MULTIPLIER, down)

        q, k = np.zeros((s, p)) if flat else projected(0), projected(1)
    else:
        q, k = (np.trunc(tensor(seed, 1 + way, s, p) * 64 / 256) for way in (0, 1))
        q = q * (not flat)
    return requantise(product(q, k.T), MULTIPLIER, shift)


def tiles(case: Case, length: int) -> Tiles:
    """The sizes of a case in tiles. Raises InputError for a size that is no multiple of M."""
    found = []
    for name in "SEPF":
        size = case.number(name, length)
        if size < 1 or size % length:
            raise InputError(f"{case.where}: {name} must be a multiple of M = {length}, not {size}")
        found.append(size // length)
    return Tiles(*found)


def layer(case: Case) -> str:
    """The layer of a case. Raises InputError for an unknown one."""
    if case["layer"] not in LAYERS:
        raise InputError(f"{case.where}: layer must be one of {', '.join(LAYERS)}, not {shown(case['layer'])}")
    return case["layer"]


def gates(case: Case, *names: str) -> list[tuple[int, int, int, int]]:
    """The gates of a case's streams."""
    try:
        return [gate(case[name], case.number("seed")) for name in names]
    except InputError as error:
        raise InputError(f"{case.where}: {error}") from None


def made(case: Case, kind: type[Block], **values) -> Block:
    """A block as a case says. Raises InputError for sizes that it cannot have."""
    try:
        return kind("block", **values)
    except InputError as error:
        raise InputError(f"{case.where}: {error}") from None


def predict_block(case: Case) -> Mapping[str, int]:
    """Every cycle column of a run of the block alone."""
    length = case.number("M")
    attends = "Attention" in layer(case)
    sums = passed(logits(case), case.number("N"), wired=WIRED).sums if attends else np.zeros(0, np.int64)
    block = made(
        case,
        StreamedBlock,
        columns=case.number("N"),
        length=length,
        weight_beats=case.number("weight_beats"),
        out_fifo=case.number("out_fifo"),
        **tables([int(n).bit_length() for n in sums], length),
    )
    work = phases(layer(case), tiles(case, length))
    start = run(block, work, gates(case, *GATES), preload=case.number("preload"), budget=BUDGET)
    names = {
        "lost_out": "lost_out",
        "lost_div": "lost_division",
        "lost_sfifo": "lost_sums",
        "lost_weight": "lost_weight",
        "lost_in": "lost_input",
        "max_out_credit": "most_credit",
        "max_soft_credit": "most_soft",
        "in_beats": "beats",
        "weight_beats_taken": "weight_words",
        "out_beats": "out_beats",
    }
    return {
        "total": block.value("last_output") + 1 - start,
        "first_calc": block.value("first_issue") - start,
        "first_out": block.value("first_output") - start,
        "idle_at": block.value("idle_at") - start,
        **cycles_of_steps(block),
        **{column: block.value(name) for column, name in names.items()},
    }


def predict_wrapper(case: Case) -> Mapping[str, int]:
    """The time of a run of the wrapper, and what its port did."""
    block = made(case, ClusterBlock, queue_jobs=case.number("queue"), **tables(rows=64))
    work = phases(layer(case), tiles(case, 64), bias=case["no_bias"].strip() != "1")
    always = gate("1", 0)
    work = [one | {"bits": 0} for one in work]
    start = run(block, work, [always, always, always, *gates(case, "grant")], budget=BUDGET)
    total = block.value("last_done") - start
    moved = {"reads": block.value("read_words"), "writes": block.value("write_words")}
    denied = block.value("denied_cycles")
    idle = total - sum(moved.values()) - denied
    return {"jobs": block.value("jobs_done"), "total": total, **moved, "denied": denied, "idle": idle}


CALIBRATIONS = (
    Calibration(
        name="block",
        hardware=RTL,
        file="ita/cycles.csv",
        given=(
            "N",
            "M",
            "weight_beats",
            "out_fifo",
            "layer",
            *"SEPF",
            "data",
            "seed",
            *GATES,
            "preload",
            "logit_shift",
        ),
        figure="total",
        predict=predict_block,
        bound=lambda case: 0.0,
    ),
    Calibration(
        name="wrapper",
        hardware=RTL,
        file="ita/cluster.csv",
        given=("layer", *"SEPF", "no_bias", "seed", "grant", "queue"),
        figure="total",
        predict=predict_wrapper,
        bound=lambda case: 0.0 if case["grant"].strip() == "1" else DENIED,
    ),
)

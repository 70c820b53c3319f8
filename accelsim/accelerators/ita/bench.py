"""A test bench for the block and for the wrapper: phases in, gates on the streams, and what was seen.

The form of a case is that of the runs of the public RTL: a layer in tiles, and for each stream in which cycles it may
move. A gate is `1` (always), `p:k:n` (cycle mod n < k) or `r:k` (a hash of seed, stream and cycle, mod 256, < k).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.ita.components.block import ALWAYS, AV, HASHED, PERIODIC, PHASE, PLAIN, QK, Block
from accelsim.accelerators.ita.tables import FREES, SUMS
from accelsim.core import IDLE, Component, In, InputError, Simulator, can_pop, pop, tick
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import ELEMENTS, RELEASE
from accelsim.validation.bench import Feeder

LAYERS = ("Attention", "Feedforward", "Linear", "SingleAttention")
NAMES = ("Q", "K", "V", "QK", "AV", "OW", "F1", "F2", "MM")
SUM_BITS = 9  # of a row in which one logit leads
LEAD = 20  # cycles in which the bench tells the first phases


class FarEnd(Component):
    """Takes whatever leaves."""

    out = In("outputs", **ELEMENTS)
    weight = In("weights given back", **RELEASE)
    act = In("activations given back", **RELEASE)
    done = In("phases done", **DONE)

    @tick
    def tick(now, r, out, weight, act, done):
        while can_pop(out):
            pop(out)
        while can_pop(weight):
            pop(weight)
        while can_pop(act):
            pop(act)
        while can_pop(done):
            pop(done)
        return IDLE


@dataclass(frozen=True)
class Tiles:
    """A layer's sizes in tiles: sequence, embedding, projection, feed-forward."""

    s: int = 1
    e: int = 1
    p: int = 1
    f: int = 1


def phases(layer: str, n: Tiles, bias: bool = True) -> list[dict[str, int]]:
    """The phases of a layer in their order [RTL ita_controller.sv:115-256], their sizes in tiles.

    Raises InputError for an unknown layer.
    """
    if layer not in LAYERS:
        raise InputError(f"layer: expected one of {', '.join(LAYERS)}, not {layer!r}")

    def one(name: str, outputs: int, inner: int, kind: int = PLAIN, bits: int = 0, biased: bool = bias) -> dict:
        sizes = {"rows": outputs, "columns": 1, "depth": inner}
        return {"kind": kind, **sizes, "bias": int(biased), "bits": bits, "step": NAMES.index(name)}

    if layer == "Linear":
        return [one("MM", n.s * n.p, n.e)]
    if layer == "Feedforward":
        return [one("F1", n.s * n.f, n.e), one("F2", n.s * n.e, n.f)]
    pairs = []
    for i in range(n.s):
        pairs += [one("QK", n.s, n.p, QK, i, False), one("AV", n.p, n.s, AV, 0, False)]
    if layer == "SingleAttention":
        return pairs
    return [*(one(name, n.s * n.p, n.e) for name in "QKV"), *pairs, one("OW", n.s * n.e, n.p)]


def gate(text: str, seed: int) -> tuple[int, int, int, int]:
    """A gate as a row of the table. Raises InputError if it is none."""
    kind, *numbers = text.strip().split(":")
    try:
        values = [int(number) for number in numbers]
    except ValueError:
        values = [-1]
    if text.strip() == "1":
        return ALWAYS, 0, 0, 0
    if kind == "p" and len(values) == 2 and 0 < values[0] <= values[1]:
        return PERIODIC, *values, 0
    if kind == "r" and len(values) == 1 and 0 < values[0] <= 256:
        return HASHED, values[0], 0, seed
    raise InputError(f"gate: expected 1, p:k:n with 0 < k <= n, or r:k with 0 < k <= 256, not {text!r}")


def run(
    block: Block,
    work: Sequence[dict[str, int]],
    gates: Sequence[tuple[int, int, int, int]] = (),
    *,
    preload: int = 0,
    budget: int = 1 << 40,
) -> int:
    """Let a block work through phases; the cycle of the start, from which its registers count.

    `gates`: of input, weights, output and the memory's grant, in this order. Raises InputError when it takes longer
    than `budget` cycles.
    """
    table = block.storage["gates"]
    for n, row in enumerate(gates):
        table[n] = row
    lead = LEAD + preload
    table[4] = (lead, preload, 0, 0)
    length = block.value("length")
    others = {"first": 1, "last": 1, "frees": 0, "passes": 0, "row": 0}
    tiled = ("rows", "columns", "depth", "bits")
    rows = [others | one | {name: one[name] * length for name in tiled} for one in work]
    words = np.array([row[name] for row in rows for name in PHASE], np.int64)
    feeder, far = Feeder("feeder", width=len(PHASE), words=words), FarEnd("far")
    sim = Simulator({"core": 1_000_000})
    for component in (feeder, block, far):
        sim.add(component)
    sim.connect(feeder, "command", block, "command", depth=4)
    for out, into in (("out", "out"), ("release_weight", "weight"), ("release_act", "act"), ("done", "done")):
        sim.connect(block, out, far, into, depth=4)
    if not sim.run(budget):
        raise InputError(f"the case does not end within {budget} cycles")
    return block.value("origin")


def tables(bits: Sequence[int] = (), rows: int = 0) -> dict[str, np.ndarray]:
    """The tables of a block alone: bit lengths of row sums, or SUM_BITS for so many rows."""
    return {
        "sums": np.array([(n,) for n in list(bits) or [SUM_BITS] * rows], SUMS).view(np.recarray),
        "frees": np.zeros(0, FREES).view(np.recarray),
    }


def cycles_of_steps(block: Block) -> dict[str, int]:
    """Cycles in each phase of a layer."""
    return dict(zip(NAMES, block.storage["stepping"]["cycles"].tolist(), strict=True))

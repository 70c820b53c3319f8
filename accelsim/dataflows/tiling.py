"""Every fold, every tile, every ceil.

Sizes are in elements; operands are one byte an element (8-bit integers), accumulators four.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from accelsim.isa.tables import KEPT, TO_DRAM
from accelsim.workload.layers import Gemm

# What the vector unit does with an element, which takes energy [ours]: requantisation with bias is one; an activation
# is a table look-up more; a residual addition one more; LayerNorm takes its square, its distance to the mean, and its
# gain. A lane has what each of them needs, so that they take no time (docs/rtl.md, "The vector unit").
PASSES = {"requantise": 1, "activation": 1, "residual": 1, "layernorm": 3, "rmsnorm": 2, "batchnorm": 1, "groupnorm": 3}

# Constants of a feature, beside its weights [ours]: a 32-bit multiplier and shift of the requantisation, an int32 bias;
# 16 bits each of a norm's gamma and beta.
SCALE_BYTES, BIAS_BYTES = 4, 4
# Sweeps over the rows of a norm [ours]: one for the sums of elements and of squares, one for the results.
SWEEPS = {"layernorm": 2, "rmsnorm": 2, "batchnorm": 1, "groupnorm": 2}
ROW_BY_ROW = ("layernorm", "rmsnorm")  # each row has statistics of its own, which are kept until its results
NORM_BYTES = {"layernorm": 4, "rmsnorm": 2, "batchnorm": 4, "groupnorm": 4}

MOST_TILES = 1 << 17  # of a layer


def ceil(a: int, b: int) -> int:
    """The least integer not below a / b."""
    return -(-a // b)


def pieces(total: int, most: int) -> list[int]:
    """`total` in as few parts as possible, none above `most`, as equal as can be."""
    n = ceil(total, most)
    return [total // n + (i < total % n) for i in range(n)]


def read_cycles(words: int, banks: int) -> int:
    """Cycles in which a buffer's ports deliver words while it is filled (docs/timing.md, load buffers)."""
    return ceil(2 * words, 2 * banks - 1)


@dataclass(frozen=True)
class VectorRates:
    """What a vector unit does in a cycle: lanes; banks of the buffer it reads and bytes of each one's port; cycles of a
    reduction and of a reciprocal root, where rows are swept twice; rows whose statistics it keeps in between."""

    lanes: int
    banks: int
    port_bytes: int
    reduce_cycles: int = 0
    rsqrt_cycles: int = 0
    rows: int = 64

    @classmethod
    def of(cls, vector: Mapping[str, int], act: Mapping[str, int]) -> "VectorRates":
        """Of the parameters of a vector unit and of the buffer it reads."""
        ports = act["banks"], act["port_bytes"]
        return cls(vector["lanes"], *ports, vector["reduce_cycles"], vector["rsqrt_cycles"], vector["rows"])

    def command(self, elements: int, sweeps: int) -> tuple[int, int]:
        """(cycles, bytes read a cycle) of a command, with which it is told them (docs/timing.md, vector unit)."""
        words = sweeps * ceil(elements, self.port_bytes)
        cycles = max(read_cycles(words, self.banks), sweeps * ceil(elements, self.lanes), 1)
        rate = ceil(words * self.port_bytes, cycles)
        return cycles + (sweeps > 1) * ((sweeps - 1) * self.reduce_cycles + self.rsqrt_cycles), rate


@dataclass(frozen=True, kw_only=True)
class DenseResources:
    """What dense and vector layers run on: the sizes that decide how they are cut, and the parts' names.

    Sizes in bytes; `lines` x `macs` multipliers that spread one of an output's two axes each (see GemmPlan).
    double_buffer: whether tiles are fetched while others are in use; they are the same either way.
    constants: whether biases, scales and the constants of norms are loaded. psum_cycle_bytes: what the partial-sum
    memory moves in a cycle. sum_bytes: what keeps the sums of features that are cut, where heads are compressed behind
    the array. either_way: whether lines may spread tokens and a line's MACs features as well.
    vector_rates: of the vector unit, whose commands say how long they take.
    """

    lines: int
    macs: int
    weight_bytes: int
    act_bytes: int
    store_bytes: int
    psum_bytes: int
    vector_rates: VectorRates
    sum_bytes: int = 0
    psum_cycle_bytes: int = 256
    double_buffer: bool = True
    constants: bool = False
    either_way: bool = True
    array: str = "engine"
    vector: str = "vector"
    weight: str = "weight_gb"
    act: str = "act_gb0"
    store: str = "act_gb1"
    encoder: str = "encoder"


@dataclass(frozen=True)
class GemmPlan:
    """How a GEMM is cut up.

    `order`: resident (all activations stay; weights stream once a row tile), rows (a row tile of activations stays
    while all weights stream by), stream (both stream for every tile). `row_tiles`, `feature_tiles`, `depth_tiles`:
    sizes of the tiles along each axis. `step_tokens` x `step_features`: outputs the array computes at once.
    `dram_bytes`: weights and activations read in all.
    """

    order: str
    row_tiles: tuple[int, ...]
    feature_tiles: tuple[int, ...]
    depth_tiles: tuple[int, ...]
    step_tokens: int
    step_features: int
    dram_bytes: int


@dataclass(frozen=True)
class Stay:
    """Where a layer's activations are (dataflows/residency.py). input: they are in the activation buffer already, and
    are not loaded. output: where its stores go, as isa.tables says.

    rows: those that a layer does at a time which is fused with others (dataflows/fusion.py); 0: it is done at once.
    joined: its input is what the layer before it has done of these rows. others: bytes of the activation buffer that
    the other layers' activations take meanwhile. weights: those of all these layers stay in their buffer, and are
    loaded once.
    """

    input: bool = False
    output: int = TO_DRAM
    rows: int = 0
    joined: bool = False
    others: int = 0
    weights: bool = False

    @property
    def stored(self) -> bool:
        """Whether what it computes goes to DRAM."""
        return self.output != KEPT


NOWHERE = Stay()  # all activations come from DRAM and go there


@dataclass(frozen=True)
class Rows:
    """Which rows of a layer are done: those from `first` on of `of`. gives: bytes that are given back of an input that
    is in the activation buffer, once they are. last: no others follow. loaded: where weights stay in their buffer until
    the last rows are done, what to wait for until each part is there, by its place in the layer."""

    first: int
    of: int
    gives: int
    last: bool = True
    loaded: dict[tuple[int, int, int], tuple[int, int]] | None = None


def output_passes(layer: Gemm) -> int:
    """What the vector unit does with an output of a dense layer."""
    return PASSES["requantise"] + PASSES["residual"] * layer.residual + PASSES["activation"] * bool(layer.activation)


def constant_bytes(layer: Gemm) -> int:
    """Bytes of bias and scale of an output feature of a dense layer."""
    return SCALE_BYTES + BIAS_BYTES * layer.bias


def step_shape(tokens: int, features: int, have: DenseResources) -> tuple[int, int]:
    """Tokens x features computed at once: features over the lines and tokens over a line's MACs, or the other way."""
    ways = [(have.macs, have.lines), (have.lines, have.macs)][: 1 + have.either_way]
    return min(ways, key=lambda w: ceil(tokens, w[0]) * ceil(features, w[1]))


def blocks(
    rows: int, columns: int, plan: GemmPlan, most: int, leaves: Callable[[int, int], int] = lambda first, count: count
) -> Iterator[tuple[int, int, int, int]]:
    """(first row, rows, first value, values) of a tile's parts of at most `most` bytes, in the order they leave the
    array: step by step, all steps of some rows before those of the next. A step leaves as a whole. leaves: how many
    values a token leave with so many columns from one on.
    """
    whole = leaves(0, columns)
    if not whole:
        return
    if columns <= plan.step_features:  # steps are rows
        for first, some in runs(rows, most // whole):
            yield first, some, 0, whole
        return
    bands = most // (whole * plan.step_tokens)
    for first, some in runs(rows, max(1, bands) * plan.step_tokens):
        if bands:
            yield first, some, 0, whole
            continue
        for side in range(0, columns, plan.step_features):
            if wide := leaves(side, min(plan.step_features, columns - side)):
                for begin, few in runs(some, most // wide):
                    yield first + begin, few, leaves(0, side), wide


def runs(total: int, most: int) -> Iterator[tuple[int, int]]:
    """(begin, length) of runs of `most`, the last one shorter."""
    for at in range(0, total, most):
        yield at, min(most, total - at)

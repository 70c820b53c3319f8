"""How long a layer takes, in closed form: what each resource needs alone, and what nothing overlaps.

An estimate is the longest of what overlaps (multipliers, ports, DRAM, bursts), plus what does not: the fill before the
first products and the drain behind the last. Machines say what their resources move; no form knows a machine.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from accelsim.dataflows.tiling import NORM_BYTES, PASSES, GemmPlan, ceil
from accelsim.workload.layers import Elementwise, Norm

HOP_CYCLES = 8  # [ours] from a request of a buffer through DMA to DRAM, and back: registered channels


@dataclass(frozen=True)
class Memory:
    """DRAM as the core sees it. bytes_per_cycle: what it sustains, in a core cycle; latency: core cycles from a request
    of a buffer to its first byte; burst_bytes: what DMA asks for at once, one a cycle; in_flight_bytes: of all bursts
    under way; line_bytes: what it moves at least."""

    bytes_per_cycle: float
    latency: float
    burst_bytes: int
    in_flight_bytes: int
    line_bytes: int = 64

    @property
    def rate(self) -> float:
        """Bytes a cycle with as much under way as there may be (Little's law)."""
        return min(self.bytes_per_cycle, self.in_flight_bytes / max(1.0, self.latency))

    def bursts(self, size: int, segments: int = 1) -> int:
        """Bursts of segments of so many bytes."""
        return segments * ceil(size, self.burst_bytes)

    def moved(self, size: int, segments: int = 1) -> int:
        """Bytes that are moved for segments of so many bytes, in whole lines."""
        return segments * ceil(size, self.line_bytes) * self.line_bytes

    def fetch(self, size: float) -> float:
        """Cycles from a request of so many bytes to the last of them, nothing else being moved."""
        return self.latency + size / self.rate if size else 0.0


@dataclass(frozen=True)
class Estimate:
    """overlapped: resource -> cycles it needs alone; exposed: what overlaps with nothing -> cycles; serial: they take
    turns, and all add up. dram_bytes: moved in all."""

    overlapped: Mapping[str, float]
    exposed: Mapping[str, float] = field(default_factory=dict)
    dram_bytes: int = 0
    serial: bool = False

    @property
    def cycles(self) -> float:
        """Of the whole layer."""
        together = sum(self.overlapped.values()) if self.serial else max(self.overlapped.values(), default=0.0)
        return together + sum(self.exposed.values())

    @property
    def binds(self) -> str:
        """The resource that takes longest, or what is exposed if that is longer."""
        return max({**self.overlapped, **self.exposed}.items(), key=lambda term: term[1])[0]

    def times(self, count: int) -> "Estimate":
        """As often as that, one after the other."""
        return Estimate(
            {name: count * cycles for name, cycles in self.overlapped.items()},
            {name: count * cycles for name, cycles in self.exposed.items()},
            count * self.dram_bytes,
            self.serial,
        )


def one_after_another(estimates: Sequence[Estimate]) -> Estimate:
    """Of parts that follow each other: the binding resource of each part binds for that part only."""
    if len(estimates) == 1:
        return estimates[0]
    bound: Counter[str] = Counter()
    exposed: Counter[str] = Counter()
    for one in estimates:
        exposed.update(one.exposed)
        if one.serial:
            bound.update(one.overlapped)
        elif one.overlapped:
            name, cycles = max(one.overlapped.items(), key=lambda term: term[1])
            bound[name] += cycles
    return Estimate(dict(bound), dict(exposed), sum(one.dram_bytes for one in estimates), serial=True)


@dataclass(frozen=True)
class ArrayRates:
    """What an output-stationary array of MAC lines and what is behind it deliver (docs/timing.md, MAC array).

    Banks and bytes a cycle of the buffers of weights and activations; bytes a cycle of the partial-sum memory; cycles
    between steps; elements a cycle of the vector unit; multipliers of an encoder behind the array (0: none); bytes of
    the buffers of weights, of activations and of results; rows that sweep the vector unit: cycles of a reduction and of
    a reciprocal root.
    """

    weight_banks: int
    weight_port_bytes: int
    act_banks: int
    act_port_bytes: int
    psum_cycle_bytes: int
    step_cycles: int
    vector_lanes: int
    encoder_macs: int
    weight_bytes: int
    act_bytes: int
    store_bytes: int
    reduce_cycles: int = 0
    rsqrt_cycles: int = 0
    double_buffer: bool = True


@dataclass(frozen=True)
class GemmWork:
    """A group of output columns as `dataflows.gemm` emits them: see `GemmPlan` and `Columns`. constants: bytes beside a
    feature's weights; passes of the vector unit over an output; heads, encoded: of the encoder (0: none); packed:
    whether a tile of outputs is one run of bytes."""

    tokens: int
    depth: int
    features: int
    inputs: int
    residual: bool = False
    constants: int = 0
    passes: int = 1
    heads: int = 0
    encoded: int = 0
    packed: bool = False

    @property
    def row_bytes(self) -> int:
        """Of a token's activations."""
        return ceil(self.inputs, self.tokens)


def read_cycles(words: int, banks: int) -> int:
    """Cycles in which a buffer's ports deliver words while it is filled (docs/timing.md, load buffers)."""
    return ceil(2 * words, 2 * banks - 1)


def counted(sizes: Iterable[int]) -> list[tuple[int, int]]:
    """(size, how often)."""
    return list(Counter(sizes).items())


def halves(total: int, step: int) -> list[tuple[int, int]]:
    """(size, how often) of steps over a length."""
    whole = [(min(step, total), total // min(step, total))]
    return whole + [(total % step, 1)] if total > step and total % step else whole


def step_cycles(work: GemmWork, rates: ArrayRates, high: int, wide: int, deep: int, moves: int, last: bool) -> int:
    """Cycles from one step of high x wide outputs to the next: multipliers, ports, or what is behind the array.

    moves: how often the partial sums are moved.
    """
    words = high * (ceil(deep, rates.act_port_bytes) + ceil(wide * (work.residual and last), rates.act_port_bytes))
    cycles = max(
        deep,
        read_cycles(ceil(wide * deep, rates.weight_port_bytes), rates.weight_banks),
        read_cycles(words, rates.act_banks),
        ceil(4 * high * wide * moves, rates.psum_cycle_bytes),
    )
    cycles += rates.step_cycles
    if last:
        leaves = wide * work.encoded // work.heads if work.heads else wide
        cycles = max(cycles, ceil(high * leaves * work.passes, rates.vector_lanes))
        if work.heads and rates.encoder_macs:
            cycles = max(cycles, ceil(high * wide * work.encoded, rates.encoder_macs))
    return cycles


def array_cycles(work: GemmWork, plan: GemmPlan, rates: ArrayRates) -> tuple[int, int]:
    """Cycles of all steps of all tiles, and those in which every multiplier that has a place is used."""
    depths, total, ideal = counted(plan.depth_tiles), 0, 0
    parts = len(plan.depth_tiles)
    for rows, n in counted(plan.row_tiles):
        for columns, m in counted(plan.feature_tiles):
            for high, down in halves(rows, plan.step_tokens):
                for wide, across in halves(columns, plan.step_features):
                    steps = n * m * down * across
                    ideal += steps * work.depth
                    for deep, _ in depths:
                        for place in {0, 1, parts - 1} if parts > 1 else {0}:
                            if plan.depth_tiles[place] != deep:
                                continue
                            last = place + 1 == parts
                            moves = (place > 0) + (not last)
                            often = 1 if place in (0, parts - 1) else 0
                            total += often * steps * step_cycles(work, rates, high, wide, deep, moves, last)
                        between = sum(1 for d in plan.depth_tiles[1:-1] if d == deep)
                        if between:
                            total += between * steps * step_cycles(work, rates, high, wide, deep, 2, False)
    return total, ideal


def gemm_estimate(work: GemmWork, plan: GemmPlan, rates: ArrayRates, memory: Memory) -> Estimate:
    """The time of a GEMM cut by `plan` on an output-stationary array whose operands stream through two buffers.

    Exposed are the activations of the first tile, those of later row tiles that find no room beside the one in use, and
    the last tile's way to DRAM. A weight tile is fetched while as many others as have room are used.
    """
    busy, ideal = array_cycles(work, plan, rates)
    n, m, d = len(plan.row_tiles), len(plan.feature_tiles), len(plan.depth_tiles)
    stays = plan.order == "resident" and d == 1
    reads = 1 if stays else n
    weights = reads * work.features * (work.depth + work.constants)
    acts = work.inputs * (m if plan.order == "stream" else 1)
    beside = work.tokens * work.features * work.residual
    leaving = work.tokens * (work.features * work.encoded // work.heads if work.heads else work.features)
    widest = min(plan.feature_tiles[0], work.features)
    segment = leaving if work.packed else (widest if plan.step_features >= widest else plan.step_features)
    if not work.packed and rates.store_bytes // 2 >= widest * plan.step_tokens:
        segment = widest
    segments = 1 if work.packed else work.tokens * ceil(work.features, segment)
    tile = plan.depth_tiles[0] * widest + work.constants * widest * (d == 1)
    loads = reads * m * d
    bursts = loads * memory.bursts(tile) + memory.bursts(acts) + beside // max(1, widest)
    bursts += segments * memory.bursts(segment) if not work.packed else memory.bursts(leaving)
    moved = weights + acts + beside + (memory.moved(segment, segments) if not work.packed else leaving)
    rows = plan.row_tiles[0]
    first = {
        "resident": work.inputs,
        "rows": min(work.inputs, rows * work.row_bytes),
        "stream": ceil(rows * work.row_bytes * plan.depth_tiles[0], work.depth),
    }[plan.order]
    exposed = {"fill": memory.fetch(first)}
    if plan.order == "rows" and n > 1:
        extra = widest * rows * work.residual
        held = (plan.row_tiles[0] + plan.row_tiles[1]) * work.row_bytes + extra
        if held > rates.act_bytes or not rates.double_buffer:
            exposed["activations"] = sum(memory.fetch(r * work.row_bytes) for r in plan.row_tiles[1:])
    last = min(rates.store_bytes // 2, plan.row_tiles[-1] * plan.feature_tiles[-1])
    exposed["drain"] = memory.fetch(min(last, leaving))
    fetching = loads * tile_interval(memory, tile, rates.weight_bytes)
    if plan.order == "stream":
        part = ceil(rows * work.row_bytes * plan.depth_tiles[0], work.depth)
        fetching = max(fetching, n * m * d * tile_interval(memory, part, rates.act_bytes))
    terms = {
        "MACs": float(ideal),
        "ports": float(busy),
        "weights": fetching,
        "DRAM": moved / memory.rate,
        "bursts": float(bursts),
    }
    if not rates.double_buffer:
        exposed["loads"] = loads * memory.fetch(tile)
        terms.pop("weights")
    return Estimate(terms, exposed, weights + acts + beside + leaving)


def tile_interval(memory: Memory, tile: int, capacity: int) -> float:
    """Cycles from one tile of a stream to the next, by its buffer alone: what is freed is asked for again."""
    ahead = max(1, capacity // max(1, tile) - 1)
    return max(tile / memory.rate, memory.fetch(tile) / ahead if ahead < 8 else 0.0)


def vector_estimate(layer: Norm | Elementwise, batch: int, rates: ArrayRates, memory: Memory, each: bool) -> Estimate:
    """The time of a layer that the vector unit does alone, in blocks of rows; `each`: a norm's constants are loaded."""
    if isinstance(layer, Norm):
        operands, out_tokens, passes = 1, layer.tokens, PASSES[layer.norm]
        sweeps, constants = passes, NORM_BYTES[layer.norm] * layer.features * each
    else:
        operands, out_tokens, passes, sweeps, constants = layer.operands, layer.out_tokens, layer.operands, 1, 0
    row = operands * layer.features
    most = max(1, min((rates.act_bytes - constants) // 4 // row, rates.store_bytes // 2 // layer.features))
    blocks = ceil(layer.tokens, most)
    elements = ceil(layer.tokens, blocks) * row
    words = sweeps * ceil(elements, rates.act_port_bytes)
    cycles = max(read_cycles(words, rates.act_banks), ceil(elements * passes, rates.vector_lanes), 1)
    if sweeps > 1:
        cycles += (sweeps - 1) * rates.reduce_cycles + rates.rsqrt_cycles
    inputs, outputs = batch * layer.tokens * row, batch * out_tokens * layer.features
    terms = {
        "vector": float(batch * blocks * cycles),
        "DRAM": (inputs + outputs) / memory.rate,
        "bursts": float(memory.bursts(inputs) + memory.bursts(outputs)),
    }
    exposed = {
        "fill": memory.fetch(constants + elements),
        "drain": memory.fetch(min(outputs, ceil(out_tokens, blocks) * layer.features)),
    }
    return Estimate(terms, exposed, inputs + outputs + constants, serial=False)

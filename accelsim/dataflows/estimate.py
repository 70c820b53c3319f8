"""How long a layer takes, in closed form: what each resource needs alone, and what nothing overlaps.

An estimate is the longest of what overlaps (multipliers, ports, DRAM, bursts), plus what does not: the fill before the
first products and the drain behind the last. Machines say what their resources move; no form knows a machine.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from accelsim.dataflows.tiling import NORM_BYTES, NOWHERE, ROW_BY_ROW, SWEEPS, Stay, VectorRates, ceil, pieces
from accelsim.workload.layers import Elementwise, Norm

BETWEEN_CYCLES = 2  # [ours, measured] from a command of the vector unit to the next, which waits for its input
HOP_CYCLES = 8  # [ours] from a request of a buffer through DMA to DRAM, and back: registered channels


@dataclass(frozen=True)
class Memory:
    """DRAM as the core sees it. bytes_per_cycle: what it sustains, in a core cycle; latency: core cycles from a request
    of a buffer to its first byte; burst_bytes: what DMA asks for at once, one a cycle; in_flight_bytes: of all bursts
    under way; line_bytes: what it moves at least; posted: whether a write is answered once it has been taken."""

    bytes_per_cycle: float
    latency: float
    burst_bytes: int
    in_flight_bytes: int
    line_bytes: int = 64
    posted: bool = False

    @cached_property
    def rate(self) -> float:
        """Bytes a cycle with as much under way as there may be (Little's law)."""
        return min(self.bytes_per_cycle, self.in_flight_bytes / max(1.0, self.latency))

    @cached_property
    def burst_cycles(self) -> float:
        """Cycles from one burst to the next: one a cycle is asked for, and so many are under way for a latency, however
        short they are (Little's law)."""
        return max(1.0, self.latency * self.burst_bytes / self.in_flight_bytes)

    @cached_property
    def store_cycles(self) -> float:
        """The same of bursts that are written."""
        return max(1.0, self.answer * self.burst_bytes / self.in_flight_bytes)

    @cached_property
    def answer(self) -> float:
        """Cycles from a request to write to its answer, beside those that its bytes take."""
        return HOP_CYCLES if self.posted else self.latency

    def bursts(self, size: int, segments: int = 1) -> int:
        """Bursts of segments of so many bytes."""
        return segments * ceil(size, self.burst_bytes)

    def moved(self, size: int, segments: int = 1) -> int:
        """Bytes that are moved for segments of so many bytes, in whole lines."""
        return segments * ceil(size, self.line_bytes) * self.line_bytes

    def fetch(self, size: float, bursts: int = 0) -> float:
        """Cycles from a request of so many bytes, in so many bursts if they are short, to the last of them, nothing
        else being moved."""
        return self.latency + max(size / self.rate, (bursts - 1) * self.burst_cycles) if size else 0.0

    def store(self, size: float, bursts: int = 0) -> float:
        """The same of bytes that are written, to the answer."""
        return self.answer + max(size / self.rate, (bursts - 1) * self.store_cycles) if size else 0.0


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

    def without(self, name: str) -> "Estimate":
        """Where something that is exposed overlaps after all."""
        return replace(self, exposed={n: cycles for n, cycles in self.exposed.items() if n != name})

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
    between steps; elements a cycle of the vector unit; multipliers of an encoder behind the array (0: none), and bytes
    a cycle of the memory of its sums; bytes of the buffers of weights, of activations and of results; loads of a buffer
    on their way at once; where rows are swept twice, cycles of a reduction and of a reciprocal root, and rows at once;
    bytes a cycle of the buffer of results.
    windows: a convolution's are read run by run. told: the program comes from DRAM, too.
    """

    weight_banks: int
    weight_port_bytes: int
    act_banks: int
    act_port_bytes: int
    psum_cycle_bytes: int
    step_cycles: int
    vector_lanes: int
    encoder_macs: int
    encoder_sum_bytes: int
    weight_bytes: int
    act_bytes: int
    store_bytes: int
    outstanding: int = 4
    reduce_cycles: int = 0
    rsqrt_cycles: int = 0
    vector_rows: int = 64
    store_cycle_bytes: int = 128
    double_buffer: bool = True
    windows: bool = False
    told: bool = False

    @property
    def vector(self) -> VectorRates:
        """Of the vector unit alone."""
        ports = self.act_banks, self.act_port_bytes
        return VectorRates(self.vector_lanes, *ports, self.reduce_cycles, self.rsqrt_cycles, self.vector_rows)

    def hand_on(self, size: int, segments: int = 1) -> float:
        """Cycles from the last of so many results to where the next layer reads them, without DRAM; each of their
        segments begins a word there."""
        return HOP_CYCLES + segments * ceil(size, self.act_port_bytes) / self.act_banks

    @classmethod
    def of_vector(
        cls, vector: Mapping[str, int], weight: Mapping[str, int], act: Mapping[str, int], store: Mapping[str, int]
    ) -> "ArrayRates":
        """Of a machine whose products have estimates of their own: what `vector_estimate` needs, of the parameters of
        the vector unit and of the buffers of weights, activations and results."""
        return cls(
            *(1, 1, act["banks"], act["port_bytes"], 1, 0, vector["lanes"], 0, 1),
            weight_bytes=weight["capacity_bytes"],
            act_bytes=act["capacity_bytes"],
            store_bytes=store["capacity_bytes"],
            reduce_cycles=vector["reduce_cycles"],
            rsqrt_cycles=vector["rsqrt_cycles"],
            vector_rows=vector["rows"],
            store_cycle_bytes=store["banks"] * store["port_bytes"],
        )


def vector_estimate(
    layer: Norm | Elementwise, batch: int, rates: ArrayRates, memory: Memory, each: bool, stay: Stay = NOWHERE
) -> Estimate:
    """The time of a layer that the vector unit does alone, in blocks of rows; `each`: a norm's constants are loaded."""
    if isinstance(layer, Norm):
        operands, out_tokens, sweeps = 1, layer.tokens, SWEEPS[layer.norm]
        constants = NORM_BYTES[layer.norm] * layer.features * each
    else:
        operands, out_tokens, sweeps, constants = layer.operands, layer.out_tokens, 1, 0
    row = operands * layer.features
    room = rates.store_bytes // 2 // layer.features
    most = max(1, room if stay.input else min((rates.act_bytes - constants) // 4 // row, room))
    kept = isinstance(layer, Norm) and layer.norm in ROW_BY_ROW
    blocks = pieces(layer.tokens, min(most, rates.vector_rows) if kept else most)
    cycles = sum(often * rates.vector.command(rows * row, sweeps)[0] for rows, often in Counter(blocks).items())
    last = layer.features * (blocks[-1] if out_tokens == layer.tokens else out_tokens)
    inputs, outputs = batch * layer.tokens * row * (not stay.input), batch * out_tokens * layer.features * stay.stored
    first, drained = blocks[0] * row * (not stay.input), last * stay.stored
    terms = {
        "vector": float(batch * (cycles + BETWEEN_CYCLES * (len(blocks) - 1))),
        "DRAM": (inputs + outputs - first - drained) / memory.rate,  # beside the fill and the drain
        "bursts": memory.bursts(inputs) * memory.burst_cycles + memory.bursts(outputs) * memory.store_cycles,
    }
    exposed = {
        "fill": memory.fetch(constants + first),
        # a store leaves when all of it is in the buffer of results
        "drain": last / rates.store_cycle_bytes + (memory.store(last) if stay.stored else rates.hand_on(last)),
    }
    return Estimate(terms, exposed, inputs + outputs + constants, serial=False)

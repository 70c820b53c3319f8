"""SALO (Shen et al., DAC 2022): windows of keys on a diagonal array, global tokens beside it, pieces of a row merged.

DRAM - activation buffer (Q), weight buffer (K, V) - diagonal array - weighted sums - output buffer - DRAM. Dense layers
run on the same PEs as an output-stationary array, and go through the vector unit.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from accelsim.accelerators import main_memory
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Link, Wiring
from accelsim.accelerators.salo.components.weighted_sum import WeightedSum
from accelsim.accelerators.salo.components.window_array import WindowArray
from accelsim.accelerators.salo.dataflow.attention import AttentionLayer
from accelsim.accelerators.salo.dataflow.estimate import mapping
from accelsim.accelerators.salo.dataflow.resources import Resources
from accelsim.accelerators.salo.masks import plans
from accelsim.accelerators.salo.tables import ROW_BYTES, TABLES
from accelsim.components.dense_array import DenseArray
from accelsim.components.dma import Dma
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.sequencer import Sequencer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import Component, Param
from accelsim.dataflows.estimate import ArrayRates
from accelsim.dataflows.mapping import LayerMapping
from accelsim.dataflows.products.emit import Emitter
from accelsim.dataflows.products.folds import Array
from accelsim.dataflows.products.network import emit_network
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import VectorRates
from accelsim.workload.layers import Attention, Layer
from accelsim.workload.workload import Workload

if TYPE_CHECKING:
    from accelsim.validation import Judge


EDGES = ("left_bytes", "top_bytes", "left_word", "top_word", "item_rows")


def port_bytes(arch: Arch, part: str) -> int:
    """Bytes a cycle that all banks of a memory deliver."""
    return arch.parts[part]["banks"] * arch.parts[part]["port_bytes"]


def made_of(arch: Arch, part: str) -> dict[str, int]:
    """What of a part follows from the buffers' ports. Weights lie as they enter; features of a token are turned."""
    q, kv, act = port_bytes(arch, "act_buffer"), port_bytes(arch, "weight_buffer"), arch.parts["act_buffer"]
    return {
        "window": {"q_port_bytes": q, "kv_port_bytes": kv},
        "array": {"left_bytes": q, "top_bytes": kv, "left_word": act["port_bytes"]},
    }.get(part, {})


def port_rule(arch: Arch) -> str | None:
    """Every diagonal has a key a cycle and every row a query, or more PEs would be slower."""
    window = arch.parts["window"]
    rows, columns, tokens = (window[n] for n in ("rows", "columns", "globals"))
    for buffer, needed, what in (
        ("weight_buffer", rows + columns - 1 + tokens, "keys of window.rows + window.columns - 1 diagonals"),
        ("act_buffer", rows + tokens, "queries of window.rows"),
    ):
        if port_bytes(arch, buffer) < needed:
            return (
                f"{buffer}.banks x {buffer}.port_bytes is {port_bytes(arch, buffer)}, but {needed} bytes a cycle enter "
                f"the array: the {what} and those of {tokens} global tokens; make it at least {needed}"
            )
    return None


class SaloSchema(MachineSchema):
    """A schema whose arrays have the edges that the buffers' ports make."""

    def create(self, arch: Arch, part: str, name: str | None = None, **tables: Any) -> Component:
        """As MachineSchema does."""
        return super().create(arch, part, name, **(tables | made_of(arch, part)))


NO_OVERLAP = {"overlap": "options"}  # keys are held while others arrive, in every program
SCHEMA = SaloSchema(
    name="salo",
    title="SALO: windows of keys, dilated or not, and global tokens, on a diagonal array",
    clocks={"core": "500 MHz", "dram": "1200 MHz"},
    options={
        "remainder": Param(
            "tiles",
            "choice",
            "what of a mask is in no window: it runs in tiles of the array under masks, or is refused with its share",
            choices=("tiles", "refuse"),
        )
    },
    parts={
        "window": Part(
            "the PEs, as the diagonal array of attention",
            "core",
            WindowArray,
            {},
            {"kv_port_bytes": "options", "q_port_bytes": "options"},
        ),
        "merge": Part("the weighted-sum modules of the rows", "core", WeightedSum),
        "array": Part(
            "the same PEs, as an output-stationary array of dense layers",
            "core",
            DenseArray,
            {"overlap": "auto"},
            {
                "rows": "window.rows",
                "columns": "window.columns",
                **dict.fromkeys(("dataflow", "timing", "psum_hop", "row_skip", "accumulator_bytes", *EDGES), "options"),
            },
        ),
        "vector": Part(
            "requantisation of dense layers, element-wise work, normalisation",
            "core",
            VectorUnit,
            derived={"banks": "act_buffer", "port_bytes": "act_buffer"},
        ),
        "weight_buffer": Part(
            "keys and values; weights in dense layers", "core", LoadBuffer, {"capacity_bytes": "96 KiB"}, NO_OVERLAP
        ),
        "act_buffer": Part(
            "queries; activations in dense layers", "core", LoadBuffer, {"capacity_bytes": "188 KiB"}, NO_OVERLAP
        ),
        "output_buffer": Part("results on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "16 KiB"}),
        "program_gb": Part(
            "the program on its way to the sequencer",
            "core",
            LoadBuffer,
            {"capacity_bytes": "4 KiB", "banks": 1, "port_bytes": 32},  # an instruction's word a cycle
            NO_OVERLAP,
        ),
        "dma": Part("moves tiles between DRAM and the buffers", "core", Dma),
        "dram": Part("the memory", "dram", main_memory.MODELS),
        "sequencer": Part("walks the program", "core", Sequencer),
    },
    rules=(main_memory.clock_rule, main_memory.address_rule, port_rule),
)

WIRING = Wiring(
    (
        Link("dma.request", "dram.request", 8),
        Link("dram.reply", "dma.reply", 8),
        Link("window.out", "merge.partial", 1),
        Link("merge.row", "output_buffer.results.merge", 1),
        Link("window.kv_reading", "weight_buffer.reading.window"),
        Link("window.q_reading", "act_buffer.reading.window"),
        Link("array.out", "vector.outputs", 1),
        Link("vector.tile", "output_buffer.results.vector", 1),
        Link("vector.reading.act", "act_buffer.reading.vector"),
        Link("array.release_weight", "weight_buffer.release", 4),
        Link("array.release_act", "act_buffer.release", 4),
    ),
    streams=("program_gb", "output_buffer", "act_buffer", "weight_buffer"),
)


class Salo(Machine):
    """The paper's array, with a compiler, buffers and a memory of ours around it."""

    schema = SCHEMA
    wiring = WIRING
    array = ("window", "array")
    prices = Path(__file__).with_name("prices.yaml")
    calibration = Path(__file__).with_name("calibration.csv")
    program_memory = "program_gb"
    row_bytes = ROW_BYTES
    tables = TABLES
    layer_counters = ("window.tiles", "window.tile_cycles", "window.mask_bits")

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        have = resources(arch)

        def attend(emitter: Emitter, layer: Attention, batch: int) -> None:
            found = plans(workload, layer, have.rows, have.columns, have.globals)
            AttentionLayer(emitter.p, layer, found, batch, have).emit()

        emit_network(program, workload, have, attend)

    def mapping(
        self, arch: Arch, workload: Workload, *, pinned: Mapping[str, Any] = MappingProxyType({}), objective: str = ""
    ) -> tuple[LayerMapping, ...]:
        self.refuse_pins(arch, pinned or arch.mapping, objective)
        part = arch.parts
        buffers = (part[n] for n in ("weight_buffer", "act_buffer", "output_buffer"))
        rates = ArrayRates.of_vector(part["vector"], *buffers)
        return mapping(workload, resources(arch), main_memory.closed_form(arch), rates)

    def peak_macs(self, arch: Arch) -> int:
        window = arch.parts["window"]
        rows, columns, tokens = (window[n] for n in ("rows", "columns", "globals"))
        return rows * columns + tokens * (rows + columns)

    def judge(self) -> "type[Judge]":
        from accelsim.accelerators.salo.checks.judge import SaloJudge

        return SaloJudge

    def useful_macs(self, arch: Arch, workload: Workload, layer: Layer) -> int:
        return workload.masked_macs(layer)

    def notes(self, arch: Arch, workload: Workload) -> dict[str, str]:
        layers = workload.attention_layers
        if not layers:
            return {}
        said = held_notes(arch, workload)
        if any(layer.encoded_heads for layer in layers):
            said["auto_encoder"] = "not applied: Q and K are moved as they are"
        if any(layer.bias_offsets for layer in layers):
            said["score_biases"] = "not moved and not added"
        return said


MACHINE = Salo()


def held_notes(arch: Arch, workload: Workload) -> dict[str, str]:
    """What share of its masks the array holds as windows and global tokens, head by head."""
    shape = [arch.parts["window"][n] for n in ("rows", "columns", "globals")]
    scores = remainder = 0
    heads, steps = [], set()
    for layer in workload.attention_layers:
        found = [plan.held for plan in plans(workload, layer, *shape)]
        scores += sum(one.scores for one in found)
        remainder += sum(one.remainder for one in found)
        steps |= {tile.step for plan in plans(workload, layer, *shape) for tile in plan.tiles}
        shares = [f"{100 * one.share:.3g}" for one in found]
        heads.append(f"{layer.name} " + (shares[0] if len(set(shares)) == 1 else " ".join(shares)))
    said = {"held": f"{1 - remainder / scores:.2%} of the kept scores are in windows or of global tokens"}
    if remainder:
        said["remainder"] = f"{remainder} of {scores} scores an image, in tiles under masks of their own"
        said["held_percent_by_head"] = "; ".join(heads)
    if steps != {1}:
        said["dilation"] = "keys and queries " + ", ".join(str(step) for step in sorted(steps)) + " apart"
    return said


def resources(arch: Arch) -> Resources:
    """The sizes the compiler counts on."""
    part = arch.parts
    made = SCHEMA.create(arch, "array", frees=None).parameters()  # which says what `overlap: auto` is
    shape = ("rows", "columns", "dataflow", "timing", "overlap", "psum_hop", *EDGES)
    return Resources(
        lines=part["window"]["columns"],
        macs=part["window"]["rows"],
        weight_bytes=part["weight_buffer"]["capacity_bytes"],
        act_bytes=part["act_buffer"]["capacity_bytes"],
        store_bytes=part["output_buffer"]["capacity_bytes"],
        psum_bytes=4 * part["window"]["rows"] * part["window"]["columns"],  # the PEs' own accumulators
        vector_rates=VectorRates.of(part["vector"], part["act_buffer"]),
        array="array",
        weight="weight_buffer",
        act="act_buffer",
        store="output_buffer",
        constants=True,
        model=Array(**{n: made[n] for n in shape}, row_skip=made["row_skip"] == "true"),
        dram_bytes=main_memory.peak_bytes_per_s(arch) / float(arch.clocks["core"]),
        rows=part["window"]["rows"],
        columns=part["window"]["columns"],
        globals=part["window"]["globals"],
        features=part["merge"]["features"],
        refuses=arch.options["remainder"] == "refuse",
    )

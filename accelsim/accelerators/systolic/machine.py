"""A dense systolic array with memory around it: the machine that sparse ones are measured against.

DRAM - activation and weight buffer - array - vector unit, softmax unit - output buffer - DRAM. Attention is two dense
products a head, with the scores through DRAM or, as in FLAT (Kao et al., ASPLOS 2023), fused on chip.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from accelsim.accelerators import main_memory
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Link, Wiring
from accelsim.accelerators.systolic.dataflow.attention import emit_attention, tile_rows
from accelsim.accelerators.systolic.dataflow.estimate import mapping
from accelsim.accelerators.systolic.dataflow.resources import Resources
from accelsim.accelerators.systolic.tables import FREES, FREES_BYTES
from accelsim.components.dma import Dma
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.row_softmax import SCORE_BYTES, RowSoftmax
from accelsim.components.sequencer import Sequencer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.systolic_array import SystolicArray
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import Component, Param
from accelsim.dataflows.estimate import ArrayRates
from accelsim.dataflows.mapping import LayerMapping
from accelsim.dataflows.products.folds import Array, item_rows
from accelsim.dataflows.products.network import emit_network
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import VectorRates
from accelsim.workload.layers import Attention
from accelsim.workload.workload import Workload

if TYPE_CHECKING:
    from accelsim.validation import Judge

NOTHING_PINNED: Mapping[str, Any] = MappingProxyType({})
# not the user's: what the buffers' ports deliver, and their words
EDGES = dict.fromkeys(("left_bytes", "top_bytes", "left_word", "top_word", "item_rows"), "options")


def port_bytes(arch: Arch, part: str) -> int:
    """Bytes a cycle that all banks of a memory deliver."""
    return arch.parts[part]["banks"] * arch.parts[part]["port_bytes"]


def edges(arch: Arch) -> dict[str, int]:
    """Bytes a cycle at the array's left and top edge: activations enter at the left, weights at the top (is: the other
    way). Words are a port's, but where a token enters all at once (ws, at the left), which needs no stage. And how many
    outputs of a column leave at once."""
    dataflow, buffers = arch.parts["array"]["dataflow"], ("act_buffer", "weight_buffer")
    sides = arch.parts["array"]["rows"], arch.parts["array"]["columns"]
    found = {"item_rows": sides[0] if dataflow == "os" else item_rows(*sides)}
    for side, buffer in zip(("left", "top"), buffers[::-1] if dataflow == "is" else buffers):
        found[f"{side}_bytes"] = port_bytes(arch, buffer)
        found[f"{side}_word"] = 1 if (dataflow, side) == ("ws", "left") else arch.parts[buffer]["port_bytes"]
    return found


def score_rule(arch: Arch) -> str | None:
    """Fused, probabilities enter the array from the score buffer, no slower than activations from theirs."""
    if arch.options["attention"] != "fused" or port_bytes(arch, "softmax") >= port_bytes(arch, "act_buffer"):
        return None
    return (
        f"attention: fused feeds the array from the score buffer, whose softmax.banks x softmax.port_bytes is "
        f"{port_bytes(arch, 'softmax')}; make it at least the {port_bytes(arch, 'act_buffer')} of act_buffer"
    )


class SystolicSchema(MachineSchema):
    """A schema whose array has the edges that the buffers' ports make."""

    def create(self, arch: Arch, part: str, name: str | None = None, **tables: Any) -> Component:
        """As MachineSchema does."""
        return super().create(arch, part, name, **(tables | (edges(arch) if part == "array" else {})))


SCHEMA = SystolicSchema(
    name="systolic",
    title="a dense systolic array: output-, weight- or input-stationary, attention unfused or fused (FLAT)",
    clocks={"core": "500 MHz", "dram": "1200 MHz"},
    options={
        "attention": Param(
            "unfused",
            "choice",
            "scores and probabilities through DRAM, or a tile of complete rows at a time on chip (FLAT)",
            choices=("unfused", "fused"),
        ),
        "tile_rows": Param(0, "count", "rows of a tile of fused attention; 0: as many as fit", low=0),
    },
    parts={
        "array": Part("the PEs", "core", SystolicArray, {"overlap": "auto"}, EDGES),
        "vector": Part(
            "requantisation, element-wise work, normalisation",
            "core",
            VectorUnit,
            derived={"banks": "act_buffer", "port_bytes": "act_buffer"},
        ),
        "softmax": Part("softmax over rows of scores, and their buffer", "core", RowSoftmax, {"score_bytes": "25 KiB"}),
        "weight_buffer": Part(
            "weights; keys and values in attention",
            "core",
            LoadBuffer,
            {"capacity_bytes": "64 KiB", "banks": 4, "port_bytes": 16},
            {"overlap": "options"},  # weights arrive while what their outputs leave with is held, in every program
        ),
        "act_buffer": Part(
            "activations; queries, scores and probabilities in attention",
            "core",
            LoadBuffer,
            {"capacity_bytes": "200 KiB", "banks": 4, "port_bytes": 16},
            {"overlap": "options"},  # one operand arrives while another is held, in every program
        ),
        "output_buffer": Part("results on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "16 KiB"}),
        "spill_buffer": Part(
            "scores and probabilities on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "15 KiB"}
        ),
        "program_gb": Part(
            "the program on its way to the sequencer",
            "core",
            LoadBuffer,
            {"capacity_bytes": "4 KiB", "banks": 1, "port_bytes": 32},  # an instruction a cycle
            {"overlap": "options"},
        ),
        "dma": Part("moves tiles between DRAM and the buffers", "core", Dma),
        "dram": Part("the memory", "dram", main_memory.MODELS),
        "sequencer": Part("walks the program", "core", Sequencer),
    },
    rules=(main_memory.clock_rule, main_memory.address_rule, score_rule),
)

WIRING = Wiring(
    (
        Link("dma.request", "dram.request", 8),
        Link("dram.reply", "dma.reply", 8),
        Link("array.out", "vector.outputs", 1),
        Link("vector.tile", "output_buffer.results.vector", 1),
        Link("array.scores", "softmax.scores", 1),
        Link("softmax.out", "spill_buffer.results.softmax", 1),
        Link("array.release_weight", "weight_buffer.release", 4),
        Link("array.release_act", "act_buffer.release", 4),
    ),
    streams=("program_gb", "output_buffer", "spill_buffer", "act_buffer", "weight_buffer"),
)


class Systolic(Machine):
    """The array with a compiler, buffers and a memory around it."""

    schema = SCHEMA
    wiring = WIRING
    array = ("array",)
    prices = Path(__file__).with_name("prices.yaml")
    calibration = Path(__file__).with_name("calibration.csv")
    program_memory = "program_gb"
    row_bytes = {"frees": FREES_BYTES}
    tables = {"frees": FREES}
    layer_counters = ("array.fold_cycles", "array.stall_cycles", "spill_buffer.write_bytes")

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        emit_network(program, workload, resources(arch), emit_attention)

    def mapping(
        self, arch: Arch, workload: Workload, *, pinned: Mapping[str, Any] = NOTHING_PINNED, objective: str = ""
    ) -> tuple[LayerMapping, ...]:
        self.refuse_pins(arch, pinned or arch.mapping, objective)
        part = arch.parts
        buffers = (part[n] for n in ("weight_buffer", "act_buffer", "output_buffer"))
        rates = ArrayRates.of_vector(part["vector"], *buffers)
        return mapping(workload, resources(arch), main_memory.closed_form(arch), part["softmax"]["lanes"], rates)

    def peak_macs(self, arch: Arch) -> int:
        return arch.parts["array"]["rows"] * arch.parts["array"]["columns"]

    def judge(self) -> "type[Judge]":
        from accelsim.accelerators.systolic.checks.judge import SystolicJudge

        return SystolicJudge

    def twins(self):
        from accelsim.accelerators.systolic.rtl.twins import TWINS

        return TWINS

    def notes(self, arch: Arch, workload: Workload) -> dict[str, str]:
        attention = [layer for layer in workload.layers if isinstance(layer, Attention)]
        said = {}
        if arch.parts["array"]["timing"] == "scalesim":
            said["timing"] = "SCALE-Sim's folds, none cut: partial sums find room whatever accumulator_bytes is"
        if not attention:
            return said
        have = resources(arch)
        if any(layer.name in workload.masks for layer in attention):
            said["masks"] = "not applied: every score is computed"
        if any(layer.encoded_heads for layer in attention):
            said["auto_encoder"] = "not applied: Q and K are moved as they are"
        scores = sum(layer.heads * layer.q_tokens * layer.kv_tokens for layer in attention) * workload.batch
        crossing = 0 if have.fused else 2 * (SCORE_BYTES + 1) * scores
        said["attention"] = f"unfused: scores and probabilities cross DRAM, {crossing} bytes"
        if have.fused:
            tiles = sorted({tile_rows(layer, have) for layer in attention})
            each = ", ".join(f"{rows} rows x {count}" for rows, count in tiles)
            said["attention"] = f"fused (FLAT): tiles of complete rows on chip, {each}"
        said["score_dram_bytes"] = str(crossing)
        return said


MACHINE = Systolic()


def resources(arch: Arch) -> Resources:
    """The sizes the compiler counts on."""
    part = arch.parts
    array = part["array"]
    made = SCHEMA.create(arch, "array", frees=None).parameters()  # which says what `overlap: auto` is
    shape = ("rows", "columns", "dataflow", "timing", "overlap", "psum_hop", *EDGES)
    model = Array(**{n: made[n] for n in shape}, row_skip=made["row_skip"] == "true")
    return Resources(
        lines=array["columns"],
        macs=array["rows"],
        weight_bytes=part["weight_buffer"]["capacity_bytes"],
        act_bytes=part["act_buffer"]["capacity_bytes"],
        store_bytes=part["output_buffer"]["capacity_bytes"],
        psum_bytes=array["accumulator_bytes"],
        vector_rates=VectorRates.of(part["vector"], part["act_buffer"]),
        array="array",
        weight="weight_buffer",
        act="act_buffer",
        store="output_buffer",
        constants=True,
        model=model,
        dram_bytes=main_memory.peak_bytes_per_s(arch) / float(arch.clocks["core"]),
        score_bytes=part["softmax"]["score_bytes"],
        spill_bytes=part["spill_buffer"]["capacity_bytes"],
        fused=arch.options["attention"] == "fused",
        tile_rows=arch.options["tile_rows"],
    )

"""Sanger (Lu et al., MICRO 2021): attention pruned per input, packed and split into a score-stationary sparse array.

DRAM - 4-bit Q, K - prediction array - pack unit - sparse array (Q from the left, K and V from the top) - merge - DRAM.
Dense layers run on the same PEs as an output-stationary array.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.accelerators import main_memory
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Link, Wiring
from accelsim.accelerators.sanger.components.merge_unit import MergeUnit
from accelsim.accelerators.sanger.components.pack_unit import PackUnit
from accelsim.accelerators.sanger.components.prediction_array import PredictionArray
from accelsim.accelerators.sanger.components.sparse_array import CONTROLS, SparseArray
from accelsim.accelerators.sanger.dataflow.compile import compile_workload
from accelsim.accelerators.sanger.dataflow.resources import Resources
from accelsim.accelerators.sanger.edges import choice_rule, made_of, weight_rule
from accelsim.accelerators.sanger.masks import MILLIONTHS, SOURCES, kept, threshold_of
from accelsim.accelerators.sanger.packing import READINGS
from accelsim.accelerators.sanger.tables import FREES, FREES_BYTES, PACKS, ROWS, SUBROWS, TILES
from accelsim.components.dense_array import DenseArray
from accelsim.components.dma import Dma
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.sequencer import Sequencer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import Component, Param
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import VectorRates
from accelsim.workload.layers import Attention, Layer
from accelsim.workload.workload import Workload

if TYPE_CHECKING:
    from accelsim.validation import Judge
    from accelsim.validation.calibration import Calibration


class SangerSchema(MachineSchema):
    """A schema whose units are as wide as the buffers' ports and the operands make them."""

    def create(self, arch: Arch, part: str, name: str | None = None, **tables: Any) -> Component:
        """As MachineSchema does."""
        return super().create(arch, part, name, **(tables | made_of(arch, part)))


OPERANDS = {"operand_bytes": "options"}
NO_OVERLAP = {"overlap": "options"}  # keys are held while values arrive, in every program
SWITCH = ("false", "true")

FIXED = (  # of the dense array: not the user's
    "dataflow", "timing", "psum_hop", "row_skip", "accumulator_bytes", "left_bytes", "top_bytes", "left_word",
    "top_word", "item_rows",
)  # fmt: skip
SCHEMA = SangerSchema(
    name="sanger",
    title="Sanger: attention masks predicted in 4 bits, packed and split for a score-stationary sparse array",
    clocks={"core": "500 MHz", "dram": "1200 MHz"},
    options={
        "pack": Param(
            "column_tile",
            "choice",
            "which sub-rows may share a pass: any of a column tile, those of one block of rows, or as the published "
            "pack unit cuts them",
            choices=READINGS,
        ),
        "control": Param(
            "wavefront",
            "choice",
            "what of the sparse array changes phase at once: a PE, a row, or (as published) all of it",
            choices=CONTROLS,
        ),
        "predict": Param(
            "true", "choice", "masks are predicted; false: they come from DRAM, a bit a score", choices=SWITCH
        ),
        "mask_source": Param(
            "workload", "choice", "whose masks: the workload's, or predicted from its stored Q and K", choices=SOURCES
        ),
        "threshold": Param(
            2000,
            "count",
            "probability above which a predicted score is kept, in millionths (mask_source: predict)",
            low=0,
            high=MILLIONTHS,
        ),
        "lengths": Param(
            "true",
            "choice",
            "queries and keys are predicted with their lengths taken out (the published inner_product normalisation)",
            choices=SWITCH,
        ),
        "operand_bits": Param("8", "choice", "width of Q, K, V and of attention's outputs", choices=("8", "16")),
    },
    parts={
        "predictor": Part(
            "predicts masks from 4-bit queries and keys",
            "core",
            PredictionArray,
            derived={"strip_rows": "array.rows", "port_bytes": "options"},
        ),
        "pack": Part("makes passes of mask columns", "core", PackUnit, derived={"rows": "array", "pes": "array"}),
        "array": Part(
            "the PEs, as the sparse array of attention",
            "core",
            SparseArray,
            derived={"control": "options.control", "kv_port_bytes": "options", "q_port_bytes": "options", **OPERANDS},
        ),
        "merge": Part("adds up the passes of a row, and divides", "core", MergeUnit, derived=OPERANDS),
        "dense": Part(
            "the same PEs, as an output-stationary array of dense layers",
            "core",
            DenseArray,
            {"overlap": "auto"},
            {"rows": "array.pes", "columns": "array.rows", **dict.fromkeys(FIXED, "options")},
        ),
        "vector": Part(
            "requantisation, element-wise work, normalisation",
            "core",
            VectorUnit,
            derived={"banks": "q_buffer", "port_bytes": "q_buffer"},
        ),
        "kv_buffer": Part(
            "keys and values; weights in dense layers", "core", LoadBuffer, {"capacity_bytes": "100 KiB"}, NO_OVERLAP
        ),
        "q_buffer": Part(
            "queries; activations in dense layers", "core", LoadBuffer, {"capacity_bytes": "148 KiB"}, NO_OVERLAP
        ),
        "predict_buffer": Part(
            "4-bit queries and keys",
            "core",
            LoadBuffer,
            {"capacity_bytes": "28 KiB", "banks": 2, "port_bytes": 64},
            NO_OVERLAP,
        ),
        "output_buffer": Part("results on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "18 KiB"}),
        "program_gb": Part(
            "the program on its way to the sequencer",
            "core",
            LoadBuffer,
            {"capacity_bytes": "4 KiB", "banks": 1, "port_bytes": 32},  # an instruction a cycle
            NO_OVERLAP,
        ),
        "dma": Part("moves tiles between DRAM and the buffers", "core", Dma),
        "dram": Part("the memory", "dram", main_memory.MODELS),
        "sequencer": Part("walks the program", "core", Sequencer),
    },
    rules=(main_memory.clock_rule, main_memory.address_rule, choice_rule, weight_rule),
)

WIRING = Wiring(
    (
        Link("dma.request", "dram.request", 8),
        Link("dram.reply", "dma.reply", 8),
        Link("predictor.strip", "pack.strip"),
        Link("pack.drained", "predictor.drained"),
        Link("pack.ready", "array.ready"),
        Link("array.passed", "merge.passed", 4),
        Link("merge.window", "array.window"),
        Link("merge.row", "output_buffer.results.merge", 1),
        Link("predictor.reading", "predict_buffer.reading.predictor"),
        Link("array.kv_reading", "kv_buffer.reading.array"),
        Link("array.q_reading", "q_buffer.reading.array"),
        Link("dense.out", "vector.outputs", 1),
        Link("vector.tile", "output_buffer.results.vector", 1),
        Link("vector.reading.act", "q_buffer.reading.vector"),
        Link("dense.release_weight", "kv_buffer.release", 4),
        Link("dense.release_act", "q_buffer.release", 4),
    ),
    streams=("program_gb", "output_buffer", "predict_buffer", "q_buffer", "kv_buffer"),
)


class Sanger(Machine):
    """The paper's machine, with a compiler, buffers and a memory of ours around its array."""

    schema = SCHEMA
    wiring = WIRING
    array = ("array", "dense")  # the controllers of the PEs
    prices = Path(__file__).with_name("prices.yaml")
    program_memory = "program_gb"
    row_bytes = {"frees": FREES_BYTES}
    tables = {"tiles": TILES, "packs": PACKS, "subrows": SUBROWS, "rows": ROWS, "frees": FREES}
    layer_counters = ("array.sub_rows", "array.passes", "pack.cycles", "pack.emits")
    listing = (
        "sequencer", "kv_buffer", "q_buffer", "predict_buffer", "output_buffer", "program_gb", "dma", "dram",
        "predictor", "pack", "array", "merge", "dense", "vector",
    )  # fmt: skip

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        compile_workload(program, workload, resources(arch))

    def peak_macs(self, arch: Arch) -> int:
        return arch.parts["array"]["rows"] * arch.parts["array"]["pes"]

    def multipliers(self, arch: Arch) -> int:
        """Those of the prediction too, of 4 bits."""
        predictor = arch.parts["predictor"]
        return self.peak_macs(arch) + predictor["width"] * predictor["height"] * (arch.options["predict"] == "true")

    def operand_bits(self, arch: Arch) -> int:
        return int(arch.options["operand_bits"])

    def judge(self) -> "type[Judge]":
        from accelsim.accelerators.sanger.checks.judge import SangerJudge

        return SangerJudge

    def calibrations(self) -> "Sequence[Calibration]":
        from accelsim.accelerators.sanger.calibration import CALIBRATIONS

        return CALIBRATIONS

    def useful_macs(self, arch: Arch, workload: Workload, layer: Layer) -> int:
        if not isinstance(layer, Attention):
            return layer.macs
        have = resources(arch)
        keep = kept(workload, layer, have.mask_source, have.threshold, have.lengths)
        return int(keep.sum()) * (layer.qk_dim + layer.v_dim)

    def notes(self, arch: Arch, workload: Workload) -> dict[str, str]:
        if not workload.attention_layers:
            return {}
        option = arch.options
        charged = "prediction charged" if option["predict"] == "true" else "prediction not charged"
        said = {"reading": f"pack {option['pack']}, control {option['control']}, {charged}"}
        if option["mask_source"] == "workload":
            said["masks"] = "borrowed mask: the workload's, which does not depend on the input"
        else:
            said["masks"] = (
                f"predicted from stored Q and K, above a probability of {threshold_of(option['threshold']):g}"
            )
        if any(layer.encoded_heads for layer in workload.attention_layers):
            said["auto_encoder"] = "not applied: Q and K are moved as they are"
        if option["operand_bits"] == "16":
            said["attention_operands"] = "16 bits wide; the values are the workload's of 8 bits"
        return said


MACHINE = Sanger()


def resources(arch: Arch) -> Resources:
    """The sizes the compiler counts on."""
    part, option = arch.parts, arch.options
    rows, pes = part["array"]["rows"], part["array"]["pes"]
    return Resources(
        lines=rows,
        macs=pes,
        either_way=False,
        weight_bytes=part["kv_buffer"]["capacity_bytes"],
        act_bytes=part["q_buffer"]["capacity_bytes"],
        store_bytes=part["output_buffer"]["capacity_bytes"],
        psum_bytes=4 * rows * pes,  # the PEs' own accumulators
        vector_rates=VectorRates.of(part["vector"], part["q_buffer"]),
        constants=True,
        array="dense",
        weight="kv_buffer",
        act="q_buffer",
        store="output_buffer",
        rows=rows,
        pes=pes,
        ports=part["array"]["ports"],
        reading=option["pack"],
        predict=option["predict"] == "true",
        mask_source=option["mask_source"],
        threshold=threshold_of(option["threshold"]),
        lengths=option["lengths"] == "true",
        operand_bytes=int(option["operand_bits"]) // 8,
        predict_bytes=part["predict_buffer"]["capacity_bytes"],
        strip_bytes=part["predictor"]["strip_bytes"],
        exp_bits=part["predictor"]["exp_bits"],
        sum_bits=part["predictor"]["sum_bits"],
        sums_bytes=part["merge"]["sums_bytes"],
        features=part["merge"]["features"],
    )

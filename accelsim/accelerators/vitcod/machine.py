"""ViTCoD (You et al., HPCA 2023): a denser and a sparser engine work on a polarized attention map at the same time.

DRAM - Weight GB, Act GB0, index buffer - decoder, engines, array - softmax, merge, encoder, vector - Act GB1 - DRAM.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.accelerators import main_memory
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Wiring
from accelsim.accelerators.vitcod.components.decoder import Decoder
from accelsim.accelerators.vitcod.components.denser_engine import DenserEngine
from accelsim.accelerators.vitcod.components.encoder import Encoder
from accelsim.accelerators.vitcod.components.hand_over import HandOver
from accelsim.accelerators.vitcod.components.index_walker import IndexWalker
from accelsim.accelerators.vitcod.components.mac_array import MacArray
from accelsim.accelerators.vitcod.components.output_merge import OutputMerge
from accelsim.accelerators.vitcod.components.query_fetcher import QueryFetcher
from accelsim.accelerators.vitcod.components.softmax_unit import SoftmaxUnit
from accelsim.accelerators.vitcod.components.sparser_engine import SparserEngine
from accelsim.accelerators.vitcod.dataflow.compile import compile_workload
from accelsim.accelerators.vitcod.dataflow.mapping import NOTHING, cuts_of, mapping, stays_of
from accelsim.accelerators.vitcod.dataflow.rates import rates
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.rules import mask_rule, port_rule, sums_rule
from accelsim.accelerators.vitcod.tables import (
    COLUMNS,
    DENSE,
    FREES,
    FREES_BYTES,
    FUNCTION_BYTES,
    FUNCTIONS,
    INDEX,
    PASSES,
    QUERIES,
    ROWS,
    WINDOW_BYTES,
    WINDOWS,
)
from accelsim.accelerators.vitcod.wiring import FETCHING, KEEPING, WIRING
from accelsim.components.dma import Dma
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.sequencer import Sequencer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import Param
from accelsim.dataflows.mapping import OBJECTIVES, LayerMapping
from accelsim.dataflows.program import Program
from accelsim.dataflows.reuse import Programs
from accelsim.dataflows.steps import ArrayPorts
from accelsim.dataflows.tiling import VectorRates
from accelsim.workload.layers import Attention, Layer
from accelsim.workload.workload import Workload

if TYPE_CHECKING:
    from accelsim.validation import Judge


def switch(doc: str) -> Param:
    """An option that is on or off; on by default."""
    return Param("true", "choice", doc, choices=("false", "true"))


# what they read of other parts' memories
PORTS = {
    f"{of}_{what}": f"{part}.{what}"
    for of, part in (("weight", "weight_gb"), ("act", "act_gb0"))
    for what in ("banks", "port_bytes")
}
INDEX_PORTS = {"banks": "index_buffer", "port_bytes": "index_buffer"}
TABLE_PORTS = {f"index_{what}": f"index_buffer.{what}" for what in ("banks", "port_bytes")}
VALUE_PORTS = {"v_banks": "weight_gb.banks", "v_port_bytes": "weight_gb.port_bytes"}
DECODING = {"q_from": "options.miss", "act_banks": "act_gb0.banks", "act_port_bytes": "act_gb0.port_bytes"}
OPERAND_BANKS = {"banks": "sparser", "bank_bytes": "sparser"}
PROGRAM = {"capacity_bytes": "4 KiB", "banks": 1, "port_bytes": 32}  # an instruction a cycle
LINES = {"lines": "engine", "macs": "engine"}  # both engines work with the MAC lines of the array
PSUM = {"psum_banks": "engine", "psum_port_bytes": "engine"}  # the partial-sum memory they share

SCHEMA = MachineSchema(
    name="vitcod",
    title="ViTCoD: vision-transformer acceleration with polarized attention maps and compressed Q and K",
    clocks={"core": "500 MHz", "dram": "1200 MHz"},
    options={
        "heads": Param("parallel", "choice", "heads worked on together, or one by one", choices=("parallel", "serial")),
        "layout": Param(
            "packed",
            "choice",
            "Q, K and V in DRAM: head by head, or token by token, each by itself or all in one tensor",
            choices=("packed", "token_major", "fused_qkv"),
        ),
        "auto_encoder": switch("Q and K are compressed across heads by the encoder and restored by the decoder"),
        "prune": switch("the workload's masks are applied; off: every score is computed"),
        "reorder": switch("the global tokens' columns go to the denser engine; off: everything is sparse"),
        "forward": switch("the sparser engine asks the denser engine's Q buffer first"),
        "miss": Param(
            "buffer",
            "choice",
            "where a Q comes from that the sparser engine does not find there: the activation buffer, or DRAM",
            choices=("buffer", "dram"),
        ),
        "two_engines": switch("both engines work at the same time on a share of the lines; off: in turns, on all"),
        "objective": Param(
            "cycles", "choice", "what the cuts of dense layers make small, by closed-form estimates", choices=OBJECTIVES
        ),
        "residency": Param(
            "dram",
            "choice",
            "activations go through DRAM from layer to layer, or may stay on chip where the mapper finds that quicker: "
            "all of an output, or some rows at a time of layers that take turns",
            choices=("dram", "keep", "fused"),
        ),
        "double_buffer": switch(
            "weights and operands are fetched while others are in use; off: the same tiles, one after the other"
        ),
    },
    parts={
        "engine": Part(
            "the MAC lines both engines share, as one array in dense layers", "core", MacArray, derived=PORTS
        ),
        "denser": Part(
            "the dense columns of attention",
            "core",
            DenserEngine,
            derived=LINES | PSUM | OPERAND_BANKS | VALUE_PORTS | TABLE_PORTS | {"row_values": "engine"},
        ),
        "sparser": Part("the rest of attention", "core", SparserEngine, derived=LINES | PSUM | VALUE_PORTS),
        "walker": Part("hands out the sparse columns", "core", IndexWalker, derived=INDEX_PORTS),
        "softmax": Part("exponentials, row sums, reciprocals", "core", SoftmaxUnit, derived=PSUM),
        "merge": Part("joins the engines' partial rows", "core", OutputMerge, derived=PSUM | TABLE_PORTS),
        "encoder": Part("compresses Q and K behind their projection", "core", Encoder),
        "decoder": Part("restores Q and K in front of the engines", "core", Decoder, derived=DECODING | OPERAND_BANKS),
        "queries": Part(
            "fetches missed Q from DRAM, with miss=dram",
            "core",
            QueryFetcher,
            derived={"port_bytes": "decoder"},
            only=("miss", "dram"),
        ),
        "vector": Part(
            "element-wise work and normalisation",
            "core",
            VectorUnit,
            derived={"banks": "act_gb0", "port_bytes": "act_gb0"},
        ),
        "weight_gb": Part(
            "weights; values in attention", "core", LoadBuffer, {"capacity_bytes": "32 KiB"}, {"overlap": "options"}
        ),
        "act_gb0": Part(
            "activations; compressed Q and K in attention",
            "core",
            LoadBuffer,
            {"capacity_bytes": "148 KiB"},
            {"overlap": "options"},
        ),
        "index_buffer": Part(
            "the CSC index, and what else the engines are told of a pass",
            "core",
            LoadBuffer,
            {"capacity_bytes": "20 KiB", "banks": 8, "port_bytes": 8},
            {"overlap": "options"},
        ),
        "act_gb1": Part("results on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "18 KiB"}),
        "hand_over": Part(
            "hands results on from one activation buffer to the other, with residency=keep or fused",
            "core",
            HandOver,
            only=("residency", "keep", "fused"),
        ),
        "program_gb": Part(
            "the program on its way to the sequencer", "core", LoadBuffer, PROGRAM, {"overlap": "options"}
        ),
        "dma": Part("moves tiles between DRAM and the buffers", "core", Dma),
        "dram": Part("the memory", "dram", main_memory.MODELS),
        "sequencer": Part("walks the program", "core", Sequencer),
    },
    rules=(main_memory.clock_rule, main_memory.address_rule, port_rule, mask_rule, sums_rule),
)

PROGRAMS = Programs()


class ViTCoD(Machine):
    """The paper's machine, with a compiler, buffers and a memory of ours around its engines."""

    schema = SCHEMA
    wiring = WIRING
    array = ("engine", "denser", "sparser")  # the controllers of the MAC lines
    prices = Path(__file__).with_name("prices.yaml")
    calibration = Path(__file__).with_name("calibration.csv")
    program_memory = "program_gb"
    row_bytes = {"frees": FREES_BYTES, "functions": FUNCTION_BYTES, "windows": WINDOW_BYTES}
    tables = {
        "passes": PASSES,
        "dense": DENSE,
        "columns": COLUMNS,
        "index": INDEX,
        "rows": ROWS,
        "frees": FREES,
        "functions": FUNCTIONS,
        "windows": WINDOWS,
        "queries": QUERIES,
    }
    listing = (
        "sequencer", "weight_gb", "act_gb0", "index_buffer", "act_gb1", "hand_over", "program_gb", "dma", "dram",
        "engine", "encoder", "vector", "decoder", "queries", "walker", "denser", "sparser", "softmax", "merge",
    )  # fmt: skip

    def wired(self, arch: Arch) -> Wiring:
        wiring = self.wiring if arch.options["miss"] == "buffer" else FETCHING
        return wiring if arch.options["residency"] == "dram" else wiring.plus(*KEEPING)

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        found = self.mapping(arch, workload)
        of = resources(arch), cuts_of(found), stays_of(found)
        PROGRAMS.fill(program, workload, of, partial(compile_workload, program, workload, *of))

    def mapping(
        self, arch: Arch, workload: Workload, *, pinned: Mapping[str, Any] = NOTHING, objective: str = ""
    ) -> tuple[LayerMapping, ...]:
        wanted = objective or arch.options["objective"]
        return mapping(workload, resources(arch), rates(arch), wanted, pinned or arch.mapping)

    def peak_macs(self, arch: Arch) -> int:
        return arch.parts["engine"]["lines"] * arch.parts["engine"]["macs"]

    def multipliers(self, arch: Arch) -> int:
        units = ("engine", "encoder", "decoder")
        return sum(arch.parts[unit]["lines"] * arch.parts[unit]["macs"] for unit in units)

    def judge(self) -> "type[Judge]":
        from accelsim.accelerators.vitcod.checks import ViTCoDJudge

        return ViTCoDJudge

    def useful_macs(self, arch: Arch, workload: Workload, layer: Layer) -> int:
        masked = isinstance(layer, Attention) and arch.options["prune"] == "true"
        return workload.masked_macs(layer) if masked else layer.macs

    def twins(self):
        from accelsim.accelerators.vitcod.rtl.twins import TWINS

        return TWINS


MACHINE = ViTCoD()


def resources(arch: Arch) -> Resources:
    """The sizes the compiler counts on."""
    part, on = arch.parts, {n: v == "true" for n, v in arch.options.items()}
    return Resources(
        lines=part["engine"]["lines"],
        macs=part["engine"]["macs"],
        weight_bytes=part["weight_gb"]["capacity_bytes"],
        act_bytes=part["act_gb0"]["capacity_bytes"],
        index_bytes=part["index_buffer"]["capacity_bytes"],
        store_bytes=part["act_gb1"]["capacity_bytes"],
        psum_bytes=part["engine"]["psum_bytes"],
        vector_rates=VectorRates.of(part["vector"], part["act_gb0"]),
        ports=ArrayPorts.of(part["engine"] | SCHEMA.shared(arch, "engine")),
        sum_bytes=part["encoder"]["sum_bytes"],
        psum_cycle_bytes=part["engine"]["psum_banks"] * part["engine"]["psum_port_bytes"],
        q_bytes=part["denser"]["q_bytes"],
        k_bytes=part["denser"]["k_bytes"],
        score_bytes=part["softmax"]["score_bytes"],
        places=part["merge"]["places"],
        row_values=part["engine"]["row_values"],
        segment=part["sparser"]["segment"],
        index_entry_bytes=part["walker"]["index_bytes"],
        layout=arch.options["layout"],
        heads_parallel=arch.options["heads"] == "parallel",
        auto_encoder=on["auto_encoder"],
        reorder=on["reorder"],
        prune=on["prune"],
        forward=on["forward"],
        q_from_dram=arch.options["miss"] == "dram",
        fetch_bytes=part["queries"]["capacity_bytes"],
        two_engines=on["two_engines"],
        double_buffer=on["double_buffer"],
        keeps=arch.options["residency"] != "dram" and on["double_buffer"],
        fuses=arch.options["residency"] == "fused" and on["double_buffer"],
        constants=True,
    )

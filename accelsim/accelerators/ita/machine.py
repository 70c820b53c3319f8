"""ITA as a machine: the block in its wrapper or with ports of its own, memory beside it, cores for the rest."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.accelerators import main_memory
from accelsim.accelerators.ita.components.cluster import ClusterBlock
from accelsim.accelerators.ita.components.streams import StreamedBlock
from accelsim.accelerators.ita.dataflow.compile import Resources, compile_workload
from accelsim.accelerators.ita.tables import FREES, FREES_BYTES, SUMS
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Link, Wiring
from accelsim.components.dma import Dma
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.sequencer import Sequencer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core.component import Param
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import VectorRates, ceil
from accelsim.workload.layers import Attention
from accelsim.workload.workload import Workload

if TYPE_CHECKING:
    from accelsim.validation import Judge
    from accelsim.validation.calibration import Calibration


def tile_rule(arch: Arch) -> str | None:
    """A tile is whole groups of columns."""
    engine = arch.parts["engine"]
    if engine["length"] % engine["columns"] == 0:
        return None
    return (
        f"engine.columns = {engine['columns']} must divide engine.length = {engine['length']}, the outputs of a tile; "
        "give a divisor of it"
    )


ROOM = {"overlap": "options"}  # one operand arrives while another is in use, in every program

SCHEMA = MachineSchema(
    name="ita",
    title="the open Integer Transformer Accelerator: dense, softmax on integers while Q K^T passes",
    clocks={"core": "500 MHz", "dram": "1200 MHz"},
    options={
        "sum_bits": Param(
            9,
            "bits",
            "bit length of every row's sum of exponentials, 9 to 19: a longer one is divided sooner",
            low=9,
            high=19,
        )
    },
    parts={
        "engine": Part(
            "the block, in its wrapper or with ports of its own",
            "core",
            {"cluster": ClusterBlock, "streams": StreamedBlock},
        ),
        "vector": Part(
            "the cores: residual additions, normalisation, pooling",
            "core",
            VectorUnit,
            {"lanes": 32},
            {"banks": "act_buffer", "port_bytes": "act_buffer"},
        ),
        "weight_buffer": Part(
            "weights; keys and values in attention",
            "core",
            LoadBuffer,
            {"capacity_bytes": "33 KiB", "banks": 8, "port_bytes": 16},
            ROOM,
        ),
        "act_buffer": Part(
            "activations; queries in attention",
            "core",
            LoadBuffer,
            {"capacity_bytes": "63 KiB", "banks": 8, "port_bytes": 16},
            ROOM,
        ),
        "output_buffer": Part(
            "results on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "12 KiB", "port_bytes": 64}
        ),
        "program_gb": Part(
            "the program on its way to the sequencer",
            "core",
            LoadBuffer,
            {"capacity_bytes": "4 KiB", "banks": 1, "port_bytes": 32},
            ROOM,
        ),
        "dma": Part("moves tiles between DRAM and the buffers", "core", Dma),
        "dram": Part("the memory", "dram", main_memory.MODELS),
        "sequencer": Part("walks the program", "core", Sequencer),
    },
    rules=(main_memory.clock_rule, main_memory.address_rule, tile_rule),
)

WIRING = Wiring(
    (
        Link("dma.request", "dram.request", 8),
        Link("dram.reply", "dma.reply", 8),
        Link("engine.out", "vector.outputs", 1),
        Link("vector.tile", "output_buffer.results.vector", 1),
        Link("engine.release_weight", "weight_buffer.release", 4),
        Link("engine.release_act", "act_buffer.release", 4),
    ),
    streams=("program_gb", "output_buffer", "act_buffer", "weight_buffer"),
)


class Ita(Machine):
    """The block with a compiler, buffers and a memory around it."""

    schema = SCHEMA
    wiring = WIRING
    array = ("engine",)
    prices = Path(__file__).with_name("prices.yaml")
    program_memory = "program_gb"
    row_bytes = {"frees": FREES_BYTES}
    tables = {"frees": FREES, "sums": SUMS}
    layer_counters = ("engine.lost_weight", "engine.lost_input", "engine.lost_out")

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        compile_workload(program, workload, resources(arch))

    def peak_macs(self, arch: Arch) -> int:
        return arch.parts["engine"]["columns"] * arch.parts["engine"]["length"]

    def judge(self) -> "type[Judge]":
        from accelsim.accelerators.ita.checks.judge import ItaJudge

        return ItaJudge

    def calibrations(self) -> "Sequence[Calibration]":
        from accelsim.accelerators.ita.calibration import CALIBRATIONS

        return CALIBRATIONS

    def notes(self, arch: Arch, workload: Workload) -> dict[str, str]:
        attention = [layer for layer in workload.layers if isinstance(layer, Attention)]
        said = {}
        if any(layer.name in workload.masks for layer in attention):
            said["masks"] = "not applied: every score is computed"
        if any(layer.encoded_heads for layer in attention):
            said["auto_encoder"] = "not applied: Q and K are moved as they are"
        if attention:
            m = arch.parts["engine"]["length"]
            padded = sorted({f"{layer.kv_tokens} as {ceil(layer.kv_tokens, m) * m}" for layer in attention})
            said["tokens"] = f"in tiles of {m}: {', '.join(padded)}; keys beyond them are masked"
        return said


MACHINE = Ita()


def resources(arch: Arch) -> Resources:
    """What the compiler counts on. One output tile has partial sums, so that a tile whose depth is cut has M rows."""
    part = arch.parts
    m, n = part["engine"]["length"], part["engine"]["columns"]
    return Resources(
        lines=m,
        macs=m,
        weight_bytes=part["weight_buffer"]["capacity_bytes"],
        act_bytes=part["act_buffer"]["capacity_bytes"],
        store_bytes=part["output_buffer"]["capacity_bytes"],
        psum_bytes=4 * m * m,
        vector_rates=VectorRates.of(part["vector"], part["act_buffer"]),
        constants=True,
        array="engine",
        weight="weight_buffer",
        act="act_buffer",
        store="output_buffer",
        length=m,
        columns=n,
        logit_bytes=part["engine"]["logit_bytes"],
        sum_bits=arch.options["sum_bits"],
    )

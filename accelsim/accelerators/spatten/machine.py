"""SpAtten with memory around it: attention with token and head pruning in cascade; dense layers on the same arrays.

DRAM - K, V and Q buffers - Q K array - softmax - decision - top-k - P V array - output buffer - DRAM. Importance of
tokens is added up beside, and a top-k engine chooses who stays alive (Wang, Zhang and Han, HPCA 2021).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.accelerators import main_memory
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Link, Wiring
from accelsim.accelerators.spatten.components.decision import Decision
from accelsim.accelerators.spatten.components.dense_arrays import LEAST, DenseArrays
from accelsim.accelerators.spatten.components.fetcher import Fetcher
from accelsim.accelerators.spatten.components.importance import Importance
from accelsim.accelerators.spatten.components.line_buffer import LineBuffer, LowBits, WeightLines
from accelsim.accelerators.spatten.components.pv_array import PvArray
from accelsim.accelerators.spatten.components.qk_array import QkArray
from accelsim.accelerators.spatten.components.row_top_k import RowTopK
from accelsim.accelerators.spatten.components.softmax import Softmax
from accelsim.accelerators.spatten.components.top_k import TopK
from accelsim.accelerators.spatten.dataflow.compile import compile_plan
from accelsim.accelerators.spatten.settings import pruned, resources
from accelsim.accelerators.spatten.tables import AGAIN, FREES, FREES_BYTES, HEADS, HEADS_BYTES, SCORES, SEARCHES
from accelsim.components.dma import Dma
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.sequencer import Sequencer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import Param
from accelsim.dataflows.program import Program
from accelsim.workload.layers import Attention, Layer
from accelsim.workload.workload import Workload

if TYPE_CHECKING:
    from accelsim.validation import Judge
    from accelsim.validation.calibration import Calibration

SHARED = {"multipliers": "qk_array"}
RESET = {"init_cycles": "options", "start_cycles": "options"}  # of the published simulation, not of the machine
LINES = {"port_bytes": "qk_array.multipliers", "bits": "options", "init_cycles": "options"}


def line_rule(arch: Arch) -> str | None:
    """Adder trees are left at powers of two; weights lie in the lines of both SRAMs."""
    part = arch.parts
    line, depth = part["qk_array"]["multipliers"], part["array"]["depth"]
    if line & (line - 1) or line < LEAST:
        return f"qk_array.multipliers is {line}, but adder trees are left at powers of two from {LEAST} on; give one"
    if depth & (depth - 1) or not LEAST <= depth <= line:
        return (
            f"array.depth is {depth}, but the adder trees of {line} multipliers take powers of two from {LEAST} to "
            "that many; make it one"
        )
    both = part["k_buffer"]["capacity_bytes"] + part["v_buffer"]["capacity_bytes"]
    if part["weight_buffer"]["capacity_bytes"] > both:
        return (
            f"weight_buffer.capacity_bytes is {part['weight_buffer']['capacity_bytes']}, but weights lie in the lines "
            f"of k_buffer and v_buffer, {both} bytes; make it at most that"
        )
    return None


SCHEMA = MachineSchema(
    name="spatten",
    title="SpAtten: attention with cascade token and head pruning, local value pruning, progressive quantization",
    clocks={"core": "1 GHz", "dram": "1 GHz"},
    options={
        "prune": Param(
            "none",
            "choice",
            "who stays alive: all; as many tokens in every layer from the first on (equal work); the most important "
            "ones, chosen at some layers",
            choices=("none", "flat", "stages"),
        ),
        "keep": Param(1000, "count", "thousandths of the tokens that stay, at each choice", high=1000),
        "keep_heads": Param(1000, "count", "thousandths of the heads that stay, at each choice", high=1000),
        "first_layer": Param(3, "count", "stages: the first attention layer that has fewer tokens, from 0"),
        "every": Param(3, "count", "stages: attention layers from one choice to the next"),
        "class_token": Param("true", "choice", "whether token 0 always stays", choices=("true", "false")),
        "v_prune": Param(
            "off",
            "choice",
            "local value pruning: off; values of the first query's largest probabilities, for the whole head (RTL); of "
            "each query's own, with all values on chip",
            choices=("off", "first_query", "per_query"),
        ),
        "v_keep": Param(1000, "count", "thousandths of a row's probabilities that keep their values", high=1000),
        "quant": Param(
            "static8",
            "choice",
            "keys as 8 bits at once, or as their 4 most significant ones and the others where a row is not sure",
            choices=("static8", "progressive"),
        ),
        "threshold": Param(
            100, "count", "thousandths: a row whose largest probability is below is computed again", low=0, high=1001
        ),
        "lines_even": Param("true", "choice", "whether a head takes pairs of lines (RTL)", choices=("true", "false")),
    },
    parts={
        "fetcher": Part("allocates lines and makes requests of queries", "core", Fetcher),
        "qk_array": Part("scores", "core", QkArray, {}, RESET),
        "softmax": Part("probabilities", "core", Softmax),
        "decision": Part("whether a row is final; rows in order", "core", Decision),
        "row_top_k": Part("local value pruning", "core", RowTopK),
        "pv_array": Part(
            "outputs", "core", PvArray, {}, SHARED | {"init_cycles": "options", "retry_cycles": "qk_array"}
        ),
        "importance": Part("sums of the tokens' importance", "core", Importance),
        "top_k": Part("chooses tokens and heads", "core", TopK),
        "array": Part("both arrays in dense layers", "core", DenseArrays, {}, SHARED),
        "vector": Part(
            "requantisation, element-wise work, normalisation of dense layers",
            "core",
            VectorUnit,
            derived={"banks": "act_buffer", "port_bytes": "act_buffer"},
        ),
        "k_buffer": Part("keys", "core", LineBuffer, {}, LINES),
        "l_buffer": Part("the least significant bits of keys", "core", LowBits, {}, LINES | {"prefetch": "options"}),
        "v_buffer": Part("values", "core", LineBuffer, {}, LINES),
        "q_buffer": Part(
            "queries", "core", LoadBuffer, {"capacity_bytes": "32 KiB", "banks": 2}, {"overlap": "options"}
        ),
        "weight_buffer": Part(
            "weights of dense layers, in the lines of k_buffer and v_buffer",
            "core",
            WeightLines,
            {"capacity_bytes": 262144, "banks": 4, "port_bytes": 512},
            {"overlap": "options"},
        ),
        "act_buffer": Part(
            "activations of dense layers", "core", LoadBuffer, {"capacity_bytes": "200 KiB"}, {"overlap": "options"}
        ),
        "output_buffer": Part("results on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "32 KiB"}),
        "program_gb": Part(
            "the program on its way to the sequencer",
            "core",
            LoadBuffer,
            {"capacity_bytes": "4 KiB", "banks": 1, "port_bytes": 32},
            {"overlap": "options"},
        ),
        "dma": Part("the fetcher: cuts loads and stores into bursts", "core", Dma),
        "dram": Part("the memory", "dram", main_memory.MODELS, {"standard": "hbm2", "channels": 16}),
        "sequencer": Part("walks the program", "core", Sequencer),
    },
    rules=(main_memory.clock_rule, main_memory.address_rule, line_rule),
)

WIRING = Wiring(
    (
        Link("dma.request", "dram.request", 8),
        Link("dram.reply", "dma.reply", 8),
        Link("fetcher.rows", "qk_array.rows"),
        Link("qk_array.scores", "softmax.scores"),
        Link("softmax.probabilities", "decision.probabilities"),
        Link("decision.reports", "qk_array.reports", 4),
        Link("decision.rows", "row_top_k.rows"),
        Link("decision.sums", "importance.rows", 4),
        Link("row_top_k.kept", "pv_array.rows"),
        Link("pv_array.results", "output_buffer.results.pv_array", 1),
        Link("k_buffer.lines", "qk_array.k_lines", 4),
        Link("l_buffer.lines", "qk_array.l_lines", 4),
        Link("v_buffer.lines", "pv_array.v_lines", 4),
        Link("qk_array.k_ask", "k_buffer.ask", 4),
        Link("qk_array.l_ask", "l_buffer.ask", 4),
        Link("pv_array.v_ask", "v_buffer.ask", 4),
        Link("qk_array.k_release", "k_buffer.release", 4),
        Link("qk_array.l_release", "l_buffer.release", 4),
        Link("pv_array.v_release", "v_buffer.release", 4),
        Link("qk_array.q_release", "q_buffer.release", 4),
        Link("array.out", "vector.outputs", 1),
        Link("array.release_weight", "weight_buffer.release", 4),
        Link("array.release_act", "act_buffer.release", 4),
        Link("vector.tile", "output_buffer.results.vector", 1),
    ),
    streams=(
        "program_gb",
        "output_buffer",
        "q_buffer",
        "l_buffer",
        "k_buffer",
        "v_buffer",
        "act_buffer",
        "weight_buffer",
    ),
)


class SpAtten(Machine):
    """SpAtten with a compiler, buffers and a memory around it."""

    schema = SCHEMA
    wiring = WIRING
    array = ("array", "qk_array", "pv_array")
    prices = Path(__file__).with_name("prices.yaml")
    program_memory = "program_gb"
    row_bytes = {"frees": FREES_BYTES, "heads": HEADS_BYTES}
    tables = {"frees": FREES, "heads": HEADS, "again": AGAIN, "searches": SEARCHES, "candidates": SCORES}
    layer_counters = (
        "top_k.rounds",
        "row_top_k.rounds",
        "fetcher.lines",
        "k_buffer.write_bytes",
        "v_buffer.write_bytes",
        "qk_array.line_reads",
        "qk_array.line_retries",
        "qk_array.rows_again",
    )

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        compile_plan(program, pruned(arch, workload), resources(arch))

    def peak_macs(self, arch: Arch) -> int:
        return 2 * arch.parts["qk_array"]["multipliers"]

    def useful_macs(self, arch: Arch, workload: Workload, layer: Layer) -> int:
        found = pruned(arch, workload)
        mine = found.workload.layer(layer.name)
        if not isinstance(mine, Attention) or found.alive[layer.name].values is None:
            return mine.macs
        values = int(found.alive[layer.name].values.sum())
        return mine.heads * mine.q_tokens * mine.kv_tokens * mine.qk_dim + values * mine.v_dim

    def judge(self) -> "type[Judge]":
        from accelsim.accelerators.spatten.checks.judge import SpAttenJudge

        return SpAttenJudge

    def calibrations(self) -> "Sequence[Calibration]":
        from accelsim.accelerators.spatten.calibration import CALIBRATIONS

        return CALIBRATIONS

    def notes(self, arch: Arch, workload: Workload) -> dict[str, str]:
        attention = workload.attention_layers
        if not attention:
            return {}
        found, said = pruned(arch, workload), {}
        if any(layer.name in workload.masks for layer in attention):
            said["masks"] = "not applied: tokens are pruned, not scores"
        if any(layer.encoded_heads for layer in attention):
            said["auto_encoder"] = "not applied: Q and K are moved as they are"
        alive = [found.alive[layer.name] for layer in attention]
        said["tokens"] = ", ".join(f"{len(one.keys)}" for one in alive)
        said["heads"] = ", ".join(f"{len(one.heads)}" for one in alive)
        said["importance"] = ", ".join(sorted({one.source for one in alive if one.source})) or "none"
        again = [one.again for one in alive if one.again is not None]
        if again:
            twice = sum(int(one.sum()) for one in again) / sum(one.size for one in again)
            said["recomputed"] = f"{twice:.1%} of the rows"
        return said


MACHINE = SpAtten()

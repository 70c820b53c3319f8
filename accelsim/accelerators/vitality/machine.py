"""ViTALiTy (Dass et al., HPCA 2023): Taylor attention on two systolic arrays, with accumulators, dividers and adders
before and behind them; the rules of SimA and EcoFormer run on the same units.

DRAM - activation and weight buffer - accumulators, dividers, adders (operands) - SA-Diag, SA-General - adders, dividers
(rows) - vector unit - output buffer - DRAM. Dense layers go from SA-General to the vector unit.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsim.accelerators import main_memory
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Link, Wiring
from accelsim.accelerators.vitality.components.arrays import Accumulators, Adders, Diagonal, Dividers, General
from accelsim.accelerators.vitality.components.divisors import Divisors
from accelsim.accelerators.vitality.components.g_buffer import GBuffer
from accelsim.accelerators.vitality.components.join import Join
from accelsim.accelerators.vitality.dataflow.attention import emit_linear
from accelsim.accelerators.vitality.dataflow.network import network
from accelsim.accelerators.vitality.dataflow.resources import Resources
from accelsim.accelerators.vitality.tables import ROW_BYTES, TABLES
from accelsim.components.dma import Dma
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.sequencer import Sequencer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import Component, Param
from accelsim.dataflows.products.folds import Array, item_rows
from accelsim.dataflows.products.network import emit_network
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import VectorRates
from accelsim.workload.layers import Attention, Layer, LinearAttention
from accelsim.workload.linear import STEP, negative_weights, warning
from accelsim.workload.workload import Workload

if TYPE_CHECKING:
    from accelsim.validation import Judge

UNITS = ("accumulate", "divide", "add")
SWITCH = {"unit": "choice", "choices": ("on", "off")}


def beside(arch: Arch) -> int:
    """Bytes a cycle of a buffer's ports that are not SA-General's: accumulators read, adders or dividers read and
    write, SA-Diag reads."""
    parts = arch.parts
    most = max(parts["add"]["lanes"], parts["divide"]["lanes"])
    return parts["accumulate"]["lanes"] + 2 * most + parts["diagonal"]["left_bytes"]


def edges(arch: Arch) -> dict[str, int]:
    """Bytes a cycle at SA-General's left and top edge: what the ports of weight and activation buffer have left; and
    the ports' words, and how many outputs of a column leave at once."""
    found = {"item_rows": item_rows(arch.parts["array"]["rows"], arch.parts["array"]["columns"])}
    for side, buffer in (("left", "weight_buffer"), ("top", "act_buffer")):
        ports = arch.parts[buffer]
        found[f"{side}_bytes"] = ports["banks"] * ports["port_bytes"] - beside(arch)
        found[f"{side}_word"] = ports["port_bytes"]
    return found


def port_rule(arch: Arch) -> str | None:
    """Whatever runs at once has ports: SA-General is fed beside the others, or more of them would slow it down."""
    for side, buffer, axis in (("left_bytes", "weight_buffer", "rows"), ("top_bytes", "act_buffer", "columns")):
        left, wanted = edges(arch)[side], arch.parts["array"][axis]
        if left < wanted:
            return (
                f"{buffer}.banks x {buffer}.port_bytes is {left + beside(arch)}, but array.{axis} takes {wanted} bytes "
                f"a cycle and accumulators, dividers, adders and SA-Diag {beside(arch)}; make it at least "
                f"{wanted + beside(arch)}"
            )
    return None


def g_rule(arch: Arch) -> str | None:
    """G enters SA-General as fast as operands of the buffers do."""
    array, g = arch.parts["array"], arch.parts["g_buffer"]
    needed = max(array["rows"], array["columns"])
    if g["banks"] * g["port_bytes"] >= needed:
        return None
    return f"g_buffer.banks x g_buffer.port_bytes is {g['banks'] * g['port_bytes']}; make it at least {needed}"


class VitalitySchema(MachineSchema):
    """A schema whose array has the edges that the buffers' ports leave."""

    def create(self, arch: Arch, part: str, name: str | None = None, **tables: Any) -> Component:
        """As MachineSchema does."""
        return super().create(arch, part, name, **(tables | (edges(arch) if part == "array" else {})))


# not the user's: what the buffers' ports leave, and their words
EDGES = dict.fromkeys(("left_bytes", "top_bytes", "left_word", "top_word", "item_rows"), "options")
FIXED = {"dataflow": "options", "timing": "options", "row_skip": "options"}
LANES = {"lanes": 16}
SCHEMA = VitalitySchema(
    name="vitality",
    title="linear attention on systolic arrays (ViTALiTy); softmax attention is run as Taylor attention",
    clocks={"core": "500 MHz", "dram": "1200 MHz"},
    options={
        "diag": Param("on", doc="divisors from SA-Diag; off: n sqrt(d) for all rows, as keys sum to 0", **SWITCH),
        "centre": Param("before", "choice", "keys less their mean, or G less that", choices=("before", "after")),
        "pipeline": Param("heads", "choice", "whether heads are prepared ahead", choices=("heads", "none")),
        "g_resident": Param("false", "choice", "whether G, not Q, stays in the PEs for Q G", choices=("false", "true")),
        "key_bits": Param("9", "choice", "of a centred key; 8: it saturates", choices=("9", "8")),
        "l1_order": Param("auto", "choice", "products of rule l1", choices=("auto", "kv", "qk")),
    },
    parts={
        "array": Part("SA-General: K^T V, Q G, dense layers", "core", General, {"overlap": "auto"}, EDGES | FIXED),
        "diagonal": Part(
            "SA-Diag: Q times the sum of K",
            "core",
            Diagonal,
            {},
            FIXED | dict.fromkeys(("columns", "top_bytes", "left_word", "top_word", "item_rows"), "options"),
        ),
        "accumulate": Part("sums over tokens", "core", Accumulators, LANES),
        "divide": Part("means; rows by their divisors", "core", Dividers, LANES),
        "add": Part("keys less their mean; rows plus the sum of V", "core", Adders, LANES),
        "g_buffer": Part("what is computed first, in 8 bits", "core", GBuffer),
        "divisors": Part("divisors of rows", "core", Divisors),
        "join": Part("the way to the vector unit", "core", Join),
        "vector": Part(
            "requantisation, element-wise work, normalisation",
            "core",
            VectorUnit,
            derived={"banks": "act_buffer", "port_bytes": "act_buffer"},
        ),
        "weight_buffer": Part(
            "weights; values in attention",
            "core",
            LoadBuffer,
            {"capacity_bytes": "96 KiB", "banks": 8, "port_bytes": 16},
            {"overlap": "options"},
        ),
        "act_buffer": Part(
            "activations; queries and keys in attention",
            "core",
            LoadBuffer,
            {"capacity_bytes": "188 KiB", "banks": 8, "port_bytes": 16},
            {"overlap": "options"},
        ),
        "output_buffer": Part("results on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "16 KiB"}),
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
    rules=(main_memory.clock_rule, main_memory.address_rule, port_rule, g_rule),
)

WIRING = Wiring(
    (
        Link("dma.request", "dram.request", 8),
        Link("dram.reply", "dma.reply", 8),
        Link("array.out", "join.array", 1),
        Link("array.scores", "add.stream", 1),
        Link("add.passed.g_buffer", "g_buffer.values", 1),
        Link("add.passed.divide", "divide.stream", 1),
        Link("divide.passed.join", "join.divided", 1),
        Link("join.out", "vector.outputs", 1),
        Link("vector.tile", "output_buffer.results.vector", 1),
        Link("accumulate.results.divide", "divide.vectors", 2),
        Link("divide.results.add", "add.vectors", 2),
        Link("add.results.accumulate", "accumulate.vectors", 2),
        Link("diagonal.out", "divisors.values", 2),
        Link("diagonal.scores", "divisors.scores", 2),
        Link("diagonal.release_weight", "divisors.weight", 2),
        Link("diagonal.release_act", "divisors.act", 2),
        Link("array.release_weight", "weight_buffer.release", 4),
        Link("array.release_act", "act_buffer.release", 4),
        *(
            Link(f"{unit}.reading.{buffer}", f"{buffer}.reading.{unit}", 2)
            for unit in UNITS
            for buffer in ("act_buffer", "weight_buffer")
        ),
    ),
    streams=("program_gb", "output_buffer", "act_buffer", "weight_buffer"),
)


class Vitality(Machine):
    """The arrays with a compiler, buffers and a memory around them."""

    schema = SCHEMA
    wiring = WIRING
    array = ("array", "diagonal")
    kinds = (*Machine.kinds, LinearAttention.kind)
    prices = Path(__file__).with_name("prices.yaml")
    program_memory = "program_gb"
    row_bytes = ROW_BYTES
    tables = TABLES
    layer_counters = ("array.fold_cycles", "array.stall_cycles", "diagonal.mac_ops")

    def compile(self, program: Program, arch: Arch, workload: Workload) -> None:
        emit_network(program, network(workload, arch.options["l1_order"]), resources(arch), emit_linear)

    def peak_macs(self, arch: Arch) -> int:
        parts = arch.parts
        return parts["array"]["rows"] * parts["array"]["columns"] + parts["diagonal"]["rows"]

    def useful_macs(self, arch: Arch, workload: Workload, layer: Layer) -> int:
        linear = network(workload, arch.options["l1_order"]).layer(layer.name)
        return resources(arch).macs_of(linear) if isinstance(linear, LinearAttention) else layer.macs

    def judge(self) -> "type[Judge]":
        from accelsim.accelerators.vitality.checks.judge import VitalityJudge

        return VitalityJudge

    def notes(self, arch: Arch, workload: Workload) -> dict[str, str]:
        said, have = {}, resources(arch)
        softmax = [layer for layer in workload.layers if isinstance(layer, Attention)]
        if softmax:
            said["attention"] = warning(softmax, workload.masks)
        linear = [a for a in network(workload, arch.options["l1_order"]).layers if isinstance(a, LinearAttention)]
        if not linear:
            return said
        done, dense = (sum(count(a) for a in linear) for count in (have.macs_of, lambda a: a.softmax_macs))
        more = [a.name for a in linear if have.macs_of(a) > a.softmax_macs]
        said["linear_attention_macs"] = f"{done} an image; softmax attention of these sizes has {dense}"
        if more:
            some = ", ".join(more[:3]) + (", ..." if len(more) > 3 else "")
            said["more_macs_than_softmax"] = f"{len(more)} of {len(linear)} layers (tokens <= features): {some}"
        if taylor := [a for a in linear if a.rule == "taylor"]:
            said["negative_weights"] = negatives(workload, taylor)
        short = sum(have.lead(a) < 2 for a in linear)
        if have.pipeline and short:
            said["pipeline"] = f"{short} of {len(linear)} layers have fewer than two heads prepared ahead: no room"
        return said


MACHINE = Vitality()


def negatives(workload: Workload, layers: list[LinearAttention]) -> str:
    """How many weights 1 + x are below 0, where the workload carries what they are made of."""
    below = many = 0
    for layer in layers:
        q, k = (workload.tensors.get(f"{layer.name}.{n}") for n in "qk")
        if q is not None and k is not None:
            step = np.prod([workload.scales.get(f"{layer.name}.{n}", STEP) for n in "qk"])
            some, all_of = negative_weights(q, k, float(step))
            below, many = below + some, many + all_of
    if not many:
        return "not known: the workload carries no Q and K; none is clamped"
    return f"{below} of {many} Taylor weights are below 0 ({below / many:.2%}); none is clamped"


def resources(arch: Arch) -> Resources:
    """The sizes the compiler counts on."""
    part, options = arch.parts, arch.options
    made = SCHEMA.create(arch, "array", frees=None).parameters()  # which says what `overlap: auto` is
    shape = ("rows", "columns", "dataflow", "timing", "overlap", "psum_hop", *EDGES)
    model = Array(**{n: made[n] for n in shape}, row_skip=made["row_skip"] == "true")
    return Resources(
        lines=part["array"]["columns"],
        macs=part["array"]["rows"],
        weight_bytes=part["weight_buffer"]["capacity_bytes"],
        act_bytes=part["act_buffer"]["capacity_bytes"],
        store_bytes=part["output_buffer"]["capacity_bytes"],
        psum_bytes=part["array"]["accumulator_bytes"],
        vector_rates=VectorRates.of(part["vector"], part["act_buffer"]),
        array="array",
        weight="weight_buffer",
        act="act_buffer",
        store="output_buffer",
        constants=True,
        model=model,
        dram_bytes=main_memory.peak_bytes_per_s(arch) / float(arch.clocks["core"]),
        features=min(part[unit]["features"] for unit in UNITS),
        g_bytes=part["g_buffer"]["capacity_bytes"],
        divisor_bytes=part["divisors"]["capacity_bytes"],
        diag_rows=part["diagonal"]["rows"],
        diag_bytes=part["diagonal"]["accumulator_bytes"],
        diag=options["diag"] == "on",
        after=options["centre"] == "after",
        pipeline=options["pipeline"] == "heads",
        g_resident=options["g_resident"] == "true",
    )

"""ViTCoD (You et al., HPCA 2023): a denser and a sparser engine work on a polarized attention map at the same time.

DRAM - Weight GB, Act GB0, index buffer - decoder, engines, array - softmax, merge, encoder, vector - Act GB1 - DRAM.
"""

from pathlib import Path

from accelsim.accelerators import main_memory
from accelsim.components.decoder import Decoder
from accelsim.components.denser_engine import DenserEngine
from accelsim.components.dma import Dma
from accelsim.components.encoder import Encoder
from accelsim.components.index_walker import IndexWalker
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.mac_array import MacArray
from accelsim.components.output_merge import OutputMerge
from accelsim.components.sequencer import Sequencer
from accelsim.components.softmax_unit import SoftmaxUnit
from accelsim.components.sparser_engine import SparserEngine
from accelsim.components.store_buffer import StoreBuffer
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import Param, Simulator
from accelsim.dataflows.compile import compile_workload
from accelsim.dataflows.program import Program
from accelsim.dataflows.resources import Resources
from accelsim.workload.workload import Workload


def switch(doc: str) -> Param:
    """An option that is on or off; on by default."""
    return Param("true", "choice", doc, choices=("false", "true"))


LINES = {"lines": "engine", "macs": "engine"}  # both engines work with the MAC lines of the array

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
        "two_engines": switch("both engines work at the same time on a share of the lines; off: in turns, on all"),
        "double_buffer": switch("weights and operands are fetched while others are in use"),
    },
    parts={
        "engine": Part("the MAC lines both engines share, as one array in dense layers", "core", MacArray),
        "denser": Part("the dense columns of attention", "core", DenserEngine, derived=LINES),
        "sparser": Part("the rest of attention", "core", SparserEngine, derived=LINES),
        "walker": Part("hands out the sparse columns", "core", IndexWalker),
        "softmax": Part("exponentials, row sums, reciprocals", "core", SoftmaxUnit),
        "merge": Part("joins the engines' partial rows", "core", OutputMerge),
        "encoder": Part("compresses Q and K behind their projection", "core", Encoder),
        "decoder": Part("restores Q and K in front of the engines", "core", Decoder),
        "vector": Part("element-wise work and normalisation", "core", VectorUnit),
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
            "the CSC index",
            "core",
            LoadBuffer,
            {"capacity_bytes": "20 KiB", "banks": 1, "port_bytes": 8},
            {"overlap": "options"},
        ),
        "act_gb1": Part("results on their way to DRAM", "core", StoreBuffer, {"capacity_bytes": "18 KiB"}),
        "dma": Part("moves tiles between DRAM and the buffers", "core", Dma),
        "dram": Part("the memory", "dram", main_memory.MODELS),
        "sequencer": Part("walks the program", "core", Sequencer),
    },
    rules=(main_memory.clock_rule,),
)


PRICES = Path(__file__).with_name("vitcod_prices.yaml")
ARRAY = ("engine", "denser", "sparser")  # the controllers of the MAC lines


def peak_macs(arch: Arch) -> int:
    """Multiply-accumulates a core cycle."""
    return arch.parts["engine"]["lines"] * arch.parts["engine"]["macs"]


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
        q_bytes=part["denser"]["q_bytes"],
        k_bytes=part["denser"]["k_bytes"],
        score_bytes=part["softmax"]["score_bytes"],
        places=part["merge"]["places"],
        segment=part["sparser"]["segment"],
        index_entry_bytes=part["walker"]["index_bytes"],
        layout=arch.options["layout"],
        heads_parallel=arch.options["heads"] == "parallel",
        auto_encoder=on["auto_encoder"],
        reorder=on["reorder"],
        prune=on["prune"],
        forward=on["forward"],
        two_engines=on["two_engines"],
        double_buffer=on["double_buffer"],
    )


def build(
    arch: Arch, workload: Workload, *, trace: int = 0, monitored: bool = False, order: list[int] | None = None
) -> tuple[Simulator, Program]:
    """The netlist of a machine, its program loaded.

    `trace`: room for status events between two drains; `monitored`: log what crosses the attention units' channels;
    `order`: in which order the components are added (no result depends on it). Raises InputError when a layer does not
    fit the machine.
    """
    have = resources(arch)
    program = compile_workload(workload, have)
    t = program.finish()
    tables = {n: t[n] for n in ("passes", "rows")}

    def make(part: str, **mems):
        return SCHEMA.create(arch, part, **mems)

    sequencer = make("sequencer", program=t["program"])
    weight = make("weight_gb", loads=t["weight"], overlap="true" if have.double_buffer else "false")
    act, index = make("act_gb0", loads=t["act"]), make("index_buffer", loads=t["index"])
    out, dma, dram = make("act_gb1", stores=t["stores"]), make("dma"), make("dram")
    engine, encoder, vector = make("engine", frees=t["frees"]), make("encoder"), make("vector")
    decoder, walker = make("decoder", passes=t["passes"]), make("walker", passes=t["passes"], columns=t["columns"])
    denser, sparser = make("denser", dense=t["dense"], **tables), make("sparser", index=t["entries"], **tables)
    softmax, merge = make("softmax", dense=t["dense"], **tables), make("merge", **tables)

    sim = Simulator(dict(arch.clocks), trace=trace)
    parts = [
        sequencer, weight, act, index, out, dma, dram, engine, encoder, vector, decoder, walker, denser, sparser,
        softmax, merge,
    ]  # fmt: skip
    for n in order or range(len(parts)):
        sim.add(parts[n])

    sim.connect(sequencer, "array", engine, "command", depth=4)
    sim.connect(sequencer, "vector", vector, "command", depth=4)
    sim.connect(sequencer, "decode", decoder, "command", depth=4)
    for unit in (denser, sparser, walker, softmax, merge):
        sim.connect(sequencer, unit.name, unit, "command", depth=4)
    for name, buffer in (("weight", weight), ("act", act), ("index", index)):
        sim.connect(sequencer, f"grant_{name}", buffer, "grant", depth=4)
        sim.connect(buffer, "loaded", sequencer, f"{name}_loaded", depth=4)
        sim.connect(buffer, "request", dma, name)
        sim.connect(dma, f"{name}_fill", buffer, "fill", depth=4)
    sim.connect(out, "request", dma, "store")
    sim.connect(dma, "written", out, "written", depth=4)
    sim.connect(dma, "request", dram, "request", depth=8)
    sim.connect(dram, "reply", dma, "reply", depth=8)
    sim.connect(engine, "out", encoder, "outputs", depth=4)
    sim.connect(encoder, "out", vector, "outputs", depth=4)
    sim.connect(vector, "tile", out, "tile", depth=4)
    sim.connect(engine, "release_weight", weight, "release", depth=4)
    sim.connect(engine, "release_act", act, "release", depth=4)
    for unit, counter in (
        (engine, "array_done"), (vector, "vector_done"), (decoder, "decoder_done"), (denser, "denser_done"),
        (sparser, "sparser_done"), (merge, "passes_done"),
    ):  # fmt: skip
        sim.connect(unit, "done", sequencer, counter, depth=4)
    sim.connect(out, "stored", sequencer, "stored", depth=4)

    sim.connect(decoder, "denser", denser, "operands", depth=2, monitored=monitored)
    sim.connect(decoder, "sparser", sparser, "operands", depth=2, monitored=monitored)
    sim.connect(sparser, "miss", decoder, "miss", depth=8, monitored=monitored)
    sim.connect(decoder, "vector", sparser, "vector", depth=2, monitored=monitored)
    sim.connect(walker, "column", sparser, "column", depth=4, monitored=monitored)
    sim.connect(denser, "scores", softmax, "scores", depth=2, monitored=monitored)
    sim.connect(sparser, "score", softmax, "score", depth=16, monitored=monitored)
    sim.connect(softmax, "denser", denser, "softmaxed", depth=4, monitored=monitored)
    sim.connect(softmax, "sparser", sparser, "softmaxed", depth=4, monitored=monitored)
    sim.connect(denser, "partial", merge, "dense", depth=1, monitored=monitored)
    sim.connect(sparser, "partial", merge, "sparse", depth=4, monitored=monitored)
    sim.connect(merge, "denser_window", denser, "window", depth=2, monitored=monitored)
    sim.connect(merge, "sparser_window", sparser, "window", depth=2, monitored=monitored)
    sim.connect(merge, "row", out, "row", depth=4, monitored=monitored)
    return sim, program

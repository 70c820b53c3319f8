"""ViTCoD's modules: which component has which, the tables and payloads they share, and what their tables are loaded
with."""

from pathlib import Path

from accelsim.accelerators.vitcod.components.decoder import Decoder
from accelsim.accelerators.vitcod.components.denser_engine import DenserEngine
from accelsim.accelerators.vitcod.components.encoder import Encoder
from accelsim.accelerators.vitcod.components.hand_over import HandOver
from accelsim.accelerators.vitcod.components.index_walker import IndexWalker
from accelsim.accelerators.vitcod.components.mac_array import OUTPUTS, MacArray
from accelsim.accelerators.vitcod.components.output_merge import OutputMerge
from accelsim.accelerators.vitcod.components.query_fetcher import QueryFetcher
from accelsim.accelerators.vitcod.components.softmax_unit import SoftmaxUnit
from accelsim.accelerators.vitcod.components.sparser_engine import SparserEngine
from accelsim.accelerators.vitcod.rtl import derived
from accelsim.accelerators.vitcod.tables import (
    ACCESS,
    COLUMN,
    INDEX,
    MISS,
    OPERANDS,
    PARTIAL,
    PASS,
    QUERIES,
    READY,
    SCORE,
    SCORES,
    WINDOW,
    WINDOWS,
)
from accelsim.components.sequencer import Sequencer
from accelsim.components.vector_unit import VectorUnit
from accelsim.isa.tables import FREES
from accelsim.rtl import memory
from accelsim.rtl.package import Package, struct
from accelsim.rtl.program import program_fields, program_rows
from accelsim.rtl.twin import Twin

TABLES: dict[str, tuple[str, ...]] = {
    name: tuple(bits) for name, bits in derived.BITS.items()
} | {"index": INDEX.names, "frees": FREES.names, "queries": QUERIES.names} | memory.TABLES  # fmt: skip
WIDEST = len(MacArray.fields["command"].payload)  # of the longest command
TABLES["program"] = program_fields(WIDEST)
PAYLOADS: dict[str, tuple[str, ...]] = memory.PAYLOADS | {
    "pass": tuple(PASS),
    "decode": Decoder.fields["command"].payload,
    "column": tuple(COLUMN),
    "partial": tuple(PARTIAL),
    "window": tuple(WINDOW),
    "scores": tuple(SCORES),
    "score": tuple(SCORE),
    "ready": tuple(READY),
    "operands": tuple(OPERANDS),
    "miss": tuple(MISS),
    "access": tuple(ACCESS),
    "line": ("line",),
    "outputs": tuple(OUTPUTS),
    "encoded": ("elements", "passes"),
    "gemm": MacArray.fields["command"].payload,
    "sweep": VectorUnit.fields["command"].payload,
}
# What the data path is loaded with beside operands: of each output what its scores need to be found; of each pass its
# first head in the layer, its rows, the first word that says which of its dense scores count, and the number of the
# layer; and a layer's constants (name, bits).
PLACES = ("head", "dense", "first", "first_dense", "dense_at")
LAYOUT = ("head0", "rows", "kept", "layer")
SCALING = (("multiplier", 16), ("shift", 6), ("bound", 48), ("out_multiplier", 16), ("out_shift", 6))
DATA = {"places": PLACES, "layout": LAYOUT}


# Parameters of the array that its module has no use for: what they come to, its commands say.
TOLD = ("psum_bytes", "row_values", "psum_banks", "psum_port_bytes", "step_cycles", "weight_banks", "weight_port_bytes")
TOLD += ("act_banks", "act_port_bytes")

SOURCES = Path(__file__).with_name("sv")
PACKAGE = Package(
    SOURCES,
    TABLES,
    PAYLOADS,
    memory.DERIVED | derived.ROWS_OF | {"program": program_rows(WIDEST)},
    (
        "typedef struct packed { word_t q; word_t k; word_t number; } operands_there_t;",
        *(line.strip() for name, fields in DATA.items() for line in struct(f"{name}_row", fields)),
        f"typedef struct packed {{{''.join(f' logic [{bits}-1:0] {n};' for n, bits in SCALING[::-1])} }} scaling_t;",
        f"typedef struct packed {{{''.join(f' logic [31:0] {n};' for n in WINDOWS.names[::-1])} }} lies_t;",
    ),
    memory.SIGNED,
    ("sequencer", "vector_unit", *memory.TWINS),
    derived.BITS,
    tuple(
        f"values_{name}"
        for name in ("array", "attention", "dram", "load_buffer", "look_up", "steps", "store_buffer", "vector")
    ),
)
TWINS = {
    twin.module: twin
    for twin in (
        Twin(IndexWalker, "index_walker", ("passes", "columns")),
        Twin(OutputMerge, "output_merge", ("passes", "rows"), ("places", "lanes", "psum_banks", "psum_port_bytes")),
        Twin(
            SoftmaxUnit,
            "softmax_unit",
            ("passes", "rows", "dense"),
            ("score_bytes", "psum_port_bytes"),
            {"scores": lambda v: min(v["lanes"], v["depth"]), "score": lambda v: min(v["lanes"], v["depth"])},
        ),
        Twin(
            DenserEngine,
            "denser_engine",
            ("passes", "dense", "rows"),
            ("q_bytes", "k_bytes", "macs", "v_banks", "v_port_bytes", "index_banks", "index_port_bytes"),
        ),
        Twin(
            SparserEngine,
            "sparser_engine",
            ("passes", "rows", "index"),
            ("macs",),
            {"score": lambda v: v["score_ports"], "miss": lambda v: min(v["depth"], v["lines"])},
            ("score",),
            ("arbiter",),
        ),
        Twin(
            Decoder,
            "decoder",
            ("passes",),
            ("lines", "macs", "port_bytes", "banks", "bank_bytes", "act_banks", "act_port_bytes"),
        ),
        Twin(Encoder, "encoder", (), ("sum_bytes",)),
        Twin(MacArray, "mac_array", ("frees",), TOLD, {"command": lambda v: min(2, v["depth"])}),
        Twin(HandOver, "hand_over"),
        Twin(QueryFetcher, "query_fetcher", ("queries",)),
        Twin(Sequencer, "sequencer", ("program",), most={"notice": lambda v: v["depth"]}),
        Twin(VectorUnit, "vector_unit", (), ("reduce_cycles", "rsqrt_cycles", "rows", "banks", "port_bytes")),
    )
}

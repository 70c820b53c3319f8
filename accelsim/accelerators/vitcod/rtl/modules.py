"""ViTCoD's modules: which component has which, the tables and payloads they share, and what their tables are loaded
with."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

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
from accelsim.accelerators.vitcod.rtl.blocks import slots
from accelsim.accelerators.vitcod.tables import (
    ACCESS,
    COLUMN,
    COLUMNS,
    DENSE,
    INDEX,
    MISS,
    OPERANDS,
    PARTIAL,
    PASS,
    PASSES,
    QUERIES,
    READY,
    ROWS,
    SCORE,
    SCORES,
    WINDOW,
)
from accelsim.components.sequencer import Sequencer
from accelsim.components.vector_unit import VectorUnit
from accelsim.dataflows.tiling import ceil
from accelsim.isa.tables import FREES
from accelsim.rtl import memory
from accelsim.rtl.datapath import Parameters
from accelsim.rtl.package import Package, struct, words
from accelsim.rtl.program import program_fields, program_rows
from accelsim.rtl.twin import Twin

# Tables carry more words in hardware, which the model computes as it goes. Of a row: segments of the rows before it,
# the first row from it on that has sparse scores, that has dense ones, and the rows of its head from it on. Of a dense
# column: its scores' place among those of its pass; of a tile's first one: the largest token among the tile's columns,
# the rows that are computed at once, and the heads of its columns. Of a pass: the bytes a cycle that the decoder reads
# while a token, or a single vector, is in work.
DERIVED = {
    "passes": ("token_rate", "vector_rate"),
    "rows": ("preceding", "following", "next_dense", "rest"),
    "dense": ("slot", "needed", "group", "spread"),
}
TABLES: dict[str, tuple[str, ...]] = {
    name: kind.names + DERIVED.get(name, ())
    for name, kind in (
        ("passes", PASSES), ("dense", DENSE), ("columns", COLUMNS), ("index", INDEX), ("rows", ROWS), ("frees", FREES),
        ("queries", QUERIES),
    )
} | memory.TABLES  # fmt: skip
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
# first head in the layer, its rows, and the first word that says which of its dense scores count; and the layer's
# constants (name, bits).
PLACES = ("head", "dense", "first", "first_dense", "dense_at")
LAYOUT = ("head0", "rows", "kept")
SCALING = (("multiplier", 16), ("shift", 6), ("bound", 48), ("out_multiplier", 16), ("out_shift", 6))
DATA = {"places": PLACES, "layout": LAYOUT}


def rows_words(tables: Mapping[str, np.ndarray], segment: int) -> np.ndarray:
    """uint32[rows + 1, fields] of the table of rows with its derived words, and a last row that ends the table."""
    rows = tables["rows"]
    sparse = rows["sparse"].astype(np.int64)
    table = np.zeros((len(rows) + 1, len(TABLES["rows"])), np.uint32)
    table[:-1, : len(ROWS.names)] = words(rows, ROWS.names)
    table[:, -4] = np.concatenate([[0], np.cumsum(-(-sparse // segment))])
    for word, name in ((-3, "sparse"), (-2, "dense")):
        used = np.append(np.nonzero(rows[name])[0], len(rows))
        table[:, word] = used[np.searchsorted(used, np.arange(len(rows) + 1))]
    for one in tables["passes"]:
        outputs = np.arange(one["heads"] * one["rows"])
        for first in (one["first_row"], one["first_share"]):
            table[first + outputs, -1] = one["rows"] - outputs % one["rows"]
    return table


def dense_words(tables: Mapping[str, np.ndarray], at_once: int) -> np.ndarray:
    """uint32[columns, fields] of the table of dense columns with its derived words.

    `at_once` is how many rows' Q, of one head, the Q buffer's port sends in a cycle.
    """
    dense = tables["dense"]
    table = np.zeros((len(dense), len(TABLES["dense"])), np.uint32)
    table[:, : len(DENSE.names)] = words(dense, DENSE.names)
    table[:, -4] = slots(tables)
    for one in tables["passes"]:
        lines, end = int(one["denser_lines"]), int(one["first_dense"] + one["dense"])
        for first in range(int(one["first_dense"]), end, max(1, lines)):
            tile = dense[first : min(first + lines, end)]
            heads = int(tile["head"][-1]) - int(tile["head"][0]) + 1
            table[first, -3] = tile["column"].max()
            table[first, -2] = max(1, min(lines // len(tile), at_once // heads))
            table[first, -1] = heads
    return table


def passes_of(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """uint32[passes, fields] of the pass table with its derived words, for units of which one is a decoder, or none."""
    one = next((u for u in units.values() if "q_from" in u), None)
    passes, added = tables["passes"], np.zeros((len(tables["passes"]), 2), np.uint32)
    for n, row in enumerate(passes if one is not None else ()):
        dim, heads, coded = (int(row[name]) for name in ("dim", "heads", "encoded"))
        whole, single = dim * (coded or heads), dim * max(1, coded)
        written = heads * ceil(dim, one["bank_bytes"])
        for word, (size, macs, words_) in enumerate(((whole, whole * heads, written), (single, single, 0))):
            read = ceil(size, one["act_port_bytes"])
            cycles = max(ceil(size, one["port_bytes"]), ceil(2 * read, 2 * one["act_banks"] - 1))
            cycles = max(cycles, ceil(words_, one["banks"]))
            if coded:
                cycles = max(cycles, ceil(macs, one["lines"] * one["macs"]))
            added[n, word] = ceil(read * one["act_port_bytes"], cycles)
    return np.concatenate([words(passes, PASSES.names), added], axis=1)


def rows_of(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """The table of rows for units of which one cuts rows into segments, or none does."""
    return rows_words(tables, next((u["segment"] for u in units.values() if "segment" in u), 1))


def dense_of(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """The table of dense columns for units of which one has a port of the Q buffer, or none does."""
    ports = (u["q_port_bytes"] // u["macs"] for u in units.values() if "q_port_bytes" in u)
    return dense_words(tables, next(ports, 1))


# Parameters of the array that its module has no use for: what they come to, its commands say.
TOLD = ("psum_bytes", "row_values", "psum_banks", "psum_port_bytes", "step_cycles", "weight_banks", "weight_port_bytes")
TOLD += ("act_port_bytes",)

SOURCES = Path(__file__).with_name("sv")
PACKAGE = Package(
    SOURCES,
    TABLES,
    PAYLOADS,
    memory.DERIVED | {"passes": passes_of, "rows": rows_of, "dense": dense_of, "program": program_rows(WIDEST)},
    (
        "typedef struct packed { word_t q; word_t k; word_t number; } operands_there_t;",
        *(line.strip() for name, fields in DATA.items() for line in struct(f"{name}_row", fields)),
        f"typedef struct packed {{{''.join(f' logic [{bits}-1:0] {n};' for n, bits in SCALING[::-1])} }} scaling_t;",
    ),
    memory.SIGNED,
    ("sequencer", "vector_unit", *memory.TWINS),
)
TWINS = {
    twin.module: twin
    for twin in (
        Twin(IndexWalker, "index_walker", ("passes", "columns")),
        Twin(OutputMerge, "output_merge", ("passes", "rows"), ("places",)),
        Twin(
            SoftmaxUnit,
            "softmax_unit",
            ("passes", "rows", "dense"),
            ("score_bytes",),
            {"scores": lambda v: min(v["lanes"], v["depth"]), "score": lambda v: min(v["lanes"], v["depth"])},
        ),
        Twin(DenserEngine, "denser_engine", ("passes", "dense", "rows"), ("q_bytes", "k_bytes")),
        Twin(
            SparserEngine,
            "sparser_engine",
            ("passes", "rows", "index"),
            (),
            {"score": lambda v: v["score_ports"], "miss": lambda v: min(v["depth"], v["lines"])},
            ("score",),
            ("arbiter",),
        ),
        Twin(Decoder, "decoder", ("passes",)),
        Twin(Encoder, "encoder"),
        Twin(MacArray, "mac_array", ("frees",), TOLD, {"command": lambda v: min(2, v["depth"])}),
        Twin(HandOver, "hand_over"),
        Twin(QueryFetcher, "query_fetcher", ("queries",)),
        Twin(Sequencer, "sequencer", ("program",), most={"notice": lambda v: v["depth"]}),
        Twin(VectorUnit, "vector_unit", (), ("reduce_cycles", "rsqrt_cycles", "banks", "port_bytes")),
    )
}

"""The SystemVerilog package `isa`: the tables and payloads that components share, written from their declarations."""

from collections.abc import Mapping

import numpy as np

from accelsim.accelerators.vitcod.components.mac_array import OUTPUTS
from accelsim.components.sequencer import Sequencer
from accelsim.core import STATUS_NAMES
from accelsim.isa.instructions import DONE, PASS
from accelsim.isa.tables import (
    COLUMN,
    COLUMNS,
    DENSE,
    INDEX,
    MISS,
    OPERANDS,
    PARTIAL,
    PASSES,
    READY,
    ROWS,
    SCORE,
    SCORES,
    WINDOW,
)

# Tables carry more words in hardware, which the model computes as it goes. Of a row: segments of the rows before it,
# the first row from it on that has sparse scores, that has dense ones, and the rows of its head from it on. Of the
# first column of a tile: the largest token among the tile's columns, and the rows that are computed at once.
DERIVED = {"rows": ("preceding", "following", "next_dense", "rest"), "dense": ("needed", "group")}
TABLES: dict[str, tuple[str, ...]] = {
    name: kind.names + DERIVED.get(name, ())
    for name, kind in (("passes", PASSES), ("dense", DENSE), ("columns", COLUMNS), ("index", INDEX), ("rows", ROWS))
}
PAYLOADS: dict[str, tuple[str, ...]] = {
    "pass": tuple(PASS),
    "decode": Sequencer.fields["decode"].payload,
    "done": tuple(DONE),
    "column": tuple(COLUMN),
    "partial": tuple(PARTIAL),
    "window": tuple(WINDOW),
    "scores": tuple(SCORES),
    "score": tuple(SCORE),
    "ready": tuple(READY),
    "operands": tuple(OPERANDS),
    "miss": tuple(MISS),
    "line": ("line",),
    "bytes": ("bytes",),
    "outputs": tuple(OUTPUTS),
    "encoded": ("elements", "passes"),
}
# What the data path is loaded with beside operands: of each output what its scores need to be found; of each pass its
# first head in the layer, its rows, and the first word that says which of its dense scores count; and the layer's
# constants (name, bits).
PLACES = ("head", "dense", "first", "first_dense", "dense_at")
LAYOUT = ("head0", "rows", "kept")
SCALING = (("multiplier", 16), ("shift", 6), ("bound", 48), ("out_multiplier", 16), ("out_shift", 6))
DATA = {"places": PLACES, "layout": LAYOUT}
KEYWORDS = ("begin", "end")
STATUS_BITS = (len(STATUS_NAMES) - 1).bit_length()


def struct(name: str, fields: tuple[str, ...]) -> str:
    """A packed struct; its first field is in the low bits."""
    words = "".join(f" word_t {f}_;" if f in KEYWORDS else f" word_t {f};" for f in reversed(fields))
    return f"  typedef struct packed {{{words} }} {name};"


def package(bits: int) -> str:
    """The package with words of so many bits."""
    lines = [
        "// What the units' tables and channels carry. Written from the declarations of the simulator's components.",
        "package isa;",
        f"  localparam int W = {bits};",
        "  typedef logic [W-1:0] word_t;",
        "  typedef logic [31:0] clock_t;  // a cycle number",
        f"  typedef enum logic [{STATUS_BITS - 1}:0] {{{', '.join(STATUS_NAMES).upper()}}} status_t;",
        "  typedef struct packed { word_t q; word_t k; word_t number; } operands_there_t;",
        *(f"  localparam int {n}_row_bits = {len(fields)} * W;" for n, fields in TABLES.items()),
        *(f"  localparam int {n}_bits = {len(fields)} * W;" for n, fields in PAYLOADS.items()),
        *(struct(f"{n}_row_t", fields) for n, fields in TABLES.items()),
        *(struct(f"{n}_t", fields) for n, fields in PAYLOADS.items()),
        *(f"  localparam int {n}_row_bits = {len(fields)} * W;" for n, fields in DATA.items()),
        *(struct(f"{n}_row_t", fields) for n, fields in DATA.items()),
        "  typedef struct packed {"
        + "".join(f" logic [{bits}-1:0] {n};" for n, bits in SCALING[::-1])
        + " } scaling_t;",
        "endpackage",
    ]
    return "\n".join(lines) + "\n"


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
        table[one["first_row"] + outputs, -1] = one["rows"] - outputs % one["rows"]
    return table


def dense_words(tables: Mapping[str, np.ndarray], at_once: int) -> np.ndarray:
    """uint32[columns, fields] of the table of dense columns with its derived words.

    `at_once` is how many rows' Q, of one head, the Q buffer's port sends in a cycle.
    """
    dense = tables["dense"]
    table = np.zeros((len(dense), len(TABLES["dense"])), np.uint32)
    table[:, : len(DENSE.names)] = words(dense, DENSE.names)
    for one in tables["passes"]:
        lines, end = int(one["denser_lines"]), int(one["first_dense"] + one["dense"])
        for first in range(int(one["first_dense"]), end, max(1, lines)):
            tile = dense[first : min(first + lines, end)]
            heads = int(tile["head"][-1]) - int(tile["head"][0]) + 1
            table[first, -2] = tile["column"].max()
            table[first, -1] = max(1, min(lines // len(tile), at_once // heads))
    return table


def words(table: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """uint32[rows, fields] of a record table."""
    return (
        np.stack([table[n].astype(np.uint32) for n in names], axis=1) if len(table) else np.zeros((0, len(names)), "u4")
    )

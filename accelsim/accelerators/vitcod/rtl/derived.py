"""The rows of the tables of ViTCoD's attention units as they lie in DRAM and in the index buffer. The model computes
some of their words as it goes: what is counted over other rows, and every product and quotient of what a row holds by
what a unit is built as. They are known when the program is made, and a divider in a unit's control would be its longest
path."""

from collections.abc import Iterator, Mapping

import numpy as np

from accelsim.accelerators.vitcod.rtl.blocks import slots
from accelsim.accelerators.vitcod.tables import COLUMN_BITS, DENSE_BITS, KEY_BYTES, PASS_BITS, ROW_BITS, TILE_BYTES
from accelsim.dataflows.tiling import ceil
from accelsim.rtl.datapath import Parameters

BITS = {"passes": PASS_BITS, "columns": COLUMN_BITS, "rows": ROW_BITS, "dense": DENSE_BITS}
NONE: Mapping[str, int] = {}  # of a unit that is not there, whose words nobody reads


def unit(units: Parameters, *names: str) -> Mapping[str, int]:
    """The first of the units that has all of these parameters."""
    return next((u for u in units.values() if all(name in u for name in names)), NONE)


def table(tables: Mapping[str, np.ndarray], name: str, added: Mapping[str, np.ndarray]) -> np.ndarray:
    """uint32[rows, words] of the words the model has and of those that are `added` by name; others nobody reads."""
    mine = tables[name]
    found = np.zeros((len(mine), len(BITS[name])), np.uint32)
    for n, word in enumerate(BITS[name]):
        if word in added:
            found[:, n] = added[word]
        elif word in mine.dtype.names:
            found[:, n] = mine[word]
    return found


def read_cycles(read: int, banks: int) -> int:
    """Cycles in which a buffer delivers so many words: one of each bank, in every other cycle one less."""
    return ceil(2 * read, 2 * banks - 1)


def decoded(one: np.void, decoder: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Of a pass: how long the decoder works on a token and on a single vector, and what it reads a cycle meanwhile."""
    dim, heads, coded = (int(one[name]) for name in ("dim", "heads", "encoded"))
    whole, single = dim * (coded or heads), dim * max(1, coded)
    written = heads * ceil(dim, decoder["bank_bytes"])
    for name, size, macs, words_ in (("token", whole, whole * heads, written), ("vector", single, single, 0)):
        read = ceil(size, decoder["act_port_bytes"])
        cycles = max(ceil(size, decoder["port_bytes"]), ceil(words_, decoder["banks"]))
        if name == "token" or not decoder["q_from"]:  # else a vector comes with the ask
            cycles = max(cycles, read_cycles(read, decoder["act_banks"]))
        if coded:
            cycles = max(cycles, ceil(macs, decoder["lines"] * decoder["macs"]))
        yield f"{name}_rate", ceil(read * decoder["act_port_bytes"], cycles)
        yield f"{name}_cycles", cycles


def sent(one: np.void, sparser: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """Of a pass: what banks send to the lines of the sparser engine."""
    banks = min(sparser["banks"], sparser["v_banks"])
    key = ceil(int(one["dim"]), sparser["bank_bytes"])
    value = ceil(int(one["value_dim"]), min(sparser["bank_bytes"], sparser["v_port_bytes"]))
    yield "key_words", key
    yield "value_words", value
    yield "kept", (value - 1) // (2 * banks - 1)
    yield "kept_rest", (value - 1) % (2 * banks - 1)
    yield "bank_words", int(one["heads"]) // sparser["banks"] * key
    yield "heads_rest", int(one["heads"]) % sparser["banks"]


def passes_rows(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """uint32[passes, words] of the pass table."""
    passes, rows = tables["passes"], tables["rows"]
    decoder, sparser, engine = unit(units, "q_from"), unit(units, "segment"), unit(units, "macs", "v_port_bytes")
    merge = unit(units, "places", "psum_banks")
    added: dict = {name: np.zeros(len(passes), np.int64) for name in PASS_BITS if name not in passes.dtype.names}
    for n, one in enumerate(passes):
        heads, dim, values, share = (int(one[name]) for name in ("heads", "dim", "value_dim", "first_share"))
        outputs = heads * int(one["rows"])
        found = {"outputs": outputs, "operand_bytes": heads * dim}
        for kind in ("dense", "sparse"):
            used = rows[kind][share : share + outputs] > 0
            found[f"skip_{kind}"] = int(used.argmax()) if used.any() else outputs
        if decoder:
            found |= decoded(one, decoder)
        if sparser:
            found |= sent(one, sparser)
        if engine:
            found |= {"beats": ceil(dim, engine["macs"]), "value_beats": ceil(values, engine["macs"])}
        if merge:
            found["merge_cycles"] = ceil(4 * values, merge["psum_banks"] * merge["psum_port_bytes"])
            found["merge_adds"] = ceil(values, merge["lanes"])
        for name, value in found.items():
            added[name][n] = value
    for name, has in (("next_dense", "dense"), ("next_sparse", "sparse_columns")):
        added[name] = next_used(passes[has] > 0)[1:]
    return table(tables, "passes", added)


def next_used(used: np.ndarray) -> np.ndarray:
    """int64[rows + 1] of bool[rows]: of each row, and of the one behind the last, the first from it on that is used."""
    which = np.append(np.nonzero(used)[0], len(used))
    return which[np.searchsorted(which, np.arange(len(used) + 1))]


def rows_words(tables: Mapping[str, np.ndarray], denser: Mapping[str, int] = NONE) -> np.ndarray:
    """uint32[rows, words] of the table of rows."""
    rows = tables["rows"]
    added = {name: np.zeros(len(rows), np.int64) for name in ("next_sparse", "next_dense", "value_cycles")}
    for one in tables["passes"]:
        of_head, features = int(one["rows"]), int(one["value_dim"])
        outputs = int(one["heads"]) * of_head
        for first in (int(one["first_row"]), int(one["first_share"])):
            mine = slice(first, first + outputs)
            added["next_sparse"][mine] = next_used(rows["sparse"][mine] > 0)[1:] - np.arange(outputs)
            heads = next_used(rows["dense"][mine][::of_head] > 0)[1:] - np.arange(1, int(one["heads"]) + 1)
            added["next_dense"][mine] = np.repeat(heads * of_head, of_head)
            if denser:
                read = read_cycles(ceil(features, denser["v_port_bytes"]), denser["v_banks"])
                each = max(ceil(features, denser["macs"]), read)
                added["value_cycles"][mine] = rows["dense"][mine].astype(np.int64) * each
    return table(tables, "rows", added)


def dense_words(
    tables: Mapping[str, np.ndarray], at_once: int, bank_bytes: int = 1, entries: tuple = (), word_bytes: int = 1
) -> np.ndarray:
    """uint32[columns, words] of the table of dense columns.

    `at_once` is how many rows' Q, of one head, the Q buffer's port sends in a cycle; `bank_bytes` is of K's banks,
    `word_bytes` of those of the partial-sum memory.
    `entries`: banks and port of the index buffer, which gives half of a port to the list, or an eighth of its only one.
    """
    banks, port = entries or (2, 1 << 30)
    share = 2 if banks > 1 else 8
    dense = tables["dense"]
    added: dict = {name: np.zeros(len(dense), np.int64) for name in DENSE_BITS if name not in dense.dtype.names}
    bases: dict[int, int] = {}
    for one in tables["passes"]:
        lines, begin, end = int(one["denser_lines"]), int(one["first_dense"]), int(one["first_dense"] + one["dense"])
        rows, dim = int(one["rows"]), int(one["dim"])
        added["place"][begin:end] = int(one["first_row"]) + dense["head"][begin:end].astype(np.int64) * rows
        added["scores_at"][begin:end] = slots(tables)[begin:end] * rows
        base = bases.setdefault(int(one["first_row"]), begin)  # blocks of keys lie side by side behind the first
        added["score_word"][begin:end] = 2 * np.arange(begin - base, end - base) // word_bytes
        for first in range(begin, end, max(1, lines)):
            tile = dense[first : min(first + lines, end)]
            heads = int(tile["head"][-1]) - int(tile["head"][0]) + 1
            group = max(1, min(lines // len(tile), at_once // heads))
            found = {
                "needed": tile["column"].max(),
                "columns": len(tile),
                "group": group,
                "load_cycles": max(
                    len(tile) * ceil(dim, bank_bytes), ceil(share * (TILE_BYTES + KEY_BYTES * len(tile)), port)
                ),
                "load_bytes": len(tile) * dim,
                "group_bytes": group * heads * dim,
                "last_bytes": (rows - (rows - 1) // group * group) * heads * dim,
            }
            for name, value in found.items():
                added[name][first] = value
    return table(tables, "dense", added)


def rows_rows(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """The table of rows for these units, of which none must be there."""
    return rows_words(tables, unit(units, "q_port_bytes"))


def columns_rows(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """uint32[columns, words] of the table of sparse columns."""
    return table(tables, "columns", {})


def dense_rows(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """The table of dense columns for units of which one has a port of the Q buffer, or none does."""
    one, softmax = unit(units, "q_port_bytes"), unit(units, "divide_cycles")
    word = softmax.get("psum_port_bytes", 1)
    if not one:
        return dense_words(tables, 1, word_bytes=word)
    entries = one["index_banks"], one["index_port_bytes"]
    return dense_words(tables, one["q_port_bytes"] // one["macs"], one["bank_bytes"], entries, word)


ROWS_OF = {"passes": passes_rows, "columns": columns_rows, "rows": rows_rows, "dense": dense_rows}

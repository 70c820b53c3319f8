"""The words that the tables of ViTCoD's attention units carry in hardware and not in the model, which computes them as
it goes: what is counted over other rows, and every product and quotient of what a row holds by what a unit is built as.
They are known when the program is made, and a divider in a unit's control would be its longest path."""

from collections.abc import Iterator, Mapping

import numpy as np

from accelsim.accelerators.vitcod.rtl.blocks import slots
from accelsim.accelerators.vitcod.tables import COLUMN_BYTES, COLUMNS, DENSE, DENSE_BYTES, PASSES, ROWS
from accelsim.dataflows.tiling import ceil
from accelsim.rtl.datapath import Parameters
from accelsim.rtl.package import words

WORDS = {
    "passes": (
        "token_rate",  # bytes a cycle that the decoder reads while a token is in work,
        "vector_rate",  # or a single vector;
        "token_cycles",  # and how long each takes it
        "vector_cycles",
        "outputs",  # of the pass
        "operand_bytes",  # a token of K or Q, of all heads
        "beats",  # of an engine's line: a score,
        "value_beats",  # a row of V
        "key_words",  # of a bank of the sparser engine: a key, a query,
        "value_words",  # a row of V; and while every other cycle of a turn is kept for loads:
        "kept",  # whole turns that it takes,
        "kept_rest",  # and the cycle of a turn from which on it takes another
        "bank_words",  # of a bank: a token's heads, where each has as many
        "heads_rest",  # heads that are left over
        "next_dense",  # the next row of the table that has dense columns,
        "next_sparse",  # that has sparse ones
    ),
    "columns": ("cycles",),  # that the walker reads
    "rows": (
        "merge_cycles",  # of the partial-sum memory, to read or write the row's sums;
        "merge_adds",  # of the merge's adders
        "following",  # the first row from it on that has sparse scores; of that one:
        "sparse_head",
        "sparse_first",
        "sparse_left",  # its sparse scores
        "sparse_place",  # of its output
        "next_dense",  # the first row from it on that has dense scores; of that one:
        "dense_place",  # of its output
        "dense_count",  # its dense scores
        "dense_words",  # of a bank of the partial-sum memory, that these take
        "rest",  # rows of its head from it on
        "value_cycles",  # the denser engine takes for its values
    ),
    "dense": (
        "place",  # in ROWS, of its head's first output
        "scores_at",  # place of its first score among the dense ones of the pass,
        "score_word",  # the word of a row's dense scores that it is in. Of a tile's first column:
        "needed",  # the largest token among the tile's columns
        "columns",  # in the tile
        "group",  # rows that are computed at once
        "load_cycles",  # to load the tile from the fullest bank
        "load_bytes",
        "group_bytes",  # of Q, that the rows of a group,
        "last_bytes",  # those of the last group need
    ),
}
NONE: Mapping[str, int] = {}  # of a unit that is not there, whose words nobody reads


def unit(units: Parameters, *names: str) -> Mapping[str, int]:
    """The first of the units that has all of these parameters."""
    return next((u for u in units.values() if all(name in u for name in names)), NONE)


def table(tables: Mapping[str, np.ndarray], name: str, names: tuple[str, ...], added: dict, rows: int) -> np.ndarray:
    """uint32[rows, words] of the words the model has, as far as they go, and of those that are `added` by name."""
    found = np.zeros((rows, len(names) + len(WORDS[name])), np.uint32)
    found[: len(tables[name]), : len(names)] = words(tables[name], names)
    for n, word in enumerate(WORDS[name], len(names)):
        if word in added:
            found[:, n] = added[word]
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
    passes = tables["passes"]
    decoder, sparser, engine = unit(units, "q_from"), unit(units, "segment"), unit(units, "macs", "v_port_bytes")
    added: dict = {name: np.zeros(len(passes), np.int64) for name in WORDS["passes"]}
    for n, one in enumerate(passes):
        heads, dim = int(one["heads"]), int(one["dim"])
        found = {"outputs": heads * int(one["rows"]), "operand_bytes": heads * dim}
        if decoder:
            found |= decoded(one, decoder)
        if sparser:
            found |= sent(one, sparser)
        if engine:
            found |= {"beats": ceil(dim, engine["macs"]), "value_beats": ceil(int(one["value_dim"]), engine["macs"])}
        for name, value in found.items():
            added[name][n] = value
    for name, has in (("next_dense", "dense"), ("next_sparse", "sparse_columns")):
        added[name] = next_used(passes[has] > 0)[1:]
    return table(tables, "passes", PASSES.names, added, len(passes))


def columns_rows(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """uint32[columns, words] of the table of sparse columns."""
    walker, columns = unit(units, "index_bytes"), tables["columns"]
    added = {}
    if walker:
        size = columns["count"].astype(np.int64) * walker["index_bytes"] + COLUMN_BYTES
        read = -(-size // walker["port_bytes"])
        banks = walker["banks"]  # those of two are not the walker's; with two half the time, with one a quarter of it
        port = -(-read // (banks - 2)) if banks > 2 else 4 * read // banks
        added["cycles"] = np.maximum(-(-size // walker["word_bytes"]), port)
    return table(tables, "columns", COLUMNS.names, added, len(columns))


def next_used(used: np.ndarray) -> np.ndarray:
    """int64[rows + 1] of bool[rows]: of each row, and of the one behind the last, the first from it on that is used."""
    which = np.append(np.nonzero(used)[0], len(used))
    return which[np.searchsorted(which, np.arange(len(used) + 1))]


def rows_words(
    tables: Mapping[str, np.ndarray], denser: Mapping[str, int] = NONE, merge: Mapping[str, int] = NONE
) -> np.ndarray:
    """uint32[rows + 1, words] of the table of rows, and a last row that ends the table."""
    rows = tables["rows"]
    end = len(rows) + 1
    place, rest, value = np.arange(end), np.zeros(end, np.int64), np.zeros(end, np.int64)
    for one in tables["passes"]:
        outputs = np.arange(one["heads"] * one["rows"])
        for first in (one["first_row"], one["first_share"]):
            rest[first + outputs] = one["rows"] - outputs % one["rows"]
            place[first + outputs] = one["first_row"] + outputs
        if denser:
            features = int(one["value_dim"])
            read = read_cycles(ceil(features, denser["v_port_bytes"]), denser["v_banks"])
            value[one["first_share"] + outputs] = max(ceil(features, denser["macs"]), read)
    padded = {name: np.append(rows[name].astype(np.int64), 0) for name in ROWS.names}
    sparse, dense = next_used(rows["sparse"] > 0), next_used(rows["dense"] > 0)
    count = padded["dense"][dense]
    added = {
        "following": sparse,
        "sparse_head": padded["head"][sparse],
        "sparse_first": padded["first"][sparse],
        "sparse_left": padded["sparse"][sparse],
        "sparse_place": place[sparse],
        "next_dense": dense,
        "dense_place": place[dense],
        "dense_count": count,
        "rest": rest[dense],
        "value_cycles": count * value[dense],
    }
    if denser:
        added["dense_words"] = -(-2 * count // denser["psum_port_bytes"])
    if merge:
        added["merge_cycles"] = -(-4 * padded["values"] // (merge["psum_banks"] * merge["psum_port_bytes"]))
        added["merge_adds"] = -(-padded["values"] // merge["lanes"])
    return table(tables, "rows", ROWS.names, added, end)


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
    added: dict = {name: np.zeros(len(dense), np.int64) for name in WORDS["dense"]}
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
                "load_cycles": max(len(tile) * ceil(dim, bank_bytes), ceil(share * DENSE_BYTES * len(tile), port)),
                "load_bytes": len(tile) * dim,
                "group_bytes": group * heads * dim,
                "last_bytes": (rows - (rows - 1) // group * group) * heads * dim,
            }
            for name, value in found.items():
                added[name][first] = value
    return table(tables, "dense", DENSE.names, added, len(dense))


def rows_rows(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """The table of rows for these units, of which none must be there."""
    return rows_words(tables, unit(units, "q_port_bytes"), unit(units, "places", "psum_banks"))


def dense_rows(tables: Mapping[str, np.ndarray], units: Parameters) -> np.ndarray:
    """The table of dense columns for units of which one has a port of the Q buffer, or none does."""
    one, softmax = unit(units, "q_port_bytes"), unit(units, "divide_cycles")
    word = softmax.get("psum_port_bytes", 1)
    if not one:
        return dense_words(tables, 1, word_bytes=word)
    entries = one["index_banks"], one["index_port_bytes"]
    return dense_words(tables, one["q_port_bytes"] // one["macs"], one["bank_bytes"], entries, word)


ROWS_OF = {"passes": passes_rows, "columns": columns_rows, "rows": rows_rows, "dense": dense_rows}

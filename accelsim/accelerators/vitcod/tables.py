"""What ViTCoD's compiler tells its attention units about each pass: a group of heads x a block of query rows.

A pass runs in two phases, scores (SDDMM) and values (SpMM). Tables are flat; a pass points into them.
Within a pass an output is numbered `head * rows + row`, both counted from the start of the pass; its place in ROWS is
`first_row` plus that. All units go through the outputs in this order.

Where the keys of a pass are cut into blocks, every block is a row of the pass table, with the same `first_row`: its
keys' scores are computed block by block, then their values. ROWS holds what there is of an output in all, at its place,
and besides each block's share of it, from `first_share` on; the engines' values follow the shares.
"""

import numpy as np

from accelsim.isa.instructions import record, short_record

PASS = {
    "phase": "0: scores (SDDMM), 1: values (SpMM)",
    "number": "row of the pass table",
    "begin": "values: the first output, counted within the pass",
    "end": "values: the output after the last",
}
PASSES = record(
    "heads",  # heads in the pass
    "rows",  # query rows
    "row0",  # the first of them in the layer
    "dim",  # features of a query or key
    "value_dim",  # features of a value
    "denser_lines",  # MAC lines of the denser engine
    "sparser_lines",  # MAC lines of the sparser engine
    "tile_rows",  # rows the denser engine works on at once in SpMM
    "places",  # rows of partial sums that the merge has room for
    "first_dense",  # first dense column in DENSE
    "dense",  # dense columns, over all heads
    "first_column",  # first sparse column in COLUMNS
    "sparse_columns",  # sparse columns, over all heads
    "first_row",  # first output in ROWS
    "first_share",  # first of the outputs' shares in ROWS; without blocks of keys, the output itself
    "scores",  # scores of both engines
    "encoded",  # compressed heads (0: no auto-encoder)
    "forward",  # whether the sparser engine may ask the denser engine's Q buffer
    "activation",  # whether outputs are looked up in the table of a function
)
DENSE = record("head", "column")  # ordered by head, then column
# A row for each piece of a column, for each output, and for each sparse score: they are most of what a program of a
# long sequence holds, and therefore have no more bits than they need.
COLUMNS = short_record("head", "column", "first", "count")  # a column's rows stand in INDEX[first : first + count]
INDEX = np.dtype([("row", "u1")])  # or LONG_INDEX, where a pass has more rows
LONG_INDEX, MOST_SHORT = np.dtype([("row", "i4")]), 256
ROWS = short_record(
    "head",  # counted from the start of the pass
    "scores",  # scores of the row, of both engines
    "sparse",  # those of the sparser engine
    "first",  # the first of these in the sparser engine's list
    "dense",  # those of the denser engine: dense columns of its head
    "parts",  # partial rows it is the sum of: one of the denser engine, one a segment of the sparser engine
    "values",  # features of its output
)

QUERIES = record("address", "token_pitch", "head_pitch", "bytes")  # of each pass, where a query is fetched from

# The same as they lie in DRAM and in the index buffer [ours], pass after pass, with the bits of each word: word for
# word what the units' modules have (rtl/derived.py). Quotients and products of what the compiler knows come with them;
# what a counter or an adder makes of them does not: a row's scores, its output's place, the columns' places in the
# index. Row numbers are counted from the first row of the pass; the walker's parameter says how wide they are.
PASS_BITS = {
    "heads": 16,
    "rows": 16,
    "row0": 16,
    "dim": 16,
    "value_dim": 16,
    "sparser_lines": 16,
    "tile_rows": 16,
    "places": 16,
    "first_dense": 24,
    "dense": 16,
    "sparse_columns": 24,
    "first_row": 24,
    "first_share": 24,
    "encoded": 8,
    "forward": 4,
    "activation": 4,
    "token_rate": 16,  # bytes a cycle that the decoder reads while a token is in work,
    "vector_rate": 16,  # or a single vector;
    "token_cycles": 16,  # and how long each takes it
    "vector_cycles": 16,
    "outputs": 24,  # of the pass
    "operand_bytes": 16,  # a token of K or Q, of all heads
    "beats": 16,  # of an engine's line: a score,
    "value_beats": 16,  # a row of V
    "key_words": 16,  # of a bank of the sparser engine: a key, a query,
    "value_words": 16,  # a row of V; and while every other cycle of a turn is kept for loads:
    "kept": 16,  # whole turns that it takes,
    "kept_rest": 16,  # and the cycle of a turn from which on it takes another
    "bank_words": 16,  # of a bank: a token's heads, where each has as many
    "heads_rest": 16,  # heads that are left over
    "next_dense": 16,  # the next row of the table that has dense columns,
    "next_sparse": 16,  # that has sparse ones
    "merge_cycles": 16,  # of the partial-sum memory, to read or write a row's sums;
    "merge_adds": 16,  # of the merge's adders
    "skip_dense": 16,  # outputs before the first with dense scores,
    "skip_sparse": 16,  # with sparse ones
}
QUERY_BITS = {"address": 40, "token_pitch": 28, "head_pitch": 36, "bytes": 24}  # beside the pass's row
DENSE_BITS = {
    "head": 8,
    "column": 16,
    "place": 24,  # in ROWS, of its head's first output
    "scores_at": 24,  # place of its first score among the dense ones of the pass,
    "score_word": 16,  # the word of a row's dense scores that it is in. Of a tile's first column:
    "needed": 16,  # the largest token among the tile's columns
    "columns": 8,  # in the tile
    "group": 8,  # rows that are computed at once
    "load_cycles": 16,  # to load the tile from the fullest bank
    "load_bytes": 16,
    "group_bytes": 16,  # of Q, that the rows of a group,
    "last_bytes": 16,  # those of the last group need
}
COLUMN_BITS = {"head": 8, "column": 16, "count": 8}  # read by the walker with the column's rows
ROW_BITS = {
    "head": 8,
    "sparse": 16,
    "first": 24,
    "dense": 16,
    "parts": 16,
    "next_sparse": 16,  # outputs to the next one with sparse scores, or to the pass's end
    "next_dense": 16,  # outputs from its head's end to the next head with dense columns, or to the pass's end
    "value_cycles": 16,  # the denser engine takes for its values
}
PASS_BYTES, ROW_BYTES = sum(PASS_BITS.values()) // 8, sum(ROW_BITS.values()) // 8
DENSE_BYTES = sum(DENSE_BITS.values()) // 8
# What the denser engine reads of them: of each column which K it is, of each tile what is said of it.
KEY_BYTES = (DENSE_BITS["head"] + DENSE_BITS["column"]) // 8
TILE_BYTES = sum(bits for name, bits in list(DENSE_BITS.items())[list(DENSE_BITS).index("needed") :]) // 8
MASK_BITS = 1  # of a score of a dense column: whether it is kept
SCORE_BIAS_BYTES = 2  # of a head and relative position, as wide as a score; where the network has them
COLUMN_BYTES = sum(COLUMN_BITS.values()) // 8
MOST_HEADS, MOST_SEGMENT = 1 << COLUMN_BITS["head"], (1 << COLUMN_BITS["count"]) - 1
MOST_KEYS = 1 << COLUMN_BITS["column"]  # of a block

PARTIAL = {"place": "place of the first output in ROWS", "rows": "outputs", "scores": "scores that went into each"}
SCORES = {
    "row": "the first row, within the pass",
    "rows": "rows",
    "first": "place of the first column in DENSE",
    "count": "columns",
}
SCORE = {"place": "place of the output in ROWS", "column": "key token"}
READY = {"place": "place of the output in ROWS"}
OPERANDS = {"number": "row of the pass table", "kind": "0: K, 1: Q", "tokens": "tokens there, from the first on"}
WINDOW = {"end": "the first place in ROWS that may not be worked on yet"}
ACCESS = {"cycles": "cycles in which all banks of the partial-sum memory are taken"}
MISS = {"number": "row of the pass table", "row": "row within the pass", "head": "head", "line": "MAC line that asks"}
COLUMN = {"head": "head", "column": "key token", "first": "first of its rows in INDEX", "count": "how many"}

# What a GEMM tile is the last to read: bytes it frees, and bytes it read of each buffer.
FREES = record("weight", "weight_read", "act", "act_read")
FREES_BYTES = 6  # as it comes with the instruction: what is given back, 24 bits each

# The table of an activation: an 8-bit value for each of 256. It comes with the program, some entries at a time, and
# stands in registers, whose every lane takes any entry; no unit's timing depends on what it says.
FUNCTIONS = record("layer", "entry")
FUNCTION_BYTES = 32
FUNCTION_ROWS = 256 // FUNCTION_BYTES

# How the activations of a tile lie in their buffer, for the transposing stage: places and distances in words and bytes
# beyond. Of a convolution's windows it comes with the instruction, and takes two words of the program.
WINDOWS = record(
    "at_words",  # the first byte of the first token, from the first picture's first
    "at_bytes",
    "token_words",  # from a window to the next one in its row
    "token_bytes",
    "line_words",  # from the last one in a row to the first in the next
    "line_bytes",
    "far_words",  # from a window to the one as many on as the buffer has banks
    "far_bytes",
    "wrap_words",  # where a row of windows ends between, beside those that always do
    "wrap_bytes",
    "pitch_words",  # from a run to the run below it
    "pitch_bytes",
    "below_words",  # from the first byte to the run below
    "below_bytes",
    "chunk",  # bytes that a word of the stage takes
    "run",  # bytes of a run
    "begin_byte",  # a part of the depth begins with this byte
    "begin_run",  # of this run
    "x",  # bytes from a line's first to the first window's
    "x_step",  # from a window to the next,
    "x_last",  # of which the row's last one has this place, and the next one lies a line's bytes before that
    "x_far",  # the same of windows as many on as the buffer has banks:
    "x_wrap",  # from here on the row ends between
    "y",  # the first window's first line
    "y_step",  # from a row of windows to the next
    "y_far",  # from a window to the one as many on as the buffer has banks,
    "y_wrap",  # where a row of windows ends between
    "y_end",  # where the next row would lie in a picture; it lies in the next one, as many lines before as this one has
    "width",  # bytes of a line; what is beyond is padding
    "height",  # lines of a picture
)
WINDOW_BYTES = 64

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

# The same as they lie in DRAM and in the index buffer [ours], pass after pass. What is a sum or a share of these is
# made as they arrive: a row's scores, the place of its head, the columns' places in the index. Row numbers are counted
# from the first row of the pass; the walker's parameter says how wide they are.
PASS_BITS = 16 * (len(PASSES.names) - 2)  # shares are counted as they arrive; `forward` and `activation` share a word
QUERY_BITS = {"address": 40, "token_pitch": 28, "head_pitch": 36, "bytes": 24}  # beside the pass's row
DENSE_BITS = {"head": 8, "column": 16, "last": 8}  # whether it is the last of its head
COLUMN_BITS = {"head": 8, "column": 16, "count": 8}  # read by the walker with the column's rows
ROW_BITS = {"sparse": 16, "first": 16, "dense": 16, "parts": 16}  # `first` modulo 2^16: a sum of those before
ROW_BYTES, DENSE_BYTES = sum(ROW_BITS.values()) // 8, sum(DENSE_BITS.values()) // 8
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
    "gap_words",  # from a run's end to the beginning of the run below it
    "gap_bytes",
    "chunk",  # bytes that a word of the stage takes
    "run",  # bytes of a run
    "begin_byte",  # a part of the depth begins with this byte
    "begin_run",  # of this run
    "x",  # bytes from a line's first to the first window's
    "x_first",  # the same of a line's first window
    "x_step",  # from a window to the next
    "y",  # the first window's first line
    "y_first",
    "y_step",
    "width",  # bytes of a line; what is beyond is padding
    "height",  # lines of a picture
    "columns",  # windows that are left in the row, with the first
    "rows",  # rows of windows that are left in the picture
    "out",  # both of a whole picture
)
WINDOW_BYTES = 64

"""What Sanger's masks are as tables of its units: strips cut into tiles, passes, sub-rows.

A strip is a block of query rows x all keys of a head; its masks become tiles of as many columns as the array has ports.
The tables say what masks the prediction makes, which decides the time of the units behind it; no unit is told them
beforehand, and nothing of them crosses DRAM.
"""

from accelsim.isa.instructions import record

TILES = record(
    "columns",  # of the mask
    "emits",  # how often the pack unit cuts it (`unit`)
    "subrows",  # sub-rows that are moved to the passes that are being filled (`column_tile`, `block`)
    "first_pass",  # of PACKS, the first pass that is complete in it
    "passes",  # how many are
)
PACKS = record(
    "columns",  # columns of the column tile
    "scanned",  # after how many columns,
    "emitted",  # emits
    "moved",  # and moved sub-rows of its last tile it is complete
    "first_subrow",  # the first in SUBROWS
    "subrows",
    "entries",  # scores
    "last_row",  # the last row it has, counted from the head's first
)
SUBROWS = record(
    "row",  # counted from the head's first
    "first",  # the place of its first entry among those of its row in the column tile
    "count",  # its entries
)
ROWS = record("subrows")  # sub-rows of an output row, over all heads in the order of work

# What the compiler tells the hardware with every tile of a dense layer: bytes it frees and reads of each buffer.
FREES = record("weight", "weight_read", "act", "act_read")
FREES_BYTES = 6  # as it comes with the instruction: what is given back, 24 bits each

STRIP = {"tile": "place of its first tile in TILES", "tiles": "its tiles"}
DRAINED = {"columns": "columns of a strip that have been read"}
PACK = {"number": "row of the pass table"}
PASSED = {"number": "row of the pass table", "first_row": "place of its head's first row in ROWS"}
WINDOW = {"end": "place in ROWS of the first row that there is no room for"}
HEAD = {
    "passes": "passes of the head",
    "first_row": "place of its first row in ROWS",
    "dim": "features of a query or key",
    "value_dim": "features of a value",
}

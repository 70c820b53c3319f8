"""What is read of `index_buffer`, in closed form: by whom, and how much of it in a whole run (docs/timing.md)."""

from collections.abc import Iterator

import numpy as np

from accelsim.accelerators.vitcod.tables import COLUMN_BYTES, ROW_BYTES
from accelsim.validation.evidence import Evidence

READERS = (
    ("walker", "read_bytes"),
    ("merge", "row_read_bytes"),
    ("denser", "table_read_bytes"),
    ("sparser", "table_read_bytes"),
)
BIT_READERS = (("softmax", "mask_bits"),)  # a bit of the mask a score of a dense column


def index_reads(evidence: Evidence, dense: int, sparse: int, outputs: int) -> Iterator[tuple[str, str, int]]:
    """(part, counter, what it must have read in the whole run). dense, sparse: scores of the engines. outputs: rows of
    S V."""
    passes = evidence.tables["passes"]
    blocks = passes["first_share"] != passes["first_row"]  # of keys, each of which has shares of its outputs
    columns = COLUMN_BYTES * passes["sparse_columns"].sum() + evidence.part("walker", "index_bytes") * sparse
    shares = blocks & (passes["sparse_columns"] > 0)
    yield "walker", "read_bytes", int(columns)
    yield "merge", "row_read_bytes", ROW_BYTES * outputs
    tiles = sum(share_tiles(evidence, n) for n in np.flatnonzero(blocks))
    columns_of = passes[passes["dense"] > 0]  # in tiles of as many as there are lines
    dense_read = 3 * passes["dense"].sum() + 12 * (-(-columns_of["dense"] // columns_of["denser_lines"])).sum()
    yield "denser", "table_read_bytes", int(dense_read + ROW_BYTES * tiles)
    yield "sparser", "table_read_bytes", int(ROW_BYTES * (passes["heads"] * passes["rows"])[shares].sum())
    yield "softmax", "mask_bits", dense


def share_tiles(evidence: Evidence, number: int) -> int:
    """Tiles in which the denser engine goes through the values of a block: each reads the share of its first output,
    since those of a head have as many dense columns in the block. A head without any is one."""
    one, commands = evidence.tables["passes"][number], evidence.commands("denser")
    of_head = evidence.tables["dense"]["head"][one.first_dense : one.first_dense + one.dense]
    count = np.bincount(of_head, minlength=one.heads)
    tiles = 0
    for said in commands[(commands["number"] == number) & (commands["phase"] == 1)]:
        for head in range(one.heads):
            rows = min(said["end"], (head + 1) * one.rows) - max(said["begin"], head * one.rows)
            if rows > 0:
                tiles += -(-rows // one.tile_rows) if count[head] else 1
    return int(tiles)

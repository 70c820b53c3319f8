"""Dense layers on the array: the instruction of a tile, `pes` tokens x `rows` features at a time."""

from collections.abc import Iterator

from accelsim.dataflows.gemm import Columns, Tile
from accelsim.dataflows.program import Program, Wait
from accelsim.dataflows.tiling import GemmPlan, ceil
from accelsim.workload.layers import Gemm

TO_VECTOR = 1  # where the array's outputs go


def columns_of(layer: Gemm) -> Iterator[Columns]:
    """All output columns alike; those of a projection to Q, K, V are kept packed, tile by tile."""
    yield Columns(layer.out_features, packed=layer.role in ("qkv", "q", "kv"))


class TileIssuer:
    """Issues the tiles of a layer, part by part along their accumulation: a fold begins with the first of them."""

    def __init__(self) -> None:
        self.first = True

    def __call__(self, p: Program, plan: GemmPlan, some: Columns, tile: Tile, wait: Wait, wait2: Wait) -> None:
        """The instruction of a part of a tile, and what it frees."""
        share = ceil(tile.beside, tile.columns)  # of an output, of what is read beside its window
        act_read = tile.act_read + share * tile.rows * tile.columns
        p.enter("frees", weight=tile.weight, weight_read=tile.weight_read, act=tile.act, act_read=act_read)
        p.issue(
            "dense",
            rows=tile.rows,
            columns=tile.columns,
            stream=tile.depth,
            first=int(self.first),
            last=int(tile.last),
            adds=0,
            to=TO_VECTOR if tile.last else 0,
            passes=tile.passes,
            row=tile.row,
            constants=tile.constants,
            added=tile.added + share,
            wait=wait,
            wait2=wait2,
        )
        self.first = tile.last

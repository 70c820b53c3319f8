"""What the compiler may count on: the sizes of a machine that decide how work is cut up, and its options."""

from dataclasses import dataclass

from accelsim.dataflows.products.resources import ProductResources


@dataclass(frozen=True, kw_only=True)
class Resources(ProductResources):
    """Sizes in bytes; see arch_configs and `accelsim describe` for what each means.

    `score_bytes`: of the softmax unit; outputs wider than a byte are scores on their way to DRAM. `tile_rows`: of fused
    attention, 0: as many as fit.
    """

    score_bytes: int
    fused: bool
    tile_rows: int
    softmax: str = "softmax"

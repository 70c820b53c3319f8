"""What products on a systolic array may count on: the sizes of a machine that decide how work is cut up."""

from dataclasses import dataclass

from accelsim.dataflows.products.folds import Array
from accelsim.dataflows.tiling import DenseResources


@dataclass(frozen=True, kw_only=True)
class ProductResources(DenseResources):
    """Sizes in bytes; see arch_configs and `accelsim describe` for what each means.

    `model`: the array's closed forms. `dram_bytes`: what DRAM moves in a cycle of the array, at best. `spill_bytes`: of
    the buffer that outputs wider than a byte go to. `frees`: the table of what the array's commands give back.
    """

    model: Array
    dram_bytes: float
    spill_bytes: int = 0
    spill: str = "spill_buffer"
    frees: str = "frees"

    @property
    def accumulator_bytes(self) -> int:
        """Of the partial sums at the bottom edge."""
        return self.psum_bytes

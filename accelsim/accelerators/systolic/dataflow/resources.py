"""What the compiler may count on: the sizes of a machine that decide how work is cut up, and its options."""

from dataclasses import dataclass

from accelsim.accelerators.systolic.folds import Array
from accelsim.dataflows.tiling import DenseResources


@dataclass(frozen=True, kw_only=True)
class Resources(DenseResources):
    """Sizes in bytes; see arch_configs and `accelsim describe` for what each means.

    `model`: the array's closed forms. `dram_bytes`: what DRAM moves in a cycle of the array, at best. `score_bytes`:
    of the softmax unit; `spill_bytes`: of the buffer through which scores leave for DRAM. `tile_rows`: of fused
    attention, 0: as many as fit.
    """

    model: Array
    dram_bytes: float
    score_bytes: int
    spill_bytes: int
    fused: bool
    tile_rows: int
    softmax: str = "softmax"
    spill: str = "spill_buffer"

    @property
    def accumulator_bytes(self) -> int:
        """Of the partial sums at the bottom edge."""
        return self.psum_bytes

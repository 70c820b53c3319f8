"""What decides how a GEMM is cut."""

from dataclasses import dataclass

import numpy as np

from accelsim.dataflows.tiling import ceil
from accelsim.dataflows.windows import Window


@dataclass(frozen=True)
class GemmShape:
    """tokens x depth x features, of `inputs` distinct input elements.

    residual: an operand is added to each output. constants: bytes beside a feature's weights, which stay until its tile
    is done. heads, encoded: heads that are compressed behind the array, and to how many (0: none). kept: its input is
    in the activation buffer already, all of it (order resident). stored: its outputs go to DRAM; handed: they go on to
    the activation buffer. window: of a convolution.
    """

    tokens: int
    depth: int
    features: int
    inputs: int
    residual: bool = False
    constants: int = 0
    heads: int = 0
    encoded: int = 0
    kept: bool = False
    stored: bool = True
    handed: bool = False
    window: Window | None = None

    @property
    def row_bytes(self) -> int:
        """Bytes of a token's activations."""
        return ceil(self.inputs, self.tokens)

    def leaving(self, columns: int) -> int:
        """Most values of a token that leave with so many columns."""
        return self.encoded * ceil(columns, self.heads) if self.heads else columns

    def kept_sums(self, order, features, rows, step_tokens, step_features):
        """Bytes of sums that are kept of features whose heads do not all come at once: of a step's tokens if it cuts
        one, of all tokens until the next tile if a tile does (order rows: of a tile's). Of one cut, or of many."""
        tile = (features < self.features) & (features % max(1, self.heads) > 0)
        step = (step_features < features) & (step_features % max(1, self.heads) > 0)
        tokens = np.where(order == "rows", rows, self.tokens)
        tokens = np.where(tile, tokens, step * np.minimum(step_tokens, rows))
        return 4 * self.encoded * tokens


def part_bytes(shape: GemmShape, deep: int) -> int:
    """Bytes of a token's activations in a part of the accumulation."""
    return ceil(shape.row_bytes * deep, shape.depth)

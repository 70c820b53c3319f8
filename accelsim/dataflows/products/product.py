"""A matrix product to be computed, whatever layer it is of: its sizes, where its operands lie, where its outputs go."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from accelsim.dataflows.tiling import ceil

Place = tuple[int, int, int, int]  # address, bytes of a segment, segments, pitch
SCORES_TO_SOFTMAX, OUTPUTS_TO_VECTOR = 2, 1  # the array's `to`


class Block(NamedTuple):
    """A part of the outputs: rows row to row + rows - 1, columns likewise."""

    row: int
    rows: int
    column: int
    columns: int

    @property
    def elements(self) -> int:
        """Outputs in it."""
        return self.rows * self.columns

    def joined(self, other: "Block") -> "Block | None":
        """Both as one, if `other` continues this one to the right or downwards."""
        if self[:2] == other[:2] and self.column + self.columns == other.column:
            return self._replace(columns=self.columns + other.columns)
        if self[2:] == other[2:] and self.row + self.rows == other.row:
            return self._replace(rows=self.rows + other.rows)
        return None


@dataclass(frozen=True)
class Product:
    """C[m, n] = A[m, k] B[k, n]; A comes through the activation buffer, B through the weight buffer.

    `a` and `b` say where a tile lies: a(row, rows, inner, inners), b(column, columns, inner, inners). `inputs`:
    distinct bytes of A. `residual`: where what is added to a block of outputs lies. `constants`: where biases and
    scales of some columns lie, `each` bytes a column, which come through the weight buffer. `beside`: bytes that the
    port brings beside a row of A, whose words it shares with others (a convolution's windows). `store`: where a block
    of outputs goes, in the order in which they leave; None if they stay on chip. `width`: bytes an output leaves with,
    `passes` of the vector unit before. `resident`, `b_resident`: A, B is on chip already. `tag`: what goes with its
    outputs as their first row, instead of that.
    """

    name: str
    m: int
    n: int
    k: int
    a: Callable[[int, int, int, int], Place]
    b: Callable[[int, int, int, int], Place]
    inputs: int
    store: Callable[[Block], list[Place]] | None
    residual: Callable[[Block], Place] | None = None
    to: int = OUTPUTS_TO_VECTOR
    passes: int = 1
    width: int = 1
    resident: bool = False
    tag: int | None = None
    b_resident: bool = False
    constants: Callable[[int, int], Place] | None = None
    each: int = 0
    beside: int = 0

    def added(self, wide: int) -> int:
        """Bytes read where A is for each output that leaves, of rows that are `wide`: what is added to it, and its
        share of what lies beside A."""
        return added(self.residual is not None, self.beside, wide)


def added(residual: bool, beside: int, wide: int) -> int:
    """Of a residual operand, if there is one, and of what lies beside a row of the first operand."""
    return residual + ceil(beside, wide)


def size_of(place: Place) -> int:
    """Bytes of a tile."""
    return place[1] * place[2]

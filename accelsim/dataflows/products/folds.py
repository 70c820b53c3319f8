"""Closed forms of a dense systolic array: the folds of a GEMM, what each takes, what crosses the array's edges.

C[M, N] = A[M, K] B[K, N]. One matrix stays in the PEs, two stream (Samajdar et al., SCALE-Sim, ISPASS 2020). What does
not fit is cut into folds of at most `rows` x `columns`; column folds are the outer loop, row folds the inner one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil

DATAFLOWS = ("os", "ws", "is")
WIDE = 1 << 20  # bytes a cycle of an edge that never binds


def item_rows(rows: int, columns: int) -> int:
    """[ours] Outputs of a column in an item where an operand stays, at most; what waits behind the array has that room.

    Of a stream twice as long as the array is high no load shows; and each item reads constants of all columns.
    """
    return max(2 * rows, columns)


def whole(elements: int, word: int) -> int:
    """Bytes of the words that hold some elements."""
    return ceil(elements, word) * word


class Fold(NamedTuple):
    """What the PEs hold at once (`rows` x `columns` of them) and the length of the stream that passes them."""

    rows: int
    columns: int
    stream: int


class EdgeTraffic(NamedTuple):
    """Words a GEMM moves over the edges of the array; partial sums are words of 32 bits, C writes include them."""

    a_reads: int
    b_reads: int
    c_writes: int
    psum_reads: int


@dataclass(frozen=True)
class Array:
    """A systolic array. `timing: scalesim` is SCALE-Sim's fold, whose OS drain is rows - 1 cycles short.

    `psum_hop` is the cycles a partial sum takes from row to row (WS, IS); `left_bytes` and `top_bytes` are the bytes a
    cycle at the two edges, `left_word` and `top_word` of what is read there whole, for each row and column.
    `item_rows`: outputs of a column that leave at once, at most (WS, IS). Raises
    InputError for words it does not know and for combinations no hardware has.
    """

    rows: int
    columns: int
    dataflow: str = "os"
    timing: str = "exact"
    overlap: str = "none"
    psum_hop: int = 1
    row_skip: bool = False
    left_bytes: int = WIDE
    top_bytes: int = WIDE
    left_word: int = 1
    top_word: int = 1
    item_rows: int = WIDE

    def __post_init__(self) -> None:
        if self.dataflow not in DATAFLOWS:
            raise InputError(f"dataflow: expected one of {', '.join(DATAFLOWS)}, not {self.dataflow!r}.")
        if self.timing == "scalesim" and (self.overlap != "none" or self.psum_hop > 1 or self.row_skip):
            raise InputError("timing: scalesim is one fold after another; it has no overlap, psum_hop or row_skip.")
        if self.row_skip and self.overlap != "none":
            raise InputError("row_skip: true needs overlap: none; folds of unequal rows would overtake each other.")

    @property
    def stationary(self) -> bool:
        """Whether operands are loaded into the PEs before the stream (WS, IS)."""
        return self.dataflow != "os"

    def span(self, rows: int) -> int:
        """Rows that a fold with `rows` in use is timed for."""
        return rows if self.row_skip else self.rows

    def beat(self, rows: int, columns: int) -> int:
        """Cycles from one element of the stream to the next."""
        top = 0 if self.stationary else ceil(columns, self.top_bytes)
        return max(ceil(rows, self.left_bytes), top)

    def streaming(self, fold: Fold, constants: int = 0, added: int = 0) -> int:
        """Cycles of a fold's stream; `constants`, `added`: bytes that the vector unit needs for its outputs, read where
        weights and where activations enter."""
        rows, columns, stream = fold
        left, top = (constants, added) if self.dataflow == "is" else (added, constants)
        left += rows * whole(stream, self.left_word)
        top += 0 if self.stationary else columns * whole(stream, self.top_word)
        return max(stream * self.beat(rows, columns), ceil(left, self.left_bytes), ceil(top, self.top_bytes))

    def load(self, rows: int, columns: int) -> int:
        """Cycles in which the stationary operand slides down the columns; empty rows pass one a cycle."""
        if not self.stationary:
            return 0
        rowwise = self.span(rows) - rows + rows * ceil(columns, self.top_bytes)
        return max(rowwise, ceil(columns * whole(rows, self.top_word), self.top_bytes))

    def tail(self, rows: int) -> int:
        """Cycles from the end of the stream to the last output at the bottom."""
        span = self.span(rows)
        hop = self.psum_hop if self.stationary else 1 if self.timing == "scalesim" else 2
        return hop * (span - 1) + self.columns - 1

    @property
    def load_delay(self) -> int:
        """Cycles from a fold's first beat until the next fold's operand may follow it into the shadow registers.

        A stationary operand slides down a row a cycle; the enable that empties the shadow registers runs with the
        partial sums, `psum_hop` cycles a row, and must not be caught up with.
        """
        return (self.psum_hop - 1) * (self.rows - 1)

    def fold_cycles(self, fold: Fold) -> int:
        """Cycles of one fold alone, from its first operand to its last output."""
        rows, columns, _ = fold
        return self.load(rows, columns) + self.streaming(fold) + self.tail(rows)

    def cycles(self, folds: Iterable[Fold]) -> int:
        """Cycles of folds whose operands are always there, of one GEMM or of several in a row."""
        if self.overlap == "none":
            return sum(self.fold_cycles(fold) for fold in folds)
        loading_at = stream_end = drained = last = 0
        for fold in folds:
            begin = max(stream_end, loading_at + self.load(fold.rows, fold.columns))
            stream_end = begin + self.streaming(fold)
            if self.stationary:
                loading_at = begin + self.load_delay
            else:  # the bottom of a column passes one output of the fold before a cycle
                stream_end = max(stream_end, drained)
                drained = stream_end + self.rows
            last = stream_end + self.tail(fold.rows)
        return last

    def folds(self, m: int, n: int, k: int) -> Iterator[Fold]:
        """The folds of a GEMM in order. An empty GEMM has none; raises InputError for K = 0."""
        over_rows, over_columns, stream = self.mapped(m, n, k)
        if not stream:
            return
        for column in range(0, over_columns, self.columns):
            for row in range(0, over_rows, self.rows):
                yield Fold(min(self.rows, over_rows - row), min(self.columns, over_columns - column), stream)

    def mapped(self, m: int, n: int, k: int) -> tuple[int, int, int]:
        """What lies along the rows, what along the columns, and the length of the stream."""
        if k < 1:
            raise InputError(f"a GEMM of {m} x {n} outputs needs an inner dimension of at least 1, not {k}.")
        return {"os": (m, n, k), "ws": (k, n, m), "is": (k, m, n)}[self.dataflow]

    def fold_counts(self, m: int, n: int, k: int) -> tuple[int, int]:
        """Row folds and column folds."""
        over_rows, over_columns, stream = self.mapped(m, n, k)
        return (ceil(over_rows, self.rows), ceil(over_columns, self.columns)) if stream else (0, 0)

    def gemm_cycles(self, m: int, n: int, k: int) -> int:
        """Cycles of a whole GEMM; in closed form unless folds overlap and an edge binds."""
        over_rows, over_columns, stream = self.mapped(m, n, k)
        row_folds, column_folds = self.fold_counts(m, n, k)
        if not row_folds * column_folds:
            return 0
        rows, columns = min(self.rows, over_rows), min(self.columns, over_columns)
        if self.overlap == "none":
            return sum(
                some * few * self.fold_cycles(Fold(high, wide, stream))
                for high, some in ((rows, row_folds - 1), (over_rows - (row_folds - 1) * rows, 1))
                for wide, few in ((columns, column_folds - 1), (over_columns - (column_folds - 1) * columns, 1))
            )
        narrow = ceil(rows, self.left_bytes) > 1 or ceil(columns, self.top_bytes) > 1
        if narrow or max(self.left_word, self.top_word) > 1:
            return self.cycles(self.folds(m, n, k))
        interval = max(stream, self.rows + (self.load_delay if self.stationary else 0))
        return (row_folds * column_folds - 1) * interval + self.fold_cycles(Fold(rows, columns, stream))

    def traffic(self, m: int, n: int, k: int) -> EdgeTraffic:
        """Words that really cross the edges; SCALE-Sim adds Fr Fc (R + C) to OS writes and counts no partial sums."""
        row_folds, column_folds = self.fold_counts(m, n, k)
        if not row_folds * column_folds:
            return EdgeTraffic(0, 0, 0, 0)
        if self.dataflow == "os":
            return EdgeTraffic(m * k * column_folds, k * n * row_folds, m * n, 0)
        a = m * k * (column_folds if self.dataflow == "ws" else 1)
        b = k * n * (column_folds if self.dataflow == "is" else 1)
        return EdgeTraffic(a, b, m * n * row_folds, m * n * (row_folds - 1))

    def mapping_efficiency(self, m: int, n: int, k: int) -> float:
        """The share of PEs that hold something, over all folds."""
        over_rows, over_columns, _ = self.mapped(m, n, k)
        row_folds, column_folds = self.fold_counts(m, n, k)
        pes = row_folds * column_folds * self.rows * self.columns
        return over_rows * over_columns / pes if pes else 0.0

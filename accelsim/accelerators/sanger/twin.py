"""Both arrays register by register, one cycle at a time: what the closed forms of a pass and of a tile are proven with.

As published (mask.scala, pe_row.scala), with one state for the whole array. Operands move one PE or one row a cycle;
nothing here knows how long a phase takes. Numbers are unsigned fixed point; products are cut, sums wrap.
"""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.sanger.exponential import exponential


@dataclass(frozen=True)
class Fixed:
    """A format: bits, and how many of them are below the point."""

    width: int
    point: int

    def wrap(self, x: np.ndarray) -> np.ndarray:
        """What is left of wider numbers."""
        return x & ((1 << self.width) - 1)

    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Of two numbers of the format, cut."""
        return self.wrap((a * b) >> self.point)

    def exp(self, x: np.ndarray) -> np.ndarray:
        """What the exponential unit makes of them."""
        return exponential(x, self.width, self.point)


def skewed(stream: np.ndarray, cycle: int) -> np.ndarray:
    """What enters an edge in a cycle: lane n of stream[steps, lanes] comes n cycles later; 0 outside."""
    lanes = np.arange(stream.shape[1])
    step = cycle - lanes
    inside = (step >= 0) & (step < len(stream))
    return np.where(inside, stream[np.clip(step, 0, len(stream) - 1), lanes], 0)


def shifted(first: np.ndarray, registers: np.ndarray, axis: int) -> np.ndarray:
    """Registers that move on by one along an axis; `first` enters."""
    kept = registers[:, :-1] if axis else registers[:-1]
    return np.concatenate([first[:, None] if axis else first[None], kept], axis=axis)


@dataclass
class PredictionTwin:
    """height x width PEs, one exponential and one sum a row."""

    height: int
    width: int
    form: Fixed

    def __post_init__(self) -> None:
        shape = (self.height, self.width)
        self.q, self.k, self.score = (np.zeros(shape, np.int64) for _ in range(3))
        self.exp, self.total = np.full(self.height, 1 << self.form.point), np.zeros(self.height, np.int64)

    def multiply(self, q: np.ndarray, k: np.ndarray) -> None:
        """A cycle of products; q and k enter at the left and at the top."""
        self.score += self.q * self.k
        self.q, self.k = shifted(q, self.q, 1), shifted(k, self.k, 0)

    def shift(self, adds: bool) -> None:
        """Scores move right, the last column into the exponentials; what was there is added up."""
        if adds:
            self.total = self.form.wrap(self.total + self.exp)
        self.exp = self.form.exp(self.score[:, -1])
        self.score = shifted(np.zeros(self.height, np.int64), self.score, 1)

    def tile(self, q: np.ndarray, k: np.ndarray, products: int) -> tuple[np.ndarray, np.ndarray]:
        """Of q[height, dim] and k[dim, width], with so many cycles of products: exponentials [width, height], the last
        column's first, and row sums."""
        self.q[:], self.k[:], self.score[:], self.total[:] = 0, 0, 0, 0
        for cycle in range(products):
            self.multiply(skewed(q.T, cycle), skewed(k, cycle))
        columns = []
        for n in range(self.width):
            self.shift(adds=n > 0)
            columns.append(self.exp)
        self.shift(adds=True)
        return np.array(columns), self.total


@dataclass
class SparseTwin:
    """A pass: `select` int[rows, pes], the ports that a row's PEs multiply, ascending; of `ports` port registers."""

    select: np.ndarray
    ports: int
    form: Fixed

    def __post_init__(self) -> None:
        rows, pes = self.select.shape
        self.q, self.k = (np.zeros((rows, self.ports), np.int64) for _ in range(2))
        self.held, self.exps = np.zeros((rows, pes), np.int64), np.zeros((rows, pes), np.int64)
        # behind a PE so many registers until the next one's port, or until the row's end
        ends = np.concatenate([self.select[:, 1:], np.full((rows, 1), self.ports)], axis=1)
        self.lines = [[[0] * int(gap) for gap in row] for row in ends - self.select - 1]

    def pick(self, registers: np.ndarray) -> np.ndarray:
        """[rows, pes]: what each PE takes of its row's ports."""
        return np.take_along_axis(registers, self.select, axis=1)

    def move(self, q: np.ndarray, k: np.ndarray) -> None:
        """Queries go right, keys and values down."""
        self.q, self.k = shifted(q, self.q, 1), shifted(k, self.k, 0)

    def scores(self, q: np.ndarray, k: np.ndarray, cycles: int) -> None:
        """Products of q[rows, dim] and k[dim, ports] that stay in their PEs."""
        for cycle in range(cycles):
            self.held = self.form.wrap(self.held + self.form.product(self.pick(self.q), self.pick(self.k)))
            self.move(skewed(q.T, cycle), skewed(k, cycle))

    def exponentials(self) -> None:
        """Of all scores at once."""
        self.exps, self.held = self.form.exp(self.held), np.zeros_like(self.held)

    def values(self, v: np.ndarray, cycles: int) -> np.ndarray:
        """int64[cycles, rows]: what is at the end of each row after every cycle, v[value_dim, ports] streaming down."""
        found, nothing = np.zeros((cycles, len(self.q)), np.int64), np.zeros(len(self.q), np.int64)
        for cycle in range(cycles):
            added = self.form.product(self.exps, self.pick(self.k))
            for row, lines in enumerate(self.lines):
                before = 0
                for pe, line in enumerate(lines):
                    old = int(self.held[row, pe])
                    self.held[row, pe] = self.form.wrap(before + int(added[row, pe]))
                    line.insert(0, old)
                    before = line.pop()  # `old` itself where no register is between
                # at the end: the last register, or the PE where there is none
                found[cycle, row] = lines[-1][-1] if lines[-1] else self.held[row, -1]
            self.move(nothing, skewed(v, cycle))
        return found

    def sums(self) -> np.ndarray:
        """int64[pes, rows]: the row sums while one exponential a cycle is shifted out and added."""
        return self.form.wrap(np.cumsum(self.exps[:, ::-1], axis=1)).T

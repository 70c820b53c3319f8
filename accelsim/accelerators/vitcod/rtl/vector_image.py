"""What the memories around the vector unit's data path hold."""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.accelerators.vitcod.rtl.vector import FEATURES, JOB, VectorDatapath
from accelsim.accelerators.vitcod.rtl.vector_jobs import UNIT, Job, Leaving, Normalised, Operated, Passed
from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil

SQUARES, CENTRED, SUMMED, OTHER, GAINS, ADDS, LOOKS, MEANS = 1, 2, 16, 32, 64, 128, 256, 512
SCALED, NORMALISED, MULTIPLIED = 0, 2 << 2, 3 << 2  # what the first multiplier has on its right


class Image:
    """The memories of the bench as they fill, job by job; what jobs share is there once."""

    def __init__(self, data: VectorDatapath) -> None:
        self.data = data
        self.rows: dict[str, list[np.ndarray]] = {name: [] for name in ("acts", "sums")}
        self.used = dict.fromkeys(self.rows, 0)
        self.gains: list[np.ndarray] = []
        self.offsets: list[np.ndarray] = []
        self.constants = 0
        self.constant_at: dict[tuple, int] = {}
        self.tables: list[np.ndarray] = []
        self.table_at: dict[bytes, int] = {}

    def words(self) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of each memory."""
        words, word = self.data.loads(), self.data.word
        for name, some in self.rows.items():
            yield name, np.concatenate([*some, np.zeros((1, 4 * words[name]), np.int8)]).view(np.uint32)
        rest = 2 * word - self.constants % word
        gains = np.concatenate([*self.gains, np.zeros(rest, np.int16)])
        offsets = np.concatenate([*self.offsets, np.zeros(rest, np.int64)])
        yield "gains", gains.reshape(-1, word).view(np.uint32)
        yield "offsets", offsets.reshape(-1, word).view(np.uint32)
        yield "tables", np.stack([*self.tables, np.zeros(256, np.int8)]).view(np.uint32)

    def job(self, job: Job) -> list[int]:
        """The words of a job."""
        if isinstance(job, Leaving):
            return self.leaving(job)
        return self.normalised(job) if isinstance(job, Normalised) else self.operated(job)

    def leaving(self, job: Leaving) -> list[int]:
        """Of an item of the array."""
        lanes, windows = self.data.lanes, ceil(len(job.sums), self.data.lanes)
        words = np.zeros((windows * lanes, 2), np.uint32)
        words[: len(job.sums), 0] = job.sums.astype(np.int32).view(np.uint32)
        words[: len(job.sums), 1] = job.scale[:, 0] | job.scale[:, 1] << 16
        at = self.put("sums", words.reshape(windows, -1).view(np.int8))
        does, first = SUMMED, 0
        if job.residual is not None:
            does, first = does | ADDS, self.operand(job.residual)
        return self.told(len(job.sums), does, job.table, first=first, second=at, scale=job.residual_scale)

    def normalised(self, job: Normalised) -> list[int]:
        """Of a command that normalises."""
        centred = CENTRED * (job.norm == "layernorm")
        does = GAINS | (SCALED if job.norm == "batchnorm" else SQUARES | centred | NORMALISED)
        features = job.x.shape[1]
        if not self.data.lanes <= features < 1 << FEATURES:
            raise InputError(f"vector: rows of {features} features, but {self.data.lanes} to {(1 << FEATURES) - 1}")
        key = (job.gamma.tobytes(), job.beta.tobytes(), job.shift)
        if key not in self.constant_at:
            self.constant_at[key] = self.constants
            around = np.arange(features + self.data.lanes - 1) % features
            self.gains.append(job.gamma.astype(np.int16)[around])
            self.offsets.append((job.beta.astype(np.int64) + ((1 << job.shift) >> 1))[around])
            self.constants += len(around)
        extra = {"constants": self.constant_at[key], "features": features, "epsilon": job.epsilon}
        return self.told(job.x.size, does, None, first=self.operand(job.x), down=(0, job.shift), **extra)

    def operated(self, job: Operated | Passed) -> list[int]:
        """Of a command of an element-wise layer."""
        if isinstance(job, Passed):
            return [0] * JOB
        rows = len(job.x[0]) if job.op == "mean" else 0
        places = [self.operand(x, max(rows, 1)) for x in job.x]
        return self.operation(job.op, job.x[0].size, places, job.requant, job.table, rows)

    def operation(
        self, op: str, size: int, x: Sequence[int], requant: np.ndarray, table: np.ndarray | None, rows: int = 0
    ) -> list[int]:
        """Of an element-wise operation on operands of so many elements, the first word of each; a mean of so many rows,
        each of which begins a word, sums them up word by word."""
        scales = [tuple(int(n) for n in row) for row in requant]
        if op == "mean":
            wide = ceil(size // rows, self.data.lanes)
            whole = size + (rows - 1) * (wide * self.data.lanes - size // rows)
            return self.told(whole, MEANS, None, first=x[0], second=wide, features=rows, down=scales[0])
        if op == "add":
            return self.told(size, ADDS | OTHER, None, first=x[1], second=x[0], scale=scales[1], down=scales[0])
        if op == "multiply":
            return self.told(size, MULTIPLIED, None, first=x[1], second=x[0], scale=(0, 0), down=scales[0])
        return self.told(size, SCALED, table, first=x[0])

    def table(self, table: np.ndarray) -> int:
        """The number of a table of activations."""
        number = self.table_at.setdefault(table.tobytes(), len(self.tables))
        if number == len(self.tables):
            self.tables.append(table)
        return number

    def told(
        self,
        size: int,
        does: int,
        table: np.ndarray | None,
        first: int = 0,
        second: int = 0,
        constants: int = 0,
        features: int = 0,
        scale: tuple[int, int] = UNIT,
        down: tuple[int, int] = UNIT,
        epsilon: int = 0,
    ) -> list[int]:
        """The words of a job of so many elements."""
        windows, number = ceil(size, self.data.lanes), 0
        if table is not None:
            does |= LOOKS
            number = self.table(table)
        last = size - (windows - 1) * self.data.lanes
        scales = [int(multiplier) | int(shift) << 16 for multiplier, shift in (scale, down)]
        head = [windows | last << 16 | number << 24, first, second, constants, features | does << 16]
        return [*head, *scales, epsilon & 0xFFFFFFFF, epsilon >> 32]

    def operand(self, x: np.ndarray, rows: int = 1) -> int:
        """The first word of an operand, which begins a word, as each of its rows does."""
        lanes = self.data.lanes
        flat = x.reshape(rows, -1)
        flat = np.pad(flat, ((0, 0), (0, -flat.shape[1] % lanes))).reshape(-1, lanes)
        words = np.zeros((len(flat), 4 * self.data.loads()["acts"]), np.int8)
        words[:, :lanes] = flat
        return self.put("acts", words)

    def put(self, name: str, rows: np.ndarray) -> int:
        """The first word of what is put into a memory."""
        at = self.used[name]
        self.rows[name].append(rows)
        self.used[name] += len(rows)
        return at

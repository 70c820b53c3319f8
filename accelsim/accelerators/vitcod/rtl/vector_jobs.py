"""What the vector unit computes, job by job, with what the functional twin says of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from accelsim.dataflows.tiling import ceil
from accelsim.workload.functional import dense, elementwise, normalise

UNIT = (1, 0)  # multiplier and shift that change nothing


class Leaving(NamedTuple):
    """An item of the array. sums int32[elements] with their biases, scale int64[elements, 2] (multiplier, shift).
    residual: int8[elements], with residual_scale (multiplier, shift), or None. table: int8[256], or None."""

    sums: np.ndarray
    scale: np.ndarray
    residual: np.ndarray | None = None
    residual_scale: tuple[int, int] = UNIT
    table: np.ndarray | None = None

    def wanted(self) -> np.ndarray:
        """int8[elements], by the functional twin."""
        return dense(self.sums, 0, self.scale, self.residual, np.array(self.residual_scale), self.table)


class Normalised(NamedTuple):
    """A command that normalises: x int8[rows, features]; the rest as of `functional.normalise`."""

    x: np.ndarray
    norm: str
    gamma: np.ndarray
    beta: np.ndarray
    shift: int
    epsilon: int = 0

    def wanted(self) -> np.ndarray:
        """int8[elements], by the functional twin."""
        return normalise(self.x, self.norm, self.gamma, self.beta, self.shift, self.epsilon).ravel()


class Operated(NamedTuple):
    """A command of an element-wise layer: operands int8[rows, features]; the rest as of `functional.elementwise`."""

    op: str
    x: Sequence[np.ndarray]
    requant: np.ndarray
    table: np.ndarray | None = None

    def wanted(self) -> np.ndarray:
        """int8[elements], by the functional twin."""
        return elementwise(self.op, self.x, self.requant, self.table).ravel()


def slots(job: "Job", elements: int, lanes: int) -> np.ndarray:
    """Of the windows of so many values that a job leaves the slot of each: of a mean that of the last row."""
    windows = ceil(elements, lanes)
    if isinstance(job, Operated) and job.op == "mean":
        return len(job.x[0]) * np.arange(1, windows + 1) - 1
    return np.arange(windows)


class Passed(NamedTuple):
    """A command or an item whose values the data path does not compute."""

    def wanted(self) -> np.ndarray:
        """Nothing."""
        return np.zeros(0, np.int8)


Job = Leaving | Normalised | Operated | Passed

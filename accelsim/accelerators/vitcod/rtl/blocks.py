"""Passes whose keys are cut into blocks: which rows of the pass table belong together, and where shares lie."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

Tables = Mapping[str, np.ndarray]


def groups(passes: np.ndarray) -> list[range]:
    """The rows of the pass table pass by pass: the blocks of keys of a pass have the same outputs."""
    starts = np.flatnonzero(np.diff(passes["first_row"], prepend=-1))
    return [range(begin, end) for begin, end in pairwise([*starts.tolist(), len(passes)])]


def outputs_of(passes: np.ndarray, n: int) -> np.ndarray:
    """0, 1, ... of each output of a pass."""
    return np.arange(int(passes["rows"][n] * passes["heads"][n]))


def output_places(tables: Tables) -> np.ndarray:
    """int[outputs]: where the outputs of all passes stand in ROWS; what else stands there are shares of them."""
    passes = tables["passes"]
    return np.concatenate([passes["first_row"][g[0]] + outputs_of(passes, g[0]) for g in groups(passes)])


def shares(tables: Tables) -> tuple[np.ndarray, np.ndarray]:
    """int[shares], int[shares]: where the shares of all blocks of keys stand in ROWS, in the order in which their
    values are computed, and where the outputs do of which they are shares."""
    passes = tables["passes"]
    each = [
        (passes[start][n] + outputs_of(passes, n)) for start in ("first_share", "first_row") for n in range(len(passes))
    ]
    return np.concatenate(each[: len(passes)]), np.concatenate(each[len(passes) :])


def slots(tables: Tables) -> np.ndarray:
    """int[dense columns]: the place of a column's scores among those of its pass. A head's are side by side, whatever
    blocks of keys its columns are in."""
    passes, heads = tables["passes"], tables["dense"]["head"]
    found = np.zeros(len(heads), np.int64)
    for g in groups(passes):
        first = int(passes["first_dense"][g[0]])
        count = int(passes["dense"][g.start : g.stop].sum())
        found[first + np.argsort(heads[first : first + count], kind="stable")] = np.arange(count)
    return found


def nth_time(values: np.ndarray) -> np.ndarray:
    """int[values]: how often each value has come before."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    found = np.zeros(len(values), np.int64)
    found[order] = np.arange(len(values)) - np.searchsorted(ordered, ordered)
    return found

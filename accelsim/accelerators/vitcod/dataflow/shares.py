"""What is shared out: columns to the encoder's outputs, MAC lines to the engines, rows to tiles."""

import numpy as np

from accelsim.dataflows.tiling import ceil

CHUNK_TOKENS = 32  # tokens of Q and K that are loaded, and handed to the decoder, at a time [ours]


def encoded_columns(first: int, columns: int, heads: int, encoded: int) -> int:
    """Values a token that leave the encoder while columns first to first + columns - 1 of its projection go in; all of
    them where it mixes no heads."""
    return ((first + columns) // heads - first // heads) * encoded if heads else columns


def share_lines(lines: int, denser_work: int, sparser_work: int) -> tuple[int, int]:
    """MAC lines for the two engines, in proportion to their work [paper]; at least one for an engine that has any.

    With a single line both engines take turns on it.
    """
    denser, sparser = share_all_lines(lines, np.array([denser_work]), np.array([sparser_work]))
    return int(denser[0]), int(sparser[0])


def share_all_lines(lines: int, denser_work: np.ndarray, sparser_work: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of many passes."""
    both = (denser_work > 0) & (sparser_work > 0)
    fair = np.rint(lines * denser_work / np.maximum(1, denser_work + sparser_work)).astype(np.int64)
    denser = np.where(both, np.clip(fair, 1, max(1, lines - 1)), lines * (denser_work > 0))
    sparser = np.where(both, max(2, lines) - denser, lines * (sparser_work > 0))
    return denser, sparser


def even_tile(rows, most):
    """Rows of a tile of values: as few tiles as of `most` rows, as equal as can be, so that no engine waits for a large
    one and then has a small one. Of one pass, or int64 arrays of many."""
    tiles = np.maximum(1, ceil(rows, np.maximum(1, most)))
    return ceil(rows, tiles)

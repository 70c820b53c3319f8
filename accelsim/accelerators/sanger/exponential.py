"""The published exponential unit (exp_unit.scala): unsigned fixed point, a shift and a table of 64 entries.

y = x * 23/16                      x + x/2 - x/16, four bits more below the point; 23/16 is a little below log2 e
u, v = integer and fraction of y   d[i] = 2^(i/64) - i/64, i the top six bits of v
result = (v + d[i]) << u           the four bits dropped again; it wraps on overflow
"""

import numpy as np

ENTRIES = 64
EXTRA_BITS = 4


def table(point: int) -> np.ndarray:
    """int64[64]: the entries with `point` + 4 bits below the point."""
    i = np.arange(ENTRIES) / ENTRIES
    return np.rint((2.0**i - i) * 2 ** (point + EXTRA_BITS)).astype(np.int64)


def exponential(x: np.ndarray, width: int, point: int) -> np.ndarray:
    """int64: what the unit makes of unsigned numbers of `width` bits, `point` of them below the point (at least 2)."""
    x = np.asarray(x, np.int64)
    below = point + EXTRA_BITS
    y = (x << 4) + (x << 3) - x
    u, v = y >> below, y & ((1 << below) - 1)
    mantissa = v + table(point)[v >> (below - 6)]
    # a shift by more than the width leaves nothing; numpy's wraps at 64
    shifted = np.where(u < width + EXTRA_BITS, mantissa << np.minimum(u, 62 - below), 0)
    return (shifted >> EXTRA_BITS) & ((1 << width) - 1)

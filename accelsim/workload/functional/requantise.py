"""From wide integers back to 8 bits: one rounding for every unit that does it (`rtl/sv/requantise.sv` is its twin).

    y = (sum * multiplier + half) >> shift      half = 2^(shift - 1), 0 for shift 0; an arithmetic shift, so that halves
                                                round up; then clamped to -128 to 127

The multiplier has 16 bits without a sign, the shift 6 bits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

MOST_MULTIPLIER, MOST_SHIFT = (1 << 16) - 1, 62


class Scaling(NamedTuple):
    """(x * multiplier) >> shift."""

    multiplier: int
    shift: int


def scaling_of(ratio: float) -> Scaling:
    """The 15-bit multiplier (2^14 to 2^15 - 1) and the shift, which may be out of range, whose multiplier / 2^shift is
    closest to a ratio above 0."""
    fraction, exponent = math.frexp(ratio)
    multiplier, shift = round(fraction * 2**15), 15 - exponent
    return Scaling(2**14, shift - 1) if multiplier == 2**15 else Scaling(multiplier, shift)


def rescale(sums: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int) -> np.ndarray:
    """int64: (sum * multiplier + half) >> shift, not clamped yet: what is added before it is clamped."""
    shift = np.asarray(shift, np.int64)
    half = (np.int64(1) << shift) >> 1
    return (sums.astype(np.int64) * np.asarray(multiplier, np.int64) + half) >> shift


def clamp(x: np.ndarray) -> np.ndarray:
    """int8 of wider integers, the nearest there is."""
    return np.clip(x, -128, 127).astype(np.int8)


def requantise(sums: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int) -> np.ndarray:
    """int8 of int32 sums. multiplier and shift: of all, or arrays that numpy spreads (one a feature)."""
    return clamp(rescale(sums, multiplier, shift))


def calibrated(sums: np.ndarray, level: int) -> np.ndarray:
    """int32[2]: multiplier and shift that bring sums to a mean magnitude, in integers."""
    total = int(np.abs(sums.astype(np.int64)).sum())
    if not total:
        return np.array([1 << 14, 14], np.int32)
    count, shift = level * sums.size, 14
    while shift < 62 and (count << shift) // total < 1 << 14:
        shift += 1
    return np.array([min((count << shift) // total, (1 << 16) - 1), shift], np.int32)

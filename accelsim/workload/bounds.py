"""What a workload may have at most, so that memory suffices and every count fits a 64-bit counter."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from accelsim.core.errors import InputError, shown, suggest

OPERANDS = ("activation", "weight")
MOST_IMAGES = 4096
MOST_SCORES = 1 << 28  # of a layer: a byte each in its mask, and several more where it is compiled
MOST_VALUES = 1 << 25  # of a layer, which a judge computes: some 20 bytes each
MOST_STORED = 1 << 32  # bytes of all masks and tensors, which are held together
LARGEST_UNKNOWN = 1 << 20  # bytes of an array that belongs to no layer, which is refused by its name later
MOST_MACS = 1 << 60  # a 64-bit counter holds a few times so many


def scores_problem(heads: int, q_tokens: int, kv_tokens: int) -> str | None:
    """Why a layer with so many scores would take more memory than there may be, if it does."""
    scores = heads * q_tokens * kv_tokens
    if scores <= MOST_SCORES:
        return None
    return (
        f"heads x q_tokens x kv_tokens = {heads} x {q_tokens} x {kv_tokens} = {scores:,} scores would need "
        f"{scores >> 20:,} MiB for a mask alone; at most {MOST_SCORES:,} ({MOST_SCORES >> 20} MiB) are taken"
    )


def values_problem(values: int) -> str | None:
    """Why so many values of a layer would take more memory to compute than there may be, if they would."""
    if values <= MOST_VALUES:
        return None
    return (
        f"to compute its {values:,} values would take {20 * values >> 20:,} MiB; validate takes layers of at most "
        f"{MOST_VALUES:,} values, and run simulates it without computing any"
    )


def batch_problem(batch: int) -> str | None:
    """Why so many images cannot be simulated, if they cannot."""
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        return f"batch is {shown(batch)} but must be a whole number of at least 1."
    if batch > MOST_IMAGES:
        return f"batch is {shown(batch)} but must be at most {MOST_IMAGES}: every image is simulated."
    return None


def bits_problem(operand: str, width: int) -> str | None:
    """Why operands cannot be so wide, if they cannot."""
    if operand not in OPERANDS:
        return f"bits has no entry {operand!r}{suggest(operand, OPERANDS)}."
    if not isinstance(width, int) or isinstance(width, bool) or not 1 <= width <= 32:
        return f"bits of {operand} is {shown(width)} but must be a whole number from 1 to 32."
    return None


def check_stored(sizes: Mapping[str, int], where: str) -> None:
    """Raise InputError for arrays (name -> bytes) that would take more memory than there may be all together."""
    if sum(sizes.values()) > MOST_STORED:
        raise InputError(
            f"{where}: its {len(sizes)} arrays need {sum(sizes.values()) >> 20:,} MiB, but {MOST_STORED >> 20:,} MiB "
            "are the most that is taken."
        )


def check_macs(name: str, macs: int) -> None:
    """Raise InputError for more work than can be counted."""
    if macs > MOST_MACS:
        raise InputError(
            f"workload {name!r}: it has {float(macs):.1e} multiply-accumulates, but at most {float(MOST_MACS):.1e} can "
            "be counted."
        )


def shaped_bytes(kind: str, shape: tuple[int, ...]) -> int:
    """The bytes of an array."""
    return math.prod(shape) * np.dtype(kind).itemsize


def provenance_problem(key: str, value: object) -> str | None:
    """What keeps an entry of a provenance from being stored with a result, if anything does."""
    if not isinstance(value, str | int | float | bool):
        return f"provenance entry {key!r} must be a text, a number or true/false."
    if isinstance(value, int | float) and not abs(value) < 1 << 63:  # false for what is no number, too
        return f"provenance entry {key!r} is {shown(value)} but a number must be finite and below 2**63."
    return None

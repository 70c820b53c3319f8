"""Masks as a workload file holds them: packed bits, or a pattern that says all of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from accelsim.core.errors import InputError, shown
from accelsim.workload.layers import Layer
from accelsim.workload.manifest import Section
from accelsim.workload.mask import AttentionMask, Bits
from accelsim.workload.pattern import WindowPattern

VERSION = 4  # that brought patterns


class Masked(NamedTuple):
    """What a layer's entry says of its mask: whether there are arrays of it, and its pattern."""

    stored: bool
    pattern: WindowPattern | None = None

    @property
    def any(self) -> bool:
        """Whether it has a mask at all."""
        return self.stored or self.pattern is not None

    @classmethod
    def of(cls, entry: Section, version: int) -> Masked:
        """Of an attention layer's entry. Raises InputError for a pattern that is none, or that its version lacks."""
        stored = entry.take("mask", bool, False)
        if "pattern" not in entry:
            return cls(stored)
        if version < VERSION:
            raise entry.error(
                f"patterns are of files of version {VERSION}, but this one is of version {version}; say {VERSION}.",
                "pattern",
            )
        said = entry["pattern"]
        if not isinstance(said, dict):
            raise entry.error(
                f"pattern is {shown(said)} but must be a mapping such as {{window: 31, globals: 1}}.", "pattern"
            )
        if entry.get("q_tokens") != entry.get("kv_tokens"):
            raise entry.error(
                f"a pattern is of tokens that see each other, but there are {shown(entry.get('q_tokens'))} queries and "
                f"{shown(entry.get('kv_tokens'))} keys.",
                "pattern",
            )
        try:
            return cls(stored, WindowPattern.of(said))
        except InputError as error:
            raise entry.error(str(error), "pattern") from None


def packed(name: str, mask: AttentionMask) -> dict[str, np.ndarray]:
    """The arrays of a layer's mask; none where its pattern says all of it."""
    if mask.derived:
        return {}
    return {f"{name}.keep": mask.bits, f"{name}.order": mask.order, f"{name}.global_tokens": mask.global_tokens}


def mask_bytes(layer: Layer, of: Masked) -> dict[str, int]:
    """The bytes that the arrays of a layer's mask may have at most; its counts may be of any type of integer."""
    if not of.stored:
        return {}
    heads, q, kv = layer.heads, layer.q_tokens, layer.kv_tokens
    return {"keep": heads * q * -(-kv // 8), "order": 8 * heads * kv, "global_tokens": 8 * heads}


def read_mask(layer: Layer, of: Masked, stored: dict[str, np.ndarray], file: Path) -> AttentionMask:
    """The mask of a layer. Raises InputError for arrays that are none, or that are not its pattern."""
    bits = bits_of(layer, stored[f"{layer.name}.keep"], file) if of.stored else None
    try:
        if bits is None:
            return AttentionMask.of_pattern(of.pattern, layer.heads, layer.kv_tokens)
        order, counts = stored[f"{layer.name}.order"], stored[f"{layer.name}.global_tokens"]
        return AttentionMask(bits, order, counts, of.pattern)
    except InputError as error:
        raise InputError(f"{file}: mask of {layer.name!r}: {error}") from None


def bits_of(layer: Layer, array: np.ndarray, file: Path) -> Bits:
    """A mask as it is stored. Raises InputError for what is none of this layer."""
    need, name = (layer.heads, layer.q_tokens, -(-layer.kv_tokens // 8)), f"{file}: {layer.name}.keep"
    if array.dtype != np.uint8 or array.shape != need:
        raise InputError(f"{name} is {array.dtype}{list(array.shape)} but packed bits are uint8{list(need)}.")
    if layer.kv_tokens % 8 and (array[:, :, -1] & (0xFF >> layer.kv_tokens % 8)).any():
        raise InputError(f"{name} has bits set beyond its {layer.kv_tokens} columns.")
    return Bits(array, layer.kv_tokens)

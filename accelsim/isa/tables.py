"""What crosses between compiler, buffers, DMA and the units that any machine has."""

import numpy as np

from accelsim.core.errors import InputError
from accelsim.isa.instructions import record

# A tile in DRAM: `segments` runs of `bytes`, `pitch` bytes apart. Of a load: the fence that must be lifted; of a store,
# in its place: where it goes.
DESCRIPTOR = record("address", "bytes", "segments", "pitch", "fence")

# The same as it lies in DRAM [ours]: a terabyte of addresses, segments and tiles of up to 16 MiB, fences modulo 2^16.
DESCRIPTOR_BITS = {"address": 40, "bytes": 24, "segments": 20, "pitch": 28, "fence": 16}
DESCRIPTOR_BYTES = sum(DESCRIPTOR_BITS.values()) // 8

# Where a store goes: to DRAM, or on to the buffer that the next layer reads (where it lies as it would there), or both.
TO_DRAM, KEPT, BOTH = range(3)

TILE = {
    "address": "first byte in DRAM",
    "bytes": "bytes of a segment",
    "segments": "number of segments",
    "pitch": "bytes from one segment's start to the next",
    "write": "1: to DRAM, 0: from it",
}
RELEASE = {"bytes": "bytes that may be overwritten", "read_bytes": "bytes that were read to use them"}
BYTES = {"bytes": "bytes"}
KEEPING = {"bytes": "bytes of a segment", "segments": "number of segments"}
READING = {"more": "bytes a cycle that it takes from now on, beyond what it has taken so far; below 0: fewer"}
FILLING = {"on": "1: loads are on their way, 0: none is"}
ELEMENTS = {"elements": "values", "passes": "operations of the vector unit on each"}

# Between DMA and DRAM.
REQUEST = {
    "address": "first byte",
    "bytes": "length of the burst",
    "write": "1: write, 0: read",
    "stream": "whose it is, a number of the DMA's ports",
}
REPLY = {"bytes": "length of the burst", "stream": "whose it is"}


# What a command of a systolic array is the last to read: bytes it frees, and bytes it read of each buffer.
FREES = record("weight", "weight_read", "act", "act_read")
FREES_BYTES = 6  # as it comes with the instruction: what is given back, 24 bits each


def check_tiles(buffer: str, capacity: int, tiles: np.ndarray) -> None:
    """Raise InputError for a tile (DESCRIPTOR records) that a buffer could never hold: the run would wait for ever."""
    largest = int((tiles["bytes"] * tiles["segments"]).max(initial=0))
    if largest > capacity:
        raise InputError(
            f"{buffer}.capacity_bytes: must hold the largest tile that is moved, {largest} bytes, not {capacity}; make "
            f"it at least {largest}"
        )

"""What crosses between compiler, buffers, DMA and the units that any machine has."""

from accelsim.isa.instructions import record

# A tile in DRAM: `segments` runs of `bytes`, `pitch` bytes apart.
DESCRIPTOR = record("address", "bytes", "segments", "pitch", "fence")

TILE = {
    "address": "first byte in DRAM",
    "bytes": "bytes of a segment",
    "segments": "number of segments",
    "pitch": "bytes from one segment's start to the next",
    "write": "1: to DRAM, 0: from it",
}
RELEASE = {"bytes": "bytes that may be overwritten", "read_bytes": "bytes that were read to use them"}
BYTES = {"bytes": "bytes"}
ELEMENTS = {"elements": "values", "passes": "passes of the vector unit over each"}

# Between DMA and DRAM.
REQUEST = {
    "address": "first byte",
    "bytes": "length of the burst",
    "write": "1: write, 0: read",
    "stream": "whose it is, a number of the DMA's ports",
}
REPLY = {"bytes": "length of the burst", "stream": "whose it is"}

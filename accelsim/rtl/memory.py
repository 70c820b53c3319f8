"""The modules of a machine's memory side, the same in every machine: which component has which, and the tables and
payloads they share."""

from collections.abc import Mapping

import numpy as np

from accelsim.components.dma import Dma
from accelsim.components.dram_pipe import DramPipe
from accelsim.components.load_buffer import LoadBuffer
from accelsim.components.store_buffer import StoreBuffer
from accelsim.isa.instructions import DONE, GRANT
from accelsim.isa.tables import BYTES, DESCRIPTOR, FILLING, KEEPING, READING, RELEASE, REPLY, REQUEST, TILE
from accelsim.rtl.twin import Twin

# A descriptor carries the bytes of all its segments as well in hardware, which the model multiplies.
TABLES: dict[str, tuple[str, ...]] = dict.fromkeys(("loads", "stores"), (*DESCRIPTOR.names, "size"))
PAYLOADS: dict[str, tuple[str, ...]] = {
    "tile": tuple(TILE),
    "request": tuple(REQUEST),
    "reply": tuple(REPLY),
    "bytes": tuple(BYTES),
    "keeping": tuple(KEEPING),
    "reading": tuple(READING),
    "filling": tuple(FILLING),
    "release": tuple(RELEASE),
    "grant": tuple(GRANT),
    "done": tuple(DONE),
}
SIGNED = ("more", "bytes")  # what may be below zero: bytes that are granted, and no tile has half of all there are
TWINS = {
    twin.module: twin
    for twin in (
        Twin(Dma, "dma"),
        Twin(LoadBuffer, "load_buffer", ("loads",)),
        Twin(StoreBuffer, "store_buffer", ("stores",)),
        Twin(DramPipe, "dram_pipe"),
    )
}


def descriptors(table: np.ndarray) -> np.ndarray:
    """uint32[rows + 1, fields] of DESCRIPTOR records with their sizes; a last row without bytes ends the list."""
    made = np.zeros((len(table) + 1, len(TABLES["loads"])), np.uint32)
    for n, name in enumerate(DESCRIPTOR.names):
        made[:-1, n] = table[name].astype(np.uint32)
    made[:-1, -1] = table["bytes"] * table["segments"]
    return made


def loads(tables: Mapping[str, np.ndarray], parameters: object) -> np.ndarray:
    """A list of loads as it is loaded."""
    return descriptors(tables["loads"])


def stores(tables: Mapping[str, np.ndarray], parameters: object) -> np.ndarray:
    """A list of stores as it is loaded."""
    return descriptors(tables["stores"])


DERIVED = {"loads": loads, "stores": stores}

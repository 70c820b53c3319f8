"""What a machine's program may speak of."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Names:
    """What a program may speak of.

    units: unit -> the fields of its command, in the order of the sequencer's ports. counters: in the order of the
    sequencer's ports. buffers, stores: parts with a list of loads, of stores. tables: table -> type of its rows.
    memory: the buffer that the program is loaded into; empty: it is there from the start. capacity: bytes of that
    buffer. row_bytes: table -> bytes of a row, of those tables whose rows come with the instructions. short: unit ->
    bits of those fields of its command that have fewer than 16 where all of them fit.
    """

    units: Mapping[str, Sequence[str]]
    counters: Sequence[str]
    buffers: Collection[str]
    stores: Collection[str]
    tables: Mapping[str, np.dtype]
    memory: str = ""
    capacity: int = 0
    row_bytes: Mapping[str, int] = field(default_factory=dict)
    short: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

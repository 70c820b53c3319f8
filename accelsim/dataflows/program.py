"""A program under construction: instructions, the loads and stores of each buffer, and what will have happened when."""

from dataclasses import dataclass, field

import numpy as np

from accelsim.isa import instructions as isa
from accelsim.isa.tables import COLUMNS, DENSE, DESCRIPTOR, FREES, INDEX, PASSES, ROWS

Wait = tuple[int, int]  # a counter of the scoreboard, and the count it must have reached
NOW: Wait = (isa.NOTHING, 0)
BUFFERS = ("weight", "act", "index")
LOADED = {"weight": isa.WEIGHT_LOADED, "act": isa.ACT_LOADED, "index": isa.INDEX_LOADED}
GRANTS = {"weight": isa.GRANT_WEIGHT, "act": isa.GRANT_ACT, "index": isa.GRANT_INDEX}
LINE = 4096  # tensors begin at multiples of this in DRAM


@dataclass
class Program:
    """Instructions and tables; `finish()` makes arrays of them."""

    instructions: list[tuple] = field(default_factory=list)
    loads: dict[str, list[tuple]] = field(default_factory=lambda: {b: [] for b in BUFFERS})
    stores: list[tuple] = field(default_factory=list)
    frees: list[tuple] = field(default_factory=list)
    tables: dict[str, list] = field(
        default_factory=lambda: {n: [] for n in ("passes", "dense", "columns", "index", "rows")}
    )
    sizes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("dense", "columns", "index", "rows"), 0))
    fences: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUFFERS, 0))
    planned: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(len(isa.COUNTERS)), 0))
    memory: int = 0
    places: dict[str, int] = field(default_factory=dict)

    def allocate(self, tensor: str, size: int) -> int:
        """The address of a tensor in DRAM; the same name is the same tensor."""
        if tensor not in self.places:
            self.places[tensor] = self.memory
            self.memory += -(-size // LINE) * LINE
        return self.places[tensor]

    def issue(self, op: int, *arguments: int, wait: Wait = NOW, wait2: Wait = NOW) -> None:
        """An instruction that waits for up to two counters."""
        self.instructions.append((op, *arguments, *(0,) * (11 - len(arguments)), *wait, *wait2))

    def will(self, counter: int, more: int = 1) -> Wait:
        """Note that a counter will go up; what to wait for if one needs that."""
        self.planned[counter] += more
        return counter, self.planned[counter]

    def all_of(self, counter: int) -> Wait:
        """What to wait for if one needs all that has been planned so far."""
        return counter, self.planned[counter]

    def load(self, buffer: str, address: int, size: int, segments: int = 1, pitch: int = 0) -> Wait:
        """Fetch a tile of `segments` runs of `size` bytes; what to wait for if one needs it."""
        self.loads[buffer].append((address, size, segments, pitch or size, self.fences[buffer]))
        return self.will(LOADED[buffer])

    def store(self, address: int, size: int, segments: int = 1, pitch: int = 0) -> None:
        """Write the next results to DRAM."""
        self.stores.append((address, size, segments, pitch or size, 0))
        self.will(isa.STORED)

    def fence(self, buffer: str) -> None:
        """Hold back the loads that follow until all stores planned so far are in DRAM."""
        self.fences[buffer] += 1
        self.issue(GRANTS[buffer], 0, 1, wait=self.all_of(isa.STORED))

    def free(self, buffer: str, size: int, wait: Wait = NOW, wait2: Wait = NOW) -> None:
        """Give space back."""
        self.issue(GRANTS[buffer], size, 0, wait=wait, wait2=wait2)

    def add(self, table: str, rows: np.ndarray) -> int:
        """Append rows to a table of the attention units; where they begin."""
        first = self.sizes[table]
        self.tables[table].append(rows)
        self.sizes[table] += len(rows)
        return first

    def finish(self) -> dict[str, np.ndarray]:
        """All tables as record arrays."""

        def array(rows: list[tuple], dtype: np.dtype) -> np.recarray:
            words = np.array(rows, np.int64).reshape(len(rows), len(dtype.names))
            return np.ascontiguousarray(words).view(dtype).reshape(len(rows)).view(np.recarray)

        def joined(name: str, dtype: np.dtype) -> np.recarray:
            rows = self.tables[name]
            return (np.concatenate(rows) if rows else np.zeros(0, dtype)).view(np.recarray)

        tables = {b: array(self.loads[b], DESCRIPTOR) for b in BUFFERS}
        tables |= {"program": array(self.instructions, isa.INSTRUCTION), "stores": array(self.stores, DESCRIPTOR)}
        tables |= {"frees": array(self.frees, FREES), "passes": array(self.tables["passes"], PASSES)}
        for name, dtype in (("dense", DENSE), ("columns", COLUMNS), ("index", INDEX), ("rows", ROWS)):
            tables["entries" if name == "index" else name] = joined(name, dtype)
        return tables

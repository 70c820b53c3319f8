"""A program under construction: instructions, the loads and stores of each buffer, and what will have happened when.

Units, counters, buffers and tables have names, which a machine gives; they become numbers here. A wrong name is an
error at once.

Where a machine has a memory for its program, the program itself is loaded: it lies in DRAM in chunks of half that
memory, or MOST_CHUNK, in which every instruction is followed by the descriptors of the loads and stores that are
planned with it. The sequencer begins when the first chunk is there (that instruction is wired, not loaded); the last
instruction of each waits for the next chunk and gives its own back. Two chunks are asked for at once, and two more for
each that is given back, as far as there is room: a large memory does not keep DRAM from the first layers' loads.
"""

from array import array
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from accelsim.core.errors import InputError, suggest
from accelsim.dataflows.names import Names
from accelsim.isa.instructions import INSTRUCTION, MARK, NOTHING, in_order, instruction_bytes, short_form
from accelsim.isa.tables import DESCRIPTOR, DESCRIPTOR_BYTES, TO_DRAM

Said = tuple[int, str, str]  # what instructions are for: number of the pass, heads, and scores, values or what else
UNSAID: Said = (0, "", "")
Wait = tuple[int, int]  # a counter of the scoreboard, and the count it must have reached
NOW: Wait = (NOTHING, 0)
SEQUENCER = ("program", "operands", "reached")  # its tables
MOST = 1 << 21  # instructions, and tiles of a buffer: those of the largest shipped network are a hundredth
MOST_BYTES = 1 << 31  # of all tables
LINE = 4096  # tensors begin at multiples of this in DRAM
LEAST_CHUNK = 128  # bytes: a long instruction, its descriptor, and the one that ends the chunk
MOST_CHUNK = 2048  # [ours] bytes: the first is waited for, and DRAM is for nobody else while one comes
WORDS = "q"  # what tables are written down as: 64-bit integers


def heads_said(heads: Sequence[int], image: int = 0, rows: tuple[int, int, int] = (0, 0, 0)) -> str:
    """Heads for a reader, and of which image, and which rows (first, how many, of how many) where these are not all."""
    first, many, whole = rows
    run = list(heads) == list(range(heads[0], heads[-1] + 1)) and len(heads) > 2
    several = f"{heads[0]} to {heads[-1]}" if run else ", ".join(map(str, heads))
    said = f"heads {several}" if len(heads) > 1 else f"head {heads[0]}"
    said += f", rows {first} to {first + many - 1}" if many < whole else ""
    return said + (f", image {image}" if image else "")


class Program:
    """Instructions and tables; `finish()` makes arrays of them. Raises InputError for a unit, operand, counter, buffer
    or table that the machine does not have."""

    def __init__(self, names: Names) -> None:
        self.names = names
        everything = [*SEQUENCER, *names.buffers, *names.stores, *names.tables]
        if twice := [name for name in everything if everything.count(name) > 1]:
            raise InputError(
                f"two tables of the program would be called {twice[0]!r}: the sequencer has {', '.join(SEQUENCER)}, "
                "every buffer one of its own name; give the part or the table another name"
            )
        self.units = {unit: (n, tuple(fields)) for n, (unit, fields) in enumerate(names.units.items())}
        sizes = {unit: (n, len(f), instruction_bytes(len(f))) for unit, (n, f) in self.units.items()}
        self.commands = {unit: (*size, in_order(self.units[unit][1])) for unit, size in sizes.items()}
        self.short = {unit: short_form(self.units[unit][1], bits) for unit, bits in names.short.items() if bits}
        self.words, self.operands = array(WORDS), array(WORDS)  # of the instructions
        self.memory, self.places = 0, dict[str, int]()  # bytes that tensors have, and where each begins
        self.counters = {counter: 1 + n for n, counter in enumerate(names.counters)}
        self.planned = dict.fromkeys(self.counters, 0)
        self.tiles = {b: array(WORDS) for b in (*names.buffers, *names.stores)}
        self.fences = dict.fromkeys(names.buffers, 0)
        self.loaded = dict.fromkeys(names.buffers, 0)  # bytes of all loads that are listed
        self.later: dict[str, list[int]] = {b: [] for b in names.buffers}  # bytes of loads that fences are behind
        self.goes = dict.fromkeys(names.stores, TO_DRAM)  # where what is stored next goes
        self.kinds = dict(names.tables)  # of the tables' rows
        self.tables = {table: array(kind[0].char) for table, kind in names.tables.items()}  # their rows
        self.sizes = dict.fromkeys(names.tables, 0)
        self.room = self.filled = 0  # bytes of the tables, and in the chunk that is being filled
        self.chunks: list[int] = []  # bytes of those that are full
        self.chunk = MOST_BYTES  # bytes that one holds beside its last instruction
        self.ended, self.said, self.about = not names.memory, UNSAID, list[Said]()  # about: of every instruction
        self.tiles_about: dict[str, list[Said]] = {b: [] for b in self.tiles}
        self.layer_tiles: list[dict[str, int]] = []  # of every mark: tiles that are listed by then
        if names.memory:
            self.known("load buffer", names.memory, self.fences)
            if names.capacity < 2 * LEAST_CHUNK:
                raise InputError(
                    f"{names.memory}.capacity_bytes: must hold two chunks of the program, of at least {LEAST_CHUNK} "
                    f"bytes each, not {names.capacity}; make it at least {2 * LEAST_CHUNK}"
                )
            self.ending = instruction_bytes(len(self.units[names.memory][1]))  # of a chunk: gives back the one before
            self.chunk = min(names.capacity // 2, MOST_CHUNK) - self.ending
            self.fenced = int(names.capacity > 2 * MOST_CHUNK)  # room alone does not hold chunks back
            self.append(names.memory, (0, 0), (self.counters[names.memory], 1))

    @property
    def instructions(self) -> np.ndarray:
        """int64[instructions, 6]: those that are written down, each as isa.instructions.INSTRUCTION."""
        return np.array(self.words).reshape(-1, len(INSTRUCTION.names))

    @property
    def descriptors(self) -> dict[str, np.ndarray]:
        """Buffer -> int64[tiles, 5]: the tiles it is to load or store, each as isa.tables.DESCRIPTOR."""
        return {name: np.array(words).reshape(-1, len(DESCRIPTOR.names)) for name, words in self.tiles.items()}

    def append(self, unit: str, operands: Sequence[int], wait: Wait = NOW) -> None:
        """Write down an instruction that is not charged."""
        self.words.extend((self.units[unit][0] if unit else MARK, len(self.operands), *wait, *NOW))
        self.operands.extend(operands)
        self.about.append(self.said)

    def charge(self, size: int) -> None:
        """Note that so many bytes of the program come next, in this chunk or, if they do not fit, in one more."""
        self.filled += size
        if self.filled > self.chunk and (memory := self.names.memory):
            self.chunks.append(self.filled - size + self.ending)
            self.filled = size
            self.append(memory, (self.chunks[-1], self.fenced), (self.counters[memory], len(self.chunks) + 1))

    def check_instructions(self, more: int = 1) -> None:
        """Raise InputError if no more instructions can be written down."""
        if len(self.about) + more > MOST:
            raise InputError(f"its program has more than {MOST:,} instructions, which is more than memory is taken for")

    def check_tiles(self, buffer: str, more: int = 1) -> None:
        """Raise InputError if no more tiles of a buffer can be listed."""
        if len(self.tiles_about[buffer]) + more > MOST:
            raise InputError(f"{buffer} has more than {MOST:,} tiles to move, which is more than memory is taken for")

    def known(self, kind: str, name: str, among: Collection[str]) -> None:
        """Raise InputError unless the machine has it."""
        if name not in among:
            if kind == "counter" and name in self.units:
                raise InputError(f"the program waits for the unit {name!r}, which has no counter: no port `done`")
            raise InputError(
                f"the program names the {kind} {name!r}, but the machine has {', '.join(among) or 'none'}"
                + suggest(name, among)
            )

    def allocate(self, tensor: str, size: int) -> int:
        """The address of a tensor in DRAM; the same name is the same tensor."""
        if tensor not in self.places:
            self.places[tensor] = self.memory
            self.memory += -(-size // LINE) * LINE
        return self.places[tensor]

    def issue(self, unit: str, *, wait: Wait = NOW, wait2: Wait = NOW, **operands: int) -> None:
        """An instruction for a unit that waits for up to two counters; operands are named as the unit's command is."""
        try:
            number, count, size, ordered = self.commands[unit]
            words = array(WORDS, ordered(operands))
        except KeyError:
            raise self.misnamed(unit, operands) from None
        except TypeError:
            raise InputError(f"an operand of an instruction for {unit} is no whole number: {operands}") from None
        if len(operands) != count:
            raise self.misnamed(unit, operands)
        self.check_instructions()
        if unit in self.short and all(0 <= words[n] < end for n, end in self.short[unit][1]):
            size = self.short[unit][0]
        self.charge(size)
        self.words.fromlist([number, len(self.operands), *wait, *wait2])  # in half the time of `extend`
        self.operands.extend(words)
        self.about.append(self.said)

    def misnamed(self, unit: str, operands: Mapping[str, int]) -> InputError:
        """What is wrong with the names of an instruction."""
        self.known("unit", unit, self.units)
        fields = self.units[unit][1]
        wrong = [*(n for n in operands if n not in fields), *(n for n in fields if n not in operands)]
        return InputError(
            f"an instruction for {unit} has {', '.join(operands) or 'no operands'}, but its command has "
            f"{', '.join(fields)}: {wrong[0]!r} is {'missing' if wrong[0] in fields else 'not among them'}"
        )

    def saying(self, phase: str, heads: str = "", number: int = 0) -> None:
        """What the instructions and loads that follow are for, for those who read a timeline: a phase of a pass over
        some heads. It holds up to the layer's mark, and changes nothing of what is computed."""
        self.said = number, heads, phase

    def mark(self, layer: int, wait: Wait = NOW) -> None:
        """Note that a layer ends here."""
        self.charge(instruction_bytes(0))
        self.said = UNSAID
        self.append("", (layer,), wait)
        self.layer_tiles.append({name: len(about) for name, about in self.tiles_about.items()})

    def will(self, counter: str, more: int = 1) -> Wait:
        """Note that a counter will go up; what to wait for if one needs that."""
        if counter not in self.counters:
            self.known("counter", counter, self.counters)
        count = self.planned[counter] = self.planned[counter] + more
        return self.counters[counter], count

    def all_of(self, counter: str) -> Wait:
        """What to wait for if one needs all that has been planned so far."""
        if counter not in self.counters:
            self.known("counter", counter, self.counters)
        return self.counters[counter], self.planned[counter]

    def load(self, buffer: str, address: int, size: int, segments: int = 1, pitch: int = 0) -> Wait:
        """Fetch a tile of `segments` runs of `size` bytes; what to wait for if one needs it."""
        self.known("load buffer", buffer, self.fences)
        self.loaded[buffer] += size * segments
        while (later := self.later[buffer]) and self.loaded[buffer] > later[0]:
            del later[0]
            self.fences[buffer] += 1
        return self.move(buffer, address, size, segments, pitch or size, self.fences[buffer])

    def store(self, buffer: str, address: int, size: int, segments: int = 1, pitch: int = 0) -> Wait:
        """Write the next results of a buffer to DRAM, or where `goes` says; what to wait for until they are there."""
        self.known("store buffer", buffer, self.names.stores)
        return self.move(buffer, address, size, segments, pitch or size, self.goes[buffer])

    def move(self, buffer: str, *tile: int) -> Wait:
        """List a tile of a buffer. Raises InputError if no more tiles can be listed."""
        self.check_tiles(buffer)
        self.charge(DESCRIPTOR_BYTES)
        self.tiles[buffer].extend(tile)
        self.tiles_about[buffer].append(self.said)
        return self.will(buffer)

    def fence(self, buffer: str, wait: Wait) -> None:
        """Hold back the loads that follow until a counter has reached a count."""
        self.hold(buffer)
        self.lift(buffer, wait)

    def hold(self, buffer: str) -> None:
        """Hold back the loads that follow, until `lift`."""
        self.known("load buffer", buffer, self.fences)
        self.fences[buffer] += 1 + len(self.later[buffer])
        self.later[buffer].clear()

    def hold_after(self, buffer: str, size: int) -> None:
        """Hold back the loads that follow so many bytes of loads, or the next `hold`, until `lift`."""
        self.known("load buffer", buffer, self.fences)
        self.later[buffer].append(self.loaded[buffer] + size)

    def lift(self, buffer: str, wait: Wait) -> None:
        """Let the loads go that were held back first of all that still are, once a counter has reached a count."""
        self.issue(buffer, bytes=0, fences=1, wait=wait)

    def free(self, buffer: str, size: int, wait: Wait = NOW, wait2: Wait = NOW) -> None:
        """Give space back."""
        self.issue(buffer, bytes=size, fences=0, wait=wait, wait2=wait2)

    def add(self, table: str, rows: np.ndarray) -> int:
        """Append rows to a table of the machine; where they begin."""
        self.known("table", table, self.tables)
        rows, first = rows.astype(self.kinds[table], copy=False), self.sizes[table]
        self.room += rows.nbytes
        if self.room > MOST_BYTES:
            raise InputError(
                f"the tables of its program would have more than {MOST_BYTES >> 20:,} MiB, which is more than memory "
                "is taken for"
            )
        self.tables[table].frombytes(np.ascontiguousarray(rows).view(np.uint8))
        self.sizes[table] += len(rows)
        return first

    def widen(self, table: str, kind: np.dtype) -> None:
        """Have a table's rows, those that it has too, of a type that holds larger numbers."""
        self.tables[table], self.kinds[table] = array(kind[0].char, self.tables[table]), kind

    def enter(self, table: str, **row: int) -> int:
        """Append one row, each field by its name; its number."""
        self.known("table", table, self.tables)
        fields = self.kinds[table].names
        if row.keys() != set(fields):
            raise InputError(f"a row of the table {table} has {', '.join(row)}, but its fields are {', '.join(fields)}")
        self.charge(self.names.row_bytes.get(table, 0))
        self.tables[table].extend([row[name] for name in fields])
        self.sizes[table] += 1
        return self.sizes[table] - 1

    def end(self) -> None:
        """Close the last chunk of the program, and give the program its place in DRAM."""
        if self.ended:
            return
        self.ended, memory = True, self.names.memory
        self.chunks.append(size := self.filled + self.ending)
        self.append(memory, (size, 0))
        at = self.allocate("program", sum(self.chunks))
        for n, size in enumerate(self.chunks):
            self.tiles[memory].extend((at, size, 1, size, n // 2 * self.fenced))
            at += size
        self.will(memory, len(self.chunks))

    def finish(self) -> dict[str, np.ndarray]:
        """Everything as arrays: `program`, `operands` and `reached` of the sequencer; the descriptors of each buffer
        and the rows of each table under its name. Nothing can be added to it afterwards."""
        self.end()

        def rows(words: array | np.ndarray, dtype: np.dtype) -> np.recarray:
            return np.asarray(words).view(dtype).view(np.recarray)

        return {
            "program": rows(self.words, INSTRUCTION),
            "operands": np.asarray(self.operands),
            "reached": np.zeros(1 + len(self.counters), np.int64),
            **{buffer: rows(words, DESCRIPTOR) for buffer, words in self.tiles.items()},
            **{table: rows(self.tables[table], kind) for table, kind in self.kinds.items()},
        }

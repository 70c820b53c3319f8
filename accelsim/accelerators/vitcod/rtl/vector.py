"""Values through the vector unit: the data path behind it, what that is loaded with, and what it must compute."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.vitcod.rtl.dense import address_bits
from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil
from accelsim.rtl.datapath import Comparison, Parameters, Wires, ports_of
from accelsim.workload.functional import dense, elementwise, normalise

LAG = 10  # cycles from the one in which the control begins something to the values of its first slot
TOLD = {"begins": "1", "tiled": "1", "passes": "isa::W", "cycles": "isa::W"}
ROOT_CYCLES = 12  # from a row's last squares to what it is normalised with, beside the stages of root and quotient
FEATURES = 12  # bits of a row's features
JOB = 9  # words of a job
SQUARES, CENTRED, SUMMED, OTHER, GAINS, ADDS, LOOKS = 1, 2, 16, 32, 64, 128, 256
SCALED, NORMALISED, MULTIPLIED = 0, 2 << 2, 3 << 2  # what the first multiplier has on its right
UNIT = (1, 0)  # multiplier and shift that change nothing


@dataclass(frozen=True)
class VectorSizes:
    """What the bench of the vector unit's data path has room for: items of the array and commands, rows of a command
    that normalises, words of activations and of sums, features of all norms, tables."""

    items: int = 64
    commands: int = 32
    rows: int = 64
    acts: int = 4096
    sums: int = 4096
    constants: int = 4096
    tables: int = 16

    def behind(self, values: Parameters, rows: Mapping[str, int], wires: Wires) -> "VectorDatapath":
        """The data path of a netlist with the one unit `unit`."""
        one = values["unit"]
        return VectorDatapath(self, one["lanes"], one["reduce_cycles"], one["rsqrt_cycles"])


@dataclass(frozen=True)
class VectorDatapath:
    """The data path of the vector unit, and the memories it reads: activations, what the array has left, gains and
    offsets, tables. Raises InputError for fewer cycles of reductions and roots than it takes."""

    sizes: VectorSizes
    lanes: int
    reduce_cycles: int
    rsqrt_cycles: int
    modules = ("scratchpad", "vector_lane", "reciprocal_root", "vector_unit_datapath")
    result = "values"

    @property
    def word(self) -> int:
        """Features of a word of gains or offsets."""
        return max(2, 1 << (self.lanes - 1).bit_length())

    @property
    def root_bits(self) -> int:
        """Bits of a root, and of a quotient, that are found in a stage."""
        stages = self.reduce_cycles + self.rsqrt_cycles - ROOT_CYCLES
        for bits in range(1, 18):
            if ceil(16, bits) + ceil(17, bits) <= stages:
                return bits
        raise InputError(
            f"vector: the data path needs {ROOT_CYCLES + 2} cycles from a row's sums to its root; reduce_cycles "
            f"{self.reduce_cycles} and rsqrt_cycles {self.rsqrt_cycles} are {ROOT_CYCLES + stages}"
        )

    def loads(self) -> dict[str, int]:
        """What is loaded, and 32-bit words of a row."""
        return {
            "acts": ceil(self.lanes, 4), "sums": 2 * self.lanes, "gains": self.word // 2, "offsets": 2 * self.word,
            "tables": 64, "items": JOB, "commands": JOB,
        }  # fmt: skip

    def observed(self) -> dict[str, tuple[int, int]]:
        """What can be seen: items a cycle, and 32-bit words of one."""
        return {"values": (1, ceil(self.lanes, 4))}

    def told(self, unit: str) -> Iterable[str]:
        """The outputs of a unit that the data path needs."""
        return TOLD

    def ports(self) -> list[str]:
        """Of the top module."""
        return ports_of(self)

    def declarations(self) -> list[str]:
        """The signals between control and data path."""
        return [f"  logic [{bits}-1:0] unit_{name};" for name, bits in TOLD.items()]

    def body(self) -> list[str]:
        """The data path and its memories."""
        lines, pins = [], []
        sizes, lanes, word = self.sizes, self.lanes, self.word
        memories = [  # its load, its name inside, bits of a word, words, ports; bits of an element, loaded and kept
            ("acts", "act", 8 * lanes, sizes.acts, 2, 8, 8),
            ("sums", "sum", 54 * lanes, sizes.sums, 1, 64, 54),
            ("gains", "gain", 16 * word, ceil(sizes.constants, word) + 2, 2, 16, 16),
            ("offsets", "offset", 34 * word, ceil(sizes.constants, word) + 2, 2, 64, 34),
            ("tables", "table", 2048, sizes.tables, 1, 2048, 2048),
        ]
        for loaded, name, width, words, ports, each, kept in memories:
            bits = address_bits(words)
            at = f"{name}__at" if ports > 1 else f"{name}__at[0]"
            elements = ", ".join(f"{loaded}_data[{each * n}+:{kept}]" for n in reversed(range(width // kept)))
            read = f"{name}__read" if name == "act" or ports == 1 else f"{{2{{{name}__read}}}}"
            lines += [
                f"  logic [{ports if name == 'act' else 1}-1:0] {name}__read;",
                f"  logic [{ports - 1}:0][31:0] {name}__at;",
                f"  logic [{ports - 1}:0][{bits + 1}:0] {name}__place;",
                f"  logic [{ports - 1}:0][{width - 1}:0] {name}__value;",
                f"  for (genvar n = 0; n < {ports}; n++)",
                f"    assign {name}__place[n] = {{2'b0, {bits}'({name}__at[n])}};",
                f"  scratchpad #(.WIDTH({width}), .SLICE({width}), .TOKENS({1 << bits}), .READS({ports}))",
                f"    {name}__words (",
                f"      .clk, .we({loaded}_we), .address({bits + 1}'({loaded}_address)), .data({{{elements}}}),",
                f"      .read({read}), .at({name}__place), .slice('0), .value({name}__value));",
            ]
            value = f"{name}__value" if ports > 1 else f"{name}__value[0]"
            pins.append(f".{name}_read({name}__read), .{name}_at({at}), .{name}_value({value})")
        told = ", ".join(f".{name}(unit_{name})" for name in TOLD)
        return [
            *lines,
            f"  vector_unit_datapath #(.LANES({lanes}), .ITEMS({sizes.items}), .COMMANDS({sizes.commands}), "
            f".ROWS({1 << address_bits(sizes.rows)}), .FEATURES({FEATURES}), .BITS({self.root_bits})) data (",
            f"      .clk, .rst, {told},",
            *(
                f"      .{name}_we, .{name}_address, .{name}_data({{{job_fields(f'{name}_data')}}}),"
                for name in ("items", "commands")
            ),
            *(f"      {pin}," for pin in pins),
            "      .values_push, .values_item);",
        ]


def job_fields(data: str) -> str:
    """The fields of a job in the words it is loaded as, the last first."""
    fields = (
        (224, 48), (192, 16), (208, 6), (160, 16), (176, 6), (144, 9), (128, FEATURES), (96, 32), (64, 32), (32, 32),
        (24, 8), (16, 8), (0, 16),
    )  # fmt: skip
    return ", ".join(f"{data}[{at}+:{bits}]" for at, bits in fields)


class Leaving(NamedTuple):
    """An item of the array. sums int32[elements] with their biases, scale int64[elements, 2] (multiplier, shift).
    residual: int8[elements], with residual_scale (multiplier, shift), or None. table: int8[256], or None."""

    sums: np.ndarray
    scale: np.ndarray
    residual: np.ndarray | None = None
    residual_scale: tuple[int, int] = UNIT
    table: np.ndarray | None = None

    def wanted(self) -> np.ndarray:
        """int8[elements], by the functional twin."""
        return dense(self.sums, 0, self.scale, self.residual, np.array(self.residual_scale), self.table)


class Normalised(NamedTuple):
    """A command that normalises: x int8[rows, features]; the rest as of `functional.normalise`."""

    x: np.ndarray
    norm: str
    gamma: np.ndarray
    beta: np.ndarray
    shift: int
    epsilon: int = 0

    def wanted(self) -> np.ndarray:
        """int8[elements], by the functional twin."""
        return normalise(self.x, self.norm, self.gamma, self.beta, self.shift, self.epsilon).ravel()


class Operated(NamedTuple):
    """A command of an element-wise layer: operands int8[rows, features]; the rest as of `functional.elementwise`."""

    op: str
    x: Sequence[np.ndarray]
    requant: np.ndarray
    table: np.ndarray | None = None

    def wanted(self) -> np.ndarray:
        """int8[elements], by the functional twin."""
        return elementwise(self.op, self.x, self.requant, self.table).ravel()


class Passed(NamedTuple):
    """A command or an item whose values the data path does not compute."""

    def wanted(self) -> np.ndarray:
        """Nothing."""
        return np.zeros(0, np.int8)


Job = Leaving | Normalised | Operated | Passed


class Begun(NamedTuple):
    """Something that the control begins: in which cycle, whether it is a command, and its number among these or among
    the items."""

    at: int
    tiled: bool
    number: int


@dataclass(frozen=True)
class VectorWork:
    """What the vector unit computes: of each item of the array and of each command what it is, and what crosses the
    ports `outputs` and `command`, as in scripts."""

    items: Sequence[Job]
    commands: Sequence[Job]
    outputs: np.ndarray
    told: np.ndarray

    def needed(self, data: VectorDatapath) -> VectorSizes:
        """Rooms for all of it."""
        rows = {name: len(words) for name, words in self.loads(data, {})}
        most = max((len(job.x) for job in self.commands if isinstance(job, Normalised)), default=1)
        constants = rows["gains"] * data.word
        return VectorSizes(rows["items"], rows["commands"], most, rows["acts"], rows["sums"], constants, rows["tables"])

    def loads(self, data: VectorDatapath, tables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of everything the data path is loaded with."""
        image = Image(data)
        rows = {name: [image.job(job) for job in jobs] for name, jobs in self.both()}
        yield from image.words()
        for name, some in rows.items():
            yield name, np.array(some or [[0] * JOB], np.int64).astype(np.uint32)

    def both(self) -> tuple[tuple[str, Sequence[Job]], ...]:
        """Items and commands."""
        return ("items", self.items), ("commands", self.commands)

    def begun(self, moved: Mapping[str, np.ndarray]) -> Iterator[Begun]:
        """What the control begins, in order, by its transfers: what is there when the one before has left, of the array
        first; a command that reads at another rate when there is room to say so."""
        came = [moved[name][:, 0] + 1 for name in ("outputs", "command")]
        rates = self.told[:, -1].tolist()
        port = next((name for name in moved if name.startswith("reading")), None)
        told = moved[port][:, :2] if port else np.zeros((0, 2), np.int64)
        more = (told[:, 1] + (1 << 31)) % (1 << 32) - (1 << 31)  # words below zero stand there as they are in 32 bits
        said, rate = told[:, 0].tolist(), np.concatenate([[0], np.cumsum(more)]).tolist()
        number, free = [0, 0], 0
        for left in moved["tile"][:, 0].tolist():
            at = [int(some[n]) if n < len(some) else None for some, n in zip(came, number)]
            cycle = max(free, min(one for one in at if one is not None))
            tiled = at[0] is None or at[0] > cycle
            if tiled and port:
                before = int(np.searchsorted(said, cycle))
                if rate[before] != rates[number[1]]:
                    cycle = said[before]
                    if at[0] is not None and at[0] <= cycle:
                        cycle, tiled = at[0], False
            yield Begun(cycle, tiled, number[tiled])
            number[tiled] += 1
            free = left

    def expected(
        self, data: VectorDatapath, moved: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[Begun, np.ndarray, np.ndarray]]:
        """Of everything that is begun the cycles in which its windows are there, and its values int8[elements]."""
        for one in self.begun(moved):
            values = (self.commands if one.tiled else self.items)[one.number].wanted()
            windows = ceil(len(values), data.lanes)
            if one.tiled:
                slots = int(self.told[one.number, -2]) - windows + np.arange(windows)
            else:
                slots = int(self.outputs[one.number, 1]) * np.arange(windows)
            yield one, one.at + LAG + slots, values

    def compare(
        self,
        name: str,
        data: VectorDatapath,
        tables: Mapping[str, np.ndarray],
        moved: Mapping[str, np.ndarray],
        seen: Mapping[str, np.ndarray],
        parameters: Parameters,
    ) -> Comparison:
        """Every value, and the cycle in which it is there."""
        done, every = Comparison(name), list(self.expected(data, moved))
        cycles = [at for _, at, _ in every] or [np.zeros(0, np.int64)]
        if done.times("values", seen["values"][:, 0], np.concatenate(cycles)):
            lanes = np.ascontiguousarray(seen["values"][:, 1:], np.uint32).view(np.int8)[:, : data.lanes]
            first = 0
            for one, at, values in every:
                found = lanes[first : first + len(at)].ravel()
                first += len(at)
                what = "command" if one.tiled else "item"
                element = np.arange(len(found))
                wanted = np.zeros(len(found), np.int8)
                wanted[: len(values)] = values
                done.equal(what, found, wanted, number=np.broadcast_to(one.number, len(found)), element=element)
                done.values -= len(found) - len(values)  # lanes without an element are 0
        return done

    def results(
        self, data: VectorDatapath, tables: Mapping[str, np.ndarray], moved: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """int64[windows, 1 + words]: the cycle and the values of every window."""
        words, rows = data.observed()["values"][1], [np.zeros((0, 1 + data.observed()["values"][1]), np.int64)]
        for _, at, values in self.expected(data, moved):
            lanes = np.zeros((len(at), data.lanes), np.int8)
            lanes.ravel()[: len(values)] = values
            wide = np.zeros((len(at), 4 * words), np.int8)
            wide[:, : data.lanes] = lanes
            rows.append(np.column_stack([at, wide.view(np.uint32)]))
        return np.concatenate(rows)


class Image:
    """The memories of the bench as they fill, job by job; what jobs share is there once."""

    def __init__(self, data: VectorDatapath) -> None:
        self.data = data
        self.rows: dict[str, list[np.ndarray]] = {name: [] for name in ("acts", "sums")}
        self.used = dict.fromkeys(self.rows, 0)
        self.gains: list[np.ndarray] = []
        self.offsets: list[np.ndarray] = []
        self.constants = 0
        self.constant_at: dict[tuple, int] = {}
        self.tables: list[np.ndarray] = []
        self.table_at: dict[bytes, int] = {}

    def words(self) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of each memory."""
        words, word = self.data.loads(), self.data.word
        for name, some in self.rows.items():
            yield name, np.concatenate([*some, np.zeros((1, 4 * words[name]), np.int8)]).view(np.uint32)
        rest = 2 * word - self.constants % word
        gains = np.concatenate([*self.gains, np.zeros(rest, np.int16)])
        offsets = np.concatenate([*self.offsets, np.zeros(rest, np.int64)])
        yield "gains", gains.reshape(-1, word).view(np.uint32)
        yield "offsets", offsets.reshape(-1, word).view(np.uint32)
        yield "tables", np.stack([*self.tables, np.zeros(256, np.int8)]).view(np.uint32)

    def job(self, job: Job) -> list[int]:
        """The words of a job."""
        if isinstance(job, Leaving):
            return self.leaving(job)
        return self.normalised(job) if isinstance(job, Normalised) else self.operated(job)

    def leaving(self, job: Leaving) -> list[int]:
        """Of an item of the array."""
        lanes, windows = self.data.lanes, ceil(len(job.sums), self.data.lanes)
        words = np.zeros((windows * lanes, 2), np.uint32)
        words[: len(job.sums), 0] = job.sums.astype(np.int32).view(np.uint32)
        words[: len(job.sums), 1] = job.scale[:, 0] | job.scale[:, 1] << 16
        at = self.put("sums", words.reshape(windows, -1).view(np.int8))
        does, first = SUMMED, 0
        if job.residual is not None:
            does, first = does | ADDS, self.operand(job.residual)
        return self.told(len(job.sums), does, job.table, first=first, second=at, scale=job.residual_scale)

    def normalised(self, job: Normalised) -> list[int]:
        """Of a command that normalises."""
        centred = CENTRED * (job.norm == "layernorm")
        does = GAINS | (SCALED if job.norm == "batchnorm" else SQUARES | centred | NORMALISED)
        features = job.x.shape[1]
        if not self.data.lanes <= features < 1 << FEATURES:
            raise InputError(f"vector: rows of {features} features, but {self.data.lanes} to {(1 << FEATURES) - 1}")
        key = (job.gamma.tobytes(), job.beta.tobytes(), job.shift)
        if key not in self.constant_at:
            self.constant_at[key] = self.constants
            around = np.arange(features + self.data.lanes - 1) % features
            self.gains.append(job.gamma.astype(np.int16)[around])
            self.offsets.append((job.beta.astype(np.int64) + ((1 << job.shift) >> 1))[around])
            self.constants += len(around)
        extra = {"constants": self.constant_at[key], "features": features, "epsilon": job.epsilon}
        return self.told(job.x.size, does, None, first=self.operand(job.x), down=(0, job.shift), **extra)

    def operated(self, job: Operated | Passed) -> list[int]:
        """Of a command of an element-wise layer."""
        if isinstance(job, Passed):
            return [0] * JOB
        size, first = job.x[0].size, self.operand(job.x[-1])
        scales = [tuple(int(n) for n in row) for row in job.requant]
        if job.op == "add":
            second = self.operand(job.x[0])
            return self.told(size, ADDS | OTHER, None, first=first, second=second, scale=scales[1], down=scales[0])
        if job.op == "multiply":
            second = self.operand(job.x[0])
            return self.told(size, MULTIPLIED, None, first=first, second=second, scale=(0, 0), down=scales[0])
        return self.told(size, SCALED, job.table, first=first)

    def told(
        self,
        size: int,
        does: int,
        table: np.ndarray | None,
        first: int = 0,
        second: int = 0,
        constants: int = 0,
        features: int = 0,
        scale: tuple[int, int] = UNIT,
        down: tuple[int, int] = UNIT,
        epsilon: int = 0,
    ) -> list[int]:
        """The words of a job of so many elements."""
        windows, number = ceil(size, self.data.lanes), 0
        if table is not None:
            does |= LOOKS
            number = self.table_at.setdefault(table.tobytes(), len(self.tables))
            if number == len(self.tables):
                self.tables.append(table)
        last = size - (windows - 1) * self.data.lanes
        scales = [int(multiplier) | int(shift) << 16 for multiplier, shift in (scale, down)]
        head = [windows | last << 16 | number << 24, first, second, constants, features | does << 16]
        return [*head, *scales, epsilon & 0xFFFFFFFF, epsilon >> 32]

    def operand(self, x: np.ndarray) -> int:
        """The first word of an operand, which begins a word."""
        lanes = self.data.lanes
        rows = np.zeros((ceil(x.size, lanes), 4 * self.data.loads()["acts"]), np.int8)
        flat = np.zeros(len(rows) * lanes, np.int8)
        flat[: x.size] = x.ravel()
        rows[:, :lanes] = flat.reshape(-1, lanes)
        return self.put("acts", rows)

    def put(self, name: str, rows: np.ndarray) -> int:
        """The first word of what is put into a memory."""
        at = self.used[name]
        self.rows[name].append(rows)
        self.used[name] += len(rows)
        return at

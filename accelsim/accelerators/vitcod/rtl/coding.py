"""Values through the encoder: the data path behind it, what that is loaded with, and what it must compute."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.vitcod.rtl.datapath import LAG
from accelsim.rtl.datapath import Comparison, Parameters, Wires, ports_of
from accelsim.workload.functional import Scaling, encode

TOLD = {"begins": "1", **dict.fromkeys(("columns", "size", "heads", "encoded", "token", "met"), "isa::W")}


@dataclass(frozen=True)
class CodingSizes:
    """What the encoder's data path has room for: heads before and after, tokens, items of the array (`steps`; a power
    of two, as `tokens` is), and outputs of one."""

    heads: int = 12
    encoded: int = 6
    tokens: int = 64
    steps: int = 256
    outputs: int = 600

    def behind(self, values: Parameters, rows: Mapping[str, int], wires: Wires) -> "CodingDatapath":
        """The data path of a netlist with the one unit `unit`."""
        unit = values["unit"]
        return CodingDatapath(self, unit["lines"], unit["macs"], unit["sum_port_bytes"])


@dataclass(frozen=True)
class CodingDatapath:
    """The data path behind the encoder, and the shadow registers of the array, which hold all that a case encodes."""

    sizes: CodingSizes
    lines: int
    macs: int
    sum_port_bytes: int
    modules = ("requantise", "scratchpad", "encoder_datapath")
    result = "coded"

    @property
    def wide(self) -> int:
        """Multipliers."""
        return self.lines * self.macs

    def loads(self) -> dict[str, int]:
        """What is loaded, and 32-bit words of a row."""
        return {"outputs_of": -(-self.sizes.outputs // 4), "encode": 2 + -(-self.sizes.heads // 4)}

    def observed(self) -> dict[str, tuple[int, int]]:
        """What can be seen: items a cycle, and 32-bit words of one."""
        return {"coded": (self.wide, 1)}

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
        """The data path, and the array's outputs."""
        size, wide = self.sizes, self.wide
        held = size.outputs + wide
        steps = (size.steps - 1).bit_length()
        weights = f"encode_data[64+:{8 * size.heads}], encode_data[32+:6], encode_data[0+:16]"
        sizes = f".HEADS({size.heads}), .ENCODED({size.encoded}), .TOKENS({size.tokens}), .STEPS({size.steps})"
        told = ", ".join(f".{name}(unit_{name})" for name in TOLD)
        return [
            f"  logic [{steps - 1}:0] steps__at;",
            f"  logic [{(held - 1).bit_length() - 1}:0] steps__offset;",
            f"  logic steps__read;\n  logic [{8 * wide - 1}:0] steps__window;",
            f"  scratchpad #(.WIDTH({8 * held}), .SLICE({8 * wide}), .STRIDE(8), .TOKENS({size.steps})) steps (",
            f"      .clk, .we(outputs_of_we), .address({steps + 1}'(outputs_of_address)),",
            f"      .data({8 * held}'(outputs_of_data[{8 * size.outputs - 1}:0])), .read(steps__read),",
            "      .at({2'b0, steps__at}), .slice(steps__offset), .value(steps__window));",
            f"  encoder_datapath #(.LINES({self.lines}), .MACS({self.macs}), {sizes}, .WINDOWS({held})) data (",
            f"      .clk, .rst, .encode_we, .encode_address, .encode_data({{{weights}}}), .set('0), {told},",
            "      .read(steps__read), .at(steps__at), .offset(steps__offset), .window(steps__window), .coded_push,",
            "      .coded_item);",
        ]


@dataclass(frozen=True)
class Projection:
    """What the encoder compresses. x int8[heads, tokens, dim], weights int8[h', heads], the scaling of the sums; items:
    the array's, as in a script of `outputs`."""

    x: np.ndarray
    weights: np.ndarray
    scaling: Scaling
    items: np.ndarray

    def steps(self) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """Of each item that is encoded: its number among all, and its outputs: token, feature, head, int64[outputs]
        each, in the order in which they are met."""
        at = np.zeros(self.x.shape[1], np.int64)
        for n, (rows, columns, heads, _, _, token, _) in enumerate(self.items.tolist()):
            if heads:
                column = at[token] + np.tile(np.arange(columns), rows)
                at[token : token + rows] += columns
                yield n, token + np.repeat(np.arange(rows), columns), column // heads, column % heads

    def loads(self, data: CodingDatapath, tables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of everything the encoder's data path is loaded with."""
        words = data.loads()
        outputs = np.zeros((data.sizes.steps, 4 * words["outputs_of"]), np.int8)
        for memory, (_, token, feature, head) in zip(outputs, self.steps()):
            memory[: len(token)] = self.x[head, token, feature]
        yield "outputs_of", outputs.view(np.uint32)
        rows = np.zeros((data.sizes.encoded, words["encode"]), np.uint32)
        rows[:, :2] = self.scaling
        encoded, heads = self.weights.shape
        rows[:, 2:].view(np.int8)[:encoded, :heads] = self.weights
        yield "encode", rows

    def compare(
        self,
        name: str,
        data: CodingDatapath,
        tables: Mapping[str, np.ndarray],
        moved: Mapping[str, np.ndarray],
        seen: Mapping[str, np.ndarray],
        parameters: Parameters,
    ) -> Comparison:
        """Every value that is complete in the encoder, and the cycle in which it is."""
        done, coded = Comparison(name), seen["coded"]
        cycles, words, (head, token, feature) = expected_codes(data, self, moved["outputs"][:, 0], moved["out"][:, 0])
        if done.times("codes", coded[:, 0], cycles):
            for n in np.flatnonzero(coded[:, 1] & 0xFFFFFF != words & 0xFFFFFF)[:1]:
                where = f"compressed head {coded[n, 1] >> 16 & 255}, token {coded[n, 1] & 0xFFFF}"
                done.note(f"codes: value {n} is that of {where}")
            found, wanted = ((side >> 24).astype(np.uint8).view(np.int8) for side in (coded[:, 1], words))
            done.equal("code feature", found, wanted, head=head, row=token, feature=feature)
        return done

    def results(
        self, data: CodingDatapath, tables: Mapping[str, np.ndarray], moved: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """int64[codes, 2]: the cycle and the word of every code."""
        cycles, values, _ = expected_codes(data, self, moved["outputs"][:, 0], moved["out"][:, 0])
        return np.column_stack([cycles, values])


def draw_items(rng: np.random.Generator) -> list[tuple]:
    """The steps in which the array computes Q or K, as they leave it: tile by tile, in either order of tiles."""
    while True:
        items = draw_steps(rng)
        if len(items) < CodingSizes().steps:
            return items


def draw_steps(rng: np.random.Generator) -> list[tuple]:
    """As above, however many they are."""
    heads = int(rng.integers(1, 13))
    encoded, passes = (heads + 1) // 2, int(rng.integers(1, 5))
    tokens, columns = int(rng.integers(1, 60)), heads * int(rng.integers(1, 9))
    sizes = rng.integers(1, [tokens + 1, columns + 1]), rng.integers(1, [min(tokens, 30) + 1, min(columns, 20) + 1])
    (high, wide), (some, few) = (tuple(int(n) for n in pair) for pair in sizes)
    tiles = [(row, column) for row in range(0, tokens, high) for column in range(0, columns, wide)]
    if rng.random() < 0.5:
        tiles.sort(key=lambda tile: tile[1])
    return [
        (min(some, end - at), min(few, last - side), heads, encoded, passes, at, side % heads)
        for row, column in tiles
        for end, last in [(min(row + high, tokens), min(column + wide, columns))]
        for at in range(row, end, some)
        for side in range(column, last, few)
    ]


def draw_projection(rng: np.random.Generator, items: list[tuple]) -> Projection:
    """Random operands for these items (see `draw_items`): activations of all of int8, and codes of which some do
    not fit."""
    coded = np.array([item for item in items if item[2]] or [(1, 1, 1, 1, 1, 0, 0)])
    heads, encoded = int(coded[0, 2]), int(coded[0, 3])
    tokens = int((coded[:, 5] + coded[:, 0]).max())
    outputs = int((coded[:, 0] * coded[:, 1]).sum())
    x = rng.integers(-128, 128, (heads, tokens, -(-outputs // (tokens * heads)))).astype(np.int8)
    weights = rng.integers(-128, 128, (encoded, heads)).astype(np.int8)
    multiplier = int(rng.integers(2**14, 2**15))
    shift = int(np.rint(np.log2(multiplier * 128**2 / 3 * heads**0.5 / 64)))
    return Projection(x, weights, Scaling(multiplier, shift), np.array(items, np.int64).reshape(len(items), 7))


def expected_codes(
    data: CodingDatapath, x: Projection, came: np.ndarray, left: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What must be seen of `coded`, value by value: its cycle, its word, and (compressed head, token, feature), from
    the functional twin. came: the cycle in which each item is pushed to the encoder; left: those in which items leave
    it."""
    codes = encode(x.x, x.weights, *x.scaling)
    encoded, heads = x.weights.shape
    leaving, steps = iter(left.tolist()), {n: step for n, *step in x.steps()}
    free, cycles, wheres = 0, [], []
    for n, (rows, columns, mixed, _, _, _, met) in enumerate(x.items.tolist()):
        begun = max(int(came[n]) + 1, free)
        beats = -(-rows * columns * encoded // data.wide) if mixed else 1
        if mixed:
            sums = 4 * rows * encoded * ((met > 0) + ((met + columns) % mixed > 0))
            beats = max(beats, -(-sums // data.sum_port_bytes))
        leaves = not mixed or (met + columns) // mixed > 0
        free = next(leaving) if leaves else begun + beats
        if mixed:
            token, feature, head = steps[n]
            last = np.flatnonzero(head == heads - 1)
            nth = np.add.outer(last * encoded, np.arange(encoded)).ravel()
            cycles.append(begun + LAG + nth // data.wide)
            where = np.repeat(np.stack([token[last], feature[last]]), encoded, axis=1)
            wheres.append(np.concatenate([np.tile(np.arange(encoded), len(last))[None], where]))
    if not wheres:
        return np.zeros(0, np.int64), np.zeros(0, np.uint32), np.zeros((3, 0), np.int64)
    where = np.concatenate(wheres, axis=1)
    head, token, feature = where
    value = codes[head, token, feature].view(np.uint8).astype(np.uint32)
    return np.concatenate(cycles), value << 24 | (head << 16).astype(np.uint32) | token.astype(np.uint32), where

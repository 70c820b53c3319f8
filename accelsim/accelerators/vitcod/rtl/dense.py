"""Values through the MAC array: the data path behind it, what that is loaded with, and what it must compute."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.vitcod.rtl.stage import Step, in_rows, late, pixels, steps_of
from accelsim.accelerators.vitcod.tables import WINDOWS
from accelsim.dataflows.tiling import ceil
from accelsim.dataflows.windows import Window, entry, lying
from accelsim.rtl.datapath import Comparison, Parameters, Wires, ports_of
from accelsim.workload.functional import product

LAG = 5  # cycles from what the control says to the outputs in the shadow registers
TOLD = {
    "begins": "1", "across": "1", "adds": "1", "leaves": "1", "puts": "1",
    **dict.fromkeys(("tile", "step", "rows", "columns", "depth", "feature"), "isa::W"),
}  # fmt: skip


@dataclass(frozen=True)
class DenseSizes:
    """What the bench of the array's data path has room for: tiles, steps of a tile whose sums are put away, words of
    activations and of weights, biases."""

    tiles: int = 64
    steps: int = 64
    acts: int = 2048
    weights: int = 4096
    constants: int = 1024

    def behind(self, values: Parameters, rows: Mapping[str, int], wires: Wires) -> "DenseDatapath":
        """The data path of a netlist with the one unit `unit`."""
        one = values["unit"]
        return DenseDatapath(self, one["lines"], one["macs"], one["act_banks"], one["act_port_bytes"])


@dataclass(frozen=True)
class DenseDatapath:
    """The data path of the array, and the memories it reads: activations, weights, biases and scales, partial sums."""

    sizes: DenseSizes
    lines: int
    macs: int
    banks: int
    port: int
    modules = ("scratchpad", "mac_line", "place_generator", "transposing_stage", "mac_array_datapath")
    result = "sums"

    @property
    def side(self) -> int:
        """Tokens or features of a step at most."""
        return max(self.lines, self.macs)

    @property
    def word(self) -> int:
        """Bytes of a word of weights."""
        return max(2, 1 << (self.side - 1).bit_length())

    def loads(self) -> dict[str, int]:
        """What is loaded, and 32-bit words of a row."""
        return {
            "acts": ceil(self.port, 4),
            "weights": ceil(self.word, 4),
            "constants": 2,
            "tiles": 2 + len(WINDOWS.names),
        }

    def observed(self) -> dict[str, tuple[int, int]]:
        """What can be seen: items a cycle, and 32-bit words of one."""
        return {"sums": (self.macs, self.lines), "scales": (1, self.side), "slips": (1, 1)}

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
        told = ", ".join(f".{name}(unit_{name})" for name in TOLD)
        lanes = self.lines * self.macs
        memories = [  # name, bits of a word, words, ports, and what writes it
            ("act", 8 * self.port, self.sizes.acts, self.banks, "acts_we", "acts_address", "acts_data"),
            ("weight", 8 * self.word, self.sizes.weights, 2, "weights_we", "weights_address", "weights_data"),
            ("constant", 64, self.sizes.constants, self.side, "constants_we", "constants_address", "constants_data"),
            ("sum", 32 * lanes, self.sizes.steps, 1, "sum_write", "sum_to", "sum_data"),
        ]
        lines = [f"  logic sum_write;\n  logic [31:0] sum_to;\n  logic [{32 * lanes - 1}:0] sum_data;"]
        pins = []
        for name, width, words, reads, we, address, data in memories:
            bits = address_bits(words)
            reading = reads if name == "act" else 1
            at = f"{name}__at" if reads > 1 else f"{name}__at[0]"
            lines += [
                f"  logic [{reading - 1}:0] {name}__read;\n  logic [{reads - 1}:0][31:0] {name}__at;",
                f"  logic [{reads - 1}:0][{bits + 1}:0] {name}__place;",
                f"  logic [{reads - 1}:0][{width - 1}:0] {name}__value;",
                f"  for (genvar n = 0; n < {reads}; n++)",
                f"    assign {name}__place[n] = {{2'b0, {bits}'({name}__at[n])}};",
                f"  scratchpad #(.WIDTH({width}), .SLICE({width}), .TOKENS({1 << bits}), .READS({reads}))",
                f"    {name}__words (",
                f"      .clk, .we({we}), .address({bits + 1}'({address})), .data({data}[{width - 1}:0]),",
                f"      .read({{{reads // reading}{{{name}__read}}}}), .at({name}__place), .slice('0), "
                f".value({name}__value));",
            ]
            read = f"{name}__read" if name == "act" else f"{name}__read[0]"
            value = f"{name}__value" if reads > 1 else f"{name}__value[0]"
            pins += [f".{name}_read({read}), .{name}_at({at}), .{name}_value({value})"]
        return [
            *lines,
            f"  mac_array_datapath #(.LINES({self.lines}), .MACS({self.macs}), .ACT_BANKS({self.banks}), "
            f".ACT_PORT_BYTES({self.port}), .TILES({self.sizes.tiles}), "
            f".ACT_ADDRESS({address_bits(self.sizes.acts)})) data (",
            f"      .clk, .rst, .tiles_we, .tiles_address, .tiles_data, {told},",
            "      .waits(command__valid != 0), .next(command__data[isa::gemm_bits-1:0]), .taken(command__pop != 0),",
            *(f"      {pin}," for pin in pins),
            "      .sum_write, .sum_to, .sum_data, .sums_push, .sums_item, .scales_push, .scales_item, .slips_push);",
            "  assign slips_item = '0;",
        ]


def address_bits(words: int) -> int:
    """Of a memory of so many words."""
    return max(1, (words - 1).bit_length())


class Product(NamedTuple):
    """A dense layer: x int8[tokens, depth], weight int8[depth, features], bias int32[features], and the 32 bits of each
    feature's scale, int64[features]; window: of a convolution, whose x is read of its pictures."""

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    scale: np.ndarray
    window: Window | None = None


class Place(NamedTuple):
    """A tile of the array: its layer, its first row and column there, and where its part of the depth begins."""

    layer: int
    row: int
    column: int
    element: int


@dataclass(frozen=True)
class DenseWork:
    """What the array computes: the layers, and of each command its place; commands: the items of the array's port
    `command`, as in a script."""

    layers: Sequence[Product]
    places: Sequence[Place]
    commands: np.ndarray

    def tiles(self) -> Iterator[tuple[Place, Product, tuple[int, ...]]]:
        """Place, layer, and (tokens, features, depth, step tokens, step features, whether outputs leave) of each."""
        for place, command in zip(self.places, self.commands.tolist()):
            yield place, self.layers[place.layer], (*command[:5], command[5] > 0)

    def steps(self, values: Mapping[str, int], moved: Mapping[str, np.ndarray]) -> Iterator[Step]:
        """The steps of a run of the array on it."""
        windows = [layer.window for layer in self.layers]
        return steps_of(values, moved, [(windows[at.layer], at.row, at.element) for at in self.places])

    def needed(self, data: DenseDatapath) -> DenseSizes:
        """Rooms for all of it."""
        rows = {name: len(words) for name, words in self.loads(data, {})}
        steps = max(ceil(c[0], c[3]) * ceil(c[1], c[4]) for c in self.commands.tolist())
        return DenseSizes(rows["tiles"], steps, rows["acts"], rows["weights"], rows["constants"])

    def loads(self, data: DenseDatapath, tables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of everything the data path is loaded with: of each part of a layer's depth the
        activations token by token, of each tile the weights as the array takes them."""
        words = data.loads()
        acts: list[np.ndarray] = []
        act_at: dict[tuple[int, int, int], int] = {}  # layer, part of its depth -> first word
        weights, tiles, used, constant_at = [], [], 0, {}
        constants, act_words = [], 0
        for n, layer in enumerate(self.layers):
            constant_at[n] = sum(map(len, constants))
            constants.append(np.stack([layer.bias.astype(np.uint32), layer.scale.astype(np.uint32)], axis=1))
        for place, layer, (tokens, features, depth, high, wide, _) in self.tiles():
            key = (place.layer, 0, 0) if layer.window else (place.layer, place.element, depth)
            pitch = ceil(depth, data.port)
            if key not in act_at:
                act_at[key] = act_words
                if layer.window:
                    part = pixels(layer.window, layer.x)
                else:
                    part = np.zeros((len(layer.x), pitch * data.port), np.int8)
                    part[:, :depth] = layer.x[:, place.element : place.element + depth]
                rows = np.zeros((ceil(part.size, data.port), 4 * words["acts"]), np.int8)
                rows[:, : data.port] = np.pad(part.ravel(), (0, -part.size % data.port)).reshape(-1, data.port)
                acts.append(rows)
                act_words += len(rows)
            if layer.window:
                step = {"tokens": tokens, "step_tokens": min(high, tokens), "depth": depth}
                ports = data.port, data.banks
                chunk = lying(layer.window, *ports, row=place.row, element=place.element, **step).chunk
                lies = entry(layer.window, *ports, chunk, place.row, place.element)
            else:
                lies = in_rows(data.port, data.banks, pitch, depth)
                lies["at_words"] = place.row * pitch
            lies["at_words"] += act_at[key]
            tiles.append((used, constant_at[place.layer] + place.column, *(lies[name] for name in WINDOWS.names)))
            part = layer.weight[place.element : place.element + depth, place.column : place.column + features]
            weights += [part[:, at : at + wide].ravel() for at in range(0, features, wide)]
            used += depth * features
        stream = np.concatenate([*weights, np.zeros(2 * data.word - used % data.word, np.int8)])
        image = np.zeros((len(stream) // data.word, 4 * words["weights"]), np.int8)
        image[:, : data.word] = stream.reshape(-1, data.word)
        yield "acts", np.concatenate(acts).view(np.uint32)
        yield "weights", image.view(np.uint32)
        yield "constants", np.concatenate([*constants, np.zeros((data.side, 2), np.uint32)])
        yield "tiles", np.array(tiles, np.int64).astype(np.uint32)

    def expected(self, data: DenseDatapath) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]]:
        """Of each step whose outputs leave, in order: the shadow registers int64[macs, lines], the scales int64[side],
        and of each register its (layer, token, feature), -1 where the step has none."""
        whole = [product(layer.x[None, None], layer.weight[None, None])[0, 0] + layer.bias for layer in self.layers]
        lane = np.arange(data.lines), np.arange(data.macs)[:, None]
        for place, layer, (tokens, features, _, high, wide, last) in self.tiles():
            across = wide > data.macs or high > data.lines
            for row in range(0, tokens if last else 0, high):
                for column in range(0, features, wide):
                    token, feature = (lane[1], lane[0]) if across else lane
                    token, feature = np.broadcast_arrays(token, feature)
                    used = (token < min(high, tokens - row)) & (feature < min(wide, features - column))
                    first = place.row + row, place.column + column
                    token, feature = (np.where(used, at + n, -1) for at, n in zip((token, feature), first))
                    sums = np.where(used, whole[place.layer][token, feature], 0)
                    scales = np.zeros(data.side, np.int64)
                    scale = layer.scale[first[1] : first[1] + min(wide, features - column)]
                    scales[: len(scale)] = scale
                    yield sums, scales, (np.where(used, place.layer, -1), token, feature)

    def compare(
        self,
        name: str,
        data: DenseDatapath,
        tables: Mapping[str, np.ndarray],
        moved: Mapping[str, np.ndarray],
        seen: Mapping[str, np.ndarray],
        parameters: Parameters,
    ) -> Comparison:
        """Every output that enters the shadow registers, with its bias, its feature's scale, and the cycle; up to where
        the transposing stage is late, if the steps are so short that it may be."""
        done, at = Comparison(name), moved["out"][:, 0] + LAG
        steps = list(self.expected(data))
        sums, scales = seen["sums"], seen["scales"]
        if len(seen["slips"]):
            first = seen["slips"][0, 0]
            if not late(parameters["unit"], self.steps(parameters["unit"], moved)).steps:
                done.note(f"the transposing stage is late in cycle {first}", len(seen["slips"]))
            at = at[at < first + LAG]
            steps = steps[: len(at)]
            sums, scales = (one[one[:, 0] < first + LAG] for one in (sums, scales))
        if done.times("sums", sums[:, 0], np.repeat(at, data.macs)) and done.times("scales", scales[:, 0], at):
            found = sums[:, 1:].astype(np.uint32).view(np.int32).ravel()
            wanted, layer, token, feature = (
                np.concatenate([np.asarray(one).ravel() for one in some] or [np.zeros(0, np.int64)])
                for some in ([s for s, *_ in steps], *([where[i] for *_, where in steps] for i in range(3)))
            )
            done.equal("sums", found, wanted, layer=layer, token=token, feature=feature)
            wanted = np.concatenate([s for _, s, _ in steps] or [np.zeros(0, np.int64)])
            item = np.repeat(np.arange(len(steps)), data.side)
            done.equal("scales", scales[:, 1:].ravel(), wanted, item=item)
        return done

    def results(
        self, data: DenseDatapath, tables: Mapping[str, np.ndarray], moved: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """int64[items, 1 + lines]: the cycle and the shadow registers of every MAC of every step."""
        words = [sums.astype(np.int64) & 0xFFFFFFFF for sums, *_ in self.expected(data)]
        cycles = np.repeat(moved["out"][:, 0] + LAG, data.macs)
        return np.column_stack([cycles, np.concatenate(words or [np.zeros((0, data.lines), np.int64)])])

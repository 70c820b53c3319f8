"""Layers as their values lie in DRAM and in the buffers: of each tile and step of the array, and of each command of the
vector unit, where its operands are found and where its results go."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.rtl.dense import Place
from accelsim.accelerators.vitcod.rtl.dense_layers import pieces_of, places_of
from accelsim.accelerators.vitcod.rtl.stage import in_rows
from accelsim.accelerators.vitcod.rtl.values_attention import attend, operands_of
from accelsim.accelerators.vitcod.rtl.values_chain import output_name, readers
from accelsim.accelerators.vitcod.rtl.values_core import ACT, WEIGHT
from accelsim.accelerators.vitcod.rtl.values_inputs import Lies, elementwise, picture, put_inputs, windows
from accelsim.accelerators.vitcod.rtl.values_places import Load
from accelsim.accelerators.vitcod.rtl.values_reads import found_in
from accelsim.accelerators.vitcod.rtl.values_work import Laid, Values
from accelsim.accelerators.vitcod.rtl.vector import VectorDatapath
from accelsim.accelerators.vitcod.rtl.vector_image import (
    ADDS,
    CENTRED,
    GAINS,
    NORMALISED,
    SCALED,
    SQUARES,
    SUMMED,
    Image,
)
from accelsim.accelerators.vitcod.rtl.vector_layers import CODED
from accelsim.accelerators.vitcod.tables import WINDOWS
from accelsim.core.errors import InputError
from accelsim.dataflows.gemm import Columns
from accelsim.dataflows.stores import Kept, parts
from accelsim.dataflows.tiling import ceil
from accelsim.dataflows.windows import Window
from accelsim.workload import functional
from accelsim.workload.layers import Attention, Gemm, Norm
from accelsim.workload.network import Computed
from accelsim.workload.wiring import wiring
from accelsim.workload.workload import stored_shapes

SPACE = 13  # bits of a norm's features, with those behind the last
ALONE = 1 << 31  # scales without biases
ALL = (1 << 32) - 1  # no table
Tile = tuple[int, Place, list[int]]  # number of a command of the array, where its tile is, what it says


def lay(laid: Laid, vector: VectorDatapath) -> Values:
    """All layers of a network. Raises InputError for what the data path does not do."""
    commands, order = laid.told["engine"], pieces_of(laid.arch, laid.workload)
    tiles = zip(places_of(laid.workload, laid.have, order, commands), commands.tolist(), strict=True)
    every: list[Tile] = [(n, *one) for n, one in enumerate(tiles)]
    image, number, command = Image(vector), 0, 0
    reads = wiring(laid.workload)
    written = {
        tensor for name, one in reads.items() for tensor, *_ in found_in(laid.workload, laid.workload.layer(name), one)
    }
    for layer in laid.workload.layers:
        computed = laid.network.of(layer.name)
        if isinstance(layer, Attention):
            attention(laid, layer, computed, image)
            continue
        put_inputs(laid, computed, written)
        if isinstance(layer, Gemm):
            for product in range(layer.repeat):
                mine = [one for one in every if one[1].layer == number]
                Dense(laid, layer, computed, image, product).tiles(mine)
                number += 1
        elif isinstance(layer, Norm):
            command = norm(laid, layer, computed, image, command)
        else:
            command = elementwise(laid, layer, computed, image, command)
    classes(laid)
    attend(laid)
    for table in (*image.tables, *[np.zeros(256, np.int8)] * (not image.tables)):
        laid.add("entries", table)
    return laid.values()


def classes(laid: Laid) -> None:
    """The class token before what a layer computes."""
    for name, some in readers(laid.workload).items():
        token = laid.network.classed.get((name,))
        for tensor, _ in some if token is not None else ():
            if before := laid.places[output_name(laid.workload.layer(name))] - laid.places[tensor]:
                laid.put(laid.places[tensor], token[:before])


def attention(laid: Laid, layer: Attention, computed: Computed, image: Image) -> None:
    """Its output, what it is computed of, and how many rows go through which table of an activation."""
    table = laid.network.table(layer)
    laid.add("looks", [layer.heads * layer.q_tokens, ALL if table is None else image.table(table)])
    laid.want(laid.places[output_name(layer)] + np.arange(computed.output.size), computed.output.ravel())
    laid.attended.append((layer, operands_of(laid.network, layer, computed, laid.codes.get(layer.name, {}))))


def norm(laid: Laid, layer: Norm, computed: Computed, image: Image, command: int) -> int:
    """The commands of a norm, from one on; the next."""
    source, target = (laid.places[f"{layer.name}.{n}"] for n in ("input", "output"))
    gamma, beta, shift, epsilon = (computed.operands[n] for n in ("gamma", "beta", "shift", "epsilon"))
    small = np.asarray(beta, np.int64) >> shift
    if (small << shift != beta).any() or small.min() < -(1 << 15) or small.max() >= 1 << 15:
        raise InputError(f"{laid.workload.name}: offsets of {layer.name} have more than 16 bits")
    at = laid.places[f"{layer.name}.constants"]
    laid.put(at, np.concatenate([gamma.astype(np.int16), small.astype(np.int16)]))
    number = laid.add("norms", [0, layer.features, int(shift)])
    does = GAINS | (SCALED if layer.norm == "batchnorm" else SQUARES | NORMALISED)
    does |= CENTRED * (layer.norm == "layernorm")
    laid.want(target + np.arange(computed.output.size), computed.output.ravel())
    begin = 0
    while begin < computed.output.size:
        size, until = int(laid.told["vector"][command, 0]), laid.until["vector"][command].get(ACT, 0)
        done = laid.done["vector"][command]
        x = laid.loads[ACT].last(source + begin, until).read(size, size, image.data.lanes, done)
        constants = laid.loads[ACT].last(at, until).read(4 * layer.features, 4 * layer.features, 2, done)
        if (x.address, x.size) != (source + begin, size):
            raise InputError(f"{laid.workload.name}: a command of {layer.name} is of another load than its own")
        row = laid.add("commands", ())
        laid.add("command_places", [laid.result(target + begin + np.arange(size), 1)[0][0]])

        def then(row: int = row, size: int = size, x: Load = x, constants: Load = constants) -> None:
            said = {"features": layer.features, "constants": number << SPACE, "epsilon": int(epsilon)}
            laid.rows["commands"][row] = image.told(
                size, does, None, first=x.place // image.data.lanes, down=(0, int(shift)), **said
            )
            laid.rows["norms"][number] = [constants.place, layer.features, int(shift)]

        laid.later.append(then)
        begin, command = begin + size, command + 1
    return command


def kept_at(kept: Sequence[Kept], rows: np.ndarray, first: int, count: int) -> np.ndarray:
    """int64[rows, count]: the bytes of an output that so many values, from a first on, of some rows are."""
    found = []
    for one, begin, some in parts(kept, first, count):
        starts = np.array([one.place(row) for row in rows.tolist()], np.int64)
        found.append(starts[:, None] + begin + np.arange(some))
    return np.hstack(found)


class Dense:
    """A product of a dense layer: its constants in DRAM as they are told to be packed, and its tiles."""

    def __init__(self, laid: Laid, layer: Gemm, computed: Computed, image: Image, product: int = 0) -> None:
        self.laid, self.layer, self.image, self.operands = laid, layer, image, computed.operands
        self.window, self.first = Window.of(layer), product * layer.out_features
        encodes = next((one for one in laid.workload.attention_layers if one.name == layer.encodes), None)
        self.groups: list[tuple[int, Columns, np.ndarray, int]] = []  # first column, values that leave, set of weights
        columns = np.arange(layer.out_features)  # as the array takes them: heads that are compressed side by side
        first = 0
        for n, some in enumerate(columns_of(layer, encodes, laid.have)):
            mine = slice(first, first + some.count)
            values, number = computed.output[0][:, self.first :][:, mine], -1
            if some.heads:
                values, number = self.coded(encodes, CODED[layer.role][n], values)
                columns[mine] = columns[mine].reshape(some.heads, -1).T.ravel()
            self.groups.append((first, some, values, number))
            first += some.count
        self.weight = computed.operands["weight"][product][:, columns]
        bias = np.asarray(computed.operands["bias"][product], np.int32)[columns]
        requant = np.asarray(computed.operands["requant"][product], np.int64)[columns]
        scales = (requant[:, 0] | requant[:, 1] << 16).astype(np.uint32)
        self.each, self.pitch = 8 if layer.bias else 4, layer.repeat * layer.out_features
        self.source, self.target = self.at("input") + product * layer.inputs // layer.repeat, self.at("output")
        laid.put(
            self.at("bias") + self.each * self.first,
            np.stack([bias.view(np.uint32), scales], axis=1) if layer.bias else scales,
        )

    def at(self, tensor: str) -> int:
        """Where a tensor of the layer begins in DRAM."""
        return self.laid.places[f"{self.layer.name}.{tensor}"]

    def coded(self, attention: Attention, operand: str, columns: np.ndarray) -> tuple[np.ndarray, int]:
        """int8[tokens, dim x compressed heads] of columns int8[tokens, heads x dim] of Q or K; and which of the
        encoder's weights these are."""
        name, network = f"encode_{operand}", self.laid.network
        if f"{attention.name}.{name}_bias" in self.laid.workload.tensors:
            raise InputError(f"{self.laid.workload.name}: the encoder of {attention.name} has biases")
        tokens, heads = len(columns), attention.heads
        x = np.ascontiguousarray(columns.reshape(tokens, heads, -1).transpose(1, 0, 2))
        weight = network.constant(
            attention, name, lambda: network.draw(attention, name, stored_shapes(attention)[name][1])
        )
        sums = np.einsum("oh,hnd->ond", weight.astype(np.int32), x.astype(np.int32))
        scale = network.constant(attention, f"{name}_requant", lambda: functional.calibrated(sums[None], 25))
        codes = functional.encode(x, weight, *map(int, scale))
        self.laid.codes.setdefault(attention.name, {})[operand] = codes
        number = self.laid.add("coding", (weight, np.asarray(scale, np.int64)))
        return codes.transpose(1, 2, 0).reshape(tokens, -1), number

    def tiles(self, tiles: list[Tile]) -> None:
        """The tiles of the layer, in order."""
        for number, place, said in tiles:
            tokens, features, depth, high, wide, last = said[:6]
            block = self.weight[place.element : place.element + depth, place.column : place.column + features]
            packed = np.concatenate([block[:, at : at + wide].ravel() for at in range(0, features, wide)])
            column = self.first + place.column
            weights = self.at("weight") + column * self.layer.in_features + place.element * features
            self.laid.put(weights, packed)
            until, done = self.laid.until["engine"][number], self.laid.done["engine"][number]
            held = self.laid.loads[WEIGHT].every[until[WEIGHT] - 1].read(packed.size, packed.size, 1, done)
            if (held.address, held.size) != (weights, packed.size):
                raise InputError(f"{self.laid.workload.name}: a tile of {self.layer.name} waits for other weights")
            constants = self.at("bias") + self.each * column
            beside = self.laid.loads[WEIGHT].last(constants, until[WEIGHT]) if last else None
            if beside:
                beside.read(beside.size, beside.size, self.each, done)
            if self.window:
                block = picture(self.laid, self.window, self.source, place, said, until.get(ACT, 0), done)
                lies = windows(self.laid, self.window, block, place, said)
            else:
                lies = self.activations(place, depth, until.get(ACT, 0), done)
            self.laid.later.append(partial(self.tile, self.laid.add("tiles", ()), held, beside, constants, lies))
            if last:
                self.steps(place, (tokens, features, high, wide), until.get(ACT, 0), done)

    def activations(self, place: Place, depth: int, until: int, done: int) -> Lies:
        """How a tile's activations lie, row by row."""
        width = self.layer.in_features
        port, banks = (self.laid.arch.parts[ACT][name] for name in ("port_bytes", "banks"))
        begin = self.source + place.row * width + place.element
        load = self.laid.loads[ACT].last(begin, until)
        row, element = divmod(load.address - self.source, width)
        whole = load.segments == 1 and element == 0 and load.size % width == 0
        if not whole and load.segments > 1 and load.pitch != width:
            raise InputError(f"{self.laid.workload.name}: activations of {self.layer.name} do not lie row by row")
        length = width if whole else load.bytes
        apart = length if length % port == 0 or port % length == 0 else ceil(length, port) * port
        if place.element - element + depth > length:
            raise InputError(f"{self.laid.workload.name}: a tile of {self.layer.name} is of more loads than one")
        load.read(length, apart, port, done)

        def lies() -> dict[str, int]:
            at = load.place + (place.row - row) * apart + place.element - element
            return in_rows(port, banks, 0, depth, apart) | {"at_words": at // port, "at_bytes": at % port}

        return lies

    def tile(self, row: int, held: Load, beside: Load | None, constants: int, lies: Lies) -> None:
        """What the array's data path is told of a tile."""
        first = (beside.place + constants - beside.address) // self.each if beside else 0
        first |= ALONE * (self.each == 4)
        told = lies()
        self.laid.rows["tiles"][row] = [held.place, first, *(told[name] for name in WINDOWS.names)]

    def steps(self, place: Place, sizes: tuple[int, ...], until: int, done: int) -> None:
        """The steps of a tile whose outputs leave, as the vector unit takes them."""
        tokens, features, high, wide = sizes
        first, some, values, number = next(one for one in reversed(self.groups) if one[0] <= place.column)
        at, beside = place.column - first, None
        if self.layer.residual:
            address = self.at("residual") + place.row * self.pitch + self.first + place.column
            beside = self.laid.loads[ACT].last(address, until)
            beside.read(beside.bytes, beside.bytes, 1, done)
            if (beside.address, beside.bytes, beside.segments) != (address, features, tokens):
                raise InputError(f"{self.laid.workload.name}: a residual operand of {self.layer.name} is of no tile")
        for row in range(0, tokens, high):
            rows = np.arange(place.row + row, place.row + min(row + high, tokens))
            for column in range(0, features, wide):
                columns = np.arange(at + column, at + min(column + wide, features))
                if some.heads:  # of a feature the codes leave with its last head
                    self.laid.add("sets", [number])
                    begin, end = (n // some.heads * some.encoded for n in (columns[0], columns[-1] + 1))
                    columns = np.arange(begin, end)
                if not len(columns):
                    continue
                if some.kept:
                    address = self.target + kept_at(some.kept, rows, int(columns[0]), len(columns))
                else:
                    address = self.target + rows[:, None] * self.pitch + self.first + first + columns
                self.laid.want(address, values[np.ix_(rows, columns)])
                self.item(address, some.heads > 0, beside, (row, column))

    def item(self, address: np.ndarray, coded: bool, beside: Load | None, corner: tuple[int, int]) -> None:
        """An item of the array, with its results at these addresses."""
        columns = address.shape[1]
        for run in self.laid.result(address):
            self.laid.add("runs", run)
        number = len(self.laid.rows.get("items", ()))
        if number < len(self.laid.items) and self.laid.items[number] != address.size:
            raise InputError(f"{self.laid.workload.name}: item {number} has {self.laid.items[number]} elements")
        does, table, scale = SUMMED, None if coded else self.operands["table"], (1, 0)
        if beside:
            does, scale = does | ADDS, tuple(int(n) for n in self.operands["residual_requant"])
        self.laid.add("items", self.image.told(address.size, does, table, scale=scale))
        row = self.laid.add("residuals", [0, columns, 0])

        def then() -> None:
            if beside:
                first = beside.place + corner[0] * beside.row + corner[1]
                self.laid.rows["residuals"][row] = [first, columns, beside.row]

        self.laid.later.append(then)

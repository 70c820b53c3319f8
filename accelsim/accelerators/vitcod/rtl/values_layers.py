"""Layers as their values lie in DRAM and in the buffers: of each tile and step of the array, and of each command of the
vector unit, where its operands are found and where its results go."""

from functools import partial

import numpy as np

from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.rtl.dense import Place
from accelsim.accelerators.vitcod.rtl.dense_layers import pieces_of, places_of
from accelsim.accelerators.vitcod.rtl.stage import in_rows
from accelsim.accelerators.vitcod.rtl.values_chain import output_name, readers
from accelsim.accelerators.vitcod.rtl.values_core import ACT, ROW, WEIGHT
from accelsim.accelerators.vitcod.rtl.values_places import Load
from accelsim.accelerators.vitcod.rtl.values_work import Laid, Values, bytes_of
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
from accelsim.dataflows.tiling import ceil
from accelsim.workload import functional
from accelsim.workload.layers import Attention, Gemm, Norm
from accelsim.workload.network import Computed
from accelsim.workload.workload import stored_shapes

SPACE = 13  # bits of a norm's features, with those behind the last
ALONE = 1 << 31  # scales without biases
Tile = tuple[int, Place, list[int]]  # number of a command of the array, where its tile is, what it says


def lay(laid: Laid, vector: VectorDatapath) -> Values:
    """All layers of a network. Raises InputError for what the data path does not do."""
    commands, order = laid.told["engine"], pieces_of(laid.arch, laid.workload)
    tiles = zip(places_of(laid.workload, laid.have, order, commands), commands.tolist(), strict=True)
    every: list[Tile] = [(n, *one) for n, one in enumerate(tiles)]
    image, number, command = Image(vector), 0, 0
    written = {tensor for some in readers(laid.workload).values() for tensor, _ in some}
    for layer in laid.workload.layers:
        computed = laid.network.of(layer.name)
        if isinstance(layer, Attention):
            attention(laid, layer, computed)
            continue
        x = computed.operands["x"]
        if f"{layer.name}.input" not in written:
            laid.put(laid.places[f"{layer.name}.input"], x)
        if isinstance(layer, Gemm):
            if layer.residual and f"{layer.name}.residual" not in written:
                laid.put(laid.places[f"{layer.name}.residual"], computed.operands["residual"])
            Dense(laid, layer, computed, image).tiles([one for one in every if one[1].layer == number])
            number += 1
        else:
            command = norm(laid, layer, computed, image, command)
    classes(laid)
    if laid.attended:
        whole = np.concatenate(laid.attended)
        laid.rows["merged"] = [*np.pad(whole, (0, -len(whole) % ROW)).reshape(-1, ROW)]
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


def attention(laid: Laid, layer: Attention, computed: Computed) -> None:
    """The rows that the merge hands on come from outside, in the order in which they are stored."""
    first, output = laid.places[output_name(layer)], computed.output.reshape(-1)
    mine = [one for one in laid.stores if first <= one["address"] < first + len(output)]
    stored = np.concatenate([bytes_of(one) for one in mine])
    laid.want(stored, output[stored - first])
    laid.attended.append(output[stored - first])


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
        laid.add("command_places", [laid.result(target + begin + np.arange(size)[None])[0]])

        def then(row: int = row, size: int = size, x: Load = x, constants: Load = constants) -> None:
            said = {"features": layer.features, "constants": number << SPACE, "epsilon": int(epsilon)}
            laid.rows["commands"][row] = image.told(
                size, does, None, first=x.place // image.data.lanes, down=(0, int(shift)), **said
            )
            laid.rows["norms"][number] = [constants.place, layer.features, int(shift)]

        laid.later.append(then)
        begin, command = begin + size, command + 1
    return command


class Dense:
    """A dense layer: its constants in DRAM as they are told to be packed, and its tiles."""

    def __init__(self, laid: Laid, layer: Gemm, computed: Computed, image: Image) -> None:
        self.laid, self.layer, self.image, self.operands = laid, layer, image, computed.operands
        encodes = next((one for one in laid.workload.attention_layers if one.name == layer.encodes), None)
        self.groups: list[tuple[int, Columns, np.ndarray, int]] = []  # first column, values that leave, set of weights
        columns = np.arange(layer.out_features)  # as the array takes them: heads that are compressed side by side
        first = 0
        for n, some in enumerate(columns_of(layer, encodes, laid.have)):
            mine = slice(first, first + some.count)
            values, number = computed.output[0][:, mine], -1
            if some.heads:
                values, number = self.coded(encodes, CODED[layer.role][n], values)
                columns[mine] = columns[mine].reshape(some.heads, -1).T.ravel()
            self.groups.append((first, some, values, number))
            first += some.count
        self.weight = computed.operands["weight"][0][:, columns]
        bias = np.asarray(computed.operands["bias"][0], np.int32)[columns]
        requant = np.asarray(computed.operands["requant"][0], np.int64)[columns]
        scales = (requant[:, 0] | requant[:, 1] << 16).astype(np.uint32)
        self.each = 8 if layer.bias else 4
        self.source, self.target = self.at("input"), self.at("output")
        laid.put(self.at("bias"), np.stack([bias.view(np.uint32), scales], axis=1) if layer.bias else scales)

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
        number = self.laid.add("coding", (weight, np.asarray(scale, np.int64)))
        return codes.transpose(1, 2, 0).reshape(tokens, -1), number

    def tiles(self, tiles: list[Tile]) -> None:
        """The tiles of the layer, in order."""
        for number, place, said in tiles:
            tokens, features, depth, high, wide, last = said[:6]
            block = self.weight[place.element : place.element + depth, place.column : place.column + features]
            packed = np.concatenate([block[:, at : at + wide].ravel() for at in range(0, features, wide)])
            weights = self.at("weight") + place.column * self.layer.in_features + place.element * features
            self.laid.put(weights, packed)
            until, done = self.laid.until["engine"][number], self.laid.done["engine"][number]
            held = self.laid.loads[WEIGHT].every[until[WEIGHT] - 1].read(packed.size, packed.size, 1, done)
            if (held.address, held.size) != (weights, packed.size):
                raise InputError(f"{self.laid.workload.name}: a tile of {self.layer.name} waits for other weights")
            constants = self.at("bias") + self.each * place.column
            beside = self.laid.loads[WEIGHT].last(constants, until[WEIGHT]) if last else None
            if beside:
                beside.read(beside.size, beside.size, self.each, done)
            acts, offset = self.activations(place, depth, until.get(ACT, 0), done)
            self.laid.later.append(
                partial(self.tile, self.laid.add("tiles", ()), held, beside, constants, acts, offset, depth)
            )
            if last:
                self.steps(place, (tokens, features, high, wide), until.get(ACT, 0), done)

    def activations(self, place: Place, depth: int, until: int, done: int) -> tuple[Load, int]:
        """The load of a tile's activations, and the byte of it that is the first, row by row."""
        width, port = self.layer.in_features, self.laid.arch.parts[ACT]["port_bytes"]
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
        return load.read(length, apart, port, done), (place.row - row) * apart + place.element - element

    def tile(
        self, row: int, held: Load, beside: Load | None, constants: int, acts: Load, offset: int, depth: int
    ) -> None:
        """What the array's data path is told of a tile."""
        port = self.laid.arch.parts[ACT]["port_bytes"]
        lies, at = in_rows(port, 0, depth), acts.place + offset
        lies |= {"at_words": at // port, "at_bytes": at % port}
        lies |= {"token_words": acts.apart // port, "token_bytes": acts.apart % port}
        first = (beside.place + constants - beside.address) // self.each if beside else 0
        first |= ALONE * (self.each == 4)
        self.laid.rows["tiles"][row] = [held.place, first, *(lies[name] for name in WINDOWS.names)]

    def steps(self, place: Place, sizes: tuple[int, ...], until: int, done: int) -> None:
        """The steps of a tile whose outputs leave, as the vector unit takes them."""
        tokens, features, high, wide = sizes
        first, some, values, number = next(one for one in reversed(self.groups) if one[0] <= place.column)
        at, run, beside = place.column - first, 0, None
        if self.layer.residual:
            address = self.at("residual") + place.row * self.layer.out_features + place.column
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
                if some.packed:
                    before, each = some.leaves(0, at), some.leaves(at, features)
                    start = self.target + (first + before) * self.layer.tokens + place.row * each + run
                    address = start + np.arange(len(rows) * len(columns)).reshape(len(rows), -1)
                    run += address.size
                else:
                    address = self.target + rows[:, None] * self.layer.out_features + first + columns
                self.laid.want(address, values[np.ix_(rows, columns)])
                self.item(address, some.heads > 0, beside, (row, column))

    def item(self, address: np.ndarray, coded: bool, beside: Load | None, corner: tuple[int, int]) -> None:
        """An item of the array, with its results at these addresses."""
        columns = address.shape[1]
        place, pitch = self.laid.result(address)
        number = self.laid.add("item_places", [place, columns, pitch])
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

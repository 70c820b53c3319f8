"""Layers' inputs as they lie in DRAM and in the activation buffer where they are not rows of one matrix: pictures of
which windows are cut, products side by side, operands of element-wise layers."""

from collections.abc import Callable, Collection

import numpy as np

from accelsim.accelerators.vitcod.rtl.dense import Place
from accelsim.accelerators.vitcod.rtl.stage import pixels
from accelsim.accelerators.vitcod.rtl.values_core import ACT
from accelsim.accelerators.vitcod.rtl.values_places import Block
from accelsim.accelerators.vitcod.rtl.values_reads import needed
from accelsim.accelerators.vitcod.rtl.values_work import Laid
from accelsim.accelerators.vitcod.rtl.vector_image import Image
from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil
from accelsim.dataflows.windows import Window, entry, lying
from accelsim.workload.layers import Elementwise, Gemm
from accelsim.workload.network import Computed

Lies = Callable[[], dict[str, int]]  # how a tile's activations lie, once loads have places


def put_inputs(laid: Laid, computed: Computed, written: Collection[str]) -> None:
    """What a layer reads and no layer has written lies in DRAM when time begins. Raises InputError if what is read of
    other layers is not what they write."""
    layer, operands = computed.layer, computed.operands
    x, residual = operands["x"], operands.get("residual")
    if isinstance(layer, Gemm):
        x = x[0]  # the first picture; the products one after the other
        if window := Window.of(layer):
            x = np.stack([pixels(window, one) for one in x])
    values = {"input": x}
    if residual is not None:
        values["residual"] = residual[0].transpose(1, 0, 2)
    for operand, one in values.items():
        name = f"{layer.name}.{operand}"
        if name not in written:
            laid.put(laid.places[name], one)
        elif name in laid.read.sources:
            wanted = laid.wanted[laid.read.sources[name].lies].ravel()
            if (wanted != np.ascontiguousarray(one).reshape(-1).view(np.uint8)).any():
                raise InputError(f"{laid.workload.name}: {name} is not what the layers it reads have written")


def picture(laid: Laid, window: Window, first: int, place: Place, said: list[int], until: int, done: int) -> Block:
    """The loads of the picture at `first` that are there for a tile whose command says this. Raises InputError if
    pixels of its windows are not among them."""
    tokens, depth = said[0], said[2]
    begin, end = (first + at for at in needed(window, place.row, tokens, place.element, depth))
    mine = []
    for load in reversed(laid.loads[ACT].every[:until]):
        if first <= load.address < first + window.side * window.line:
            mine.append(load)
            if load.address == first:
                break
    mine.reverse()
    ends = [load.address + load.size for load in mine]
    if not mine or mine[0].address != first or ends[:-1] != [one.address for one in mine[1:]] or ends[-1] < end:
        raise InputError(f"{laid.workload.name}: pixels are multiplied that have not been loaded at {first}")
    block = mine[0].beside or Block(first, laid.arch.parts[ACT]["port_bytes"])
    block.tiles.append((begin, done))
    for load, last in zip(mine, ends, strict=True):
        if load.beside is None:
            load.beside = block
            block.loads.append(load)
        if load.address < end and last > begin:
            load.read(load.size, load.size, 1, done)
    return block


def windows(laid: Laid, window: Window, block: Block, place: Place, said: list[int]) -> Lies:
    """How the windows of a tile lie in a picture."""
    parts = laid.arch.parts
    port, banks = parts[ACT]["port_bytes"], parts[ACT]["banks"]
    tokens, _, depth, high = said[:4]
    sizes = {"row": place.row, "tokens": tokens, "step_tokens": min(high, tokens), "element": place.element}
    chunk = lying(window, port, banks, **sizes, depth=depth).chunk

    def lies() -> dict[str, int]:
        told = entry(window, port, banks, chunk, place.row, place.element)
        return told | {"at_words": told["at_words"] + block.place // port}

    return lies


def elementwise(laid: Laid, layer: Elementwise, computed: Computed, image: Image, command: int) -> int:
    """The commands of an element-wise layer, from one on; the next. Operands lie one after the other in a load, each
    from a word on; of a mean the rows. Raises InputError for a mean that takes more than its command's time."""
    source, target = (laid.places[f"{layer.name}.{n}"] for n in ("input", "output"))
    lanes, operands, mean = image.data.lanes, layer.operands, layer.op == "mean"
    requant, table = computed.operands["requant"], computed.operands["table"]
    output, begin = computed.output.reshape(-1), 0
    if table is not None:
        image.table(table)  # it is loaded whatever its commands say, which is known when loads have places
    while begin < layer.tokens * layer.features:
        told, until = laid.told["vector"][command], laid.until["vector"][command].get(ACT, 0)
        size = int(told[0]) // operands
        if mean and size != layer.tokens * layer.features:
            raise InputError(f"{laid.workload.name}: {layer.name} is a mean of several commands, which has no values")
        row, first = divmod(begin, layer.features)
        address = source + row * operands * layer.features + first
        row = layer.features if mean else size
        apart = ceil(row, lanes) * lanes
        x = laid.loads[ACT].last(address, until).read(row, apart, lanes, laid.done["vector"][command])
        if (x.address, x.size) != (address, operands * size):
            raise InputError(f"{laid.workload.name}: a command of {layer.name} is of another load than its own")
        if mean and ceil(x.takes, lanes) > told[4]:
            raise InputError(f"{laid.workload.name}: the rows of {layer.name} take more cycles than its command")
        number = laid.add("commands", ())
        results = np.arange(begin, begin + int(told[2]))
        laid.want(target + results, output[results])
        laid.add("command_places", [laid.result(target + results, 1)[0][0]])

        def then(number: int = number, size: int = size, x=x, apart: int = apart) -> None:
            places = [(x.place + n * apart) // lanes for n in range(operands)]
            rows = layer.tokens if mean else 0
            laid.rows["commands"][number] = image.operation(layer.op, size, places, requant, table, rows)

        laid.later.append(then)
        begin, command = begin + size, command + 1
    return command

"""What a workload has the vector unit do, driven as the whole machine drives it: every item and command comes, and
every result is taken, in the cycle in which it is in a run of the machine."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.machine import resources
from accelsim.accelerators.vitcod.rtl.dense import Place
from accelsim.accelerators.vitcod.rtl.dense_layers import network_of, pieces_of, places_of, recorded
from accelsim.accelerators.vitcod.rtl.vector import FEATURES, VectorSizes
from accelsim.accelerators.vitcod.rtl.vector_cases import bench
from accelsim.accelerators.vitcod.rtl.vector_jobs import UNIT, Job, Leaving, Normalised, Operated, Passed
from accelsim.accelerators.vitcod.rtl.vector_work import VectorWork
from accelsim.config.arch import Arch
from accelsim.rtl.cosim import Case
from accelsim.rtl.driven import opened
from accelsim.rtl.stimulus import Script
from accelsim.workload.layers import ACTIVATIONS, Attention, Elementwise, Gemm, Norm
from accelsim.workload.network import Computed, Network
from accelsim.workload.workload import Workload

VECTOR = "vector"  # what the machine calls it
IN, OUT = ("outputs", "command"), ("tile", "done", "reading.act")
CODED = {"qkv": "qk", "q": "q", "kv": "k"}  # what the groups of a projection are that the encoder compresses
NORMS = ("layernorm", "rmsnorm", "batchnorm")
Tile = tuple[Place, list[int]]  # of the array, and its command


def vector_case(arch: Arch, workload: Workload, data: bool) -> Iterator[Case]:
    """One case: a whole run of the machine at the vector unit's ports, on the workload's operands or of the control
    alone."""
    run = recorded(arch, workload, VECTOR)
    depths = {name.partition(".")[0]: depth for name, depth in run.depths.items()}
    net = bench(run.values, depths, 1, VectorSizes() if data else None)
    outputs, told = (run.moved[name][:, 1:] for name in IN)
    work = None
    if data:
        work = VectorWork(*jobs_of(arch, workload, outputs, told, run.values["lanes"]), outputs, told)
        net = replace(net, sizes=work.needed(net.data))
    scripts = {name: Script(run.moved[name][:, 0], run.moved[name][:, 1:]) for name in IN}
    yield Case(workload.name, net, {}, scripts, opened(run, OUT), operands=work)


def jobs_of(
    arch: Arch, workload: Workload, outputs: np.ndarray, told: np.ndarray, lanes: int
) -> tuple[list[Job], list[Job]]:
    """What each item of the array and each command is. The network is computed from its first layer on, with what the
    workload lacks made up (see workload/network.py)."""
    array = recorded(arch, workload).moved["command"][:, 1:]
    order = list(pieces_of(arch, workload))
    tiles = list(zip(places_of(workload, resources(arch), order, array), array.tolist(), strict=True))
    commands, left = iter(told.tolist()), iter(tiles)
    network, items, made = network_of(arch, workload), [], []
    nth = next(left, None)
    for piece in order:
        layer = piece.layer
        if isinstance(layer, Gemm):
            computed = network.of(layer.name)
            for repetition in range(layer.repeat):
                mine: list[Tile] = []
                while nth is not None and (not mine or nth[0].layer == mine[0][0].layer):
                    mine.append(nth)
                    nth = next(left, None)
                items += steps_of_product(arch, workload, network, computed, repetition, mine)
        elif isinstance(layer, Norm | Elementwise):
            of = layer.operands if isinstance(layer, Elementwise) else 1
            rest = layer.tokens * layer.features * of * piece.batch
            sizes = []
            while rest:
                elements, *_ = next(commands)
                sizes.append(elements // of)
                rest -= elements
            first = piece.part.first * layer.features if piece.part else 0
            made += blocks_of(network.of(layer.name), sizes, lanes, first)
    wrong = [n for n, (one, said) in enumerate(zip(items, outputs.tolist(), strict=True)) if len(one.sums) != said[0]]
    if wrong:
        raise ValueError(f"item {wrong[0]} of the array has {outputs[wrong[0], 0]} outputs, not as many as its step")
    return items, made


def steps_of_product(
    arch: Arch, workload: Workload, network: Network, computed: Computed, repetition: int, tiles: list[Tile]
) -> Iterator[Leaving]:
    """The items that one product of a dense layer leaves, in order: of each step token by token its outputs, or the
    codes of the features whose last head it computes."""
    layer, operands = computed.layer, computed.operands
    width = layer.out_features

    def flat(x: np.ndarray) -> np.ndarray:
        return x[:, repetition].reshape(-1, width)

    sums = flat(computed.sums) + np.asarray(operands["bias"][repetition], np.int32)
    requant = np.asarray(operands["requant"][repetition], np.int64)
    residual, scale = None, UNIT
    if layer.residual:
        residual, scale = flat(operands["residual"]), tuple(int(n) for n in operands["residual_requant"])
    attention = {one.name: one for one in workload.attention_layers}.get(layer.encodes)
    groups, first = [], 0
    for some in columns_of(layer, attention, resources(arch)):
        groups.append((first, some))
        first += some.count
    codes = {}
    for n, (first, some) in enumerate(groups):
        if some.heads:
            columns = computed.output[..., repetition * width + first :][..., : some.count]
            codes[first] = codes_of(network, attention, CODED[layer.role][n], columns, some.heads)
    for place, (tokens, features, _, high, wide, last, *_) in tiles:
        first, group = next((at, some) for at, some in reversed(groups) if at <= place.column)
        for row in range(0, tokens if last else 0, high):
            rows = slice(place.row + row, place.row + min(row + high, tokens))
            for column in range(0, features, wide):
                begin, end = place.column + column, place.column + min(column + wide, features)
                if group.heads:
                    each = slice((begin - first) // group.heads, (end - first) // group.heads)
                    left = codes[first][rows, each].astype(np.int32).ravel()
                    if len(left):
                        yield Leaving(left, np.broadcast_to((1, 0), (len(left), 2)))
                    continue
                mine = sums[rows, begin:end]
                yield Leaving(
                    mine.ravel(),
                    np.tile(requant[begin:end], (len(mine), 1)),
                    None if residual is None else residual[rows, begin:end].ravel(),
                    scale,
                    operands["table"],
                )


def codes_of(network: Network, layer: Attention, operand: str, columns: np.ndarray, heads: int) -> np.ndarray:
    """int8[batch x tokens, dim, compressed heads] of the columns int8[batch, tokens, heads x dim] of Q or K."""
    apart = columns.reshape(*columns.shape[:2], heads, -1).transpose(0, 2, 1, 3)
    codes = network.mixed(layer, f"encode_{operand}", np.ascontiguousarray(apart))
    return codes.transpose(0, 2, 3, 1).reshape(-1, codes.shape[3], codes.shape[1])


def blocks_of(computed: Computed, sizes: list[int], lanes: int, first: int = 0) -> Iterator[Job]:
    """The commands of a layer that the vector unit does alone, of so many results each, the first of them given."""
    layer, operands, at = computed.layer, computed.operands, first
    for size in sizes:
        if isinstance(layer, Norm) and layer.norm in NORMS and lanes <= layer.features < 1 << FEATURES:
            rows = operands["x"].reshape(-1, layer.features)[at // layer.features :][: size // layer.features]
            gamma, beta, shift, epsilon = (operands[n] for n in ("gamma", "beta", "shift", "epsilon"))
            yield Normalised(rows, layer.norm, gamma, beta, int(shift), int(epsilon))
        elif isinstance(layer, Elementwise) and layer.op == "mean" and sums_up(layer, size, lanes):
            yield Operated(layer.op, [operands["x"][0].reshape(-1, layer.features)], operands["requant"])
        elif isinstance(layer, Elementwise) and computes(layer):
            x = [one.reshape(-1)[at : at + size][None] for one in operands["x"]]
            yield Operated(layer.op, x, operands["requant"], operands["table"])
        else:
            yield Passed()
        at += size


def sums_up(layer: Elementwise, size: int, lanes: int) -> bool:
    """Whether a command of so many elements is a mean that the data path computes: of all rows, whole words each."""
    return size == layer.tokens * layer.features and layer.features % lanes == 0 and layer.tokens < 1 << FEATURES


def computes(layer: Elementwise) -> bool:
    """Whether the data path computes it: two operands that are added or multiplied, or an activation."""
    return layer.op in ACTIVATIONS or (layer.op in ("add", "multiply") and layer.operands == 2)

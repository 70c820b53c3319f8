"""Attention as its values lie in the buffers: where K, Q and V of each pass are, and what its data path is loaded
with."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from accelsim.accelerators.vitcod.dataflow.operands import K, Q
from accelsim.accelerators.vitcod.rtl.blocks import groups
from accelsim.accelerators.vitcod.rtl.core import layers_of, sizes_of
from accelsim.accelerators.vitcod.rtl.datapath import Datapath, Sizes
from accelsim.accelerators.vitcod.rtl.loads import Coded, Operands, constants, first_heads
from accelsim.accelerators.vitcod.rtl.values_core import ACT, COPIED, WEIGHT, up
from accelsim.accelerators.vitcod.rtl.values_places import Load
from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil
from accelsim.workload import functional
from accelsim.workload.functional import Scaling
from accelsim.workload.layers import Attention
from accelsim.workload.network import LEVEL, Computed, Network
from accelsim.workload.workload import stored_shapes

if TYPE_CHECKING:
    from accelsim.accelerators.vitcod.rtl.values_work import Laid

Attended = tuple[Attention, Operands]
ENGINES = ("denser", "sparser")


def operands_of(network: Network, layer: Attention, computed: Computed, codes: Mapping[str, np.ndarray]) -> Operands:
    """What a layer computes on. codes: int8[compressed heads, tokens, dim] of Q and K, where they are compressed."""
    x, rule = computed.operands, network.rule(layer)
    multiplier, shift, bound = (int(n) for n in x["scaling"])
    coded = tuple(decoder(network, layer, name, codes[name]) for name in "kq") if rule.coded else None
    out = Scaling(*(int(n) for n in x["requant"]))
    bound = bound if rule.mode == "bounded" else None
    return Operands(x["q"][0], x["k"][0], x["v"][0], rule.keep, Scaling(multiplier, shift), bound, out, coded)


def decoder(network: Network, layer: Attention, operand: str, codes: np.ndarray) -> Coded:
    """What Q or K is restored from, and how."""
    name = f"decode_{operand}"
    weights = network.constant(layer, name, lambda: network.draw(layer, name, stored_shapes(layer)[name][1]))
    bias = network.workload.tensors.get(f"{layer.name}.{name}_bias", np.zeros(layer.heads, np.int32))
    sums = np.einsum("oh,hnd->ond", weights.astype(np.int32), codes.astype(np.int32))
    scale = network.constant(layer, f"{name}_requant", lambda: functional.calibrated(sums[None], LEVEL))
    return Coded(codes, weights, bias, Scaling(*(int(n) for n in scale)))


def sizes_for(tables: Mapping[str, np.ndarray], attended: Sequence[Attended], least: Sizes) -> Sizes:
    """What the data path must have room for: powers of two but for heads, and no less than `least`."""
    if not attended:
        return least
    every = [mine for _, mine, _ in layers_of(tables, [x for _, x in attended])]
    need = [sizes_of([mine], [x]) for mine, (_, x) in zip(every, attended)]
    found = {name: max(getattr(one, name) for one in need) for name in vars(least)}
    found |= {"layers": len(need), "all_scores": sum(one.all_scores for one in need)}
    found = {name: size if name in ("heads", "all", "encoded") else up(size) for name, size in found.items()}
    return Sizes(**{name: max(size, getattr(least, name)) for name, size in found.items()})


def rows_for(tables: Mapping[str, np.ndarray], least: Sequence[int]) -> tuple[int, ...]:
    """Rows of the program's tables that the data path keeps copies of."""
    return tuple(max(some, up(len(tables[name]))) for name, some in zip(COPIED, least, strict=True))


def loaded(
    tables: Mapping[str, np.ndarray], attended: Sequence[Attended], data: Datapath
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and uint32[rows, words] of what the data path is loaded with, layer after layer."""
    found: dict[str, list[np.ndarray]] = {}
    kept = places = 0
    for n, (of, mine, x) in enumerate(layers_of(tables, [x for _, x in attended])):
        made, first = dict(constants(data, mine, x)), tables["passes"][of[0]]
        if first.first_row != places:
            raise InputError(f"rows of pass {of[0]} begin at {first.first_row}, not at {places}")
        made["places"][:, 2] += np.uint32(tables["rows"]["first"][first.first_row])
        made["places"][:, 3] += np.uint32(first.first_dense)
        made["layout"][:, 2:] += np.array([kept, n], np.uint32)
        kept, places = kept + len(made["kept"]), places + len(made["places"])
        for name, rows in made.items():
            found.setdefault(name, []).append(rows)
    for name, rows in found.items():
        yield name, np.concatenate(rows)


class Buffers:
    """Where K, Q and V of the passes of a layer lie in the buffers. laid: a workload as it goes through them; of: the
    layer's passes among all."""

    def __init__(self, laid: "Laid", layer: Attention, of: range, passes: np.recarray) -> None:
        self.laid, self.layer, self.of, self.passes = laid, layer, of, passes
        self.coded = int(passes["encoded"][0])
        self.head0 = first_heads(passes, layer.q_tokens)
        self.rows = [laid.add("attended", ()) for _ in of]
        self.keys: dict[int, tuple[int, int]] = {}  # of a pass the first, and how many
        self.ends = self.until()
        # of a pass: the load of the first token of K, of Q, that token; V's load
        self.leads: dict[tuple[int, int], tuple[Load, int]] = {}
        self.values: dict[int, Load] = {}
        for n, command in enumerate(laid.told["decoder"][:, :4].tolist()):
            if command[3] in of:
                self.decoded(n, *command)
        for unit in ENGINES:
            for n, (phase, number, *_) in enumerate(laid.told[unit].tolist()):
                if phase and number in of:
                    self.read_values(unit, n, number - of.start)
        laid.later.append(self.tell)

    def until(self) -> list[int]:
        """Of each pass the cycle in which the engines are done with all its blocks of keys."""
        last = [0] * len(self.of)
        for unit in (*ENGINES, "decoder"):
            numbers = self.laid.told[unit][:, 3 if unit == "decoder" else 1].tolist()
            for number, done in zip(numbers, self.laid.done[unit], strict=True):
                if number in self.of:
                    last[number - self.of.start] = max(last[number - self.of.start], done)
        found = list(last)
        for group in groups(self.passes):
            for n in group:
                found[n] = max(last[group.start : group.stop])
        return found

    def apart(self, buffer: str, size: int) -> int:
        """Bytes from a row to the next: rows begin a word, or lie side by side in one."""
        port = self.laid.arch.parts[buffer]["port_bytes"]
        return size if size % port == 0 or port % size == 0 else ceil(size, port) * port

    @property
    def dim(self) -> int:
        """Bytes of a token of K or Q that lie together in DRAM."""
        return self.layer.qk_dim * (self.coded or 1)

    def width(self, n: int) -> int:
        """Bytes of a token of K or Q in the buffer."""
        return self.dim if self.coded else self.dim * int(self.passes["heads"][n])

    def decoded(self, command: int, kind: int, first: int, tokens: int, number: int) -> None:
        """Some tokens of K or Q that a command of the decoder reads."""
        n, layer, laid, port = number - self.of.start, self.layer, self.laid, self.laid.arch.parts[ACT]["port_bytes"]
        kind, name, count = (K, "k", layer.kv_tokens) if kind == K else (Q, "q", layer.q_tokens)
        if kind == K:
            begin, some = self.keys.get(n, (first, 0))
            self.keys[n] = min(begin, first), some + tokens
        start = laid.places[f"{layer.name}.{name}.0"]
        start += 0 if self.coded else int(self.head0[n]) * count * self.dim
        apart, until, at = self.apart(ACT, self.width(n)), laid.until["decoder"][command].get(ACT, 0), first
        while at < first + tokens:
            load = laid.loads[ACT].last(start + at * self.dim, until)
            begin, some = (load.address - start) // self.dim, load.size // self.width(n)
            if self.coded:
                load.read(self.dim, apart, port, self.ends[n])
            else:  # head by head it comes, and token by token it is read
                load.read(self.dim, apart, port, self.ends[n])
                load.many, load.block = some, self.dim
            root = load.lead or load
            lead, lead_first = self.leads.setdefault((n, kind), (root, begin - load.behind // apart))
            load.follow(lead, (begin - lead_first) * apart)
            at = begin + some

    def read_values(self, unit: str, command: int, n: int) -> None:
        """V of a pass's block of keys."""
        layer, laid, (first, keys) = self.layer, self.laid, self.keys[n]
        start = laid.places[f"{layer.name}.v.0"] + (int(self.head0[n]) * layer.kv_tokens + first) * layer.v_dim
        load = laid.loads[WEIGHT].last(start, laid.until[unit][command].get(WEIGHT, 0))
        if (load.address, load.size) != (start, keys * layer.v_dim * int(self.passes["heads"][n])):
            raise InputError(f"{laid.workload.name}: V of {layer.name} is of another load than its pass's")
        apart = self.apart(WEIGHT, layer.v_dim)
        load.read(layer.v_dim, apart, laid.arch.parts[WEIGHT]["port_bytes"], self.ends[n])
        self.values[n] = load

    def tell(self) -> None:
        """Of each pass where those tokens and heads of K, Q and V would begin that it has not."""
        blocks = {n: group.start for group in groups(self.passes) for n in group}
        for n, row in enumerate(self.rows):
            apart, head0 = self.apart(ACT, self.width(n)), 0 if self.coded else int(self.head0[n]) * self.dim
            found = []
            for kind in (K, Q):
                lead, first = self.leads.get((n, kind), self.leads.get((blocks[n], kind), (None, 0)))
                found.append(lead.place - first * apart - head0 if lead else 0)
            of_v = self.apart(WEIGHT, self.layer.v_dim)
            (first, keys), load = self.keys.get(n, (0, 0)), self.values.get(n)
            v = load.place - (int(self.head0[n]) * keys + first) * of_v if load else 0
            self.laid.rows["attended"][row] = [*found, apart, v, keys * of_v, of_v]


def attend(laid: "Laid") -> None:
    """All attention layers of a workload. Raises InputError where operands of a pass do not lie together."""
    every = layers_of(laid.tables, [x for _, x in laid.attended])
    for (layer, _), (of, mine, _) in zip(laid.attended, every):
        Buffers(laid, layer, of, mine["passes"])

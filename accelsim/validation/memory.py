"""DRAM: where every tensor lies, that none overlaps another, that all of it is read or written, and no byte beside."""

from dataclasses import dataclass

import numpy as np

from accelsim.validation.evidence import Evidence
from accelsim.validation.expected import AttentionWork
from accelsim.validation.report import Report
from accelsim.workload.layers import Attention, Gemm, Norm


@dataclass(frozen=True)
class Tensor:
    """A tensor in DRAM. written: whether the machine writes it (it reads it otherwise). whole: bytes that must be
    touched; a written byte exactly once."""

    name: str
    layer: int
    first: int
    size: int
    written: bool
    constant: bool
    whole: int


def coded_columns(evidence: Evidence, layer: Gemm) -> tuple[int, int, int]:
    """Output columns the encoder compresses, the heads it mixes and the heads it leaves; zeros where it does not."""
    if layer.encodes is None or not evidence.on("auto_encoder"):
        return 0, 0, 0
    attention = evidence.workload.layer(layer.encodes)
    if not attention.encoded_heads:
        return 0, 0, 0
    columns = {"qkv": 2, "q": 1, "kv": 1}[layer.role] * attention.heads * attention.qk_dim
    return columns, attention.heads, attention.encoded_heads


def tensors(evidence: Evidence, works: list[AttentionWork]) -> list[Tensor]:
    """Every tensor of the network, with the size the layers give it; in the order of their addresses."""
    found, batch = [], evidence.workload.batch
    work_of = {work.number: work for work in works}

    def enter(name: str, number: int, size: int, *, written=False, constant=False, whole: int | None = None) -> None:
        first = evidence.places.get(name, -1)
        found.append(Tensor(name, number, first, size, written, constant, size if whole is None else whole))

    for number, layer in enumerate(evidence.workload.layers):
        if isinstance(layer, Gemm):
            columns, heads, encoded = coded_columns(evidence, layer)
            outputs = batch * layer.outputs
            saved = batch * layer.tokens * columns * (heads - encoded) // heads if heads else 0
            enter(f"{layer.name}.weight", number, layer.weights, constant=True)
            enter(f"{layer.name}.input", number, batch * layer.inputs)
            if layer.residual:
                enter(f"{layer.name}.residual", number, outputs)
            enter(f"{layer.name}.output", number, outputs, written=True, whole=outputs - layer.repeat * saved)
        elif isinstance(layer, Attention):
            work, values = work_of[number], layer.heads * layer.v_dim
            for image in range(batch):
                sizes = {"q": layer.q_tokens * work.token_bytes, "k": layer.kv_tokens * work.token_bytes}
                sizes["v"] = layer.kv_tokens * values
                if together := evidence.fused(layer):
                    sizes[together] = sum(sizes.pop(name) for name in together)
                for name, size in sizes.items():
                    enter(f"{layer.name}.{name}.{image}", number, size)
                enter(f"{layer.name}.output.{image}", number, layer.q_tokens * values, written=True)
        else:
            operands = 1 if isinstance(layer, Norm) else layer.operands
            rows = layer.tokens if isinstance(layer, Norm) else layer.out_tokens
            enter(f"{layer.name}.input", number, batch * layer.tokens * layer.features * operands)
            enter(f"{layer.name}.output", number, batch * rows * layer.features, written=True)
    for name in evidence.places:
        owner, _, rest = name.rpartition(".index.")
        if owner and rest.isdigit():
            number = next(w.number for w in works if w.layer.name == owner)
            enter(name, number, index_size(evidence, work_of[number], name), constant=True)
    return sorted(found, key=lambda t: t.first)


def index_size(evidence: Evidence, work: AttentionWork, name: str) -> int:
    """Bytes of the index of one pass, as it was loaded; the tables tell whether it holds every entry."""
    first = evidence.places[name]
    loads = evidence.tables["index"]
    here = loads[loads["address"] == first]
    return int(here["bytes"][0]) if len(here) else 0


def spread(descriptors: np.recarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Descriptors as single runs: which descriptor, first byte, bytes."""
    many = descriptors["segments"]
    which = np.repeat(np.arange(len(descriptors)), many)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many)
    return which, descriptors["address"][which] + nth * descriptors["pitch"][which], descriptors["bytes"][which]


def check_memory(evidence: Evidence, known: list[Tensor], report: Report) -> tuple[dict[str, list], list[int]] | None:
    """All about addresses. For every buffer the layer each load is for (None: constants); stores up to each layer."""
    lost = [f"{t.name} has no place in DRAM" for t in known if t.first < 0]
    ends = np.array([t.first + t.size for t in known], np.int64)
    firsts = np.array([t.first for t in known], np.int64)
    lost += [f"{known[n].name} overlaps {known[n + 1].name}" for n in np.flatnonzero(ends[:-1] > firsts[1:])]
    names = {t.name for t in known}
    lost += [f"{name} belongs to no layer" for name in evidence.places if name not in names]
    report.add("memory", "tensors", "tensors do not overlap in DRAM", len(known), lost)
    if lost:
        return None
    touched = {n: np.zeros(t.size, np.uint8) for n, t in enumerate(known)}
    owners, total = {}, len(report.failed)
    for table in ("weight", "act", "index", "stores"):
        owners[table] = check_descriptors(evidence, table, known, firsts, touched, report)
    if len(report.failed) > total:
        return None
    for n, tensor in enumerate(known):
        sums, most = int(np.count_nonzero(touched[n])), int(touched[n].max(initial=0))
        good = sums == tensor.whole and (most <= 1 or not tensor.written)
        verb = "written once" if tensor.written else "read"
        wrong = [] if good else [f"{tensor.name}: {sums} bytes of {tensor.whole}, {most} times at most"]
        report.add("memory", tensor.name, f"every byte is {verb}", tensor.whole, wrong)
    layers = {b: [None if known[n].constant else known[n].layer for n in owners[b]] for b in ("weight", "act", "index")}
    of_store = np.array([known[n].layer for n in owners["stores"]], np.int64)
    report.compare("memory", "stores", "layers are written one after the other", np.diff(of_store, prepend=0) >= 0,
                   lambda n: f"store {n} writes for an earlier layer")  # fmt: skip
    stores = np.cumsum(np.bincount(of_store, minlength=len(evidence.workload.layers))).tolist()
    return layers, stores


def check_descriptors(
    evidence: Evidence, table: str, known: list[Tensor], firsts: np.ndarray, touched: dict[int, np.ndarray],
    report: Report,
) -> list[int]:  # fmt: skip
    """Every run of a table's descriptors lies inside one tensor; the tensor of each descriptor."""
    which, address, size = spread(evidence.tables[table])
    owner = np.searchsorted(firsts, address, side="right") - 1
    ends = np.array([t.first + t.size for t in known], np.int64)
    good = (owner >= 0) & (size > 0) & (address + size <= ends[owner])
    good &= np.array([t.written for t in known], bool)[owner] == (table == "stores")
    report.compare("memory", f"{table} descriptors", "each lies inside one tensor", good,
                   lambda n: f"{table} {which[n]}: bytes {address[n]} to {address[n] + size[n]} are not all of one "
                             f"tensor, near {known[owner[n]].name}")  # fmt: skip
    if good.all():
        for n, at, many in zip(owner.tolist(), (address - firsts[owner]).tolist(), size.tolist(), strict=True):
            block = touched[n][at : at + many]
            block += block < 255
    first = np.searchsorted(which, np.arange(len(evidence.tables[table])))
    return owner[first].tolist()

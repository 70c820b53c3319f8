"""Where ViTCoD's compiler lays the tensors of attention in DRAM, and what the encoder makes of a projection's."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from accelsim.accelerators.vitcod.checks.expected import AttentionWork
from accelsim.validation.dense import Group
from accelsim.validation.evidence import Evidence, spread
from accelsim.validation.memory import Tensor
from accelsim.validation.report import Report
from accelsim.workload.layers import Attention, Gemm

CODED = {"qkv": 2, "q": 1, "kv": 1}  # how many of Q and K a projection with this role gives


def projections(evidence: Evidence, layer: Attention) -> list[Gemm]:
    """The dense layers that compute an attention layer's operands, where the network says so."""
    return [g for g in evidence.workload.layers if isinstance(g, Gemm) and g.encodes == layer.name]


def fused(evidence: Evidence, layer: Attention) -> str:
    """The operands that share a tensor, in their order in a token's row; Q stands apart if it has other tokens, or a
    projection of its own."""
    if evidence.arch.options["layout"] != "fused_qkv":
        return ""
    apart = any(g.role == "q" for g in projections(evidence, layer))
    return "qkv" if layer.q_tokens == layer.kv_tokens and not apart else "kv"


def tensor_of(evidence: Evidence, layer: Attention, name: str) -> str:
    """The operands in the tensor that an operand is in."""
    together = fused(evidence, layer)
    return together if name in together else name


def coded_of(evidence: Evidence, layer: Attention) -> int:
    """Heads that Q and K are compressed to; 0: they are not."""
    return (layer.encoded_heads or 0) if evidence.on("auto_encoder") else 0


def widths(evidence: Evidence, layer: Attention) -> dict[str, int]:
    """Bytes of a token of each operand, of all heads."""
    token = (coded_of(evidence, layer) or layer.heads) * layer.qk_dim
    return {"q": token, "k": token, "v": layer.heads * layer.v_dim}


def by_head(evidence: Evidence, layer: Attention, name: str) -> bool:
    """Whether an operand lies head by head: codes mix them."""
    return evidence.arch.options["layout"] == "packed" and not (name != "v" and coded_of(evidence, layer))


def lies(evidence: Evidence, layer: Attention, name: str, head, token, feature) -> np.ndarray:
    """Bytes from the begin of its tensor to an element of an operand, of int64 arrays; of codes, `feature` counts those
    of a token, and there is one head. This is where attention reads it, and where its projection must have put it."""
    size, together = widths(evidence, layer), tensor_of(evidence, layer, name)
    dim = layer.v_dim if name == "v" else layer.qk_dim
    if by_head(evidence, layer, name):
        return (head * (layer.q_tokens if name == "q" else layer.kv_tokens) + token) * dim + feature
    before = sum(size[other] for other in together[: together.index(name)])
    return before + token * sum(size[other] for other in together) + head * dim + feature


def operand(evidence: Evidence, layer: Attention, name: str, image: int) -> tuple[int, int]:
    """Where an operand's tensor begins, and the bytes from a token to the next (token by token)."""
    together, size = tensor_of(evidence, layer, name), widths(evidence, layer)
    return evidence.places[f"{layer.name}.{together}.{image}"], sum(size[other] for other in together)


def stored(evidence: Evidence, projection: Gemm, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The bytes of a projection's output that so many values of so many rows are: tensor behind tensor of each image,
    each as attention reads it. rows count through all images and windows, values through the operands of the role, and
    codes where there is an encoder."""
    layer = evidence.workload.layer(projection.encodes)
    size, windows = widths(evidence, layer), layer.windows
    tokens = projection.tokens // windows
    image, rest = np.divmod(rows, projection.tokens)
    window, token = np.divmod(rest, tokens)
    found, first, begin, seen = np.full(np.broadcast(rows, values).shape, -1, np.int64), 0, 0, []
    for name in projection.role:
        coded = coded_of(evidence, layer) if name != "v" else 0
        width, dim = size[name] // windows, layer.v_dim if name == "v" else layer.qk_dim
        value = values - first
        heads = (0, value) if coded else (window * (layer.heads // windows) + value // dim, value % dim)
        at = lies(evidence, layer, name, heads[0], token, heads[1])
        tensor = tensor_of(evidence, layer, name)
        if tensor not in seen:
            begin = tokens * sum(size[other] for some in seen for other in some)
            seen.append(tensor)
        here = (value >= 0) & (value < width)
        found = np.where(here, image * tokens * sum(size[n] for n in projection.role) + begin + at, found)
        first += width
    return found


def coding(evidence: Evidence, layer: Gemm) -> tuple[int, int, int]:
    """Output columns the encoder compresses, the heads it mixes and the heads it leaves; zeros where it does not."""
    if layer.encodes is None or not evidence.on("auto_encoder"):
        return 0, 0, 0
    attention = evidence.workload.layer(layer.encodes)
    if not attention.encoded_heads:
        return 0, 0, 0
    return CODED[layer.role] * attention.heads * attention.qk_dim, attention.heads, attention.encoded_heads


def groups(evidence: Evidence, layer: Gemm) -> list[Group]:
    """How the output columns of a dense layer are kept: those of Q and of K behind the encoder, and the others."""
    columns, heads, encoded = coding(evidence, layer)
    each = columns // CODED[layer.role] if columns else 0
    # of a feature's heads, the encoder's leave with the last
    leaving = np.where(np.arange(1, each + 1) % max(heads, 1) == 0, encoded, 0)
    firsts, first, found = [(at, leaving) for at in range(0, columns, each or 1)], 0, []
    if columns < layer.out_features:
        firsts.append((columns, None))
    for at, leaves in firsts:
        count = each if leaves is not None else layer.out_features - columns
        where = None
        if layer.encodes is not None and layer.repeat == 1:
            where = partial(group_lies, evidence, layer, first)
        found.append(Group(at, count, lies=where, leaving=leaves))
        first += int(leaving.sum())
    return found


def group_lies(evidence: Evidence, layer: Gemm, first: int, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where the values of a group lie, the first of which is so many behind a row's first."""
    return stored(evidence, layer, rows, first + values)


def check_layout(evidence: Evidence, report: Report) -> None:
    """What attention loads is, byte for byte, what its projections have stored: as `stored` has it, by which their
    stores are judged, and as `lies` has it, by which its loads are."""
    loads = [spread(evidence.tables[name]) for name in ("act_gb0", "weight_gb")]
    _, at, size = (np.concatenate(column) for column in zip(*loads, strict=True))
    _, target, wrote = spread(evidence.to_memory("act_gb1"))
    for layer in evidence.workload.attention_layers:
        sizes = widths(evidence, layer)
        for gemm in projections(evidence, layer):
            if gemm.repeat > 1:
                continue
            tokens, wrong, begin = gemm.tokens // layer.windows, [], evidence.places[f"{gemm.name}.output"]
            for image in range(evidence.workload.batch):
                for name in dict.fromkeys(tensor_of(evidence, layer, one) for one in gemm.role):
                    whole = tokens * sum(sizes[one] for one in name)
                    read = touched(at, size, evidence.places[f"{layer.name}.{name}.{image}"], whole)
                    written = touched(target, wrote, begin, whole)
                    begin += whole
                    if (read > written).any():
                        wrong.append(
                            f"{name} of image {image}: {int((read > written).sum())} bytes are read, not stored"
                        )
            rule = "its operands lie where projections have stored them"
            report.add("memory", layer.name, rule, gemm.outputs, wrong)


def touched(address: np.ndarray, size: np.ndarray, first: int, whole: int) -> np.ndarray:
    """bool[whole]: which of so many bytes, from an address on, are in some runs."""
    begin, end = np.clip(address - first, 0, whole), np.clip(address + size - first, 0, whole)
    steps = np.zeros(whole + 1, np.int64)
    np.add.at(steps, begin, 1)
    np.add.at(steps, end, -1)
    return np.cumsum(steps[:-1]) > 0


def attention_tensors(evidence: Evidence, works: list[AttentionWork]) -> Iterator[Tensor]:
    """The tensors of attention layers, and the tables of each of their passes and blocks of keys."""
    of_layer = {work.layer.name: work for work in works}
    for work in works:
        layer, values = work.layer, work.layer.heads * work.layer.v_dim
        each = widths(evidence, layer)
        for image in range(evidence.workload.batch):
            sizes = {name: each[name] * (layer.q_tokens if name == "q" else layer.kv_tokens) for name in each}
            if together := fused(evidence, layer):
                sizes[together] = sum(sizes.pop(name) for name in together)
            for name, size in sizes.items():
                yield Tensor(name=f"{layer.name}.{name}.{image}", layer=work.number, size=size)
            size = layer.q_tokens * values
            yield Tensor(name=f"{layer.name}.output.{image}", layer=work.number, size=size, written=True)
    for name in evidence.places:
        owner, _, rest = name.rpartition(".index.")
        if owner in of_layer and rest.split(".")[0].isdigit():
            yield Tensor(name=name, layer=of_layer[owner].number, size=index_bytes(evidence, name), constant=True)


def index_bytes(evidence: Evidence, name: str) -> int:
    """Bytes of some tables of one pass, as they were loaded; the judge of operands adds up what they must hold."""
    loads = evidence.tables["index_buffer"]
    here = loads[loads["address"] == evidence.places[name]]
    return int(here["bytes"][0]) if len(here) else 0

"""Where ViTCoD's compiler lays the tensors of attention in DRAM, and what the encoder makes of a projection's."""

from collections.abc import Iterator

import numpy as np

from accelsim.accelerators.vitcod.checks.expected import AttentionWork
from accelsim.validation.dense import Group
from accelsim.validation.evidence import Evidence
from accelsim.validation.memory import Tensor
from accelsim.workload.layers import Attention, Gemm

CODED = {"qkv": 2, "q": 1, "kv": 1}  # how many of Q and K a projection with this role gives


def fused(evidence: Evidence, layer: Attention) -> str:
    """The operands that share a tensor, in their order in a token's row; Q stands apart if it has other tokens."""
    if evidence.arch.options["layout"] != "fused_qkv":
        return ""
    return "qkv" if layer.q_tokens == layer.kv_tokens else "kv"


def operand(evidence: Evidence, layer: Attention, name: str, image: int, token_bytes: int) -> tuple[int, int]:
    """Where token 0 of an operand begins, and the bytes from a token to the next (token by token)."""
    widths = {"q": token_bytes, "k": token_bytes, "v": layer.heads * layer.v_dim}
    together = fused(evidence, layer)
    if name not in together:
        return evidence.places[f"{layer.name}.{name}.{image}"], widths[name]
    before = sum(widths[other] for other in together[: together.index(name)])
    return evidence.places[f"{layer.name}.{together}.{image}"] + before, sum(widths[other] for other in together)


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
    layout, projected = evidence.arch.options["layout"], layer.role in CODED
    each = columns // CODED[layer.role] if columns else 0
    # of a feature's heads, the encoder's leave with the last
    leaving = np.where(np.arange(1, each + 1) % max(heads, 1) == 0, encoded, 0)
    found = [Group(at, each, packed=True, leaving=leaving) for at in range(0, columns, each or 1)]
    if columns < layer.out_features:
        # what the encoder leaves alone is a tensor of its own
        apart = projected and (layout == "token_major" or columns > 0)
        found.append(Group(columns, layer.out_features - columns, packed=projected and layout == "packed", apart=apart))
    return found


def attention_tensors(evidence: Evidence, works: list[AttentionWork]) -> Iterator[Tensor]:
    """The tensors of attention layers, and the tables of each of their passes and blocks of keys."""
    of_layer = {work.layer.name: work for work in works}
    for work in works:
        layer, values = work.layer, work.layer.heads * work.layer.v_dim
        for image in range(evidence.workload.batch):
            sizes = {"q": layer.q_tokens * work.token_bytes, "k": layer.kv_tokens * work.token_bytes}
            sizes["v"] = layer.kv_tokens * values
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

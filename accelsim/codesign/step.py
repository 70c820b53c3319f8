"""A layer in the making: what was traced and folded, and the name, block and layer that come of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from accelsim.codesign.trace import Node
from accelsim.core.errors import InputError
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, Norm


@dataclass
class Step:
    """A layer in the making. node: the traced operation, folded: what was folded into it, in order; before: the batch
    norm of its input that was folded into its weights; parts: the products that were merged into this one."""

    node: Node
    sources: tuple[tuple[int, ...], ...]
    folded: list[Node] = field(default_factory=list)
    before: Node | None = None
    parts: list[Step] = field(default_factory=list)
    activation: str | None = None
    residual: bool = False
    bias: bool = False
    role: str = "other"
    encodes: int | None = None
    layer: Layer | None = None

    @property
    def kind(self) -> str:
        return self.node.kind

    @property
    def columns(self) -> int:
        return sum(p.node.sizes["out_features"] for p in self.parts) or self.node.sizes["out_features"]


def split_lead(lead: tuple[int, ...]) -> tuple[int, int]:
    """(windows, maps of one image) of an attention's leading sizes."""
    maps = 1
    for size in lead:
        maps *= size
    return (lead[0] if len(lead) == 2 else 1), maps


def name_layers(ordered: list[Step]) -> None:
    """Names (the module's path, made unique), blocks, and the layers themselves."""
    blocks = {_prefix(s.node.path) for s in ordered if s.kind == "attention"}
    taken: set[str] = set()
    names: dict[int, str] = {}
    # an attention has its module's name even when a product ran there before it
    for step in sorted(ordered, key=lambda s: s.kind != "attention"):
        paths = [p.node.path for p in step.parts] or [step.node.path]
        stem = paths[0] if len(paths) == 1 else f"{_common(paths)}.{step.role}"
        if step.kind not in ("gemm", "attention", "norm"):
            stem = f"{stem}.{step.node.sizes.get('op', step.kind)}"
        stem = stem.strip(".") or step.kind
        if stem in taken and step.kind == "gemm":
            stem = f"{stem}.{step.role}"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}.{number}"
        taken.add(name)
        names[step.node.number] = name
    for step in ordered:
        name = names[step.node.number]
        inside = [b for b in blocks if b and f"{step.node.path}.".startswith(f"{b}.")]
        block = max(inside, key=len) if inside else (_prefix(step.node.path) or name).split(".attn")[0]
        step.layer = _layer(step, name, block, names)


def _layer(step: Step, name: str, block: str, names: dict[int, str]) -> Layer:
    sizes = step.node.sizes
    try:
        if step.kind == "gemm":
            gemm = Gemm(
                name, block, step.role, sizes["tokens"], sizes["in_features"],
                step.columns if step.parts else sizes["out_features"], step.bias, step.activation, step.residual,
                names.get(step.encodes), sizes["repeat"],
            )  # fmt: skip
            known = sizes.get("input_elements")
            return gemm if known is None else replace(gemm, input_elements=known)
        if step.kind == "attention":
            windows, maps = split_lead(sizes["lead"])
            return Attention(
                name, block, maps, sizes["q_tokens"], sizes["kv_tokens"], sizes["qk_dim"], sizes["v_dim"], None,
                step.activation, windows=windows,
            )  # fmt: skip
        if step.kind == "norm":
            return Norm(name, block, sizes["tokens"], sizes["features"], sizes["norm"])
        if step.kind in ("add", "multiply"):
            return Elementwise(name, block, step.kind, sizes["tokens"], sizes["features"], 2)
        if step.kind == "affine":
            raise InputError(f"{step.node.path or 'the model'}: it scales the image itself; give it a scaled image.")
        return Elementwise(name, block, sizes["op"], sizes["tokens"], sizes["features"])
    except KeyError as error:
        raise InputError(f"{name}: the trace lacks {error} of this operation.") from None


def _prefix(path: str) -> str:
    """'blocks.3.attn.qkv' -> 'blocks.3', 'head' -> 'head'."""
    found = re.match(r"(.*\.\d+|\d+)(?=\.|$)", path)
    return found.group(1) if found else path.split(".")[0]


def _common(paths: list[str]) -> str:
    parts = [p.split(".") for p in paths]
    same = 0
    while all(len(p) > same and p[same] == parts[0][same] for p in parts):
        same += 1
    return ".".join(parts[0][:same])

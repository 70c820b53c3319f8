"""A workload: the layers of one network in order, the fixed masks of its attention layers, and how it was made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from accelsim.core.errors import InputError, shown, suggest
from accelsim.core.files import check_name
from accelsim.workload.bounds import batch_problem, bits_problem, check_macs, provenance_problem
from accelsim.workload.constants import constant_problem, constant_shapes
from accelsim.workload.layers import LAYERS, Attention, Gemm, Layer, LinearAttention, kinds
from accelsim.workload.mask import AttentionMask, dense_mask


@dataclass(frozen=True, eq=False)
class Workload:
    """layers: in the order they run. masks: Attention layer name -> AttentionMask; a layer without one is dense.
    tensors: 'LAYER.OPERAND' -> array (see `stored_shapes`); scales: 'LAYER.OPERAND' -> real value of one integer
    step. reads: layer -> the earlier layers whose outputs it reads, its residual operand's last (others: see
    `workload.wiring`). batch: images. bits: operand widths {'activation', 'weight'}. synthetic: the masks were
    generated, not measured on a network. provenance: how it was made, plain texts and
    numbers. source: the file it was read from.
    Errors: InputError when the parts do not fit together.
    """

    name: str
    model: str
    layers: tuple[Layer, ...]
    masks: Mapping[str, AttentionMask] = field(default_factory=dict)
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    batch: int = 1
    bits: Mapping[str, int] = field(default_factory=lambda: {"activation": 8, "weight": 8})
    synthetic: bool = False
    provenance: Mapping[str, object] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self):
        object.__setattr__(self, "layers", tuple(self.layers))
        for name in ("masks", "tensors", "scales", "reads", "bits", "provenance"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        self._check_numbers()
        self._check_layers()
        for name, mask in self.masks.items():
            self._check_mask(name, mask)
        for name in self.tensors:
            self._check_tensor(name)
        for name, sources in self.reads.items():
            self._check_reads(name, sources)
        for name, scale in self.scales.items():
            if not isinstance(scale, float) or not 0 < scale < float("inf"):
                raise InputError(
                    f"workload {self.name!r}: scale {name!r} is {shown(scale)} but must be a number above 0."
                )
            self._operand(name, "scale")

    def __repr__(self) -> str:
        synthetic = ", synthetic masks" if self.synthetic else ""
        return (
            f"Workload({self.name!r}, {self.model}, batch {self.batch}, {len(self.layers)} layers, {self.macs:,} MACs "
            f"an image, {self.sparsity:.2%} of the attention scores pruned{synthetic})"
        )

    def __reduce__(self):
        # mappings are read-only views, which cannot be pickled; a sweep sends workloads to other processes
        values = (getattr(self, f.name) for f in fields(self))
        return Workload, tuple(dict(v) if isinstance(v, MappingProxyType) else v for v in values)

    def _check_numbers(self):
        check_name(str(self.name), "a workload's name")
        where = f"workload {self.name!r}"
        if not str(self.model).isprintable():
            raise InputError(f"{where}: model is {self.model!r} but must be a text of printable characters.")
        problems = [batch_problem(self.batch)]
        problems += [provenance_problem(key, value) for key, value in self.provenance.items()]
        problems += [bits_problem(operand, width) for operand, width in self.bits.items()]
        for problem in filter(None, problems):
            raise InputError(f"{where}: {problem}")
        missing = {"activation", "weight"} - set(self.bits)
        if missing:
            raise InputError(f"{where}: bits lacks {sorted(missing)[0]!r}; give activation and weight.")

    def _check_layers(self):
        if not self.layers:
            raise InputError(f"workload {self.name!r} has no layers; a workload needs at least one.")
        seen = {}
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise InputError(
                    f"workload {self.name!r}: {shown(layer)} is no layer; use "
                    f"{', '.join(cls.__name__ for cls in LAYERS.values())}."
                )
            if layer.name in seen:
                raise InputError(
                    f"workload {self.name!r}: two layers are named {layer.name!r}; layer names must differ."
                )
            seen[layer.name] = layer
        check_macs(self.name, self.macs * self.batch)
        for layer in self.layers:
            if isinstance(layer, Gemm) and layer.encodes is not None:
                self._check_encodes(layer)

    def _check_encodes(self, gemm: Gemm):
        attention = self._by_name.get(gemm.encodes)
        known = [a.name for a in self.attention_layers]
        if not isinstance(attention, Attention):
            raise InputError(
                f"gemm layer {gemm.name!r}: encodes is {gemm.encodes!r} but no attention layer has that name"
                f"{suggest(gemm.encodes, known)}."
            )
        heads = attention.heads // attention.windows
        qk, v = heads * attention.qk_dim, heads * attention.v_dim
        tokens = (attention.q_tokens if gemm.role == "q" else attention.kv_tokens) * attention.windows
        columns = {"qkv": 2 * qk + v, "q": qk, "kv": qk + v}[gemm.role]
        if (gemm.out_features, gemm.tokens) != (columns, tokens):
            raise InputError(
                f"gemm layer {gemm.name!r}: it is {gemm.tokens} x {gemm.out_features} but role {gemm.role!r} of "
                f"attention layer {attention.name!r} needs {tokens} tokens x {columns} out_features."
            )

    def _check_mask(self, name: str, mask: AttentionMask):
        known = [a.name for a in self.attention_layers]
        if name not in known:
            raise InputError(
                f"workload {self.name!r}: mask {name!r} belongs to no attention layer{suggest(name, known)}."
            )
        layer = self.layer(name)
        need = (layer.heads, layer.q_tokens, layer.kv_tokens)
        if mask.shape != need:
            raise InputError(
                f"workload {self.name!r}: mask {name!r} is {list(mask.shape)} but its layer has heads, q_tokens, "
                f"kv_tokens = {list(need)}."
            )

    def _operand(self, name: str, what: str) -> tuple[str, tuple[int, ...]]:
        layer_name, _, operand = name.rpartition(".")
        if layer_name not in self._by_name:
            raise InputError(
                f"workload {self.name!r}: {what} {name!r} belongs to no layer{suggest(layer_name, self._by_name)}."
            )
        shapes = stored_shapes(self.layer(layer_name))
        if operand not in shapes:
            raise InputError(
                f"workload {self.name!r}: {what} {name!r} names no operand of its layer, which are "
                f"{', '.join(shapes)}{suggest(operand, shapes)}."
            )
        return shapes[operand]

    def _check_tensor(self, name: str):
        array, (dtype, shape) = self.tensors[name], self._operand(name, "tensor")
        if array.dtype != dtype or array.shape != shape:
            raise InputError(
                f"workload {self.name!r}: tensor {name!r} is {array.dtype}{list(array.shape)} but must be "
                f"{dtype}{list(shape)}."
            )
        if problem := constant_problem(name.rpartition(".")[2], array):
            raise InputError(f"workload {self.name!r}: tensor {name!r} {problem}.")

    def _check_reads(self, name: str, sources: tuple[str, ...]):
        reader = self.layer(name)
        places = {layer.name: n for n, layer in enumerate(self.layers)}
        for source in sources:
            if source not in places or places[source] >= places[name]:
                raise InputError(
                    f"workload {self.name!r}: reads of {reader.name!r} names {source!r}, which is no layer before it"
                    f"{suggest(source, list(places)[: places[name]])}."
                )

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    def layer(self, name: str) -> Layer:
        """The layer of this name. Errors: InputError with the closest name."""
        if name not in self._by_name:
            raise InputError(f"workload {self.name!r} has no layer {name!r}{suggest(name, self._by_name)}.")
        return self._by_name[name]

    @cached_property
    def kinds(self) -> tuple[int, ...]:
        """Of each layer a number that equal layers share."""
        return kinds(self.layers)

    @property
    def attention_layers(self) -> tuple[Attention, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Attention))

    def mask(self, name: str) -> AttentionMask:
        """The mask of an attention layer; a dense one (every token global) when the workload has none for it."""
        layer = self.layer(name)
        if not isinstance(layer, Attention):
            raise InputError(
                f"workload {self.name!r}: layer {name!r} is a {layer.kind} layer; only attention layers have masks."
            )
        return self.masks.get(name) or dense_mask(layer.heads, layer.q_tokens, layer.kv_tokens)

    def only(self, kind: str) -> Workload:
        """The sub-workload of one kind of layer ('gemm', 'attention', 'norm', 'elementwise'), named NAME.KIND."""
        if kind not in LAYERS:
            raise InputError(f"{kind!r} is no kind of layer; the kinds are {', '.join(LAYERS)}{suggest(kind, LAYERS)}.")
        layers = tuple(layer for layer in self.layers if layer.kind == kind)
        if kind == "gemm":
            layers = tuple(replace(layer, encodes=None) for layer in layers)
        keep = self.masks if kind == "attention" else {}
        names = {layer.name for layer in layers}
        extra = {
            field: {key: value for key, value in getattr(self, field).items() if key.rpartition(".")[0] in names}
            for field in ("tensors", "scales")
        }
        return replace(self, name=f"{self.name}.{kind}", layers=layers, masks=keep, reads={}, **extra)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one image, attention dense."""
        return sum(layer.macs for layer in self.layers)

    def masked_macs(self, layer: Layer) -> int:
        """Multiply-accumulates of one image that the mask leaves of a layer (all of them without a mask)."""
        if layer.name not in self.masks:
            return layer.macs
        return self.masks[layer.name].kept * (layer.qk_dim + layer.v_dim)

    @property
    def sparsity(self) -> float:
        """The pruned fraction of all attention scores of the network (layers without a mask count as dense); 0 without
        any."""
        scores = sum(a.heads * a.q_tokens * a.kv_tokens for a in self.attention_layers)
        pruned = sum(m.scores - m.kept for m in self.masks.values())
        return pruned / scores if scores else 0.0

    @cached_property
    def hash(self) -> str:
        """sha256 over everything a simulation can depend on; not over the name, the provenance and the synthetic
        mark."""
        layers = [{"kind": layer.kind, **asdict(layer)} for layer in self.layers]
        for layer in layers:  # which a workload without any is as old as
            if layer.get("bias_offsets", 0) is None:
                del layer["bias_offsets"]
        plain = {"layers": layers, "batch": self.batch, "bits": dict(self.bits), "scales": dict(self.scales)}
        if self.reads:
            plain["reads"] = {name: list(sources) for name, sources in self.reads.items()}
        if patterns := {name: str(mask.pattern) for name, mask in self.masks.items() if mask.pattern}:
            plain["patterns"] = patterns
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
        arrays = {
            f"{n}.{part}": getattr(m, part)
            for n, m in self.masks.items()
            for part in ("keep", "order", "global_tokens")
        }
        for name, array in sorted({**arrays, **self.tensors}.items()):
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            digest.update(f"{name} {little.dtype.str} {little.shape}\n".encode())
            digest.update(little.tobytes())
        return digest.hexdigest()


def tensor_shapes(layer: Attention | LinearAttention) -> dict[str, tuple[int, ...]]:
    """The int8 operands a workload may carry for an attention layer, and their shapes (encode_*: [h', h]; decode_*: [h,
    h'])."""
    shapes = {
        "q": (layer.heads, layer.q_tokens, layer.qk_dim),
        "k": (layer.heads, layer.kv_tokens, layer.qk_dim),
        "v": (layer.heads, layer.kv_tokens, layer.v_dim),
    }
    if isinstance(layer, Attention) and layer.encoded_heads is not None:
        for operand in "qk":
            shapes[f"encode_{operand}"] = (layer.encoded_heads, layer.heads)
            shapes[f"decode_{operand}"] = (layer.heads, layer.encoded_heads)
    return shapes


def stored_shapes(layer: Layer) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Every operand and constant a workload may carry for a layer: its type and shape.

    Attention: `tensor_shapes`; behind an auto-encoder also the codes that q and k are decoded from, and the decoder's
    biases (in steps of the sums: scale of decode_q x scale of code_q). Gemm: x W + bias, one for each of `repeat`.
    And `constant_shapes`.
    """
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {}
    if isinstance(layer, Gemm):
        shapes = {
            "x": ("int8", (layer.repeat, layer.tokens, layer.in_features)),
            "weight": ("int8", (layer.repeat, layer.in_features, layer.out_features)),
            "bias": ("int32", (layer.repeat, layer.out_features)),
        }
    elif isinstance(layer, Attention | LinearAttention):
        shapes = {name: ("int8", shape) for name, shape in tensor_shapes(layer).items()}
        if isinstance(layer, Attention) and layer.encoded_heads is not None:
            for operand, tokens in (("q", layer.q_tokens), ("k", layer.kv_tokens)):
                shapes[f"code_{operand}"] = ("int8", (layer.encoded_heads, tokens, layer.qk_dim))
                shapes[f"decode_{operand}_bias"] = ("int32", (layer.heads,))
    return shapes | constant_shapes(layer)

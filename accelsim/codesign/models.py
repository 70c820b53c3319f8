"""The networks of the ViTCoD paper as layer lists, checked by hand against the published multiply-accumulate counts.

DeiT: Touvron et al., ICML 2021 (patch 16, 224 x 224). LeViT: Graham et al., ICCV 2021, and its public code (224 x 224).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from accelsim.core.errors import InputError, suggest
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, Norm


@dataclass(frozen=True)
class Model:
    """layers in order; grids: attention layer -> ((q rows, q columns), (kv rows, kv columns)) of its patches;
    class_token: token 0 is a CLS token. published_gmacs: the count its authors give, for comparison."""

    name: str
    layers: tuple[Layer, ...]
    grids: dict[str, tuple[tuple[int, int], tuple[int, int]]]
    class_token: bool
    published_gmacs: float

    @property
    def attention_layers(self) -> tuple[Attention, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Attention))


def model(name: str) -> Model:
    """The model of this name (see MODELS). Errors: InputError with the closest name."""
    if name not in MODELS:
        raise InputError(f"{name!r} is no known model; the models are {', '.join(MODELS)}{suggest(name, MODELS)}.")
    return MODELS[name](name)


def encoded(heads: int) -> int:
    """h' = ceil(h / 2), the auto-encoder of the ViTCoD code (DeiT: 3 -> 2, 6 -> 3, 12 -> 6)."""
    return -(-heads // 2)


def block_of(name: str, side: int, mlp_ratio: int = 4) -> Model:
    """One block of a DeiT on side x side patches and the class token; mlp_ratio: the hidden layer's width over the
    block's, 0 without an MLP. Errors: InputError for another model."""
    if not name.startswith("deit_"):
        raise InputError(
            f"{name!r} has no blocks of a single size; name one of {', '.join(n for n in MODELS if 'deit' in n)}."
        )
    model(name)
    whole = MODELS[name](name, side=side, blocks=1, mlp_ratio=mlp_ratio)
    layers = tuple(layer for layer in whole.layers if layer.block == "block0")
    width = "" if mlp_ratio == 4 else f"_mlp{mlp_ratio}"
    return Model(f"{name}_block_{side * side + 1}{width}", layers, whole.grids, True, 0.0)


def _deit(
    name: str, dim: int, heads: int, published: float, side: int = 14, blocks: int = 12, mlp_ratio: int = 4
) -> Model:
    patches, head_dim = side * side, 64
    tokens = patches + 1
    # The position embedding is the residual operand of the patch embedding. The class token's row is a constant: it
    # stands before the patches' in DRAM from the start.
    layers: list[Layer] = [
        Gemm("patch_embed", "embed", "embed", patches, 768, dim, residual=True, input_elements=patches * 768)
    ]
    grids = {}
    for i in range(blocks):
        block = f"block{i}"
        name_of = partial("{}.{}".format, block)
        attention = Attention(name_of("attention"), block, heads, tokens, tokens, head_dim, head_dim, encoded(heads))
        grids[attention.name] = ((side, side), (side, side))
        layers += [
            Norm(name_of("norm1"), block, tokens, dim),
            Gemm(name_of("qkv"), block, "qkv", tokens, dim, 3 * dim, encodes=attention.name),
            attention,
            Gemm(name_of("proj"), block, "proj", tokens, dim, dim, residual=True),
        ]
        if mlp_ratio:
            hidden = mlp_ratio * dim
            layers += [
                Norm(name_of("norm2"), block, tokens, dim),
                Gemm(name_of("mlp1"), block, "mlp", tokens, dim, hidden, activation="gelu"),
                Gemm(name_of("mlp2"), block, "mlp", tokens, hidden, dim, residual=True),
            ]
    layers += [Norm("norm", "head", tokens, dim), Gemm("head", "head", "head", 1, dim, 1000)]
    return Model(name, tuple(layers), grids, True, published)


def _levit(name: str, dims: tuple[int, ...], heads: tuple[int, ...], key_dim: int, published: float) -> Model:
    layers, grids = list(_levit_stem(dims[0])), {}
    for stage, (side, dim) in enumerate(zip((14, 7, 4), dims)):
        tokens = side * side
        for i in range(4):
            layers += _levit_block(f"stage{stage}.block{i}", tokens, dim, heads[stage], key_dim)
            grids[f"stage{stage}.block{i}.attention"] = ((side, side), (side, side))
        if stage < 2:
            small = (side + 1) // 2
            block = f"stage{stage}.down"
            layers += _levit_down(block, (small * small, tokens), (dim, dims[stage + 1]), dim // key_dim, key_dim)
            grids[f"{block}.attention"] = ((small, small), (side, side))
    layers += [
        Elementwise("pool", "head", "mean", 16, dims[2]),
        # the published network averages a classification and a distillation head
        Gemm("head", "head", "head", 1, dims[2], 1000),
        Gemm("head_dist", "head", "head", 1, dims[2], 1000),
        Elementwise("head_add", "head", "add", 1, 1000, operands=2),
    ]
    return Model(name, tuple(layers), grids, False, published)


def _levit_stem(dim: int) -> Iterator[Layer]:
    """Four 3 x 3 convolutions of stride 2 and padding 1, 224 x 224 x 3 to 14 x 14 x dim."""
    channels, side = (3, dim // 8, dim // 4, dim // 2, dim), 224
    for i in range(4):
        inputs, side = side * side * channels[i], side // 2
        activation = "hardswish" if i < 3 else None
        yield Gemm(
            f"stem.conv{i}",
            "stem",
            "conv",
            side * side,
            9 * channels[i],
            channels[i + 1],
            activation=activation,
            input_elements=inputs,
        )


def _levit_mlp(block: str, tokens: int, dim: int) -> list[Layer]:
    return [
        Gemm(f"{block}.mlp1", block, "mlp", tokens, dim, 2 * dim, activation="hardswish"),
        Gemm(f"{block}.mlp2", block, "mlp", tokens, 2 * dim, dim, residual=True),
    ]


def _levit_block(block: str, tokens: int, dim: int, heads: int, key_dim: int) -> list[Layer]:
    v_dim, name = 2 * key_dim, f"{block}.attention"
    return [
        Gemm(f"{block}.qkv", block, "qkv", tokens, dim, heads * (2 * key_dim + v_dim), encodes=name),
        Attention(
            name,
            block,
            heads,
            tokens,
            tokens,
            key_dim,
            v_dim,
            encoded(heads),
            activation="hardswish",
            bias_offsets=tokens,  # |rows| x |columns| apart
        ),
        Gemm(f"{block}.proj", block, "proj", tokens, heads * v_dim, dim, residual=True),
        *_levit_mlp(block, tokens, dim),
    ]


def _levit_down(block: str, tokens: tuple[int, int], dims: tuple[int, int], heads: int, key_dim: int) -> list[Layer]:
    """Subsampling attention: queries of every second row and column attend to all tokens; no residual around the
    attention."""
    (q, kv), (dim, out), v_dim, name = tokens, dims, 4 * key_dim, f"{block}.attention"
    return [
        Gemm(f"{block}.kv", block, "kv", kv, dim, heads * (key_dim + v_dim), encodes=name),
        Gemm(f"{block}.q", block, "q", q, dim, heads * key_dim, encodes=name),
        Attention(name, block, heads, q, kv, key_dim, v_dim, encoded(heads), activation="hardswish", bias_offsets=kv),
        Gemm(f"{block}.proj", block, "downsample", q, heads * v_dim, out),
        *_levit_mlp(block, q, out),
    ]


MODELS = {
    "deit_tiny": partial(_deit, dim=192, heads=3, published=1.26),
    "deit_small": partial(_deit, dim=384, heads=6, published=4.6),
    "deit_base": partial(_deit, dim=768, heads=12, published=17.6),
    "levit_128": partial(_levit, dims=(128, 256, 384), heads=(4, 8, 12), key_dim=16, published=0.406),
    "levit_192": partial(_levit, dims=(192, 288, 384), heads=(3, 5, 6), key_dim=32, published=0.658),
    "levit_256": partial(_levit, dims=(256, 384, 512), heads=(4, 6, 8), key_dim=32, published=1.12),
}

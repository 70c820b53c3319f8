"""Small networks for the tests of the PyTorch half, each written in another way. Imports torch: for test_torch_*."""

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention


class Fused(nn.Module):
    """One fused projection and the fused attention operator."""

    def __init__(self, dim=12, heads=3):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Explicit(nn.Module):
    """Three projections, scaled Q, a softmax between two matrix products."""

    def __init__(self, dim=12, heads=3):
        super().__init__()
        self.heads, self.scale = heads, (dim // heads) ** -0.5
        self.q, self.k, self.v, self.proj = (nn.Linear(dim, dim) for _ in range(4))

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def scores(self, q, k):
        return (q * self.scale) @ k.transpose(-2, -1)

    def values(self, p, v):
        return (p @ v).transpose(1, 2).flatten(2)

    def forward(self, x):
        q, k, v = (self.split(layer(x)) for layer in (self.q, self.k, self.v))
        return self.proj(self.values(self.scores(q, k).softmax(dim=-1), v))


class Einsum(Explicit):
    """Tokens before heads, and einsum for both products."""

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1))

    def scores(self, q, k):
        return torch.einsum("bihd,bjhd->bhij", q, k) * self.scale

    def values(self, p, v):
        return torch.einsum("bhij,bjhd->bihd", p, v).flatten(2)


class Mirrored(Explicit):
    """Values from the left: V^T P^T."""

    def values(self, p, v):
        return (v.transpose(-2, -1) @ p.transpose(-2, -1)).transpose(-2, -1).transpose(1, 2).flatten(2)


class Merged(Explicit):
    """Images and heads in one axis, with bmm."""

    def split(self, x):
        return super().split(x).flatten(0, 1)

    def scores(self, q, k):
        return torch.bmm(q, k.transpose(1, 2)) * self.scale

    def values(self, p, v):
        return torch.bmm(p, v).unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2)


class Library(nn.Module):
    """nn.MultiheadAttention, which hides all of it."""

    def __init__(self, dim=12, heads=3):
        super().__init__()
        self.inner = nn.MultiheadAttention(dim, heads, batch_first=True)

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


ATTENTIONS = (Fused, Explicit, Einsum, Mirrored, Merged, Library)


class Network(nn.Module):
    """Patches of a picture, one block, a head: a whole small vision transformer."""

    def __init__(self, attention=Fused, dim=12, heads=3, side=8):
        super().__init__()
        self.embed, self.cls = nn.Conv2d(1, dim, 2, 2), nn.Parameter(torch.randn(1, 1, dim))
        self.position = nn.Parameter(torch.randn(1, (side // 2) ** 2 + 1, dim))
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(dim), attention(dim, heads), nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.head = nn.Linear(dim, 5)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.position
        x = x + self.attn(self.norm1(x))
        return self.head((x + self.mlp(self.norm2(x)))[:, 0])


def network(attention=Fused, seed=0) -> Network:
    """The same weights for every kind of attention."""
    torch.manual_seed(seed)
    made = Network(attention).eval()
    rng = torch.Generator().manual_seed(seed)
    wide, bias, out = torch.randn(36, 12, generator=rng) / 2, torch.randn(36, generator=rng) / 4, torch.randn(12, 12)
    with torch.no_grad():
        inner = made.attn
        if attention is Fused:
            inner.qkv.weight.copy_(wide)
            inner.qkv.bias.copy_(bias)
            inner.proj.weight.copy_(out)
        elif attention is Library:
            inner.inner.in_proj_weight.copy_(wide)
            inner.inner.in_proj_bias.copy_(bias)
            inner.inner.out_proj.weight.copy_(out)
        else:
            for layer, w, b in zip((inner.q, inner.k, inner.v), wide.chunk(3), bias.chunk(3)):
                layer.weight.copy_(w)
                layer.bias.copy_(b)
            inner.proj.weight.copy_(out)
    return made


def images(count=4, seed=0, channels=1, side=8) -> torch.Tensor:
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(seed))

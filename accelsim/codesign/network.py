"""The demo's own vision transformer (timm's weights), run with the attention of one method: dense, under fixed masks
with auto-encoders, or a rival's.

The same results as the model under `capture.watch`, without a look at every call: projections of Q and K are coded
before they are cut into heads, patches are read by one product, and the fused operator takes the masks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from accelsim.codesign.pytorch import need


class Rival(Protocol):
    """Another way to attend. A forward pass calls `start` once, then for every block `tokens` and `attend`."""

    training: bool

    def start(self, images: int) -> None:
        """A batch of so many images begins."""
        ...

    def tokens(self, index: int, x: Any) -> Any:
        """x [images, tokens, features] as block `index` takes it: with the tokens that are left."""
        ...

    def attend(self, index: int, q: Any, k: Any, v: Any) -> Any:
        """Outputs [images, heads, tokens, features] of q, k and v of that shape."""
        ...


@dataclass
class Network:
    """model: timm's VisionTransformer, dropout 0, with a class token. encoders: as `auto_encoder.auto_encoders` makes
    them. keep: attention -> bool [heads, tokens, tokens], False = the score becomes -inf. rival: in place of both.
    seen: in training an image shows so many of its patches, others every time (PatchDropout, Liu et al., WACV 2023);
    None: all."""

    model: Any
    encoders: Any = None
    keep: dict[int, Any] | None = None
    rival: Rival | None = None
    seen: int | None = None

    def __call__(self, images: Any) -> Any:
        """Images [n, channels, side, side] -> scores of the classes [n, classes]."""
        torch, model = need("torch", "running the demo"), self.model
        x = self.patches(images) + model.pos_embed[:, 1:]
        if self.seen is not None and model.training:
            drawn = torch.rand(x.shape[:2], device=x.device).argsort(1)[:, : self.seen, None]
            x = x.gather(1, drawn.expand(-1, -1, x.shape[-1]))
        x = torch.cat([(model.cls_token + model.pos_embed[:, :1]).expand(len(x), -1, -1), x], 1)
        if self.rival:
            self.rival.start(len(images))
        for index, block in enumerate(model.blocks):
            if self.rival:
                x = self.rival.tokens(index, x)
            x = x + self.attention(index, block.attn, block.norm1(x))
            x = x + block.mlp(block.norm2(x))
        return model.head(model.norm(x)[:, 0])

    def patches(self, images: Any) -> Any:
        """The patch embedding, a convolution whose stride is its size, as one product: [n, patches, features]."""
        torch, weights = need("torch", "running the demo"), self.model.patch_embed.proj
        n, channels, side, _ = images.shape
        size = weights.kernel_size[0]
        cut = images.reshape(n, channels, side // size, size, side // size, size).permute(0, 2, 4, 1, 3, 5)
        return torch.nn.functional.linear(cut.flatten(3).flatten(1, 2), weights.weight.flatten(1), weights.bias)

    def attention(self, index: int, module: Any, x: Any) -> Any:
        """One attention between its two projections: x [n, tokens, features] -> the same shape."""
        torch = need("torch", "running the demo")
        n, tokens, features = x.shape
        q, k, v = module.qkv(x).chunk(3, -1)
        if self.encoders is not None:
            q, k = (self.coded(2 * index + i, one) for i, one in enumerate((q, k)))
        q, k, v = (t.unflatten(-1, (module.num_heads, -1)).transpose(1, 2) for t in (q, k, v))
        if self.rival:
            out = self.rival.attend(index, q, k, v)
        else:
            keep = self.keep[index] if self.keep else None
            out = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=keep)
        return module.proj(out.transpose(1, 2).reshape(n, tokens, features))

    def coded(self, number: int, x: Any) -> Any:
        """x [n, tokens, heads x features] through the auto-encoder of this number: as `transform`, but one product over
        the last axis, whose weights are the auto-encoder's for every feature."""
        torch = need("torch", "running the demo")
        encoder, decoder = self.encoders.pairs[number]
        dim = x.shape[-1] // encoder.in_features
        eye = torch.eye(dim, device=x.device, dtype=encoder.weight.dtype)
        code = torch.nn.functional.linear(x, torch.kron(encoder.weight, eye))
        bias = decoder.bias.repeat_interleave(dim)
        again = torch.nn.functional.linear(code, torch.kron(decoder.weight, eye), bias)
        if self.encoders.training:
            target = x.detach()
            error = (again - target).float().square().mean()
            self.encoders.terms.append(error / target.float().square().mean().clamp_min(1e-12))
        return again

    def loss(self) -> Any:
        """The auto-encoders' reconstruction term of the calls since the last one; 0 without them."""
        return 0.0 if self.encoders is None else self.encoders.loss()

    def train(self, on: bool = True) -> Network:
        """As a torch module's."""
        for module in (self.model, self.encoders):
            if module is not None:
                module.train(on)
        if self.rival:
            self.rival.training = on
        return self

    def parameters(self) -> Iterator[Any]:
        """What training changes."""
        yield from self.model.parameters()
        if self.encoders is not None:
            yield from self.encoders.parameters()

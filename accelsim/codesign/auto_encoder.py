"""The auto-encoder of ViTCoD (HPCA 2023): per layer, Q and K are compressed across the heads by a linear layer h -> h'
and restored by another h' -> h. V is left alone.

The encoder has no bias: decode(encode(x) + b) = decode(encode(x)) + decode(b), so that the decoder's holds it too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache

from accelsim.codesign.calls import Call, Site
from accelsim.codesign.capture import per_image, watch
from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError


def encoded_heads(heads: int, ratio: float) -> int:
    """h' = ceil(h * ratio); the paper's ratio is 0.5. Errors: InputError for a ratio outside (0, 1]."""
    if not isinstance(ratio, int | float) or not 0 < ratio <= 1:
        raise InputError(f"auto-encoder ratio is {ratio!r} but must be above 0 and at most 1, e.g. 0.5.")
    return math.ceil(heads * ratio)


def head_moments(model, batches: Iterable, sites: list[Site]) -> list[dict]:
    """Per site: for 'q' and 'k' the means float64[h] and second moments float64[h, h] of the heads, over images, tokens
    and features."""
    torch = need("torch", "starting an auto-encoder")
    totals = [{n: [0, 0, 0] for n in "qk"} for _ in sites]

    def add(call: Call) -> None:
        for name, x in (("q", call.q), ("k", call.k)):
            flat = per_image(x, sites[call.index]).transpose(0, 1).flatten(1).double()
            total = totals[call.index][name]
            for i, value in enumerate((flat.sum(1), flat @ flat.T, flat.shape[1])):
                total[i] = total[i] + value

    device = next(model.parameters()).device
    with torch.inference_mode(), watch(model, on_call=add):
        for batch in batches:
            model(batch.to(device))
    if not totals[0]["q"][2]:
        raise InputError("the calibration set has no images; a PCA start needs at least one.")
    return [{n: (s / count, ss / count) for n, (s, ss, count) in t.items()} for t in totals]


def auto_encoders(sites: list[Site], ratio: float, moments: list[dict]):
    """One auto-encoder for Q and one for K of every site, started from the principal components of the heads.

    Returns a torch module: `transform(index, q, k)` is what `capture.watch` takes, `loss()` the reconstruction term of
    the calls since the last one, `codes` (when `record` is set) index -> (code of Q, code of K).
    Errors: InputError for windowed attention, or operands without a head axis.
    """
    for site in sites:
        if len(site.lead) > 2 or site.windows > 1:
            raise InputError(
                f"{site.path}: attention in {site.windows} windows (operands {list(site.lead)}) takes no auto-encoder; "
                "export without one."
            )
    return _module_class()([site.maps for site in sites], ratio, moments)


@cache
def _module_class():
    torch = need("torch", "an auto-encoder")

    class HeadAutoEncoders(torch.nn.Module):
        def __init__(self, heads, ratio, moments):
            super().__init__()
            self.heads = heads
            self.pairs = torch.nn.ModuleList()
            self.terms, self.codes, self.record = [], {}, False
            for count, moment in zip(heads, moments):
                for name in "qk":
                    self.pairs.append(self.started(count, encoded_heads(count, ratio), *moment[name]))

        @staticmethod
        def started(heads, coded, mean, second):
            """The best linear code of centred heads: the eigenvectors of their covariance."""
            encoder, decoder = torch.nn.Linear(heads, coded, bias=False), torch.nn.Linear(coded, heads)
            vectors = torch.linalg.eigh((second - torch.outer(mean, mean)).cpu())[1][:, -coded:]
            # an eigenvector's sign is arbitrary: fix it, so that the same input gives the same bytes
            vectors = vectors * torch.sign(vectors[vectors.abs().argmax(0), torch.arange(coded)])
            with torch.no_grad():
                encoder.weight.copy_(vectors.T)
                decoder.weight.copy_(vectors)
                decoder.bias.copy_(mean.cpu() - vectors @ (vectors.T @ mean.cpu()))
            return torch.nn.ModuleList([encoder, decoder])

        def transform(self, index, q, k):
            out, codes = [], []
            for x, (encoder, decoder) in zip((q, k), self.pairs[2 * index : 2 * index + 2]):
                flat = x.reshape(-1, self.heads[index], x.shape[-2] * x.shape[-1])
                # across the heads, not over the last axis: one product of [h', h] and [h, tokens x features] an image
                code = encoder.weight @ flat
                again = decoder.weight @ code + decoder.bias[:, None]
                if self.training:
                    target = flat.detach()
                    self.terms.append((again - target).square().mean() / target.square().mean().clamp_min(1e-12))
                codes.append(code.unflatten(-1, x.shape[-2:]))
                out.append(again.reshape(x.shape))
            if self.record:
                self.codes[index] = tuple(c.detach() for c in codes)
            return tuple(out)

        def loss(self):
            """Mean of |x - x'|^2 / |x|^2 over the calls since the last one (a normalised term: sizes do not matter)."""
            terms, self.terms = self.terms, []
            return torch.stack(terms).mean() if terms else torch.zeros(())

    return HeadAutoEncoders

"""How other machines' algorithms attend, in PyTorch, to be trained with: Sanger (Lu et al., MICRO 2021) and SpAtten
(Wang et al., HPCA 2021). Both decide for every image anew, and no gradient flows through a decision.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.codesign.pytorch import need

FIRST_LAYER, EVERY = 3, 3  # of SpAtten: the first block with fewer tokens, and blocks from one choice to the next
LEVELS = 7  # of a 4-bit value with a sign (quant_utils.py:24-38 of Sanger's code)
DECAY = 0.99
"""Of the moving average of Q's and K's largest magnitudes in training. The published 0.9999 [paper] is for runs of tens
of thousands of steps; fine-tuning has hundreds here [ours]."""


def attend_under(q: Any, k: Any, v: Any, keep: Any) -> Any:
    """Attention under a mask, bool [..., q_tokens, kv_tokens]."""
    torch = need("torch", "running a rival")
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=keep)


class Sanger:
    """Scores of Q and K in 4 bits, their softmax, and a threshold say which scores are computed exactly.

    threshold: probability above which a score is kept. A row of which nothing is kept is computed in full, as the
    published code does, whose -10000 on every score of a row changes nothing. `kept` float64[attentions, heads] and
    `full` (rows of the latter kind) count since `count` was called; `masks` collects those of the first images of a
    pass where `collect` says how many.
    """

    method = "sanger"

    def __init__(self, threshold: float, attentions: int):
        self.threshold, self.attentions, self.training = threshold, attentions, False
        self.largest: list[Any] = [None] * (2 * attentions)
        self.collect = 0
        self.count()

    def count(self) -> None:
        """Begin to count anew."""
        self.kept: list[Any] = [0] * self.attentions
        self.full: list[Any] = [0] * self.attentions
        self.scores, self.rows, self.masks = 0, 0, {}

    def start(self, images: int) -> None:
        """Nothing is carried from block to block."""

    def tokens(self, index: int, x: Any) -> Any:
        """All of them."""
        return x

    def attend(self, index: int, q: Any, k: Any, v: Any) -> Any:
        """See `network.Rival`."""
        torch = need("torch", "running Sanger's prediction")
        with torch.no_grad(), torch.autocast(q.device.type, enabled=False):
            keep = self.predict(index, q, k) > self.threshold
            empty = ~keep.any(-1, keepdim=True)
            keep |= empty
            if not self.training:
                self.kept[index] = self.kept[index] + keep.sum((0, 2, 3), dtype=torch.float64)
                self.full[index] = self.full[index] + empty.sum(dtype=torch.float64)
                if index == 0:
                    self.scores, self.rows = self.scores + keep[:, 0].numel(), self.rows + empty.numel()
                if self.collect:
                    self.masks[index] = keep[: self.collect].cpu().numpy()
        return attend_under(q, k, v, keep)

    def predict(self, index: int, q: Any, k: Any) -> Any:
        """Probabilities [images, heads, tokens, tokens] from 4-bit scores. Q and K are quantised with their lengths
        taken out (`inner_product`, on in every published configuration), one scale for the tensor."""
        quantised, lengths, scales = [], [], []
        for number, x in ((2 * index, q), (2 * index + 1, k)):
            x = x if x.element_size() == 8 else x.float()
            length = x.norm(dim=-1, keepdim=True)
            x = x / length.clamp_min(1e-30)
            scale = LEVELS / self.threshold_of(number, x)
            quantised.append((x * scale).round().clamp(-LEVELS, LEVELS))
            lengths.append(length)
            scales.append(scale)
        score = quantised[0] @ quantised[1].transpose(-2, -1)
        factor = lengths[0] * lengths[1].transpose(-2, -1)
        return (score / (scales[0] * scales[1]) * factor * q.shape[-1] ** -0.5).softmax(-1)

    def threshold_of(self, number: int, x: Any) -> Any:
        """The largest magnitude of a tensor: a moving average in training, which is frozen behind it."""
        before = self.largest[number]
        if self.training or before is None:
            most = x.abs().amax().clamp_min(1e-30)
            self.largest[number] = most if before is None else DECAY * before + (1 - DECAY) * most
        return self.largest[number]

    def statistics(self) -> dict[str, Any]:
        """What was counted: shares of the scores kept of each attention and head, and of rows computed in full."""
        kept = np.stack([k.cpu().numpy() for k in self.kept]) / self.scores
        full = np.array([float(f) for f in self.full]) / self.rows
        return {
            "threshold": self.threshold,
            "kept": float(kept.mean()),
            "kept_of": kept.round(6).tolist(),
            "rows_in_full": full.round(6).tolist(),
        }


class SpAtten:
    """Tokens and heads are ranked by what they did so far, and the losers leave the network (cascade pruning).

    keep, keep_heads: thousandths of those alive that stay after each choice; choices come behind blocks
    `first_layer` - 1, and every so many after it, and hold from the next block on. Importance of a token: the
    probabilities that it drew, over heads, queries and layers; of a head: the magnitude of its outputs. The class token
    is not ranked and stays. A head that left gives zeros.
    """

    method = "spatten"

    def __init__(self, keep: int, keep_heads: int, attentions: int, first_layer: int = FIRST_LAYER, every: int = EVERY):
        self.keep, self.keep_heads, self.attentions = keep, keep_heads, attentions
        self.first_layer, self.every, self.training = first_layer, every, False
        self.alive: dict[int, Any] = {}
        self.tokens_of, self.heads_of = [0] * attentions, [0] * attentions

    def selects_after(self, index: int) -> bool:
        """Whether a choice is made when attention `index` has ended, for those after it."""
        behind = index + 1 - self.first_layer
        return index + 1 < self.attentions and behind >= 0 and behind % self.every == 0

    def start(self, images: int) -> None:
        """All tokens and heads are alive."""
        self.sums = self.head_sums = self.heads = self.places = self.chosen = None

    def tokens(self, index: int, x: Any) -> Any:
        """Those that the last choice left, in order."""
        torch = need("torch", "running SpAtten's pruning")
        if self.places is None:
            self.places = torch.arange(x.shape[1], device=x.device).expand(len(x), -1)
        if self.chosen is None:
            return x
        chosen, self.chosen = self.chosen, None
        self.places = self.places.gather(1, chosen)
        self.sums = self.sums.gather(1, chosen)
        return x.gather(1, chosen[..., None].expand(-1, -1, x.shape[-1]))

    def attend(self, index: int, q: Any, k: Any, v: Any) -> Any:
        """See `network.Rival`."""
        torch = need("torch", "running SpAtten's pruning")
        p = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
        out = p.to(v.dtype) @ v
        heads = q.shape[1] if self.heads is None else int(self.heads[0].sum())
        if self.heads is not None:
            out = out * self.heads[..., None, None].to(out.dtype)
        with torch.no_grad():
            drawn = p if self.heads is None else p * self.heads[..., None, None]
            sums, head_sums = drawn.sum((1, 2), dtype=torch.float32), out.abs().sum((2, 3), dtype=torch.float32)
            self.sums = sums if self.sums is None else self.sums + sums
            self.head_sums = head_sums if self.head_sums is None else self.head_sums + head_sums
            self.tokens_of[index], self.heads_of[index] = q.shape[2], heads
            self.alive[index] = self.places
            if self.selects_after(index):
                self.choose(heads)
        return out

    def choose(self, heads: int) -> None:
        """The top-k of tokens, and of heads where any are to leave."""
        torch = need("torch", "running SpAtten's pruning")
        tokens = self.sums.shape[1]
        count = max(1, tokens * self.keep // 1000)
        best = self.sums[:, 1:].topk(count - 1).indices.sort(-1).values + 1
        self.chosen = torch.cat([torch.zeros_like(self.places[:, :1]), best], 1)
        if self.keep_heads < 1000:
            dead = self.head_sums if self.heads is None else self.head_sums.masked_fill(~self.heads, -1)
            best = dead.topk(max(1, heads * self.keep_heads // 1000)).indices
            self.heads = torch.zeros_like(dead, dtype=torch.bool).scatter(1, best, True)

    def statistics(self) -> dict[str, Any]:
        """Tokens and heads of every attention, the same for every image, and the share of the scores computed."""
        n, h = self.tokens_of[0], self.heads_of[0]
        done = sum(t * t * heads for t, heads in zip(self.tokens_of, self.heads_of))
        return {
            "keep": self.keep,
            "keep_heads": self.keep_heads,
            "tokens": list(self.tokens_of),
            "heads": list(self.heads_of),
            "kept": done / (self.attentions * n * n * h),
        }

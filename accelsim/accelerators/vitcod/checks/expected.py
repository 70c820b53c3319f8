"""What must be computed, from the masks alone: which score by which engine."""

from dataclasses import dataclass

import numpy as np

from accelsim.validation.evidence import Evidence
from accelsim.workload.layers import Attention


@dataclass(frozen=True)
class AttentionWork:
    """One attention layer. number: its place among the network's layers. keep: bool[heads, q_tokens, kv_tokens], the
    scores that count. dense: bool[heads, kv_tokens], the columns the denser engine computes as a whole (a score of them
    that the mask prunes is computed too, and counts as minus infinity). coded: heads Q and K are compressed to (0: no
    auto-encoder).
    """

    layer: Attention
    number: int
    keep: np.ndarray
    dense: np.ndarray
    coded: int

    @property
    def sparse(self) -> np.ndarray:
        """bool[heads, q_tokens, kv_tokens]: the scores of the sparser engine."""
        return self.keep & ~self.dense[:, None, :]

    @property
    def token_bytes(self) -> int:
        """Bytes of a token's query or key, over all heads, as DRAM holds it."""
        return (self.coded or self.layer.heads) * self.layer.qk_dim


def attention_work(evidence: Evidence) -> list[AttentionWork]:
    """The work of every attention layer, in order.

    Without pruning every score counts. Reordered, the columns of the global tokens are dense (without pruning: all);
    not reordered, none is.
    """
    found = []
    for number, layer in enumerate(evidence.workload.layers):
        if not isinstance(layer, Attention):
            continue
        mask = evidence.workload.mask(layer.name)
        keep = mask.keep if evidence.on("prune") else np.ones(mask.shape, bool)
        dense = np.zeros((layer.heads, layer.kv_tokens), bool)
        if evidence.on("reorder"):
            for head in range(layer.heads):
                globals_here = mask.global_tokens[head] if evidence.on("prune") else layer.kv_tokens
                dense[head, mask.order[head, :globals_here]] = True
        coded = (layer.encoded_heads or 0) if evidence.on("auto_encoder") else 0
        found.append(AttentionWork(layer, number, keep, dense, coded))
    return found

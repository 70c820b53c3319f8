"""What is seen of an attention while a PyTorch model runs: its sizes, one execution of it, notes on its tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Site:
    """One attention of the network, of one image. lead: the sizes of its operands before tokens and features; product:
    which matrix product of the forward pass makes its scores (None: the fused operator)."""

    index: int
    path: str
    lead: tuple[int, ...]
    q_tokens: int
    kv_tokens: int
    qk_dim: int
    v_dim: int
    product: int | None

    @property
    def maps(self) -> int:
        """Attention maps of one image: windows x heads."""
        count = 1
        for size in self.lead:
            count *= size
        return count

    @property
    def windows(self) -> int:
        """Windows of one image that share the heads' weights (1 without windows)."""
        return self.lead[0] if len(self.lead) == 2 else 1


@dataclass
class Call:
    """One execution of an attention: tensors [..., tokens, features], scores = q k^T * factor (+ bias), probabilities p
    after the softmax and the mask, out = p v. factor is None where the scores are no multiple of q k^T. path and
    scores_path: the modules that ran p v and q k^T."""

    index: int
    path: str
    product: int | None
    q: Any
    k: Any
    v: Any
    p: Any
    out: Any
    factor: Any
    biased: bool
    scores_path: str


def marked(tensor, like):
    """`tensor`, with what observers have noted on `like`, of which it is a view."""
    if tensor is not like:
        tensor.__dict__.update(like.__dict__)
    return tensor


def plain_name(function) -> str:
    """`__iadd__`, `__radd__`, `add_` and `add` are all 'add'."""
    name = getattr(function, "__name__", "")
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        for prefix in ("i", "r"):
            if name[1:] in ("add", "sub", "mul", "matmul", "truediv") and name.startswith(prefix):
                return name[1:]
    return name.removesuffix("_")

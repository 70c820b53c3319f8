"""What of attention lies in DRAM: operands and outputs, and unfused the scores and probabilities."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from accelsim.validation.memory import Tensor
from accelsim.workload.layers import Attention

if TYPE_CHECKING:
    from accelsim.accelerators.systolic.checks.judge import SystolicJudge

SCORE_BYTES = 2


def attention_tensors(judge: "SystolicJudge") -> Iterator[Tensor]:
    """The tensors of attention layers. Unfused, scores and probabilities are written and read back."""
    workload = judge.evidence.workload
    for number, layer in enumerate(workload.layers):
        if not isinstance(layer, Attention):
            continue
        for image in range(workload.batch):
            for name, size in operand_sizes(layer).items():
                yield Tensor(name=f"{layer.name}.{name}.{image}", layer=number, size=size)
            size = layer.heads * layer.q_tokens * layer.v_dim
            writer = judge.store
            yield Tensor(name=f"{layer.name}.output.{image}", layer=number, size=size, written=True, writer=writer)
            if judge.fused:
                continue
            for name, size in spilled_sizes(layer).items():
                yield Tensor(
                    name=f"{layer.name}.{name}.{image}", layer=number, size=size, written=True,
                    reader=judge.act, writer=judge.spill,
                )  # fmt: skip


def operand_sizes(layer: Attention) -> dict[str, int]:
    """Bytes of Q, K and V of an image."""
    keys = layer.heads * layer.kv_tokens
    return {"q": layer.heads * layer.q_tokens * layer.qk_dim, "k": keys * layer.qk_dim, "v": keys * layer.v_dim}


def spilled_sizes(layer: Attention) -> dict[str, int]:
    """Bytes of the scores and of the probabilities of an image."""
    each = layer.heads * layer.q_tokens * layer.kv_tokens
    return {"scores": SCORE_BYTES * each, "probabilities": each}

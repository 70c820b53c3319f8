"""What of attention lies in DRAM: Q, K and V, what their masks come from, and outputs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from accelsim.validation.memory import Tensor
from accelsim.workload.layers import Attention

if TYPE_CHECKING:
    from accelsim.accelerators.sanger.checks.judge import SangerJudge

LENGTH_BYTES, BIAS_BYTES = 2, 2  # docs/timing.md


def head_bytes(judge: "SangerJudge", layer: Attention) -> dict[str, int]:
    """Bytes of each of a head's operands, by the tensors' names; those with `copy` in 4 bits, masks in one."""
    wide, rows = judge.operand_bytes, judge.evidence.part("array", "rows")
    sizes = {
        "q": layer.q_tokens * layer.qk_dim * wide,
        "k": layer.kv_tokens * layer.qk_dim * wide,
        "v": layer.kv_tokens * layer.v_dim * wide,
    }
    if judge.predicts:
        token = -(-layer.qk_dim // 2) + LENGTH_BYTES * judge.evidence.on("lengths")
        sizes |= {"copy_q": layer.q_tokens * token, "copy_k": layer.kv_tokens * token}
    else:
        strips = [min(rows, layer.q_tokens - at) for at in range(0, layer.q_tokens, rows)]
        sizes["mask"] = layer.kv_tokens * sum(-(-high // 8) for high in strips)
    if layer.bias_offsets:
        sizes["bias"] = BIAS_BYTES * layer.bias_offsets
    return sizes


SHARED = ("mask", "bias")  # by all images


def tensor_name(layer: Attention, operand: str, image: int) -> str:
    """What a tensor is called, within its layer."""
    return operand if operand in SHARED else f"{operand}.{image}"


def attention_tensors(judge: "SangerJudge") -> Iterator[Tensor]:
    """The tensors of attention layers."""
    workload = judge.evidence.workload
    for number, layer in enumerate(workload.layers):
        if not isinstance(layer, Attention):
            continue
        for image in range(workload.batch):
            for operand, size in head_bytes(judge, layer).items():
                if image == 0 or operand not in SHARED:
                    yield Tensor(
                        name=f"{layer.name}.{tensor_name(layer, operand, image)}",
                        layer=number,
                        size=layer.heads * size,
                        constant=operand in SHARED,
                    )
            size = layer.heads * layer.q_tokens * layer.v_dim * judge.operand_bytes
            yield Tensor(name=f"{layer.name}.output.{image}", layer=number, size=size, written=True)

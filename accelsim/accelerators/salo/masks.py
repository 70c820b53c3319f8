"""The mask that a layer is run under, and its tiles."""

from functools import lru_cache

from accelsim.accelerators.salo.schedule import Schedule, scheduled
from accelsim.workload.layers import Attention
from accelsim.workload.mask import AttentionMask
from accelsim.workload.workload import Workload


@lru_cache(maxsize=16)
def dense(queries: int, keys: int) -> AttentionMask:
    """Nothing pruned, of one head."""
    return AttentionMask.dense(1, queries, keys)


def plans(workload: Workload, layer: Attention, rows: int, columns: int, globals_: int) -> tuple[Schedule, ...]:
    """The schedule of every head of a layer; all scores of one without a mask."""
    if layer.name in workload.masks:
        return scheduled(workload.masks[layer.name], rows, columns, globals_)
    return scheduled(dense(layer.q_tokens, layer.kv_tokens), rows, columns, globals_) * layer.heads

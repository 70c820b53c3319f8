"""Layers the vector unit does alone: normalisation and element-wise operations, in blocks of rows."""

from accelsim.core.errors import InputError
from accelsim.dataflows.program import Program
from accelsim.dataflows.resources import Resources
from accelsim.dataflows.tiling import PASSES, pieces
from accelsim.isa import instructions as isa
from accelsim.workload.layers import Elementwise, Norm


def emit_vector(p: Program, layer: Norm | Elementwise, batch: int, have: Resources) -> None:
    """Instructions, loads and stores of a normalisation or an element-wise layer."""
    if isinstance(layer, Norm):
        operands, out_tokens, passes = 1, layer.tokens, PASSES[layer.norm]
    else:
        operands, out_tokens, passes = layer.operands, layer.out_tokens, layer.operands
    row = operands * layer.features
    most = min(have.act_bytes // 4 // row, have.store_bytes // 2 // layer.features)
    if most < 1:
        raise InputError(
            f"layer {layer.name}: a row needs 4 x {row} bytes of act_gb0 ({have.act_bytes}) and 2 x {layer.features} "
            f"bytes of act_gb1 ({have.store_bytes}); make their capacity_bytes larger"
        )
    source = p.allocate(f"{layer.name}.input", layer.tokens * row * batch)
    target = p.allocate(f"{layer.name}.output", out_tokens * layer.features * batch)
    reduces = out_tokens != layer.tokens
    for _ in range(batch):
        blocks = pieces(layer.tokens, most)
        for n, rows in enumerate(blocks):
            loaded = p.load("act", source, rows * row)
            source += rows * row
            leaves = 0 if reduces and n + 1 < len(blocks) else (out_tokens if reduces else rows) * layer.features
            p.issue(isa.VECTOR, rows * row, passes, leaves, wait=loaded)
            finished = p.will(isa.VECTOR_DONE)
            if leaves:
                p.store(target, leaves)
                target += leaves
            p.free("act", rows * row, wait=finished)

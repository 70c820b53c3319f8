"""Layers the vector unit does alone: normalisation and element-wise operations, in blocks of rows. A norm's constants
are loaded before its first block, and stay until its last."""

from accelsim.core.errors import InputError
from accelsim.dataflows.gemm import begin_alone
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import NORM_BYTES, PASSES, DenseResources, pieces
from accelsim.workload.layers import Elementwise, Norm


def emit_vector(p: Program, layer: Norm | Elementwise, batch: int, have: DenseResources) -> None:
    """Instructions, loads and stores of a normalisation or an element-wise layer."""
    if isinstance(layer, Norm):
        operands, out_tokens, passes = 1, layer.tokens, PASSES[layer.norm]
        sweeps = passes
    else:
        operands, out_tokens, passes = layer.operands, layer.out_tokens, layer.operands
        sweeps = 1
    row = operands * layer.features
    constants = NORM_BYTES[layer.norm] * layer.features if have.constants and isinstance(layer, Norm) else 0
    most = min((have.act_bytes - constants) // 4 // row, have.store_bytes // 2 // layer.features)
    if most < 1:
        raise InputError(
            f"layer {layer.name}: a row needs {f'{constants} + ' if constants else ''}4 x {row} bytes of {have.act} "
            f"({have.act_bytes}) and 2 x {layer.features} bytes of {have.store} "
            f"({have.store_bytes}); make their capacity_bytes larger"
        )
    source = p.allocate(f"{layer.name}.input", layer.tokens * row * batch)
    target = p.allocate(f"{layer.name}.output", out_tokens * layer.features * batch)
    if constants:
        begin_alone(p, have, have.vector)
        p.load(have.act, p.allocate(f"{layer.name}.constants", constants), constants)
    reduces = out_tokens != layer.tokens
    for _ in range(batch):
        blocks = pieces(layer.tokens, most)
        for n, rows in enumerate(blocks):
            begin_alone(p, have, have.vector)
            loaded = p.load(have.act, source, rows * row)
            source += rows * row
            leaves = 0 if reduces and n + 1 < len(blocks) else (out_tokens if reduces else rows) * layer.features
            p.issue(have.vector, elements=rows * row, passes=passes, bytes=leaves, sweeps=sweeps, wait=loaded)
            finished = p.will(have.vector)
            if leaves:
                p.store(have.store, target, leaves)
                target += leaves
            p.free(have.act, rows * row, wait=finished)
    if constants:
        p.free(have.act, constants, wait=finished)

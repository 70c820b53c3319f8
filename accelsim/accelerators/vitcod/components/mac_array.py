"""The MAC lines of both engines as one GEMM array, for the dense layers.

Output-stationary with intra-PE accumulation: every MAC holds one output of a step (`step_tokens` x `step_features` of
them, one of the two spread over the lines, the other over the MACs of a line) while the accumulation runs in time, one
element of it a cycle. A step's outputs leave from shadow registers while the next step runs. When a tile's accumulation
is cut (it is not the `last` part), partial sums go to and come from the partial-sum buffer in the shadow of the MACs.
"""

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    Component,
    Count,
    In,
    Mem,
    Out,
    Param,
    Reg,
    can_pop,
    can_push,
    pop,
    push,
    tick,
)
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import RELEASE

OUTPUTS = {
    "rows": "tokens of a step",
    "columns": "outputs of each",
    "heads": "heads the encoder mixes (0: the item passes it by)",
    "encoded": "heads after encoding",
    "passes": "passes of the vector unit over each output",
    "token": "the first token, counted in the layer",
    "met": "heads of the first column's feature that came before",
}


class MacArray(Component):
    """MAC lines: rows of multipliers that work as one array in dense layers and are shared out between the engines."""

    lines = Param(64, "count", "MAC lines")
    macs = Param(8, "count", "multipliers of a line")
    psum_bytes = Param(51200, "bytes", "partial-sum buffer; in attention it holds scores and partial rows")
    psum_banks = Param(4, "count", "its banks, each with one read/write port")
    psum_port_bytes = Param(64, "bytes/cycle", "width of such a port")

    command = In(
        "one GEMM tile",
        tokens="rows of the tile",
        features="columns of the tile",
        depth="length of the accumulation",
        step_tokens="rows computed at once",
        step_features="columns computed at once",
        last="whether the accumulation ends here and outputs leave",
        heads="heads the encoder mixes (0: the tile passes it by)",
        encoded="heads after encoding",
        passes="passes of the vector unit over each output",
        token="its first row in the layer",
        met="its first column modulo heads",
    )
    frees = Mem("for each tile, in order: bytes of weights and of activations it is the last to read")
    out = Out("finished outputs", **OUTPUTS)
    release_weight = Out("weights no longer needed", **RELEASE)
    release_act = Out("activations no longer needed", **RELEASE)
    done = Out("tiles finished", **DONE)

    tokens = Reg("rows of the tile; 0: no tile")
    features = Reg("columns of the tile")
    depth = Reg("length of the accumulation")
    step_tokens = Reg("rows computed at once")
    step_features = Reg("columns computed at once")
    last = Reg("whether outputs leave")
    heads = Reg("heads the encoder mixes")
    encoded = Reg("heads after encoding")
    passes = Reg("passes of the vector unit")
    first_token = Reg("the tile's first row in the layer")
    met = Reg("the tile's first column modulo heads")
    token = Reg("first row of the step")
    feature = Reg("first column of the step")
    ready_at = Reg("the cycle in which the step's outputs can leave")
    number = Reg("tiles finished")

    mac_ops = Count("multiply-accumulates")
    psum_read_bytes = Count("bytes of partial sums fetched", "bytes")
    psum_write_bytes = Count("bytes of partial sums put away", "bytes")
    accumulator_bytes = Count("bytes of accumulators written", "bytes")
    opened = Reg("whether the accumulation of this tile began in an earlier one")

    @tick
    def tick(now, r, frees, command, out, release_weight, release_act, done):
        while True:
            if r.tokens == 0:
                if not can_pop(command):
                    return IDLE
                tile = pop(command)
                r.tokens, r.features, r.depth = tile.tokens, tile.features, tile.depth
                r.step_tokens, r.step_features, r.last = tile.step_tokens, tile.step_features, tile.last
                r.heads, r.encoded, r.passes = tile.heads, tile.encoded, tile.passes
                r.first_token, r.met = tile.token, tile.met
                r.token = r.feature = 0
                steps = (r.tokens + r.step_tokens - 1) // r.step_tokens
                steps *= (r.features + r.step_features - 1) // r.step_features
                outputs = r.tokens * r.features
                r.mac_ops += outputs * r.depth
                r.accumulator_bytes += 4 * outputs * r.depth
                if r.opened:
                    r.psum_read_bytes += 4 * outputs
                if not r.last:
                    r.psum_write_bytes += 4 * outputs
                r.opened = 1 - r.last
                r.ready_at = now + r.depth * (1 if r.last else steps)
            if now < r.ready_at:
                r.wake = r.ready_at
                return BUSY
            rows = min(r.step_tokens, r.tokens - r.token)
            columns = min(r.step_features, r.features - r.feature)
            ends = not r.last or (r.token + rows == r.tokens and r.feature + columns == r.features)
            if r.last and not can_push(out):
                return BLOCKED
            if ends and not (can_push(release_weight) and can_push(release_act) and can_push(done)):
                return BLOCKED
            if r.last:
                item = push(out)
                item.rows, item.columns = rows, columns
                item.heads, item.encoded, item.passes = r.heads, r.encoded, r.passes
                item.token, item.met = r.first_token + r.token, (r.met + r.feature) % r.heads if r.heads else 0
            if ends:
                free = frees[r.number]
                used = push(release_weight)
                used.bytes, used.read_bytes = free.weight, free.weight_read
                used = push(release_act)
                used.bytes, used.read_bytes = free.act, free.act_read
                push(done).number = 1
                r.number += 1
                r.tokens = 0
            else:
                r.feature += columns
                if r.feature == r.features:
                    r.feature = 0
                    r.token += rows
                r.ready_at = now + r.depth

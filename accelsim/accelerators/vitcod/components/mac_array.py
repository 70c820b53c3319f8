"""The MAC lines of both engines as one GEMM array, for the dense layers.

Output-stationary with intra-PE accumulation: every MAC holds one output of a step (`step_tokens` x `step_features` of
them, one of the two spread over the lines, the other over the MACs of a line) while the accumulation runs in time, one
element of it a cycle. A step's outputs leave from shadow registers while the next step runs. When a tile's accumulation
is cut (it is not the `last` part), partial sums go to and come from the partial-sum buffer in the shadow of the MACs.

Weights lie as the array takes them. Activations lie token by token, but the array takes a feature of all tokens of a
step: a transposing stage between buffer and array [ours] holds two words a token, one that is being filled and one
whose columns are handed out. A step lasts as long as the longest of its depth and of what each memory's ports take.
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
from accelsim.core.compiled import compiled
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import READING, RELEASE

OUTPUTS = {
    "rows": "tokens of a step",
    "columns": "outputs of each",
    "heads": "heads the encoder mixes (0: the item passes it by)",
    "encoded": "heads after encoding",
    "passes": "passes of the vector unit over each output",
    "token": "the first token, counted in the layer",
    "met": "heads of the first column's feature that came before",
}


@compiled
def ceil(a, b):
    return (a + b - 1) // b


@compiled
def read_cycles(words, banks):
    """Cycles in which a buffer's ports deliver some words: one of each bank a cycle, but every other one of one bank is
    kept for what arrives.
    """
    return ceil(2 * words, 2 * banks - 1)


@compiled
def weight_words(r, columns):
    """Words of weights of a step of so many columns, which lie one after the other, and of their biases and scales."""
    return ceil(columns * r.depth, r.weight_port_bytes) + ceil(columns * r.constants, r.weight_port_bytes)


@compiled
def act_words(r, rows, columns):
    """Words of activations of a step, token by token, and of the residual operand that is read for the vector unit."""
    return rows * (ceil(r.depth, r.act_port_bytes) + ceil(columns * r.added, r.act_port_bytes))


@compiled
def step_length(r, rows, columns):
    """Cycles of a step of rows x columns outputs."""
    cycles = max(r.depth, read_cycles(weight_words(r, columns), r.weight_banks))
    cycles = max(cycles, read_cycles(act_words(r, rows, columns), r.act_banks))
    sums = 4 * rows * columns * (r.adds + 1 - r.last)
    return max(cycles, ceil(sums, r.psum_banks * r.psum_port_bytes)) + r.step_cycles


@compiled
def tile_length(r):
    """Cycles of all steps of a tile."""
    high, wide = min(r.tokens, r.step_tokens), min(r.features, r.step_features)
    down, across = r.tokens // high, r.features // wide
    low, narrow = r.tokens % high, r.features % wide
    cycles = down * across * step_length(r, high, wide)
    if low:
        cycles += across * step_length(r, low, wide)
    if narrow:
        cycles += down * step_length(r, high, narrow)
    if low and narrow:
        cycles += step_length(r, low, narrow)
    return cycles


class MacArray(Component):
    """MAC lines: rows of multipliers that work as one array in dense layers and are shared out between the engines."""

    lines = Param(64, "count", "MAC lines")
    macs = Param(8, "count", "multipliers of a line")
    psum_bytes = Param(51200, "bytes", "partial-sum memory; in attention it holds scores and partial rows")
    row_values = Param(128, "count", "32-bit sums a line holds, of the rows it works on and of those that leave")
    psum_banks = Param(8, "count", "banks of the partial-sum memory, each with one port")
    psum_port_bytes = Param(32, "bytes/cycle", "width of a bank's port")

    step_cycles = Param(0, "cycles", "from a step's last product to the next's first; 0: shadow accumulators", low=0)
    weight_banks = Param(4, "count", "banks of the buffer that weights are read from")
    weight_port_bytes = Param(64, "bytes/cycle", "width of such a bank's port")
    act_banks = Param(4, "count", "banks of the buffer that activations are read from")
    act_port_bytes = Param(64, "bytes/cycle", "width of such a bank's port, and of a word of the transposing stage")

    command = In(
        "one GEMM tile",
        tokens="rows of the tile",
        features="columns of the tile",
        depth="length of the accumulation",
        step_tokens="rows computed at once",
        step_features="columns computed at once",
        constants="bytes of bias and scale of each column, with which outputs leave; 0: the accumulation goes on",
        heads="heads the encoder mixes (0: the tile passes it by)",
        encoded="heads after encoding",
        passes="passes of the vector unit over each output",
        token="its first row in the layer",
        met="its first column modulo heads",
        added="bytes of a residual operand for each output",
    )
    frees = Mem("for each tile, in order: bytes of weights and of activations it is the last to read")
    out = Out("finished outputs", **OUTPUTS)
    release_weight = Out("weights no longer needed", **RELEASE)
    release_act = Out("activations no longer needed", **RELEASE)
    done = Out("tiles finished", **DONE)
    read_weight = Out("what it takes of the weight buffer's ports", **READING)
    read_act = Out("what it takes of the activation buffer's ports", **READING)

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
    added = Reg("bytes of a residual operand for each output")
    constants = Reg("bytes of bias and scale of each column")
    adds = Reg("whether partial sums come from the partial-sum buffer")
    seen_at = Reg("the cycle since which the next tile waits; -1: there is none", reset=-1)
    weight_rate = Reg("bytes of weights it reads a cycle, as it has said")
    act_rate = Reg("bytes of activations it reads a cycle, as it has said")

    mac_ops = Count("multiply-accumulates")
    psum_read_bytes = Count("bytes of partial sums fetched", "bytes")
    psum_write_bytes = Count("bytes of partial sums put away", "bytes")
    accumulator_bytes = Count("bytes of accumulators written", "bytes")
    stage_bytes = Count("bytes written into the transposing stage", "bytes")
    opened = Reg("whether the accumulation of this tile began in an earlier one")

    @tick
    def tick(now, r, frees, command, out, release_weight, release_act, done, read_weight, read_act):
        if r.seen_at < 0 and can_pop(command):
            r.seen_at = now
        while True:
            if r.tokens == 0:
                if not (can_push(read_weight) and can_push(read_act)):
                    return BLOCKED if can_pop(command) else IDLE
                weight_rate = act_rate = 0
                if can_pop(command):
                    tile = pop(command)
                    r.tokens, r.features, r.depth = tile.tokens, tile.features, tile.depth
                    r.step_tokens, r.step_features = tile.step_tokens, tile.step_features
                    r.heads, r.encoded, r.passes = tile.heads, tile.encoded, tile.passes
                    r.first_token, r.met, r.added = tile.token, tile.met, tile.added
                    r.constants, r.last = tile.constants, 1 if tile.constants else 0
                    r.token = r.feature = 0
                    r.adds, r.opened = r.opened, 1 - r.last
                    outputs = r.tokens * r.features
                    r.mac_ops += outputs * r.depth
                    r.accumulator_bytes += 4 * outputs * r.depth
                    r.stage_bytes += r.tokens * r.depth * ceil(r.features, r.step_features)
                    if r.adds:
                        r.psum_read_bytes += 4 * outputs
                    if not r.last:
                        r.psum_write_bytes += 4 * outputs
                    rows, columns = min(r.step_tokens, r.tokens), min(r.step_features, r.features)
                    first = step_length(r, rows, columns)
                    weight_rate = ceil(weight_words(r, columns) * r.weight_port_bytes, first)
                    act_rate = ceil(act_words(r, rows, columns) * r.act_port_bytes, first)
                    # the stage has a word a token before the first step; behind the tile before, if it waited that long
                    begin = max(now, r.seen_at + read_cycles(rows, r.act_banks))
                    r.seen_at = now if can_pop(command) else -1
                    r.ready_at = begin + (first if r.last else tile_length(r))
                if weight_rate != r.weight_rate:
                    push(read_weight).more = weight_rate - r.weight_rate
                    r.weight_rate = weight_rate
                if act_rate != r.act_rate:
                    push(read_act).more = act_rate - r.act_rate
                    r.act_rate = act_rate
                if r.tokens == 0:
                    return IDLE
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
                rows = min(r.step_tokens, r.tokens - r.token)
                r.ready_at = now + step_length(r, rows, min(r.step_features, r.features - r.feature))

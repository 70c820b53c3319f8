"""The MAC lines of both engines as one GEMM array, for the dense layers.

Output-stationary with intra-PE accumulation: every MAC holds one output of a step (`step_tokens` x `step_features` of
them, one of the two spread over the lines, the other over the MACs of a line) while the accumulation runs in time, one
element of it a cycle. A step's outputs leave from shadow registers while the next step runs. When a tile's accumulation
is cut (it is not the `last` part), partial sums go to and come from the partial-sum buffer in the shadow of the MACs.

Weights lie as the array takes them. Activations lie token by token, but the array takes a feature of all tokens of a
step: a transposing stage between buffer and array [ours] holds two words a token, one that is being filled and one
whose columns are handed out. A step lasts as long as the longest of its depth and of what each memory's ports take: the
compiler knows that, and a command says it, so that nothing here divides (dataflows/steps.py).
"""

from typing import ClassVar

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
    "passes": "operations of the vector unit on each output",
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
def tile_length(r):
    """Cycles of all steps of a tile."""
    down, across = ceil(r.tokens, r.step_tokens) - 1, ceil(r.features, r.step_features) - 1
    return (down * r.inner_cycles + r.bottom_cycles) * across + down * r.right_cycles + r.corner_cycles


@compiled
def step_length(r):
    """Cycles of the step that begins."""
    if r.token + r.step_tokens < r.tokens:
        return r.inner_cycles if r.feature + r.step_features < r.features else r.right_cycles
    return r.bottom_cycles if r.feature + r.step_features < r.features else r.corner_cycles


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
        passes="operations of the vector unit on each output",
        token="its first row in the layer",
        met="its first column modulo heads",
        added="bytes of a residual operand for each output",
        meets="step_features modulo heads",
        inner_cycles="of a step neither of the last rows nor of the last columns",
        bottom_cycles="of one of the last rows, but not of the last columns",
        right_cycles="of one of the last columns, but not of the last rows",
        corner_cycles="of the last step",
        weight_rate="bytes of weights that the first step reads a cycle",
        act_rate="bytes of activations that it reads a cycle",
        lead="cycles in which the transposing stage gets its first words",
    )
    # Operands that have fewer than 16 bits where all of them fit: such an instruction takes a word.
    short: ClassVar[dict[str, int]] = {
        "step_tokens": 8, "step_features": 8, "constants": 4, "heads": 5, "encoded": 5, "passes": 2, "met": 5,
        "added": 1, "meets": 5, "inner_cycles": 14, "bottom_cycles": 14, "right_cycles": 14, "corner_cycles": 14,
        "weight_rate": 10, "act_rate": 10, "lead": 9,
    }  # fmt: skip
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
    passes = Reg("operations of the vector unit")
    first_token = Reg("the tile's first row in the layer")
    met = Reg("heads of the first column's feature that came before, of the step")
    first_met = Reg("the same of the tile's first step")
    meets = Reg("what a step adds to it")
    inner_cycles = Reg("cycles of a step neither of the last rows nor of the last columns")
    bottom_cycles = Reg("of one of the last rows")
    right_cycles = Reg("of one of the last columns")
    corner_cycles = Reg("of the last step")
    token = Reg("first row of the step")
    feature = Reg("first column of the step")
    ready_at = Reg("the cycle in which the step's outputs can leave")
    number = Reg("tiles finished")
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
                    r.first_token, r.first_met, r.meets, r.met = tile.token, tile.met, tile.meets, tile.met
                    r.inner_cycles, r.bottom_cycles = tile.inner_cycles, tile.bottom_cycles
                    r.right_cycles, r.corner_cycles = tile.right_cycles, tile.corner_cycles
                    r.last = 1 if tile.constants else 0
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
                    weight_rate, act_rate = tile.weight_rate, tile.act_rate
                    # the stage has a word a token before the first step; behind the tile before, if it waited that long
                    begin = max(now, r.seen_at + tile.lead)
                    r.seen_at = now if can_pop(command) else -1
                    r.ready_at = begin + (step_length(r) if r.last else tile_length(r))
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
                item.token, item.met = r.first_token + r.token, r.met
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
                r.met += r.meets
                if r.met >= r.heads:
                    r.met -= r.heads
                if r.feature == r.features:
                    r.feature, r.met = 0, r.first_met
                    r.token += rows
                r.ready_at = now + step_length(r)

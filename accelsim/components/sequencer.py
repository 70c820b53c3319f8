"""The sequencer: walks the static program that a compiler turned a network into [paper].

It dispatches one instruction a cycle, in order. An instruction may wait for up to two counters, each of which counts
what one unit has finished; that scoreboard is the only synchronisation between units beside their channels.
"""

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STARVED,
    Component,
    Count,
    In,
    Lanes,
    Mem,
    Out,
    Reg,
    can_pop,
    can_push,
    pop,
    push,
    tick,
)
from accelsim.isa.instructions import (
    ACT_LOADED,
    ARRAY,
    ARRAY_DONE,
    COUNTERS,
    DECODE,
    DECODER_DONE,
    DENSER,
    DENSER_DONE,
    DONE,
    GRANT,
    GRANT_ACT,
    GRANT_INDEX,
    GRANT_WEIGHT,
    INDEX_LOADED,
    MERGE,
    PASS,
    PASSES_DONE,
    SOFTMAX,
    SPARSER,
    SPARSER_DONE,
    STORED,
    VECTOR,
    VECTOR_DONE,
    WALKER,
    WEIGHT_LOADED,
)


class Sequencer(Component):
    """Walks the program and dispatches its instructions to the units."""

    program = Mem("the instructions (INSTRUCTION records)")

    array = Out(
        "one GEMM tile for the MAC lines",
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
    vector = Out(
        "elements for the vector unit", elements="elements in", passes="passes over them", bytes="bytes that leave"
    )
    decode = Out(
        "tokens for the decoder",
        kind="0: K, 1: Q into the denser engine's buffer, 2: Q stays in the global buffer",
        first="first token",
        tokens="number of tokens",
        number="row of the pass table",
    )
    denser = Out("a phase for the denser engine", **PASS)
    sparser = Out("a phase for the sparser engine", **PASS)
    walker = Out("a pass for the index walker", **PASS)
    softmax = Out("a pass for the softmax unit", **PASS)
    merge = Out("a pass for the output merge", **PASS)
    grant_weight = Out("space and fences for the weight buffer", **GRANT)
    grant_act = Out("space and fences for the activation buffer", **GRANT)
    grant_index = Out("space and fences for the index buffer", **GRANT)

    weight_loaded = In("tiles that arrived in the weight buffer", **DONE)
    act_loaded = In("tiles that arrived in the activation buffer", **DONE)
    index_loaded = In("tiles that arrived in the index buffer", **DONE)
    array_done = In("tiles the MAC lines finished", **DONE)
    vector_done = In("commands the vector unit finished", **DONE)
    decoder_done = In("commands the decoder finished", **DONE)
    denser_done = In("phases the denser engine finished", **DONE)
    sparser_done = In("phases the sparser engine finished", **DONE)
    passes_done = In("passes whose every row left the output merge", **DONE)
    stored = In("tiles that arrived in DRAM", **DONE)

    finished = Lanes(len(COUNTERS), "what the units have finished", count="since the start")
    pc = Reg("the next instruction")

    instructions = Count("instructions dispatched")

    @tick
    def tick(
        now, r, mark, program, finished,
        array, vector, decode, denser, sparser, walker, softmax, merge, grant_weight, grant_act, grant_index,
        weight_loaded, act_loaded, index_loaded, array_done, vector_done, decoder_done, denser_done, sparser_done,
        passes_done, stored,
    ):  # fmt: skip
        while can_pop(weight_loaded):
            finished[WEIGHT_LOADED].count += pop(weight_loaded).number
        while can_pop(act_loaded):
            finished[ACT_LOADED].count += pop(act_loaded).number
        while can_pop(index_loaded):
            finished[INDEX_LOADED].count += pop(index_loaded).number
        while can_pop(array_done):
            finished[ARRAY_DONE].count += pop(array_done).number
        while can_pop(vector_done):
            finished[VECTOR_DONE].count += pop(vector_done).number
        while can_pop(decoder_done):
            finished[DECODER_DONE].count += pop(decoder_done).number
        while can_pop(denser_done):
            finished[DENSER_DONE].count += pop(denser_done).number
        while can_pop(sparser_done):
            finished[SPARSER_DONE].count += pop(sparser_done).number
        while can_pop(passes_done):
            finished[PASSES_DONE].count += pop(passes_done).number
        while can_pop(stored):
            finished[STORED].count += pop(stored).number
        if r.pc == program.shape[0]:
            return IDLE
        todo = program[r.pc]
        if finished[todo.wait].count < todo.count or finished[todo.wait2].count < todo.count2:
            return STARVED
        if todo.op == ARRAY:
            if not can_push(array):
                return BLOCKED
            tile = push(array)
            tile.tokens, tile.features, tile.depth = todo.a, todo.b, todo.c
            tile.step_tokens, tile.step_features, tile.last = todo.d, todo.e, todo.f
            tile.heads, tile.encoded, tile.passes, tile.token, tile.met = todo.g, todo.h, todo.i, todo.j, todo.k
        elif todo.op == VECTOR:
            if not can_push(vector):
                return BLOCKED
            work = push(vector)
            work.elements, work.passes, work.bytes = todo.a, todo.b, todo.c
        elif todo.op == DECODE:
            if not can_push(decode):
                return BLOCKED
            some = push(decode)
            some.kind, some.first, some.tokens, some.number = todo.a, todo.b, todo.c, todo.d
        elif todo.op == DENSER:
            if not can_push(denser):
                return BLOCKED
            part = push(denser)
            part.phase, part.number, part.begin, part.end = todo.a, todo.b, todo.c, todo.d
        elif todo.op == SPARSER:
            if not can_push(sparser):
                return BLOCKED
            part = push(sparser)
            part.phase, part.number, part.begin, part.end = todo.a, todo.b, todo.c, todo.d
        elif todo.op == WALKER:
            if not can_push(walker):
                return BLOCKED
            part = push(walker)
            part.phase, part.number, part.begin, part.end = todo.a, todo.b, todo.c, todo.d
        elif todo.op == SOFTMAX:
            if not can_push(softmax):
                return BLOCKED
            part = push(softmax)
            part.phase, part.number, part.begin, part.end = todo.a, todo.b, todo.c, todo.d
        elif todo.op == MERGE:
            if not can_push(merge):
                return BLOCKED
            part = push(merge)
            part.phase, part.number, part.begin, part.end = todo.a, todo.b, todo.c, todo.d
        elif todo.op == GRANT_WEIGHT:
            if not can_push(grant_weight):
                return BLOCKED
            leave = push(grant_weight)
            leave.bytes, leave.fences = todo.a, todo.b
        elif todo.op == GRANT_ACT:
            if not can_push(grant_act):
                return BLOCKED
            leave = push(grant_act)
            leave.bytes, leave.fences = todo.a, todo.b
        elif todo.op == GRANT_INDEX:
            if not can_push(grant_index):
                return BLOCKED
            leave = push(grant_index)
            leave.bytes, leave.fences = todo.a, todo.b
        else:
            mark[0] = todo.a + 1
        r.pc += 1
        r.instructions += 1
        return BUSY

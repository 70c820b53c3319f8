"""The decoder lines: the auto-encoder's second half, h' compressed heads of Q and K back to h, in front of the engines.

Tokens stream from the activation buffer through the decoder into the engines' Q and K buffers; without an auto-encoder
they are only moved. Vectors the sparser engine did not find in the denser engine's Q buffer are fetched (and decoded)
one by one, and go first.
"""

from accelsim.accelerators.vitcod.components.mac_array import ceil, read_cycles
from accelsim.accelerators.vitcod.tables import MISS, OPERANDS
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
    Param,
    Reg,
    can_pop,
    can_push,
    front,
    pop,
    push,
    tick,
)
from accelsim.core.compiled import compiled
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import READING

SOURCES = ("buffer", "dram")


@compiled
def duration(r, size, macs, words, written):
    """Cycles of a token or vector of `size` bytes, of which so many words are read of the activation buffer, and so
    many written into the operand buffers' banks."""
    cycles = max(ceil(size, r.port_bytes), read_cycles(words, r.act_banks))
    return max(cycles, ceil(macs, r.lines * r.macs), ceil(written, r.banks))


class Decoder(Component):
    """Fills the engines' operand buffers, decoding on the way."""

    lines = Param(32, "count", "decoder lines")
    macs = Param(8, "count", "multipliers of a line")
    port_bytes = Param(256, "bytes/cycle", "what it reads of the activation buffer")
    queue = Param(32, "count", "commands it holds")
    banks = Param(4, "count", "banks of the Q and of the K buffer")
    bank_bytes = Param(64, "bytes", "width of such a bank's port")
    act_banks = Param(4, "count", "banks of the activation buffer")
    act_port_bytes = Param(64, "bytes/cycle", "width of such a bank's port")
    q_from = Param(
        "buffer",
        "choice",
        "where single vectors are: the activation buffer, or they come with the ask",
        choices=SOURCES,
    )

    passes = Mem("the pass table (tables.PASSES)")

    command = In(
        "tokens that arrived",
        kind="0: K, 1: Q into the denser engine's buffer, 2: Q stays in the global buffer",
        first="first token",
        tokens="number of tokens",
        number="row of the pass table",
    )
    miss = In("single Q vectors", **MISS)
    denser = Out("operands in the denser engine's buffers", **OPERANDS)
    sparser = Out("operands in the buffers the sparser engine reads", **OPERANDS)
    vector = Out("single Q vectors fetched", line="MAC line that asked")
    done = Out("commands finished", **DONE)
    reading = Out("what it takes of the activation buffer's ports", **READING)

    todo = Lanes(
        "queue", "commands", kind="what", first="first token", tokens="how many", number="row of the pass table"
    )
    oldest = Reg("slot of the oldest command")
    held = Reg("commands held")
    token = Reg("tokens of the oldest command that are finished")
    arrived_pass = Reg("the pass whose Q tokens arrived last", reset=-1)
    arrived = Reg("how far its Q tokens have arrived")
    busy = Reg("0: nothing, 1: a token of a command, 2: a single vector")
    line = Reg("the line that waits for the single vector")
    ready_at = Reg("the cycle in which the work is finished")
    rate = Reg("bytes it reads a cycle, as it has said")

    mac_ops = Count("multiply-accumulates")
    read_bytes = Count("bytes read of the activation buffer", "bytes")
    operand_bytes = Count("bytes written into operand buffers", "bytes")
    vectors = Count("single vectors fetched")

    @tick
    def tick(now, r, passes, todo, command, miss, denser, sparser, vector, done, reading):
        while can_pop(command) and r.held < r.queue:
            new, slot = pop(command), todo[(r.oldest + r.held) % r.queue]
            slot.kind, slot.first, slot.tokens, slot.number = new.kind, new.first, new.tokens, new.number
            r.held += 1
            if new.kind > 0:
                r.arrived_pass, r.arrived = new.number, new.first + new.tokens
        if r.busy and now >= r.ready_at:
            if r.busy == 2:
                if not can_push(vector):
                    return BLOCKED
                push(vector).line = r.line
                r.busy = 0
            else:
                job = todo[r.oldest]
                last = r.token + 1 == job.tokens
                if not (can_push(denser) and can_push(sparser)) or (last and not can_push(done)):
                    return BLOCKED
                for out in (denser, sparser):
                    note = push(out)
                    note.number, note.kind, note.tokens = job.number, job.kind, job.first + r.token + 1
                r.busy = 0
                r.token += 1
        if r.held and not r.busy and (todo[r.oldest].kind == 2 or r.token == todo[r.oldest].tokens):
            if not can_push(done):
                return BLOCKED
            push(done).number = 1
            r.oldest = (r.oldest + 1) % r.queue
            r.held -= 1
            r.token = 0
            if r.held and todo[r.oldest].kind == 2:
                r.wake = now + 1
        begins = size = macs = words = written = 0
        if not r.busy and can_pop(miss):
            ask = front(miss)
            one = passes[ask.number]
            there = ask.number == r.arrived_pass and one.row0 + ask.row < r.arrived
            if r.q_from or there or ask.number < r.arrived_pass:
                begins, size = 2, one.dim * max(1, one.encoded)
                macs = size if one.encoded else 0
                words = 0 if r.q_from else ceil(size, r.act_port_bytes)
        if not r.busy and not begins and r.held and todo[r.oldest].kind < 2:
            one = passes[todo[r.oldest].number]
            begins, size = 1, one.dim * (one.encoded if one.encoded else one.heads)
            macs = size * one.heads if one.encoded else 0
            words = ceil(size, r.act_port_bytes)
            written = one.heads * ceil(one.dim, r.bank_bytes)
        if not r.busy:
            cycles = max(1, duration(r, size, macs, words, written))
            rate = ceil(words * r.act_port_bytes, cycles)
            if rate != r.rate and can_push(reading):
                push(reading).more = rate - r.rate
                r.rate = rate
            if begins and rate != r.rate:
                if can_pop(command) and r.held < r.queue:
                    r.wake = now + 1
                return BLOCKED
            r.busy, r.ready_at = begins, now + cycles
            r.mac_ops += macs
            if words:
                r.read_bytes += size
            if begins == 2:
                r.line = pop(miss).line
                r.vectors += 1
            elif begins:
                one = passes[todo[r.oldest].number]
                r.operand_bytes += one.dim * one.heads
        if can_pop(command) and r.held < r.queue:
            r.wake = now + 1  # the place of the command that was finished
        elif r.busy:
            r.wake = r.ready_at
        if r.busy or r.held:
            return BUSY
        return STARVED if can_pop(miss) else IDLE

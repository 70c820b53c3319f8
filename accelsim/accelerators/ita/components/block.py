"""The block of ITA: N dot products of M int8, partial sums, requantisation, and softmax as the logits pass
(Islamoglu et al., ISLPED 2023, arXiv 2307.03493; rules of time read off the public RTL, pulp-platform/ITA at ba96519).

A beat is one row of M inputs against N columns of weights, in one cycle; M beats in turn use one weight buffer. A tile of
M rows, M outputs and M inputs is M*M/N beats; a phase is `outputs` tiles of `inner` tiles each, the inner ones first.
"""

import numpy as np

from accelsim.core import Component, Count, In, InputError, Lanes, Mem, Out, Param, Reg, can_pop, can_push, pop, push
from accelsim.core.compiled import compiled
from accelsim.isa.instructions import DONE, record
from accelsim.isa.tables import ELEMENTS, RELEASE

PLAIN, QK, AV = range(3)  # kinds of phases
PHASE = {
    "kind": "0 product, 1 Q K^T of a row tile, 2 A V of a row tile",
    "outputs": "output tiles",
    "inner": "inner tiles of each",
    "bias": "whether a bias is read",
    "bits": "first of its rows in the table of row sums (Q K^T)",
    "step": "which phase of its layer it is, for the counts of cycles",
    "frees": "row of the table of that name that says what it gives back, from 1 on; 0: nothing",
    "elements": "outputs of it that are wanted; 0: they stay in the memory beside it",
    "passes": "passes of the vector unit over each",
}
HELD = 4  # phases known ahead, as the wrapper's register contexts
STEPS = 9  # Q K V QK AV OW F1 F2 and a single product
LATENCY = 11  # cycles from a beat's issue to its output at the FIFO's head
SUM_LATENCY = 10  # ... to its row sum in the divider's FIFO
ALWAYS, PERIODIC, HASHED = range(3)
GATE = record("kind", "of", "every", "seed")
INPUT, WEIGHT, OUTPUT, GRANT, START = range(5)  # rows of the table of gates; START: lead, preload


class Block(Component):
    """What every form of the block has; how its streams are fed is a subclass's."""

    columns = Param(16, "count", "N: dot-product units", high=1024)
    length = Param(64, "count", "M: length of a dot product, rows and outputs of a tile", high=1024)
    weight_beats = Param(
        64, "count", "words of the weight stream that fill one of the two weight buffers", high=1 << 14
    )
    out_fifo = Param(
        12, "count", "outputs that may be between issue and handshake; below 12 it limits the rate", high=256
    )
    sum_fifo = Param(12, "count", "row sums between issue and divider", high=256)
    dividers = Param(10, "count", "serial dividers of the softmax", high=64)

    command = In("phases", **PHASE)
    sums = Mem("bit length of every row sum, in the order of the phases' `bits`")
    frees = Mem("what phases give back: bytes of weights and of activations, and the bytes read of each")
    out = Out("finished outputs", **ELEMENTS)
    release_weight = Out("weights no longer needed", **RELEASE)
    release_act = Out("activations no longer needed", **RELEASE)
    done = Out("phases whose last beat has been issued", **DONE)

    gates = Mem(
        "when a stream may move (a test bench's; always, as built)", lambda c: np.zeros(5, GATE).view(np.recarray)
    )

    queue = Lanes(HELD, "phases held, a ring", **PHASE)
    leaving = Lanes("out_fifo", "outputs on their way, a ring", at="when it is at the FIFO's head")
    going = Lanes(
        "out_fifo", "output tiles of which beats are on their way, a ring", elements="outputs", passes="passes"
    )
    rows = Lanes(
        "length", "rows of the row tile in the divider", pop_at="when its sum is taken", taken_at="when it is done"
    )
    stepping = Lanes(STEPS, "phases of a layer", cycles="cycles in it")

    head = Reg("the phase at work")
    held = Reg("phases held")
    active = Reg("whether beats are issued")
    origin = Reg("cycle of the start")
    beat = Reg("beats issued of the tile")
    inner_at = Reg("inner tile")
    output_at = Reg("output tile")
    full = Reg("weight buffers that are full")
    written = Reg("words in the one that is written")
    used = Reg("beats issued of the one that is read")
    due = Reg("words of weights of the phases held that have not come")
    credit = Reg("outputs between issue and handshake")
    oldest = Reg("the oldest of them")
    going_first = Reg("the oldest output tile on its way")
    going_held = Reg("output tiles on their way whose last beat has been issued")
    left = Reg("beats of the oldest one that have left")
    soft = Reg("rows of the row tile whose sums are on their way or done")
    popped = Reg("of these, taken by a divider")
    divided = Reg("of these, done")
    first_issue = Reg("cycle of the first beat", reset=-1)
    first_output = Reg("cycle of the first output", reset=-1)
    last_output = Reg("cycle of the last output", reset=-1)
    idle_at = Reg("first cycle without a phase")
    most_credit = Reg("most outputs between issue and handshake")
    most_soft = Reg("most row sums that waited")

    beats = Count("beats issued")
    mac_ops = Count("multiply-accumulates")
    tiles = Count("tiles begun")
    weight_words = Count("words of weights taken")
    out_beats = Count("outputs that left")
    lost_out = Count("cycles in a phase without a beat for want of room in the output FIFO", "cycles")
    lost_division = Count("... for a row whose division is not done", "cycles")
    lost_sums = Count("... for want of room in the FIFO of row sums", "cycles")
    lost_weight = Count("... for want of weights", "cycles")
    lost_input = Count("... for want of inputs", "cycles")
    sum_reads = Count("partial sums read")
    sum_writes = Count("partial sums written")
    sum_ops = Count("exponentials added to row sums")
    divisions = Count("row sums divided")
    shift_ops = Count("probabilities made of logits")

    def check(self) -> None:
        if self.value("length") % self.value("columns"):
            raise InputError(
                f"{self.name}.columns: must divide {self.name}.length = {self.value('length')}, the outputs of a tile, "
                f"not {self.value('columns')}"
            )


@compiled
def scrambled(x):
    """A 32-bit hash (the bench's)."""
    x &= 0xFFFFFFFF
    x ^= x >> 16
    x = (x * 0x7FEB352D) & 0xFFFFFFFF
    x ^= x >> 15
    x = (x * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


@compiled
def open_gate(gate, stream, t):
    """Whether a stream may move in a cycle, counted from the start."""
    if gate.kind == ALWAYS:
        return True
    if gate.kind == PERIODIC:
        return t % gate.every < gate.of
    word = (gate.seed * 0x9E3779B1 + (100 + stream) * 0x85EBCA77 + t) & 0xFFFFFFFF
    return scrambled(word) % 256 < gate.of


@compiled
def beats_of_tile(r):
    """T: beats of a tile."""
    return r.length * r.length // r.columns


@compiled
def accept(now, r, queue, gates, command):
    """Take up phases; the first after a pause is the start."""
    if r.held < HELD and can_pop(command):
        new, place = pop(command), queue[(r.head + r.held) % HELD]
        place.kind, place.outputs, place.inner, place.bias = new.kind, new.outputs, new.inner, new.bias
        place.bits, place.step, place.frees = new.bits, new.step, new.frees
        place.elements, place.passes = new.elements, new.passes
        if r.held == 0:
            r.origin = now + gates[START].kind
        r.held += 1
        r.due += new.outputs * new.inner * (r.length // r.columns) * r.weight_beats


@compiled
def weights_ready(r):
    """Whether a word of weights would be taken."""
    return r.full < 2


@compiled
def write_weight(r):
    """Take a word of weights; the number of buffers that are full with it from the next cycle on."""
    r.weight_words += 1
    r.written += 1
    if r.written < r.weight_beats:
        return 0
    r.written = 0
    return 1


@compiled
def obstacle(now, r, queue, rows):
    """What keeps a beat from being issued, inputs aside: 0 nothing, 1 output FIFO, 2 division, 3 sums, 4 weights."""
    phase = queue[r.head]
    while r.popped < r.soft and rows[r.popped].pop_at < now:
        r.popped += 1
    while r.divided < r.soft and rows[r.divided].taken_at < now:
        r.divided += 1
    if r.credit >= r.out_fifo:
        return 1
    if phase.kind == AV and r.output_at == 0 and r.inner_at == 0 and r.beat < r.length and r.beat >= r.divided:
        return 2
    if phase.kind == QK and last_sums(r, phase) and r.soft - r.popped >= r.sum_fifo:
        return 3
    return 0 if r.full else 4


@compiled
def last_sums(r, phase):
    """Whether a beat of Q K^T completes a row sum: last key tile, last inner tile, last group of columns."""
    last = r.output_at == phase.outputs - 1 and r.inner_at == phase.inner - 1
    return last and r.beat >= beats_of_tile(r) - r.length


@compiled
def issue(now, r, queue, leaving, going, rows, sums):
    """Issue a beat. 1: its weight buffer is free from the next cycle on; 2 more: its tile ends; 4 more: its phase."""
    phase, said = queue[r.head], 0
    tile = beats_of_tile(r)
    if r.first_issue < 0:
        r.first_issue = now
    if r.beat == 0:
        r.tiles += 1
    r.beats += 1
    r.mac_ops += r.columns * r.length
    last = r.inner_at == phase.inner - 1
    if r.inner_at > 0:
        r.sum_reads += r.columns
    if last:
        leaving[(r.oldest + r.credit) % r.out_fifo].at = now + LATENCY
        r.credit += 1
    else:
        r.sum_writes += r.columns
    if phase.kind == QK and last:
        r.sum_ops += r.columns
        if last_sums(r, phase):
            n = r.beat - (tile - r.length)
            if n == 0:
                r.soft = r.popped = r.divided = 0
            pop_at = now + SUM_LATENCY
            if n > 0:
                pop_at = max(pop_at, rows[n - 1].pop_at + 1)
            if n >= r.dividers:
                pop_at = max(pop_at, rows[n - r.dividers].taken_at + 1)
            bits = sums[phase.bits + n]
            done_at = pop_at + 1 if bits >= 17 else pop_at + 2 + 16 - bits
            if n > 0:
                done_at = max(done_at, rows[n - 1].taken_at + 1)
            rows[n].pop_at, rows[n].taken_at = pop_at, done_at
            r.soft += 1
            r.divisions += 1
    if phase.kind == AV:
        r.shift_ops += r.length
    r.used += 1
    if r.used == r.length:
        r.used = 0
        said = 1
    r.beat += 1
    if r.beat == tile:
        said |= 2
        r.beat = 0
        r.inner_at += 1
        if r.inner_at == phase.inner:
            place = going[(r.going_first + r.going_held) % r.out_fifo]
            place.elements = phase.elements * (r.output_at + 1) // phase.outputs
            place.elements -= phase.elements * r.output_at // phase.outputs
            place.passes = phase.passes
            r.going_held += 1
            r.inner_at = 0
            r.output_at += 1
            if r.output_at == phase.outputs:
                said |= 4
                r.output_at = 0
                r.head = (r.head + 1) % HELD
                r.held -= 1
    return said


@compiled
def output_waits(now, r, leaving, going, out):
    """Whether an output is at the FIFO's head and can leave."""
    if r.credit == 0 or leaving[r.oldest].at > now:
        return False
    if r.left + 1 == beats_of_tile(r) and going[r.going_first].elements:
        return can_push(out)
    return True


@compiled
def leave(now, r, going, out):
    """The oldest output leaves; with the last of a tile, what follows hears of it."""
    if r.first_output < 0:
        r.first_output = now
    r.last_output = now
    r.oldest = (r.oldest + 1) % r.out_fifo
    r.credit -= 1
    r.out_beats += 1
    r.left += 1
    if r.left == beats_of_tile(r):
        r.left = 0
        tile = going[r.going_first]
        if tile.elements:
            item = push(out)
            item.elements, item.passes = tile.elements, tile.passes
        r.going_first = (r.going_first + 1) % r.out_fifo
        r.going_held -= 1


@compiled
def can_tell(r, queue, release_weight, release_act, done):
    """Whether there is room for what the end of a phase tells."""
    if r.beat + 1 < beats_of_tile(r):
        return True
    return can_push(done) and can_push(release_weight) and can_push(release_act)


@compiled
def tell(row, frees, release_weight, release_act, done):
    """A phase's last beat has been issued."""
    push(done).number = 1
    if row:
        given = frees[row - 1]
        used = push(release_weight)
        used.bytes, used.read_bytes = given.weight, given.weight_read
        used = push(release_act)
        used.bytes, used.read_bytes = given.act, given.act_read


@compiled
def watch(now, r, rows):
    """Note the most that was under way."""
    r.most_credit = max(r.most_credit, r.credit)
    waiting = r.soft - r.popped
    n = r.popped
    while n < r.soft and rows[n].pop_at <= now:
        waiting -= 1
        n += 1
    r.most_soft = max(r.most_soft, waiting)


@compiled
def lose(r, why):
    """Count a cycle without a beat; `why` as of `obstacle`, 5: no inputs."""
    if why == 1:
        r.lost_out += 1
    elif why == 2:
        r.lost_division += 1
    elif why == 3:
        r.lost_sums += 1
    elif why == 4:
        r.lost_weight += 1
    else:
        r.lost_input += 1

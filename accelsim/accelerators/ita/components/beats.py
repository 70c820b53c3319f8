"""What the block of ITA does in a cycle: phases are taken up, weights come, a beat is issued, an output leaves.

Each function sees the registers as they stood when the cycle began, as long as the caller adds up what `full` gains and
loses at its end.
"""

from accelsim.accelerators.ita.components.block import ALWAYS, AV, HELD, LATENCY, PERIODIC, QK, START, SUM_LATENCY
from accelsim.core import can_pop, can_push, pop, push
from accelsim.core.compiled import compiled


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
        place.kind, place.rows, place.columns, place.depth = new.kind, new.rows, new.columns, new.depth
        place.first, place.last, place.bias, place.bits = new.first, new.last, new.bias, new.bits
        place.step, place.frees, place.passes, place.row = new.step, new.frees, new.passes, new.row
        m = r.length
        place.outputs = ((new.rows + m - 1) // m) * ((new.columns + m - 1) // m)
        place.inner = (new.depth + m - 1) // m
        if r.held == 0:
            r.origin = now + gates[START].kind
        r.held += 1
        r.due += place.outputs * place.inner * (r.length // r.columns) * r.weight_beats


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
    last = r.inner_at == phase.inner - 1 and phase.last == 1
    if r.inner_at > 0 or phase.first == 0:
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
            bits = sums[phase.bits + n].bits
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
            if phase.last:
                place = going[(r.going_first + r.going_held) % r.out_fifo]
                across = (phase.columns + r.length - 1) // r.length
                row, column = r.output_at // across * r.length, r.output_at % across * r.length
                place.elements = min(r.length, phase.rows - row) * min(r.length, phase.columns - column)
                if phase.kind == QK:
                    place.elements = 0
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

"""Requests in flight: slots in first-in first-out lists, and a table that finds a line among them."""

from accelsim.components.dram.state import BUCKETS, NEVER
from accelsim.core.compiled import inlined


@inlined
def enter(s, line, row, bank, is_write, tag, now):
    """Take a free slot (there is one) for a request."""
    k = s.chip[0]
    i = k.free
    slot = s.slot[i]
    k.free = slot.after
    slot.line = line
    slot.row = row
    slot.bank = bank
    slot.is_write = is_write
    slot.tag = tag
    slot.arrive = now
    slot.merged = -1
    slot.sequence = -1
    return i


@inlined
def answer(s, tag, done_at):
    k = s.chip[0]
    s.reply[k.replies].tag = tag
    s.reply[k.replies].done_at = done_at
    k.replies += 1


@inlined
def leave(s, channel, i, done_at):
    """Answer a request and those merged into it, and free their slots."""
    k, c = s.chip[0], s.channel[channel]
    while i >= 0:
        slot = s.slot[i]
        answer(s, slot.tag, done_at)
        c.outstanding -= 1
        if slot.is_write:
            c.write_lines += 1
        else:
            c.read_lines += 1
        following = slot.merged
        slot.after = k.free
        k.free = i
        i = following


@inlined
def merge(s, i, into):
    s.slot[i].merged = s.slot[into].merged
    s.slot[into].merged = i


@inlined
def enlist(s, kind, channel, bank):
    """Note that a bank's queue of a kind holds something."""
    n = channel * s.chip[0].banks + s.listed[kind, channel]
    s.banks[kind, n] = bank
    s.place[kind, bank] = n
    s.listed[kind, channel] += 1


@inlined
def strike(s, kind, channel, bank):
    """Note that a bank's queue of a kind is empty: the last of the list takes its place, and nothing is due."""
    s.listed[kind, channel] -= 1
    last = s.banks[kind, channel * s.chip[0].banks + s.listed[kind, channel]]
    s.banks[kind, s.place[kind, bank]] = last
    s.place[kind, last] = s.place[kind, bank]
    s.due[kind, bank] = NEVER


@inlined
def append(s, kind, channel, i):
    slot = s.slot[i]
    queue = s.queue[kind, slot.bank]
    slot.before = queue.tail
    slot.after = -1
    if queue.tail >= 0:
        s.slot[queue.tail].after = i
    else:
        queue.head = i
        enlist(s, kind, channel, slot.bank)
    queue.tail = i
    queue.count += 1


@inlined
def remove(s, kind, channel, i):
    slot = s.slot[i]
    queue = s.queue[kind, slot.bank]
    if slot.before >= 0:
        s.slot[slot.before].after = slot.after
    else:
        queue.head = slot.after
    if slot.after >= 0:
        s.slot[slot.after].before = slot.before
    else:
        queue.tail = slot.before
    queue.count -= 1
    if queue.count == 0:
        strike(s, kind, channel, slot.bank)


@inlined
def classify(s, queue, i, open_row):
    """Note slot `i` (the youngest so far) as the queue's first hit or miss of the open row, if it is."""
    slot = s.slot[i]
    if slot.row != open_row:
        if queue.miss < 0:
            queue.miss = i
    elif slot.is_write:
        if queue.write_hit < 0:
            queue.write_hit = i
    elif queue.read_hit < 0:
        queue.read_hit = i


@inlined
def sort_out(s, queue, open_row):
    """Find the queue's first hits and first miss of the open row anew."""
    queue.read_hit = -1
    queue.write_hit = -1
    queue.miss = -1
    i = queue.head
    while i >= 0:
        classify(s, queue, i, open_row)
        i = s.slot[i].after


@inlined
def remove_hit(s, kind, channel, i):
    """Remove a slot that was its queue's first hit of its kind, and find the next one."""
    slot = s.slot[i]
    queue = s.queue[kind, slot.bank]
    remove(s, kind, channel, i)
    j = slot.after
    while j >= 0 and (s.slot[j].row != slot.row or s.slot[j].is_write != slot.is_write):
        j = s.slot[j].after
    if slot.is_write:
        queue.write_hit = j
    else:
        queue.read_hit = j


@inlined
def bucket_of(channel, line):
    return channel * BUCKETS + ((line ^ (line >> 10) ^ (line >> 20)) & (BUCKETS - 1))


@inlined
def remember(s, channel, i):
    at = bucket_of(channel, s.slot[i].line)
    s.slot[i].chain = s.bucket[at]
    s.bucket[at] = i


@inlined
def forget(s, channel, i):
    at = bucket_of(channel, s.slot[i].line)
    j = s.bucket[at]
    if j == i:
        s.bucket[at] = s.slot[i].chain
        return
    while s.slot[j].chain != i:
        j = s.slot[j].chain
    s.slot[j].chain = s.slot[i].chain


@inlined
def find(s, channel, line, is_write):
    """The remembered slot of that line and kind, or -1."""
    i = s.bucket[bucket_of(channel, line)]
    while i >= 0 and (s.slot[i].line != line or s.slot[i].is_write != is_write):
        i = s.slot[i].chain
    return i

"""The controller of DRAMsim3 (Li et al., IEEE CAL 2020): read and write transactions wait in two queues of 32, move
one per clock to command queues of 8 per bank, which are served round robin, first ready command first."""

from accelsim.components.dram.constraints import ACT, PRE
from accelsim.components.dram.device import column_command, glance, issue, look, note_due, ready, refresh, want, wanted
from accelsim.components.dram.queues import (
    answer,
    append,
    classify,
    enter,
    find,
    forget,
    leave,
    merge,
    remember,
    remove,
    remove_hit,
    sort_out,
)
from accelsim.components.dram.state import ALL, CLOSE, COMMAND, NEVER, READ, SOME, WAITING, WRITE
from accelsim.core.compiled import compiled, inlined


@inlined
def offer(s, now, channel, bank, row, line, is_write, tag):
    """Accept a request at clock `now`, or refuse it: only the depth of its transaction queue counts."""
    k, c = s.chip[0], s.channel[channel]
    if (c.writes >= k.write_depth) if is_write else (c.reads >= k.read_depth):
        return False
    c.wake = now
    written = find(s, channel, line, 1)
    if written >= 0:
        answer(s, tag, now + 1)
        if is_write:
            c.merged += 1
            c.write_lines += 1
        else:
            c.forwarded += 1
            c.read_lines += 1
        return True
    if k.free < 0:
        k.out_of_slots = 1
        return False
    i = enter(s, line, row, bank, is_write, tag, now)
    c.outstanding += 1
    if not is_write:
        read = find(s, channel, line, 0)
        if read >= 0:
            merge(s, i, read)
            c.merged += 1
            return True
    append(s, WAITING + is_write, channel, i)
    remember(s, channel, i)
    s.slot[i].order = c.sequence
    c.sequence += 1
    choose_movable(s, is_write, bank)
    if is_write:
        c.writes += 1
    else:
        c.reads += 1
    return True


@inlined
def choose_movable(s, is_write, bank):
    """Note which transaction of a kind is the first that could move to the bank's command queue."""
    head = s.queue[WAITING + is_write, bank].head
    room = s.queue[COMMAND, bank].count < s.chip[0].bank_depth
    s.oldest[is_write, bank] = s.slot[head].order if head >= 0 and room else NEVER


@compiled
def wish(s, bank):
    """Note the commands that the bank's queue wants."""
    b, queue = s.bank[bank], s.queue[COMMAND, bank]
    if b.open_row < 0:
        want(s, COMMAND, bank, queue.count > 0, False, False, False)
        return
    # Only the head may close the row, and not before the row's hits are served, or four of them if others keep coming.
    hits = queue.read_hit >= 0 or queue.write_hit >= 0
    closing = queue.miss >= 0 and queue.miss == queue.head and (not hits or b.columns >= s.chip[0].hit_limit)
    # A write never overtakes a read of its own line here: it does not leave the write buffer while that read is
    # pending.
    want(s, COMMAND, bank, False, closing, queue.read_hit >= 0, queue.write_hit >= 0)


@inlined
def choose(s, bank, now):
    """The command that the bank's queue has at `now`, where it is due: of its entries, the first whose next command is
    ready; closing the row goes before that. Returns (command, slot)."""
    k, queue = s.chip[0], s.queue[COMMAND, bank]
    if s.bank[bank].open_row < 0:
        return ACT, queue.head
    if wanted(s, COMMAND, bank, CLOSE) <= now:
        return PRE, queue.head
    reads = queue.read_hit >= 0 and ready(s, READ, bank) <= now
    writes = queue.write_hit >= 0 and ready(s, WRITE, bank) <= now
    if reads and not (writes and s.slot[queue.write_hit].sequence < s.slot[queue.read_hit].sequence):
        return column_command(k, 0), queue.read_hit
    return column_command(k, 1), queue.write_hit


@inlined
def perform(s, channel, bank, command, i, now):
    """Issue the command chosen for slot `i` (-1: for a refresh), and answer it if that was its column command."""
    k, c, b, slot, queue = s.chip[0], s.channel[channel], s.bank[bank], s.slot[max(i, 0)], s.queue[COMMAND, bank]
    issue(s, channel, bank, command, slot.row if i >= 0 else -1, now)
    if i >= 0:
        if command == ACT:
            sort_out(s, queue, b.open_row)
        elif command == PRE:
            b.conflict = 1
        else:
            remove_hit(s, COMMAND, channel, i)
            forget(s, channel, i)
            c.queued -= 1
            if queue.count == k.bank_depth - 1:
                choose_movable(s, 0, bank)
                choose_movable(s, 1, bank)
            leave(s, channel, i, now + (k.write_cycles if slot.is_write else k.read_cycles))
    wish(s, bank)
    c.stale = ALL


@inlined
def to_bank(s, channel, i):
    """Move a transaction to the queue of its bank."""
    k, c, slot = s.chip[0], s.channel[channel], s.slot[i]
    bank, is_write = slot.bank, slot.is_write
    queue = s.queue[COMMAND, bank]
    remove(s, WAITING + is_write, channel, i)
    append(s, COMMAND, channel, i)
    slot.sequence = c.sequence
    c.sequence += 1
    c.queued += 1
    if s.bank[bank].open_row >= 0:
        classify(s, queue, i, s.bank[bank].open_row)
    if is_write:
        c.writes -= 1
    else:
        c.reads -= 1
    choose_movable(s, is_write, bank)
    if queue.count == k.bank_depth:
        s.oldest[1 - is_write, bank] = NEVER
    wish(s, bank)
    note_due(s, COMMAND, bank)
    c.stale = max(c.stale, SOME)


@inlined
def oldest(s, channel, is_write):
    """The transaction of a kind that moves next: the oldest whose bank's queue has room; or -1."""
    k = s.chip[0]
    first, order, first_in = channel * k.banks, NEVER, s.oldest
    for bank in range(first, first + k.banks):
        order = min(order, first_in[is_write, bank])
    if order == NEVER:
        return -1
    bank = first
    while first_in[is_write, bank] != order:
        bank += 1
    return s.queue[WAITING + is_write, bank].head


@inlined
def is_oldest(s, channel, i):
    """Whether no write has waited longer."""
    k = s.chip[0]
    for bank in range(channel * k.banks, channel * k.banks + k.banks):
        head = s.queue[WAITING + 1, bank].head
        if head >= 0 and s.slot[head].order < s.slot[i].order:
            return False
    return True


@inlined
def schedule(s, channel):
    """Move at most one transaction to its bank's queue, or stop draining. Returns whether anything changed."""
    k, c = s.chip[0], s.channel[channel]
    began = False
    if c.draining == 0 and (
        c.writes >= k.write_depth
        or (c.queued == 0 and (c.writes > k.bank_depth or (k.flush and c.reads == 0 and c.writes > 0)))
    ):
        c.draining = c.writes
        began = True
    is_write = 1 if c.draining > 0 else 0
    if (c.writes if is_write else c.reads) == 0:
        return began
    i = oldest(s, channel, is_write)
    if i < 0:
        return began
    if is_write:
        read = find(s, channel, s.slot[i].line, 0)
        if read >= 0:
            c.draining = 0
            # DRAMsim3 stands still for ever if draining begins again and again with an oldest write whose line is
            # still to be read (umd-memsys/DRAMsim3 issue 43). That read goes first here; nothing else changes.
            if not (began and s.slot[read].sequence < 0 and is_oldest(s, channel, i)):
                return True
            i = read
        else:
            c.draining -= 1
    to_bank(s, channel, i)
    return True


@inlined
def step(s, channel, now):
    """One clock of one channel. Returns the next clock at which it acts without new input."""
    k, c = s.chip[0], s.channel[channel]
    if c.stale:
        c.due = look(s, COMMAND, channel) if c.stale == ALL else glance(s, COMMAND, channel)
        c.stale = 0
    if now >= c.refresh_at:
        c.refreshes_due += 1
        c.refresh_at += k.refresh_interval
    first, held = channel * k.banks, -1
    command, bank, i, wake = -1, -1, -1, c.due
    if c.refreshes_due > 0:
        held = channel * k.ranks + c.refresh_rank
        command, bank, wake = refresh(s, channel, now)
    if command < 0 and c.due <= now:
        position = c.pointer
        for _ in range(k.banks):
            position += 1
            if position == k.banks:
                position = 0
            if s.due[COMMAND, first + position] <= now and s.bank[first + position].rank != held:
                bank = first + position
                command, i = choose(s, bank, now)
                c.pointer = position
                break
    if command >= 0:
        perform(s, channel, bank, command, i, now)
    elif held >= 0:
        for n in range(first, first + s.listed[COMMAND, channel]):
            other = s.banks[COMMAND, n]
            if s.bank[other].rank != held:
                wake = min(wake, s.due[COMMAND, other])
    if schedule(s, channel):
        k.acted = 1
        return now + 1
    return now + 1 if command >= 0 else min(wake, c.refresh_at)

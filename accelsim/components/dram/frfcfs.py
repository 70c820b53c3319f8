"""The controller of Ramulator 2.1 (Luo et al., IEEE CAL 2023) under FRFCFS and FRFCFS-RowHit: a read and a write
buffer of 32, served in turns; of the chosen buffer the oldest request whose next command is ready goes first."""

from accelsim.components.dram.constraints import ACT, PRE, RD
from accelsim.components.dram.device import FEW, column_command, issue, look, note_due, ready, refresh, want, wanted
from accelsim.components.dram.queues import (
    answer,
    append,
    classify,
    enlist,
    enter,
    find,
    forget,
    leave,
    remember,
    remove,
    remove_hit,
    sort_out,
    strike,
)
from accelsim.components.dram.state import ACTIVE, CLOSE, FRFCFS_ROWHIT, NEVER, OPEN, READ, READS, WRITES
from accelsim.core.compiled import compiled, inlined


@inlined
def offer(s, now, channel, bank, row, line, is_write, tag):
    """Accept a request at clock `now`, or refuse it: its buffer is full, and no buffered write holds its line."""
    k, c = s.chip[0], s.channel[channel]
    written = find(s, channel, line, 1) if c.writes > 0 else -1
    if written >= 0 and is_write:
        answer(s, tag, now + 1)
        c.merged += 1
        c.write_lines += 1
        return True
    if written >= 0:
        # Reads are answered in the order in which their data is known to come.
        c.last_done = max(now + 1, c.last_done)
        answer(s, tag, c.last_done)
        c.forwarded += 1
        c.read_lines += 1
        return True
    if (c.writes >= k.write_depth) if is_write else (c.reads >= k.read_depth):
        return False
    if k.free < 0:
        k.out_of_slots = 1
        return False
    i = enter(s, line, row, bank, is_write, tag, now)
    c.outstanding += 1
    queue = s.queue[is_write, bank]
    append(s, is_write, channel, i)
    s.slot[i].sequence = c.sequence
    c.sequence += 1
    if s.bank[bank].open_row >= 0:
        classify(s, queue, i, s.bank[bank].open_row)
    if is_write:
        remember(s, channel, i)
        c.writes += 1
    else:
        c.reads += 1
    before = at = s.due[is_write, bank]
    fresh = c.stale == 0 and turn(k, c) == c.write_mode
    in_turn = is_write == c.write_mode
    # Behind others of its kind it changes nothing of what its bank wants.
    if not fresh or not in_turn or i == queue.head or i == queue.read_hit or i == queue.write_hit or i == queue.miss:
        wish(s, is_write, bank)
        at = note_due(s, is_write, bank)
    if not fresh or at > before:
        c.stale = 1
        c.wake = now + 1
    elif in_turn:
        c.due = min(c.due, at)
        at = max(at, now + 1)
        c.wake = min(c.wake, at)
        if at < c.chosen_at:  # it is the youngest: it comes before the others only where it is ready before them
            open_row = s.bank[bank].open_row
            hit = ACT if open_row < 0 else column_command(k, is_write)
            c.chosen, c.chosen_at, c.command = i, at, PRE if open_row >= 0 and open_row != row else hit
        elif k.controller == FRFCFS_ROWHIT:  # the row that was to be closed may have to stay open
            c.chosen = -1
    return True


@compiled
def wish(s, kind, bank):
    """Note the commands that the bank's reads or writes want, and those that an activated request does."""
    k, b, queue = s.chip[0], s.bank[bank], s.queue[kind, bank]
    if b.open_row < 0:
        want(s, kind, bank, queue.count > 0, False, False, False)
        return
    hit, miss = queue.write_hit if kind else queue.read_hit, queue.miss
    # Nothing that closes a row passes a request for which that row was opened.
    free = b.active < 0
    hits = hit >= 0 and (free or not k.closed_page)
    first = k.controller == FRFCFS_ROWHIT and hit >= 0 and miss >= 0 and s.slot[hit].arrive <= s.slot[miss].arrive
    want(s, kind, bank, False, miss >= 0 and free and not first, hits and not kind, hits and kind)


@inlined
def choose_active(s, channel, now):
    """Of the requests whose row was opened for them, the oldest that is ready for its column command."""
    k, best = s.chip[0], -1
    first = channel * k.banks
    for n in range(first, first + s.listed[ACTIVE, channel]):
        bank = s.banks[ACTIVE, n]
        if s.due[ACTIVE, bank] <= now:
            i = s.bank[bank].active
            slot = s.slot[i]
            if (
                best < 0
                or slot.arrive < s.slot[best].arrive
                or (slot.arrive == s.slot[best].arrive and slot.sequence < s.slot[best].sequence)
            ):
                best = i
    return column_command(k, s.slot[best].is_write), best


@inlined
def choose_buffered(s, channel, now):
    """Of the buffer in turn, the oldest request whose next command is ready. Returns (command, slot)."""
    k, mode = s.chip[0], s.channel[channel].write_mode
    best, command, oldest = -1, -1, NEVER
    first, column = channel * k.banks, READ + mode
    for n in range(first, first + s.listed[mode, channel]):
        bank = s.banks[mode, n]
        if s.due[mode, bank] > now:
            continue
        queue = s.queue[mode, bank]
        if s.bank[bank].open_row < 0:
            if s.slot[queue.head].sequence < oldest:
                best, command, oldest = queue.head, ACT, s.slot[queue.head].sequence
            continue
        if wanted(s, mode, bank, column) <= now:
            hit = queue.write_hit if mode else queue.read_hit
            if s.slot[hit].sequence < oldest:
                best, command, oldest = hit, column_command(k, mode), s.slot[hit].sequence
        if wanted(s, mode, bank, CLOSE) <= now and s.slot[queue.miss].sequence < oldest:
            best, command, oldest = queue.miss, PRE, s.slot[queue.miss].sequence
    return command, best


@compiled
def foresee(s, channel, now):
    """Find when the buffer in turn can have a command, from clock `now` on, and which: see `choose_buffered`."""
    k, c = s.chip[0], s.channel[channel]
    mode = c.write_mode
    c.stale = 0
    c.chosen = -1
    if s.listed[mode, channel] > FEW:  # it is chosen when it is due
        c.due = look(s, mode, channel)
        c.chosen_at = max(c.due, now)
        return
    first, column = channel * k.banks, READ + mode
    due = then = oldest = NEVER
    for n in range(first, first + s.listed[mode, channel]):
        bank = s.banks[mode, n]
        wishes, queue = s.want[mode, bank], s.queue[mode, bank]
        i, at, command = -1, NEVER, ACT
        if wishes & 1 << OPEN:
            i, at = queue.head, ready(s, OPEN, bank)
        else:
            if wishes >> column & 1:
                i, at, command = queue.write_hit if mode else queue.read_hit, ready(s, column, bank), RD
            if wishes & 1 << CLOSE:
                closed_at = ready(s, CLOSE, bank)
                if i < 0 or earlier(s, max(closed_at, now), queue.miss, max(at, now), s.slot[i].sequence):
                    i, command = queue.miss, PRE
                at = min(at, closed_at)
        s.due[mode, bank] = at
        due = min(due, at)
        at = max(at, now)
        if i >= 0 and earlier(s, at, i, then, oldest):
            then, oldest, c.chosen, c.command = at, s.slot[i].sequence, i, command
    if c.command == RD:
        c.command = column_command(k, mode)
    c.due, c.chosen_at = due, then


@inlined
def earlier(s, at, i, then, sequence):
    """Whether a command of a slot at a clock comes before that of another, at its own clock: the older at the same."""
    return at < then or (at == then and s.slot[i].sequence < sequence)


@inlined
def perform(s, channel, bank, command, i, now):
    """Issue the command chosen for slot `i` (-1: for a refresh), and answer it if that was its column command."""
    k, c, b, slot = s.chip[0], s.channel[channel], s.bank[bank], s.slot[max(i, 0)]
    issue(s, channel, bank, command, slot.row if i >= 0 else -1, now)
    first, count, one = bank, 1, False
    if i < 0:
        first, count = bank & -k.rank_banks, k.rank_banks
    elif command == PRE:
        b.conflict = 1
    else:
        if b.active == i:
            b.active = -1
            c.active -= 1
            strike(s, ACTIVE, channel, bank)
            want(s, ACTIVE, bank, False, False, False, False)
        else:
            if command == ACT:
                remove(s, slot.is_write, channel, i)
                b.active = i
                c.active += 1
                enlist(s, ACTIVE, channel, bank)
                want(s, ACTIVE, bank, False, False, not slot.is_write, slot.is_write)
                slot.sequence = c.sequence
                c.sequence += 1
                sort_out(s, s.queue[READS, bank], b.open_row)
                sort_out(s, s.queue[WRITES, bank], b.open_row)
            else:
                remove_hit(s, slot.is_write, channel, i)
                one = not k.closed_page  # nothing changes for the other kind
            if slot.is_write:
                forget(s, channel, i)
                c.writes -= 1
            else:
                c.reads -= 1
        if command != ACT:
            if not slot.is_write:
                c.last_done = now + k.read_cycles
            leave(s, channel, i, now + (k.write_cycles if slot.is_write else k.read_cycles))
    c.stale = 1
    if one:
        wish(s, slot.is_write, bank)
        return
    for other in range(first, first + count):
        wish(s, READS, other)
        wish(s, WRITES, other)


@inlined
def turn(k, c):
    """Whether writes are served: once they are many or no read waits, until they are few and one does."""
    if c.write_mode:
        return 0 if c.writes <= k.low_water and c.reads > 0 else 1
    return 1 if c.writes >= k.high_water or c.reads == 0 else 0


@inlined
def ahead(s, channel, now):
    """The clock at which a channel acts next without new input, where it issued a command in the clock before `now`:
    what `step` would find then, unless it has to do more than to look."""
    k, c = s.chip[0], s.channel[channel]
    c.active_due = look(s, ACTIVE, channel) if c.active > 0 else NEVER
    c.active_stale = 0
    if c.active_due <= now or c.refreshes_due > 0 or c.refresh_at <= now or turn(k, c) != c.write_mode:
        return now
    foresee(s, channel, now)
    return min(max(c.due, now), c.active_due, c.refresh_at)


@inlined
def step(s, channel, now):
    """One clock of one channel. Returns the next clock at which it acts without new input."""
    k, c = s.chip[0], s.channel[channel]
    if c.active_stale:
        c.active_due = look(s, ACTIVE, channel) if c.active > 0 else NEVER
        c.active_stale = 0
    if now >= c.refresh_at:
        c.refreshes_due += k.ranks
        c.refresh_at += k.refresh_interval
    wake = min(c.refresh_at, c.active_due)
    command, bank, i = -1, -1, -1
    if c.active_due <= now:
        command, i = choose_active(s, channel, now)
    elif c.refreshes_due > 0:
        # Nothing but opened rows is served while a refresh waits, and it waits for all of those.
        if c.active == 0:
            command, bank, at = refresh(s, channel, now)
            wake = min(wake, at)
    else:
        mode = turn(k, c)
        if c.stale or mode != c.write_mode:
            c.write_mode = mode
            foresee(s, channel, now)
        wake = min(wake, c.due)
        if c.due <= now and c.chosen >= 0:
            command, i = c.command, c.chosen
        elif c.due <= now:
            command, i = choose_buffered(s, channel, now)
    if command < 0:
        return wake
    if i >= 0:
        bank = s.slot[i].bank
    perform(s, channel, bank, command, i, now)
    return ahead(s, channel, now + 1)

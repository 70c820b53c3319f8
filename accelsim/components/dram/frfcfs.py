"""The controller of Ramulator 2.1 (Luo et al., IEEE CAL 2023) under FRFCFS and FRFCFS-RowHit: a read and a write
buffer of 32, served in turns; of the chosen buffer the oldest request whose next command is ready goes first."""

from numba import njit

from accelsim.components.dram.constraints import ACT, PRE
from accelsim.components.dram.device import column_command, issue, ready_at, refresh
from accelsim.components.dram.queues import (
    answer,
    append,
    classify,
    enter,
    find,
    forget,
    leave,
    look_again,
    remember,
    remove,
    remove_hit,
    soonest,
    sort_out,
)
from accelsim.components.dram.state import FRFCFS_ROWHIT, NEVER


@njit(_nrt=False, forceinline=True)
def offer(s, now, channel, bank, row, line, is_write, tag):
    """Accept a request at clock `now`, or refuse it: its buffer is full, and no buffered write holds its line."""
    k, c = s.chip[0], s.channel[channel]
    written = find(s, channel, line, 1)
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
    q = channel * (2 * k.banks + 2) + is_write * k.banks + bank - channel * k.banks
    append(s, q, i)
    s.due[q] = 0
    s.slot[i].sequence = c.sequence
    c.sequence += 1
    if s.bank[bank].open_row >= 0:
        classify(s, q, i, s.bank[bank].open_row)
    if is_write:
        remember(s, channel, i)
        c.writes += 1
    else:
        c.reads += 1
    return True


@njit(_nrt=False, forceinline=True)
def choose_active(s, channel, now):
    """Of the requests whose row was opened for them, the oldest that is ready for its column command.

    Returns (command or -1, slot, clock at which one is ready).
    """
    k, c = s.chip[0], s.channel[channel]
    if c.active_due > now:
        return -1, -1, c.active_due
    wake, command, best = NEVER, -1, -1
    left = c.active
    for bank in range(channel * k.banks, channel * k.banks + k.banks):
        i = s.bank[bank].active
        if i < 0:
            continue
        slot = s.slot[i]
        column = column_command(k, slot.is_write)
        at = ready_at(s, bank, column)
        wake = min(wake, at)
        if at <= now and (
            best < 0
            or slot.arrive < s.slot[best].arrive
            or (slot.arrive == s.slot[best].arrive and slot.sequence < s.slot[best].sequence)
        ):
            command, best = column, i
        left -= 1
        if left == 0:
            break
    c.active_due = wake
    return command, best, wake


@njit(_nrt=False, forceinline=True)
def choose_buffered(s, channel, now):
    """Of the buffer in turn, the oldest request whose next command is ready.

    Returns (command or -1, slot, clock at which one is ready).
    """
    k, c = s.chip[0], s.channel[channel]
    wake, best, command, oldest = NEVER, -1, -1, NEVER
    base = channel * (2 * k.banks + 2) + c.write_mode * k.banks
    at = soonest(s, base, k.banks)
    if at > now:
        return -1, -1, at
    column = column_command(k, c.write_mode)
    for position in range(k.banks):
        q = base + position
        if s.due[q] > now:
            wake = min(wake, s.due[q])
            continue
        queue, bank = s.queue[q], channel * k.banks + position
        b = s.bank[bank]
        due = NEVER
        if queue.count == 0:
            pass
        elif b.open_row < 0:
            due = ready_at(s, bank, ACT)
            if due <= now and s.slot[queue.head].sequence < oldest:
                best, command, oldest = queue.head, ACT, s.slot[queue.head].sequence
        else:
            hit, miss = queue.write_hit if c.write_mode else queue.read_hit, queue.miss
            # Nothing that closes a row passes a request for which that row was opened.
            if hit >= 0 and (b.active < 0 or not k.closed_page):
                due = ready_at(s, bank, column)
                if due <= now and s.slot[hit].sequence < oldest:
                    best, command, oldest = hit, column, s.slot[hit].sequence
            if (
                miss >= 0
                and b.active < 0
                and not (k.controller == FRFCFS_ROWHIT and hit >= 0 and s.slot[hit].arrive <= s.slot[miss].arrive)
            ):
                at = ready_at(s, bank, PRE)
                due = min(due, at)
                if at <= now and s.slot[miss].sequence < oldest:
                    best, command, oldest = miss, PRE, s.slot[miss].sequence
        s.due[q] = due
        wake = min(wake, due)
    return command, best, wake


@njit(_nrt=False, forceinline=True)
def perform(s, channel, bank, command, i, now):
    """Issue the command chosen for slot `i` (-1: for a refresh), and answer it if that was its column command."""
    k, c, b, slot = s.chip[0], s.channel[channel], s.bank[bank], s.slot[i]
    issue(s, channel, bank, command, slot.row if i >= 0 else -1, now)
    if i < 0:
        look_again(s, channel)
        return
    q = channel * (2 * k.banks + 2) + slot.is_write * k.banks + bank - channel * k.banks
    other = q + (-k.banks if slot.is_write else k.banks)
    s.due[q] = 0
    s.due[other] = 0
    if command == PRE:
        b.conflict = 1
        return
    if b.active == i:
        b.active = -1
        c.active -= 1
    else:
        if command == ACT:
            remove(s, q, i)
            b.active = i
            c.active += 1
            c.active_due = 0
            slot.sequence = c.sequence
            c.sequence += 1
            sort_out(s, q, b.open_row)
            sort_out(s, other, b.open_row)
        else:
            remove_hit(s, q, i)
        if slot.is_write:
            forget(s, channel, i)
            c.writes -= 1
        else:
            c.reads -= 1
    if command != ACT:
        if not slot.is_write:
            c.last_done = now + k.read_cycles
        leave(s, channel, i, now + (k.write_cycles if slot.is_write else k.read_cycles))


@njit(_nrt=False, forceinline=True)
def step(s, channel, now):
    """One clock of one channel. Returns the next clock at which it acts without new input."""
    k, c = s.chip[0], s.channel[channel]
    if now >= c.refresh_at:
        c.refreshes_due += k.ranks
        c.refresh_at += k.refresh_interval
    wake = c.refresh_at
    command, bank, i = -1, -1, -1
    if c.active > 0:
        command, i, at = choose_active(s, channel, now)
        wake = min(wake, at)
    if command < 0 and c.refreshes_due > 0:
        # Nothing but opened rows is served while a refresh waits, and it waits for all of those.
        if c.active == 0:
            command, bank, at = refresh(s, channel, now)
            wake = min(wake, at)
    elif command < 0:
        if c.write_mode:
            if c.writes <= k.low_water and c.reads > 0:
                c.write_mode = 0
        elif c.writes >= k.high_water or c.reads == 0:
            c.write_mode = 1
        if (c.writes if c.write_mode else c.reads) > 0:
            command, i, at = choose_buffered(s, channel, now)
            wake = min(wake, at)
    if command < 0:
        return wake
    if i >= 0:
        bank = s.slot[i].bank
    perform(s, channel, bank, command, i, now)
    return now + 1

"""The controller of DRAMsim3 (Li et al., IEEE CAL 2020): read and write transactions wait in two queues of 32, move
one per clock to command queues of 8 per bank, which are served round robin, first ready command first."""

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
    merge,
    remember,
    remove,
    remove_hit,
    soonest,
    sort_out,
)
from accelsim.components.dram.state import NEVER


@njit(_nrt=False, forceinline=True)
def offer(s, now, channel, bank, row, line, is_write, tag):
    """Accept a request at clock `now`, or refuse it: only the depth of its transaction queue counts."""
    k, c = s.chip[0], s.channel[channel]
    fifo = channel * (2 * k.banks + 2) + 2 * k.banks + is_write
    if (c.writes >= k.write_depth) if is_write else (c.reads >= k.read_depth):
        return False
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
    append(s, fifo, i)
    remember(s, channel, i)
    queue = s.queue[channel * (2 * k.banks + 2) + bank - channel * k.banks]
    room = 1 if queue.count < k.bank_depth else 0
    if is_write:
        queue.waiting_writes += 1
        c.movable_writes += room
    else:
        queue.waiting_reads += 1
        c.movable_reads += room
    if is_write:
        c.writes += 1
    else:
        c.reads += 1
    return True


@njit(_nrt=False, forceinline=True)
def choose(s, channel, bank, q, now):
    """What the bank's queue can have at `now`: of its entries, the first whose next command is ready.

    Returns (command or -1, slot, clock at which one is ready).
    """
    k, b, queue = s.chip[0], s.bank[bank], s.queue[q]
    if b.open_row < 0:
        at = ready_at(s, bank, ACT)
        return (ACT if at <= now else -1), queue.head, at
    wake, command, chosen = NEVER, -1, -1
    # Only the head may close the row, and not before the row's hits are served, or four of them if others keep coming.
    hits = queue.read_hit >= 0 or queue.write_hit >= 0
    if queue.miss == queue.head and (not hits or b.columns >= k.hit_limit):
        wake = ready_at(s, bank, PRE)
        if wake <= now:
            return PRE, queue.head, wake
    if queue.read_hit >= 0:
        read = column_command(k, 0)
        at = ready_at(s, bank, read)
        wake = min(wake, at)
        if at <= now:
            command, chosen = read, queue.read_hit
    # A write never overtakes a read of its own line here: it does not leave the write buffer while that read is
    # pending.
    if queue.write_hit >= 0:
        write = column_command(k, 1)
        at = ready_at(s, bank, write)
        wake = min(wake, at)
        if at <= now and (chosen < 0 or s.slot[queue.write_hit].sequence < s.slot[chosen].sequence):
            command, chosen = write, queue.write_hit
    return command, chosen, wake


@njit(_nrt=False, forceinline=True)
def perform(s, channel, bank, q, command, i, now):
    """Issue the command chosen for slot `i` (-1: for a refresh), and answer it if that was its column command."""
    k, c, b, slot = s.chip[0], s.channel[channel], s.bank[bank], s.slot[i]
    issue(s, channel, bank, command, slot.row if i >= 0 else -1, now)
    if i < 0:
        look_again(s, channel)
    elif command == ACT:
        sort_out(s, q, b.open_row)
    elif command == PRE:
        b.conflict = 1
    else:
        remove_hit(s, q, i)
        forget(s, channel, i)
        c.queued -= 1
        if s.queue[q].count == k.bank_depth - 1:
            c.movable_reads += s.queue[q].waiting_reads
            c.movable_writes += s.queue[q].waiting_writes
        leave(s, channel, i, now + (k.write_cycles if slot.is_write else k.read_cycles))
    s.due[q] = 0 if s.queue[q].count else NEVER


@njit(_nrt=False, forceinline=True)
def to_bank(s, channel, fifo, i):
    """Move a transaction to the queue of its bank."""
    k, c, slot = s.chip[0], s.channel[channel], s.slot[i]
    remove(s, fifo, i)
    q = slot.bank - channel * k.banks + channel * (2 * k.banks + 2)
    queue = s.queue[q]
    append(s, q, i)
    s.due[q] = 0
    slot.sequence = c.sequence
    c.sequence += 1
    c.queued += 1
    if s.bank[slot.bank].open_row >= 0:
        classify(s, q, i, s.bank[slot.bank].open_row)
    if slot.is_write:
        c.writes -= 1
        c.movable_writes -= 1
        queue.waiting_writes -= 1
    else:
        c.reads -= 1
        c.movable_reads -= 1
        queue.waiting_reads -= 1
    if queue.count == k.bank_depth:
        c.movable_reads -= queue.waiting_reads
        c.movable_writes -= queue.waiting_writes


@njit(_nrt=False, forceinline=True)
def schedule(s, channel):
    """Move at most one transaction to its bank's queue, or stop draining. Returns whether anything changed."""
    k, c = s.chip[0], s.channel[channel]
    base = channel * (2 * k.banks + 2)
    began = False
    if c.draining == 0 and (
        c.writes >= k.write_depth
        or (c.queued == 0 and (c.writes > k.bank_depth or (k.flush and c.reads == 0 and c.writes > 0)))
    ):
        c.draining = c.writes
        began = True
    if (c.movable_writes if c.draining > 0 else c.movable_reads) == 0:
        return began
    fifo = base + 2 * k.banks + (1 if c.draining > 0 else 0)
    i = s.queue[fifo].head
    while i >= 0:
        slot = s.slot[i]
        if s.queue[base + slot.bank - channel * k.banks].count < k.bank_depth:
            if c.draining > 0:
                read = find(s, channel, slot.line, 0)
                if read >= 0:
                    c.draining = 0
                    # DRAMsim3 stands still for ever if draining begins again and again with an oldest write whose line
                    # is still to be read (umd-memsys/DRAMsim3 issue 43). That read goes first here; nothing else
                    # changes.
                    if began and i == s.queue[fifo].head and s.slot[read].sequence < 0:
                        to_bank(s, channel, fifo - 1, read)
                    return True
                c.draining -= 1
            to_bank(s, channel, fifo, i)
            return True
        i = slot.after
    return began


@njit(_nrt=False, forceinline=True)
def step(s, channel, now):
    """One clock of one channel. Returns the next clock at which it acts without new input."""
    k, c = s.chip[0], s.channel[channel]
    if now >= c.refresh_at:
        c.refreshes_due += 1
        c.refresh_at += k.refresh_interval
    wake = c.refresh_at
    base = channel * (2 * k.banks + 2)
    command, bank, i, held = -1, -1, -1, -1
    if c.refreshes_due > 0:
        held = channel * k.ranks + c.refresh_rank
        command, bank, at = refresh(s, channel, now)
        wake = min(wake, at)
    at = soonest(s, base, k.banks)
    if at > now:
        wake = min(wake, at)
    elif command < 0:
        position = c.pointer
        for _ in range(k.banks):
            position += 1
            if position == k.banks:
                position = 0
            if s.due[base + position] > now:
                wake = min(wake, s.due[base + position])
                continue
            bank = channel * k.banks + position
            if s.bank[bank].rank == held:
                continue
            command, i, at = choose(s, channel, bank, base + position, now)
            if command >= 0:
                c.pointer = position
                break
            s.due[base + position] = at
            wake = min(wake, at)
    if command >= 0:
        perform(s, channel, bank, base + bank - channel * k.banks, command, i, now)
    if schedule(s, channel):
        k.acted = 1
        return now + 1
    return now + 1 if command >= 0 else wake

"""The DRAM itself: banks, the earliest clock of every command, and what a command does to both."""

from accelsim.components.dram.constraints import ACT, PRE, PREA, RD, RDA, REF, WR, WRA
from accelsim.components.dram.state import (
    ASKED,
    CLOSE,
    CLOSE_ALL,
    DRAMSIM3,
    GROUP,
    LEVELS,
    NEVER,
    OF_BANK,
    OF_RANK,
    OPEN,
    OTHER_RANKS,
    READ,
    REFRESH,
    WRITE,
)
from accelsim.core.compiled import compiled, inlined

FEW = 6  # banks that are looked at one by one; more of them together with all of the channel
FAR = 62  # the bit of NEVER; no clock is as late


@inlined
def ready(s, asked, bank):
    """First clock at which a bank, or the rank that begins there, may have what it is asked for."""
    row = LEVELS * asked
    return max(s.earliest[row + OF_BANK, bank], s.earliest[row + OF_RANK, bank & -s.chip[0].rank_banks])


@inlined
def ready_at(s, bank, command):
    """First clock at which `command` may go to `bank`; PREA and REF go to the whole rank."""
    asked = ASKED[command]
    if asked in (CLOSE_ALL, REFRESH):
        bank &= -s.chip[0].rank_banks
    return ready(s, asked, bank)


@inlined
def column_command(k, is_write):
    """The column command of a request under the page policy."""
    if k.closed_page:
        return WRA if is_write else RDA
    return WR if is_write else RD


@inlined
def hold(s, bank, command, now):
    """Let every rule that starts at `command` push the commands it delays."""
    k, b = s.chip[0], s.bank[bank]
    for i in range(s.first_row[2 * command], s.first_row[2 * command + 1]):
        row = s.row[i]
        at = bank & row.among
        s.earliest[row.earliest, at] = max(s.earliest[row.earliest, at], now + row.latency)
    for i in range(s.first_row[2 * command + 1], s.first_row[2 * command + 2]):
        row = s.row[i]
        start = now
        if row.window > 1:
            at = b.rank * k.ring + row.ring
            position = s.past[at]
            s.past[at + 1 + position] = now
            position += 1
            if position == row.window:
                position = 0
            s.past[at] = position
            start = s.past[at + 1 + position]
        at, until = bank & row.among, start + row.latency
        if row.spread <= GROUP:
            for one in range(at, at + (k.group_banks if row.spread == GROUP else 1)):
                s.earliest[row.earliest, one] = max(s.earliest[row.earliest, one], until)
            continue
        for n in range(k.ranks):
            rank = at + n * k.rank_banks
            if row.spread != OTHER_RANKS or rank != bank & -k.rank_banks:
                s.earliest[row.earliest, rank] = max(s.earliest[row.earliest, rank], until)


@inlined
def want(s, queue, bank, opening, closing, reading, writing):
    """Note which commands a queue of a bank wants."""
    s.want[queue, bank] = opening << OPEN | closing << CLOSE | reading << READ | writing << WRITE


@inlined
def wanted(s, queue, bank, asked):
    """First clock at which a bank can have a command that its queue wants; NEVER if it does not want it."""
    return ready(s, asked, bank) if s.want[queue, bank] >> asked & 1 else NEVER


@inlined
def note_due(s, queue, bank):
    """Note the first clock at which a bank can have any command that its queue wants, and return it."""
    at, wishes = NEVER, s.want[queue, bank]
    if wishes & 1 << OPEN:
        at = ready(s, OPEN, bank)
    else:
        if wishes & 1 << READ:
            at = ready(s, READ, bank)
        if wishes & 1 << WRITE:
            at = min(at, ready(s, WRITE, bank))
        if wishes & 1 << CLOSE:
            at = min(at, ready(s, CLOSE, bank))
    s.due[queue, bank] = at
    return at


@compiled
def look(s, queue, channel):
    """Find when the queues of a channel's banks can have a command they want. Returns the soonest."""
    k = s.chip[0]
    soonest, first, count = NEVER, channel * k.banks, s.listed[queue, channel]
    if count <= FEW:
        for n in range(first, first + count):
            soonest = min(soonest, note_due(s, queue, s.banks[queue, n]))
        return soonest
    # The same of all banks without a branch, since those of many are mispredicted.
    want, earliest, due = s.want, s.earliest, s.due
    for n in range(k.ranks):
        rank = first + n * k.rank_banks
        opened, closed = earliest[LEVELS * OPEN + OF_RANK, rank], earliest[LEVELS * CLOSE + OF_RANK, rank]
        read, written = earliest[LEVELS * READ + OF_RANK, rank], earliest[LEVELS * WRITE + OF_RANK, rank]
        for bank in range(rank, rank + k.rank_banks):
            unwanted = ~want[queue, bank]
            at = min(
                min(
                    max(earliest[LEVELS * OPEN, bank], opened) | (unwanted & 1) << FAR,
                    max(earliest[LEVELS * CLOSE, bank], closed) | (unwanted >> CLOSE & 1) << FAR,
                ),
                min(
                    max(earliest[LEVELS * READ, bank], read) | (unwanted >> READ & 1) << FAR,
                    max(earliest[LEVELS * WRITE, bank], written) | (unwanted >> WRITE & 1) << FAR,
                ),
            )
            due[queue, bank] = at
            soonest = min(soonest, at)
    return soonest


@inlined
def glance(s, queue, channel):
    """The same when nothing has changed but what the queues of some banks want."""
    soonest, first, due = NEVER, channel * s.chip[0].banks, s.due
    for bank in range(first, first + s.chip[0].banks):
        soonest = min(soonest, due[queue, bank])
    return soonest


@inlined
def close(s, bank, now):
    b = s.bank[bank]
    b.open_row = -1
    rank = s.rank[b.rank]
    rank.open_banks -= 1
    if rank.open_banks == 0:
        s.chip[0].active_cycles += now - rank.opened_at


@inlined
def issue(s, channel, bank, command, row, now):
    """Issue a command at clock `now`; the caller has made sure that it is ready. PREA and REF name any bank of the
    rank."""
    k, b = s.chip[0], s.bank[bank]
    k.acted = 1
    s.commands[channel, command] += 1
    hold(s, bank, command, now)
    if command == ACT:
        rank = s.rank[b.rank]
        if rank.open_banks == 0:
            rank.opened_at = now
        rank.open_banks += 1
        b.open_row = row
        b.columns = 0
        if b.conflict:
            k.row_conflicts += 1
        else:
            k.row_misses += 1
    elif command == PRE:
        b.conflict = 0
        close(s, bank, now)
    elif command == PREA:
        first = bank & -k.rank_banks
        for other in range(first, first + k.rank_banks):
            s.bank[other].conflict = 0
            if s.bank[other].open_row >= 0:
                close(s, other, now)
    elif command == REF:
        c = s.channel[channel]
        first = bank & -k.rank_banks
        for other in range(first, first + k.rank_banks):
            s.bank[other].conflict = 0
        k.refreshes += 1
        c.refreshes_due -= 1
        c.refresh_rank += 1
        if c.refresh_rank == k.ranks:
            c.refresh_rank = 0
    else:
        if b.columns:
            k.row_hits += 1
        b.columns += 1
        if command in (RDA, WRA):
            b.conflict = 0
            close(s, bank, now)
    if k.logged < len(s.log):
        entry = s.log[k.logged]
        entry.cycle = now
        entry.command = command
        entry.channel = channel
        entry.bank = bank - channel * k.banks
        entry.row = row
        k.logged += 1


@inlined
def refresh(s, channel, now):
    """What the refresh that is due needs next: the rank's banks closed (DRAMsim3: one by one), then REF.

    Returns (command or -1 for none ready, bank, clock at which one is ready).
    """
    k, c = s.chip[0], s.channel[channel]
    first = channel * k.banks + c.refresh_rank * k.rank_banks
    if s.rank[s.bank[first].rank].open_banks == 0 or k.controller != DRAMSIM3:
        command = PREA if s.rank[s.bank[first].rank].open_banks else REF
        at = ready_at(s, first, command)
        return (command if at <= now else -1), first, at
    wake = NEVER
    for bank in range(first, first + k.rank_banks):
        if s.bank[bank].open_row >= 0:
            at = ready(s, CLOSE, bank)
            if at <= now:
                return PRE, bank, at
            wake = min(wake, at)
    return -1, first, wake

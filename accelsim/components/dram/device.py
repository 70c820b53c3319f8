"""The DRAM itself: banks, the earliest clock of every command, and what a command does to both."""

from numba import njit

from accelsim.components.dram.constraints import (
    ACT,
    BANK,
    BANKGROUP,
    CHANNEL,
    OTHER_RANKS,
    PRE,
    PREA,
    RANK,
    RD,
    RDA,
    REF,
    WR,
    WRA,
)
from accelsim.components.dram.state import DRAMSIM3, NEVER


@njit(_nrt=False, forceinline=True)
def ready_at(s, bank, command):
    """First clock at which `command` may go to `bank` (its index over all channels)."""
    return max(
        max(s.earliest[s.node[bank, CHANNEL], command], s.earliest[s.node[bank, RANK], command]),
        max(s.earliest[s.node[bank, BANKGROUP], command], s.earliest[s.node[bank, BANK], command]),
    )


@njit(_nrt=False, forceinline=True)
def column_command(k, is_write):
    """The column command of a request under the page policy."""
    if k.closed_page:
        return WRA if is_write else RDA
    return WR if is_write else RD


@njit(_nrt=False, forceinline=True)
def hold(s, bank, command, now):
    """Let every rule that starts at `command` push the commands it delays."""
    k, b = s.chip[0], s.bank[bank]
    for i in range(s.first_row[command], s.first_row[command + 1]):
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
        then = start + row.latency
        if row.level == OTHER_RANKS:
            for node in range(s.node[bank, CHANNEL] + 1, s.node[bank, CHANNEL] + 1 + k.ranks):
                if node != s.node[bank, RANK]:
                    s.earliest[node, row.following] = max(s.earliest[node, row.following], then)
        else:
            node = s.node[bank, row.level]
            s.earliest[node, row.following] = max(s.earliest[node, row.following], then)


@njit(_nrt=False, forceinline=True)
def close(s, bank, now):
    b = s.bank[bank]
    b.open_row = -1
    rank = s.rank[b.rank]
    rank.open_banks -= 1
    if rank.open_banks == 0:
        rank.active_cycles += now - rank.opened_at


@njit(_nrt=False, forceinline=True)
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
            s.channel[channel].row_conflicts += 1
        else:
            s.channel[channel].row_misses += 1
    elif command == PRE:
        b.conflict = 0
        close(s, bank, now)
    elif command == PREA:
        size = k.groups * k.group_banks
        for other in range(bank // size * size, bank // size * size + size):
            s.bank[other].conflict = 0
            if s.bank[other].open_row >= 0:
                close(s, other, now)
    elif command == REF:
        c = s.channel[channel]
        size = k.groups * k.group_banks
        for other in range(bank // size * size, bank // size * size + size):
            s.bank[other].conflict = 0
        c.refreshes_due -= 1
        c.refresh_rank += 1
        if c.refresh_rank == k.ranks:
            c.refresh_rank = 0
    else:
        if b.columns:
            s.channel[channel].row_hits += 1
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


@njit(_nrt=False, forceinline=True)
def refresh(s, channel, now):
    """What the refresh that is due needs next: the rank's banks closed (DRAMsim3: one by one), then REF.

    Returns (command or -1 for none ready, bank, clock at which one is ready).
    """
    k, c = s.chip[0], s.channel[channel]
    size = k.groups * k.group_banks
    first = channel * k.banks + c.refresh_rank * size
    if s.rank[s.bank[first].rank].open_banks == 0 or k.controller != DRAMSIM3:
        command = PREA if s.rank[s.bank[first].rank].open_banks else REF
        at = max(s.earliest[s.node[first, CHANNEL], command], s.earliest[s.node[first, RANK], command])
        return (command if at <= now else -1), first, at
    wake = NEVER
    for bank in range(first, first + size):
        if s.bank[bank].open_row >= 0:
            at = ready_at(s, bank, PRE)
            if at <= now:
                return PRE, bank, at
            wake = min(wake, at)
    return -1, first, wake

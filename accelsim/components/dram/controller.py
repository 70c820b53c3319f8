"""One clock of the memory: requests offered, at most one command issued per channel, answers given."""

from accelsim.components.dram.constraints import REF
from accelsim.components.dram.state import ALL, NEVER
from accelsim.core.compiled import compiled, inlined


@inlined
def take(s, now, line, is_write, tag, offer):
    """Offer a request to its channel: whether it is accepted."""
    k = s.chip[0]
    channel = (line >> k.channel_shift) & k.channel_mask
    rank = (line >> k.rank_shift) & k.rank_mask
    group = (line >> k.group_shift) & k.group_mask
    bank = (line >> k.bank_shift) & k.bank_mask
    row = (line >> k.row_shift) & k.row_mask
    bank += ((channel * k.ranks + rank) * k.groups + group) * k.group_banks
    return offer(s, now, channel, bank, row, line, is_write, tag)


@inlined
def act(s, until, step, lead, last):
    """Let every channel act up to a clock; `last`: whether that is the one of all that is called."""
    k = s.chip[0]
    for channel in range(k.channels):
        c = s.channel[channel]
        if last and k.eager:
            c.wake = min(c.wake, until)
            c.stale = ALL
            c.active_stale = 1
        if last and k.flush and lead and c.queued == 0 and c.writes > 0:
            c.wake = min(c.wake, until)
        while c.wake <= until:
            if until - c.wake > k.refresh_interval:
                rest(s, channel, until, lead)
            c.wake = step(s, channel, c.wake)


@inlined
def soonest(s):
    """The next clock at which a channel acts without new input."""
    k, wake = s.chip[0], NEVER
    for channel in range(k.channels):
        wake = min(wake, s.channel[channel].wake)
    return wake


@compiled
def rest(s, channel, now, lead):
    """Let an idle channel whose rows are closed refresh until shortly before `now`, all at once."""
    k, c = s.chip[0], s.channel[channel]
    kept = k.bank_depth if lead else 0
    if c.reads or c.queued or c.active or c.draining or c.writes > kept or c.refreshes_due or k.eager or len(s.log):
        return
    for rank in range(channel * k.ranks, channel * k.ranks + k.ranks):
        if s.rank[rank].open_banks:
            return
    # Every rank refreshes once more as usual, which leaves the device as if it had done so all the time.
    rounds = (now - c.refresh_at) // (k.refresh_interval * k.ranks) - 1
    if rounds > 0:
        more = rounds * k.ranks * (1 if lead else k.ranks)
        s.commands[channel, REF] += more
        k.refreshes += more
        c.refresh_at += rounds * k.ranks * k.refresh_interval
        c.wake = c.refresh_at


@inlined
def tick(now, s, offer, step, lead):
    """Advance the memory to clock `now`, whatever clock it was called at last (later than any call before).

    In: `s.request[:chip.offered]` (line, is_write, tag), at most one per channel number of requests; `chip.flush`, no
    more requests will come. Out: `chip.accepted`, how many of them were taken; `chip.acted`, whether anything changed
    but by acceptance; `s.reply[:chip.replies]`, requests whose data is now known to be complete at `done_at` (the
    caller sets `chip.replies` back to 0). Returns the next clock at which it would act without new input.

    `offer` and `step` are a controller's, `lead` is 1 if it sees a request in the clock in which it is offered
    (DRAMsim3) and 0 if it does in the clock after (Ramulator).
    """
    k = s.chip[0]
    k.accepted = 0
    k.acted = 0
    for phase in range(1 + lead):
        act(s, now - lead + phase, step, lead, phase == lead)
        if phase == 0:
            while k.accepted < k.offered:
                r = s.request[k.accepted]
                if not take(s, now, r.line, r.is_write, r.tag, offer):
                    break
                k.accepted += 1
    return soonest(s)

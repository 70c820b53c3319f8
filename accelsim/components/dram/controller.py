"""One clock of the memory: requests offered, at most one command issued per channel, answers given."""

from accelsim.components.dram.constraints import REF
from accelsim.components.dram.state import ALL, NEVER
from accelsim.core.compiled import compiled, inlined


@inlined
def accept(s, now, offer):
    """Take the offered requests in order up to the first that is refused."""
    k = s.chip[0]
    while k.accepted < k.offered:
        r = s.request[k.accepted]
        channel = (r.line >> k.channel_shift) & k.channel_mask
        rank = (r.line >> k.rank_shift) & k.rank_mask
        group = (r.line >> k.group_shift) & k.group_mask
        bank = (r.line >> k.bank_shift) & k.bank_mask
        row = (r.line >> k.row_shift) & k.row_mask
        bank += ((channel * k.ranks + rank) * k.groups + group) * k.group_banks
        if not offer(s, now, channel, bank, row, r.line, r.is_write, r.tag):
            return
        k.accepted += 1


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
    for phase in range(2):
        until = now
        if phase == 0:
            until -= lead
        else:
            accept(s, now, offer)
            if not lead:  # no channel acts on it in this clock
                break
        for channel in range(k.channels):
            c = s.channel[channel]
            if phase == lead and k.eager:
                c.wake = min(c.wake, now)
                c.stale = ALL
                c.active_stale = 1
            if phase == lead and k.flush and lead and c.queued == 0 and c.writes > 0:
                c.wake = min(c.wake, now)
            while c.wake <= until:
                if until - c.wake > k.refresh_interval:
                    rest(s, channel, until, lead)
                c.wake = step(s, channel, c.wake)
    wake = NEVER
    for channel in range(k.channels):
        wake = min(wake, s.channel[channel].wake)
    return wake

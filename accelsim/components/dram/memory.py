"""Exact DRAM as a component: bursts of the DMA engine become lines of 64 bytes in front of a controller of DRAMsim3 or
Ramulator 2.1 (see docs/dram.md), which complete in the very clock in which they complete there.

Lines are offered in order, at most one a channel and clock, up to the first that is refused. A burst that reads is
finished when its last line's data has arrived; a burst that writes when its last line has been accepted, since the
controllers answer every later read of it. Bursts of one stream are answered in their order.

DRAMsim3 keeps up to eight writes a channel for ever; once the program has ended (`chip.flush`) they are written.
"""

import numpy as np

from accelsim.components.dram.controller import act, soonest, take
from accelsim.components.dram.dramsim3 import offer as dramsim3_offer
from accelsim.components.dram.dramsim3 import step as dramsim3_step
from accelsim.components.dram.frfcfs import offer as frfcfs_offer
from accelsim.components.dram.frfcfs import step as frfcfs_step
from accelsim.components.dram.handle import dram_at, handle
from accelsim.components.dram.mapping import address_map
from accelsim.components.dram.standard import load_standard, names
from accelsim.components.dram.state import CONTROLLERS, DRAMSIM3, Dram, build
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    Component,
    Count,
    In,
    Lanes,
    Mem,
    Out,
    Param,
    Reg,
    can_pop,
    can_push,
    pop,
    push,
    tick,
)
from accelsim.core.channel import wrap
from accelsim.core.status import NEVER
from accelsim.isa.tables import REPLY, REQUEST

BINS = 1024  # of the latency histogram
BIN_CYCLES = 4
SLOTS = 4096  # lines under way in all channels; the controllers hold fewer
TAG_BITS = 8  # a line's tag: the clock in which it was offered, and the slot of its burst
TAG_MASK = (1 << TAG_BITS) - 1
STREAMS = 64  # whose bursts are answered independently; of more, some would share their order


class ExactDram(Component):
    """DRAM with banks, rows, refresh, queues and a scheduler, exact to the clock."""

    standard = Param("ddr4_2400", "choice", "device and timings", choices=tuple(names()))
    controller = Param("frfcfs", "choice", "whose controller it is", choices=CONTROLLERS)
    channels = Param(4, "count", "channels", high=16)
    ranks = Param(1, "count", "ranks of a channel", high=8)
    mapping = Param("m2", "choice", "address map (see docs/dram.md)", choices=("m1", "m2"))
    page = Param("open", "choice", "whether rows stay open", choices=("open", "closed"))
    window = Param(32, "count", "bursts under way", high=TAG_MASK)

    request = In("bursts", **REQUEST)
    reply = Out("finished bursts", **REPLY)

    registers = Mem("where the controller's state lies", lambda c: handle(c.built()))
    channel = Mem("state and counters of the channels", lambda c: c.built().channel)
    latency = Mem("read lines by clocks from acceptance to data", lambda c: np.zeros(BINS, np.int64))

    burst = Lanes(
        "window",
        "bursts under way",
        line="the next line to offer",
        end="the line after the last",
        write="whether it writes",
        stream="whose it is",
        bytes="its length",
        left="lines not finished",
        done_at="when the last finished line is done",
        answered="whether it has been answered",
        order="how many were taken before it",
        after="slot of the next burst of its stream",
    )
    queue = Lanes(
        STREAMS,
        "bursts of a stream that have not been answered, in their order",
        count="how many",
        head="slot of the oldest",
        tail="slot of the youngest",
    )
    streams = Reg("streams seen so far")
    taken = Reg("bursts taken so far")
    oldest = Reg("slot of the oldest burst")
    held = Reg("bursts under way")
    sent = Reg("bursts under way, from the oldest on, all of whose lines are accepted")
    finished = Reg("bursts under way that are finished and not answered")
    unfinished = Reg("bursts under way that are not finished")
    catch_up_at = Reg("the clock in which the controller's clocks up to then are computed, unless a burst comes before")
    answer_at = Reg("the next clock in which a finished burst could be answered, unless another finishes before")
    resting = Reg("whether nothing is under way: the controller catches up when the next burst comes")

    read_bytes = Count("bytes read", "bytes")
    write_bytes = Count("bytes written", "bytes")
    activates = Count("rows opened")
    row_hits = Count("lines that found their row open")
    row_misses = Count("rows opened in a closed bank")
    row_conflicts = Count("rows opened after another was closed for them")
    refreshes = Count("refreshes, noted when the controller next acts")
    open_cycles = Count("clocks in which a rank had a row open, summed over ranks, noted when it closes", "cycles")
    read_lines = Count("lines read")
    read_cycles = Count("clocks from acceptance to data, summed over the lines read", "cycles")

    def built(self) -> Dram:
        """The controller's state at reset."""
        if not hasattr(self, "dram"):
            given = self.parameters()
            device = load_standard(given["standard"]).with_ranks(given["ranks"])
            where = address_map(given["mapping"], device, given["channels"])
            self.dram = build(device, where, given["controller"], closed_page=given["page"] == "closed", slots=SLOTS)
        return self.dram

    @tick
    def tick(now, r, controller, request, reply, burst, queue, latency, registers):
        s = dram_at(registers)
        k = s.chip[0]
        if r.resting and not k.flush and not can_pop(request):
            return IDLE
        takes = can_pop(request) and r.held < r.window
        if takes:
            slot = wrap(r.oldest + r.held, r.window)
            item, new = pop(request), burst[slot]
            new.line, new.end = item.address >> 6, (item.address + item.bytes + 63) >> 6
            new.write, new.stream, new.bytes = item.write, item.stream, item.bytes
            new.left, new.done_at, new.answered = new.end - new.line, 0, 0
            new.order = r.taken
            stream = item.stream & (STREAMS - 1)
            own = queue[stream]
            if own.count == 0:
                own.head = slot
            else:
                burst[own.tail].after = slot
            own.tail = slot
            own.count += 1
            r.streams = max(r.streams, stream + 1)
            r.taken += 1
            r.held += 1
            if new.left == 0:
                r.finished += 1
                r.answer_at = now
            else:
                r.unfinished += 1
            if item.write:
                r.write_bytes += item.bytes
            else:
                r.read_bytes += item.bytes
        if takes or now >= r.catch_up_at or k.flush:
            k.acted = 0
            left, refused, finished, lead = k.channels, False, r.finished, 1 if controller == DRAMSIM3 else 0
            for phase in range(1 + lead):
                if controller == DRAMSIM3:
                    act(s, now - 1 + phase, dramsim3_step, 1, phase == 1)
                else:
                    act(s, now, frfcfs_step, 0, True)
                # Lines are offered in order, at most one a channel, up to the first that is refused.
                while phase == 0 and r.sent < r.held:
                    slot = wrap(r.oldest + r.sent, r.window)
                    mine = burst[slot]
                    if mine.line == mine.end:
                        r.sent += 1
                        continue
                    if left == 0:
                        break
                    tag = -1 if mine.write else now << TAG_BITS | slot
                    if controller == DRAMSIM3:
                        refused = not take(s, now, mine.line, mine.write, tag, dramsim3_offer)
                    else:
                        refused = not take(s, now, mine.line, mine.write, tag, frfcfs_offer)
                    if refused:
                        break
                    mine.line += 1
                    left -= 1
                    if mine.write:
                        mine.left -= 1
                        mine.done_at = now + 1
                        if mine.left == 0:
                            r.finished += 1
            wake = soonest(s)
            for n in range(k.replies):
                tag, done_at = s.reply[n].tag, s.reply[n].done_at
                if tag >= 0:
                    mine = burst[tag & TAG_MASK]
                    mine.left -= 1
                    mine.done_at = max(mine.done_at, done_at)
                    if mine.left == 0:
                        r.finished += 1
                    waited = done_at - (tag >> TAG_BITS)
                    r.read_lines += 1
                    r.read_cycles += waited
                    latency[min(waited // BIN_CYCLES, BINS - 1)] += 1
            k.replies = 0
            if r.finished > finished:
                r.unfinished -= r.finished - finished
                r.answer_at = now
            if k.acted:
                r.row_hits, r.row_misses, r.row_conflicts = k.row_hits, k.row_misses, k.row_conflicts
                r.refreshes, r.open_cycles = k.refreshes, k.active_cycles
                r.activates = r.row_misses + r.row_conflicts
            if r.sent < r.held and (not refused or (k.acted and controller == DRAMSIM3)):
                wake = now + 1
            elif r.unfinished and controller != DRAMSIM3:
                # Nothing that it does is known outside before the data of the line that it could read next; but a line
                # that it refused it is offered again when the line's channel has acted.
                wake += k.read_cycles
                if r.sent < r.held:
                    line = burst[wrap(r.oldest + r.sent, r.window)].line
                    wake = min(wake, s.channel[(line >> k.channel_shift) & k.channel_mask].wake)
            r.catch_up_at = max(wake, now + 1)
        # One answer a clock: the oldest finished burst that has no older one of its stream before it.
        blocked = False
        if r.finished and now >= r.answer_at:
            r.answer_at, ready, order = NEVER, -1, NEVER
            for stream in range(r.streams):
                own = queue[stream]
                if own.count and burst[own.head].left == 0:
                    mine = burst[own.head]
                    if mine.done_at <= now and mine.order < order:
                        if ready >= 0:
                            r.answer_at = now
                        ready, order = stream, mine.order
                    else:
                        r.answer_at = min(r.answer_at, mine.done_at)
            if ready >= 0 and can_push(reply):
                item, own = push(reply), queue[ready]
                mine = burst[own.head]
                item.bytes, item.stream = mine.bytes, mine.stream
                mine.answered = 1
                r.finished -= 1
                own.head = mine.after
                own.count -= 1
                if own.count and burst[own.head].left == 0:
                    r.answer_at = min(r.answer_at, burst[own.head].done_at)
            elif ready >= 0:
                blocked = True
                r.answer_at = now
            while r.held and burst[r.oldest].answered:
                r.oldest = wrap(r.oldest + 1, r.window)
                r.held -= 1
                r.sent -= 1
        wake = r.catch_up_at
        if r.finished and not blocked:  # a channel wakes who is blocked
            wake = min(wake, max(r.answer_at, now + 1))
        if can_pop(request) and r.held < r.window:  # one burst a clock
            wake = now + 1
        quiet = r.held == 0
        for n in range(k.channels if quiet else 0):
            c = s.channel[n]
            kept = k.bank_depth if k.controller == DRAMSIM3 and not c.draining and not k.flush else 0
            quiet = quiet and not (c.reads or c.queued or c.active or c.writes > kept)
        if quiet and k.flush:  # the bill of the whole run includes the rows that are still open
            for rank in s.rank:
                if rank.open_banks:
                    r.open_cycles += now - rank.opened_at
                    k.active_cycles += now - rank.opened_at
                    rank.opened_at = now
        r.resting = quiet
        if quiet:  # refresh goes on by itself: the controller catches up when it is next asked
            return BUSY if can_pop(request) else IDLE
        r.wake = max(wake, now + 1)
        return BLOCKED if blocked else BUSY

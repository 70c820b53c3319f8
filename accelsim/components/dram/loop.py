"""The clock that drives a memory alone: a trace's requests are offered as they arrive, and time jumps to what comes
next."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from accelsim.components.dram.controller import tick
from accelsim.components.dram.state import DRAMSIM3
from accelsim.core.compiled import inlined
from accelsim.core.elaborate import called_module, row_of
from accelsim.core.imports import sources
from accelsim.core.keep import kept_together
from accelsim.core.machine_code import caller

WORD = np.dtype("i8")
TABLES = {
    "registers": (WORD, 1),
    "span": (WORD, 1),  # the first clock, whether writes are drained at the end; the clock it ended
    **dict.fromkeys(("arrival", "line", "is_write", "accept", "done"), (WORD, 1)),
}
IMPORTS = """\
from accelsim.components.dram.{policy} import offer, step
from accelsim.components.dram.handle import dram_at
from accelsim.components.dram.loop import drive"""
BODY = """\
    span[2] = drive(dram_at(registers), span[0], arrival, line, is_write, accept, done, span[1], offer, step, {lead})
    return 0
"""


@inlined
def settled(s):
    """Whether nothing but writes that DRAMsim3 never drains is left: at most eight a channel, and all else is idle."""
    if s.chip[0].controller != DRAMSIM3:
        return False
    left = 0
    for c in s.channel:
        if c.reads or c.queued or c.draining or c.writes > s.chip[0].bank_depth:
            left += 1
    return left == 0


@inlined
def drive(s, now, arrival, line, is_write, accept, done, flush, offer, step, lead):
    """Run a trace from clock `now`: before the tick of clock t, requests are offered in order while their arrival is
    at or before t, at most one per channel number of requests, up to the first that is refused.

    Writes the clock of acceptance and of completion of every request; returns the clock after the last completion.
    """
    k = s.chip[0]
    n, first, in_flight, end = len(arrival), 0, 0, now
    while True:
        offered = 0
        while offered < k.channels and first + offered < n and arrival[first + offered] <= now:
            request = s.request[offered]
            request.line = line[first + offered]
            request.is_write = is_write[first + offered]
            request.tag = first + offered
            offered += 1
        k.offered = offered
        k.flush = 1 if flush and first == n else 0
        wake = tick(now, s, offer, step, lead)
        for i in range(first, first + k.accepted):
            accept[i] = now
        first += k.accepted
        in_flight += k.accepted - k.replies
        for i in range(k.replies):
            reply = s.reply[i]
            done[reply.tag] = reply.done_at
            end = max(end, reply.done_at)
        k.replies = 0
        if k.out_of_slots:
            return end
        if first < n:
            if k.accepted == offered:  # the memory catches up by itself
                wake = max(now + 1, arrival[first])
            elif k.acted and lead:  # without, a request was offered after the memory acted
                wake = now + 1
        elif flush and not k.flush:
            wake = now + 1  # the input rises in the next clock
        elif wake > end and (in_flight == 0 or (not flush and settled(s))):
            return end
        now = now + 1 if k.eager else max(wake, now + 1)


@cache
def module(controller: str):
    """`drive` for a controller."""
    policy, lead = ("dramsim3", 1) if controller == "dramsim3" else ("frfcfs", 0)
    here, found = Path(__file__).parent, set()
    for name in ("loop", policy, "handle"):
        sources(here / f"{name}.py", found)
    files = [file for file in sorted(found) if file.parent == here]  # what they import from elsewhere is not compiled
    made_of = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return called_module("dram", TABLES, IMPORTS.format(policy=policy), BODY.format(lead=lead), made_of)


def compiled(controller: str) -> Callable:
    """`drive` of a Dram for a controller, from Python: of int64 arrays, but for what is told by the last two."""
    (address,) = kept_together([module(controller)])

    def run(handle: np.ndarray, now: int, arrival, line, is_write, accept, done, flush: bool) -> int:
        span = np.array([now, flush, 0])
        tables = dict(zip(TABLES, (handle, span, arrival, line, is_write, accept, done)))
        caller(address, row_of(TABLES, tables))()
        return int(span[2])

    return run

"""The clock that drives a memory alone: a trace's requests are offered as they arrive, and time jumps to what comes
next."""

import hashlib
import sys
from functools import cache
from pathlib import Path

import numba
from numba import njit

from accelsim.components.dram.controller import tick
from accelsim.components.dram.state import DRAMSIM3
from accelsim.core.keep import kept, sources

KEPT = """\
from accelsim.core.machine_code import kept_function
from accelsim.components.dram.{policy} import offer, step
from accelsim.components.dram.handle import dram_at
from accelsim.components.dram.loop import drive


@kept_function()
def run(handle, now, arrival, line, is_write, accept, done, flush):
    return drive(dram_at(handle), now, arrival, line, is_write, accept, done, flush, offer, step, {lead})
"""


@njit(_nrt=False, forceinline=True)
def settled(s):
    """Whether nothing but writes that DRAMsim3 never drains is left: at most eight a channel, and all else is idle."""
    if s.chip[0].controller != DRAMSIM3:
        return False
    left = 0
    for c in s.channel:
        if c.reads or c.queued or c.draining or c.writes > s.chip[0].bank_depth:
            left += 1
    return left == 0


@njit(_nrt=False, forceinline=True)
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
            elif k.acted:
                wake = now + 1
        elif flush and not k.flush:
            wake = now + 1  # the input rises in the next clock
        elif wake > end and (in_flight == 0 or (not flush and settled(s))):
            return end
        now = now + 1 if k.eager else max(wake, now + 1)


@cache
def compiled(controller: str):
    """`drive` for a controller, compiled and kept on disk under a digest of all it is made of: numba's own cache would
    not notice an edit in a called function of another file."""
    policy, lead = ("dramsim3", 1) if controller == "dramsim3" else ("frfcfs", 0)
    text = KEPT.format(policy=policy, lead=lead)
    here, found = Path(__file__).parent, set()
    for name in ("loop", policy, "handle"):
        sources(here / f"{name}.py", found)
    files = [file for file in sorted(found) if file.parent == here]  # what they import from elsewhere is not compiled
    digest = hashlib.sha256(f"numba {numba.__version__} python {sys.version} {text}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return kept(f"dram_{digest.hexdigest()[:16]}", lambda: text).run

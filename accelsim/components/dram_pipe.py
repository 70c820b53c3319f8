"""DRAM seen as a pipe: a latency, and channels that each move so many bytes a cycle. No rows, no banks, no refresh.

For quick studies; replies come in the order of the requests. A burst's bytes are spread over the channels by address,
`interleave_bytes` at a time. The bus of a channel is reserved burst after burst.
"""

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    Component,
    Count,
    In,
    Lanes,
    Out,
    Param,
    Reg,
    can_pop,
    can_push,
    pop,
    push,
    tick,
)
from accelsim.isa.tables import REPLY, REQUEST


class DramPipe(Component):
    """DRAM as a latency and a bandwidth."""

    latency = Param(72, "cycles", "from a request to its first byte (60 ns at 1200 MHz)")
    channels = Param(4, "count", "channels")
    bytes_per_cycle = Param(16, "bytes/cycle", "what a channel moves (64 bits, both edges)")
    interleave_bytes = Param(64, "bytes", "consecutive bytes in one channel")
    window = Param(32, "count", "requests under way")

    request = In("bursts", **REQUEST)
    reply = Out("finished bursts", **REPLY)

    flight = Lanes("window", "requests under way", bytes="length", stream="whose", done_at="cycle of its last byte")
    bus = Lanes("channels", "data buses", free_at="the cycle it is free again")
    oldest = Reg("slot of the oldest request")
    in_flight = Reg("requests under way")
    last_done_at = Reg("when the youngest request is done")

    read_bytes = Count("bytes read", "bytes")
    write_bytes = Count("bytes written", "bytes")

    @tick
    def tick(now, r, flight, bus, request, reply):
        blocked = False
        if r.in_flight and now >= flight[r.oldest].done_at:
            if can_push(reply):
                done, item = flight[r.oldest], push(reply)
                item.bytes, item.stream = done.bytes, done.stream
                r.oldest = (r.oldest + 1) % r.window
                r.in_flight -= 1
            else:
                blocked = True
        if r.in_flight < r.window and can_pop(request):
            item, new = pop(request), flight[(r.oldest + r.in_flight) % r.window]
            new.bytes, new.stream = item.bytes, item.stream
            first = item.address // r.interleave_bytes
            last = (item.address + item.bytes - 1) // r.interleave_bytes
            for n in range(min(r.channels, last - first + 1)):
                # this channel's blocks are first + n, first + n + channels, ...; the burst's ends may cut two of them
                blocks = (last - first - n) // r.channels + 1
                size = blocks * r.interleave_bytes
                if n == 0:
                    size -= item.address % r.interleave_bytes
                if (last - first - n) % r.channels == 0:
                    size -= (last + 1) * r.interleave_bytes - item.address - item.bytes
                channel = bus[(first + n) % r.channels]
                channel.free_at = (
                    max(channel.free_at, now + r.latency) + (size + r.bytes_per_cycle - 1) // r.bytes_per_cycle
                )
                r.last_done_at = max(r.last_done_at, channel.free_at)
            new.done_at = r.last_done_at
            if item.write:
                r.write_bytes += item.bytes
            else:
                r.read_bytes += item.bytes
            r.in_flight += 1
        if r.in_flight < r.window and can_pop(request):
            r.wake = now + 1
        elif r.in_flight and not blocked:
            r.wake = max(now + 1, flight[r.oldest].done_at)
        if blocked:
            return BLOCKED
        return BUSY if r.in_flight else IDLE

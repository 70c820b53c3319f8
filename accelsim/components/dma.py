"""The DMA engine: cuts tiles into bursts, arbitrates between the buffers' streams, and sorts the replies.

One burst a cycle leaves for DRAM. A stream keeps its turn until its tile is cut up; between tiles the streams are
served by priority, in the order in which they are wired: stores first, so that results drain, then what is needed
soonest.
"""

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STARVED,
    Component,
    Count,
    In,
    Ins,
    Out,
    Outs,
    Param,
    Reg,
    can_pop,
    can_push,
    front,
    pop,
    port,
    port_count,
    push,
    tick,
)
from accelsim.isa.tables import BYTES, REPLY, REQUEST, TILE


class Dma(Component):
    """Cuts tiles into bursts and keeps several of them under way."""

    burst_bytes = Param(1024, "bytes", "longest burst", low=64)
    outstanding = Param(32, "count", "bursts under way", high=1 << 20)

    tile = Ins("tiles of a stream, to fetch or to write", **TILE)
    request = Out("bursts", **REQUEST)
    reply = In("finished bursts", **REPLY)
    arrived = Outs("bytes of a stream that have arrived, here or in DRAM", **BYTES)

    under_way = Reg("bursts under way")
    stream = Reg("the stream whose tile is being cut up")
    segments = Reg("segments of it left; 0: none")
    address = Reg("where the next burst begins")
    segment_at = Reg("where its segment begins")
    segment_bytes = Reg("length of a segment")
    pitch = Reg("bytes from one segment to the next")
    write = Reg("whether it is written")

    read_bursts = Count("bursts read")
    write_bursts = Count("bursts written")

    @tick
    def tick(now, r, tile, request, reply, arrived):
        moved = blocked = False
        if can_pop(reply):
            out = port(arrived, front(reply).stream)
            if can_push(out):
                push(out).bytes = pop(reply).bytes
                r.under_way -= 1
                moved = True
            else:
                blocked = True
        if r.segments == 0:
            for s in range(port_count(tile)):
                stream = port(tile, s)
                if can_pop(stream):
                    new = pop(stream)
                    r.stream, r.segments, r.segment_bytes, r.pitch = s, new.segments, new.bytes, new.pitch
                    r.address = r.segment_at = new.address
                    r.write = new.write
                    break
        if r.segments:
            if r.under_way < r.outstanding and can_push(request):
                left = r.segment_at + r.segment_bytes - r.address
                size = min(left, r.burst_bytes)
                burst = push(request)
                burst.address, burst.bytes, burst.write, burst.stream = r.address, size, r.write, r.stream
                if r.write:
                    r.write_bursts += 1
                else:
                    r.read_bursts += 1
                r.under_way += 1
                r.address += size
                if size == left:
                    r.segments -= 1
                    r.segment_at += r.pitch
                    r.address = r.segment_at
                moved = True
            elif not can_push(request):
                blocked = True
        if moved:
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.under_way else IDLE

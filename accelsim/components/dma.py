"""The DMA engine: cuts tiles into bursts, arbitrates between the buffers' streams, and sorts the replies.

One burst a cycle leaves for DRAM. A stream keeps its turn until its tile is cut up; between tiles the streams are
served by priority: stores first, then index, activations, weights, so that results drain and what is needed soonest
comes first.
"""

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STARVED,
    Component,
    Count,
    In,
    Out,
    Param,
    Reg,
    can_pop,
    can_push,
    front,
    pop,
    push,
    tick,
)
from accelsim.isa.tables import REPLY, REQUEST, TILE

STREAMS = ("store", "index", "act", "weight")


class Dma(Component):
    """Cuts tiles into bursts and keeps several of them under way."""

    burst_bytes = Param(1024, "bytes", "longest burst", low=64)
    outstanding = Param(32, "count", "bursts under way")

    store = In("tiles to write", **TILE)
    index = In("tiles to fetch for the index buffer", **TILE)
    act = In("tiles to fetch for the activation buffer", **TILE)
    weight = In("tiles to fetch for the weight buffer", **TILE)
    request = Out("bursts", **REQUEST)
    reply = In("finished bursts", **REPLY)
    written = Out("bytes that arrived in DRAM", bytes="bytes")
    index_fill = Out("bytes for the index buffer", bytes="bytes")
    act_fill = Out("bytes for the activation buffer", bytes="bytes")
    weight_fill = Out("bytes for the weight buffer", bytes="bytes")

    under_way = Reg("bursts under way")
    stream = Reg("the stream whose tile is being cut up")
    segments = Reg("segments of it left; 0: none")
    address = Reg("where the next burst begins")
    segment_at = Reg("where its segment begins")
    segment_bytes = Reg("length of a segment")
    pitch = Reg("bytes from one segment to the next")

    read_bursts = Count("bursts read")
    write_bursts = Count("bursts written")

    @tick
    def tick(now, r, store, index, act, weight, request, reply, written, index_fill, act_fill, weight_fill):
        moved = blocked = False
        if can_pop(reply):
            s = front(reply).stream
            out = written if s == 0 else index_fill if s == 1 else act_fill if s == 2 else weight_fill
            if can_push(out):
                push(out).bytes = pop(reply).bytes
                r.under_way -= 1
                moved = True
            else:
                blocked = True
        if r.segments == 0:
            for s, port in enumerate((store, index, act, weight)):
                if can_pop(port):
                    tile = pop(port)
                    r.stream, r.segments, r.segment_bytes, r.pitch = s, tile.segments, tile.bytes, tile.pitch
                    r.address = r.segment_at = tile.address
                    break
        if r.segments:
            if r.under_way < r.outstanding and can_push(request):
                left = r.segment_at + r.segment_bytes - r.address
                size = min(left, r.burst_bytes)
                burst = push(request)
                burst.address, burst.bytes, burst.write, burst.stream = r.address, size, r.stream == 0, r.stream
                if r.stream == 0:
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

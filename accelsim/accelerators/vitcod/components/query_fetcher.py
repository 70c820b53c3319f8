"""Between the sparser engine and the decoder where missed queries come from DRAM (the paper: off-chip): fetches them.

An ask is held until the decoder has read its vector. One for a token that is on its way, or still held, waits for that
fetch instead of making another. Vectors stand in a register file [ours]; asks are answered in their order.
"""

from accelsim.accelerators.vitcod.tables import MISS
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STARVED,
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
    front,
    pop,
    push,
    tick,
)
from accelsim.core.compiled import compiled
from accelsim.isa.tables import BYTES, TILE

READ = 2  # asks handed on that the decoder may still read: the one it works on, and the one it takes next


@compiled
def fetched_for(r, asks, new, shared):
    """The ask that holds the token of a new one, the last of those for it; -1: there is none."""
    for n in range(r.held - 1, -1, -1):
        slot = (r.oldest + n) % r.places
        ask = asks[slot]
        same = ask.number == new.number and ask.row == new.row and (shared or ask.head == new.head)
        if ask.bytes > 0 and same:
            return slot
    return -1


class QueryFetcher(Component):
    """Fetches single queries from DRAM, each token once while it is held."""

    capacity_bytes = Param(4096, "bytes", "register file of vectors on their way, and until the decoder has read them")
    places = Param(64, "count", "asks it holds", low=READ + 1)
    port_bytes = Param(256, "bytes/cycle", "width of the file's write port, and of the decoder's")

    queries = Mem("where the queries of a pass lie (tables.QUERIES)")

    ask = In("single Q vectors", **MISS)
    found = Out("those that are there", **MISS)
    request = Out("vectors to fetch", **TILE)
    fill = In("bytes that arrived", **BYTES)

    asks = Lanes(
        "places",
        "asks, the oldest first",
        number="row of the pass table",
        row="row within the pass",
        head="head",
        line="MAC line that asks",
        nth="the fetch that brings it",
        bytes="bytes of the file that are free behind it",
    )
    flight = Lanes("places", "fetches on their way", bytes="bytes missing")
    oldest = Reg("slot of the oldest ask")
    held = Reg("asks held")
    sent = Reg("those of them that were handed to the decoder")
    fetches_begun = Reg("vectors asked for")
    arrived = Reg("vectors that arrived")
    bytes = Reg("bytes of the file in use")
    written_at = Reg("the cycle from which the next bytes can be written")

    fetches = Count("vectors fetched")
    joins = Count("asks that waited for the fetch of another")
    write_bytes = Count("bytes written into the register file", "bytes")
    read_bytes = Count("bytes the decoder read of it", "bytes")

    @tick
    def tick(now, r, queries, asks, flight, ask, found, request, fill):
        moved = blocked = False
        if can_pop(fill) and now >= r.written_at:
            size, slot = pop(fill).bytes, flight[r.arrived % r.places]
            r.written_at = now + (size + r.port_bytes - 1) // r.port_bytes
            r.write_bytes += size
            slot.bytes -= size
            r.arrived += slot.bytes == 0
            moved = True
        waits = False
        if r.sent < r.held:
            one = asks[(r.oldest + r.sent) % r.places]
            waits = one.nth + 1 == r.arrived and now + 1 < r.written_at  # its last bytes are being written
            if one.nth < r.arrived and not waits:
                if can_push(found):
                    out = push(found)
                    out.number, out.row, out.head, out.line = one.number, one.row, one.head, one.line
                    r.read_bytes += queries[one.number].bytes
                    r.sent += 1
                    moved = True
                    if r.sent > READ:
                        r.bytes -= asks[r.oldest].bytes
                        r.oldest = (r.oldest + 1) % r.places
                        r.sent -= 1
                        r.held -= 1
                else:
                    blocked = True
        if can_pop(ask) and r.held < r.places:
            new = front(ask)
            where = queries[new.number]
            owner = fetched_for(r, asks, new, where.head_pitch == 0)
            nth, size = r.fetches_begun, where.bytes
            if owner >= 0:
                nth, size = asks[owner].nth, asks[owner].bytes
                asks[owner].bytes = 0  # its bytes are free behind the new one
                r.joins += 1
            elif r.bytes + size > r.capacity_bytes:
                size = 0
            elif can_push(request):
                tile = push(request)
                tile.address = where.address + new.row * where.token_pitch + new.head * where.head_pitch
                tile.bytes, tile.segments, tile.pitch, tile.write = size, 1, size, 0
                flight[nth % r.places].bytes = size
                r.fetches_begun += 1
                r.bytes += size
                r.fetches += 1
            else:
                blocked, size = True, 0
            if size:
                mine = asks[(r.oldest + r.held) % r.places]
                mine.number, mine.row, mine.head, mine.line = new.number, new.row, new.head, new.line
                mine.nth, mine.bytes = nth, size
                pop(ask)
                r.held += 1
                moved = True
        if waits or (can_pop(fill) and now < r.written_at):
            if not moved:  # what moved may leave more to do in the next cycle
                r.wake = max(now + 1, r.written_at - 1)
            moved = True  # bytes are being written
        if moved:
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.sent < r.held else IDLE

"""A global buffer filled from DRAM.

It walks its own list of loads in order, a ring of descriptors as DMA engines have them: a load is asked for as soon as
there is room for all of it and its fence is lifted (what it reads has been written). Readers release the space.

A bank has one port, for reading and writing. Readers come first and say how many bytes a cycle they take; what arrives
is written with what is left, and waits in its channel meanwhile. Every other cycle a word of one bank is not the
readers' [ours], so that they cannot keep DRAM out.

Room can be reserved for what another buffer hands on instead of storing it: results of a layer that the next one reads.
They are written like what arrives from DRAM, and before it, a port's word at a time: each of their segments begins one.
Readers give this room back like any other.
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
    Lanes,
    Mem,
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
from accelsim.core.compiled import compiled
from accelsim.isa.instructions import DONE, GRANT
from accelsim.isa.tables import BYTES, FILLING, KEEPING, READING, RELEASE, TILE, check_tiles


@compiled
def left_to_fills(banks, port_bytes, taken):
    """Bytes a cycle that are written when readers take `taken`."""
    return max(banks * port_bytes - taken, (port_bytes + 1) // 2)


class LoadBuffer(Component):
    """An on-chip buffer that DRAM fills, in the order of its list of loads."""

    capacity_bytes = Param(54272, "bytes", "what it holds")
    banks = Param(4, "count", "banks, each with one read/write port")
    port_bytes = Param(64, "bytes/cycle", "width of such a port")
    outstanding = Param(4, "count", "loads asked for and not yet arrived")
    overlap = Param("true", "choice", "whether a load may begin while another is in use", choices=("false", "true"))

    loads = Mem("what to load, in order (DESCRIPTOR records)")

    request = Out("tiles to fetch", **TILE)
    fill = In("bytes that arrived", **BYTES)
    done = Out("tiles that are complete", **DONE)
    release = In("space the direct reader gives back", optional=True, **RELEASE)
    command = In("space and fences the sequencer gives", **GRANT)
    reading = Ins("what readers take of the ports", **READING)
    filling = Outs("whether loads are on their way", **FILLING)
    keep = Ins("what another buffer hands on", **KEEPING)
    kept = Outs("what of it is written", **BYTES)

    flight = Lanes("outstanding", "loads on their way", bytes="bytes missing")
    next_load = Reg("the next descriptor")
    oldest = Reg("slot of the oldest load on its way")
    in_flight = Reg("loads on their way")
    taken = Reg("bytes a cycle that readers take")
    unwritten = Reg("bytes taken of `fill` or `keep` that are not yet written")
    since = Reg("the cycle at whose end so many are")
    said = Reg("whether loads are on their way, as it has said")
    ending = Reg("whether the oldest load is there when they are")
    keeping = Reg("bytes handed on that are there when they are")
    reserved = Reg("bytes of reserved room that nothing has been handed on for")
    held = Reg("bytes allocated")
    held_since = Reg("the cycle since which so many are")
    peak_bytes = Reg("the most bytes ever allocated")
    fences = Reg("fences lifted so far")

    write_bytes = Count("bytes written by DRAM, or handed on by another buffer", "bytes")
    read_bytes = Count("bytes read by the direct reader", "bytes")
    byte_cycles = Count("bytes held, summed over cycles", "byte cycles")

    def check(self) -> None:
        check_tiles(self.name, self.value("capacity_bytes"), self.storage["loads"])

    @tick
    def tick(now, r, loads, flight, request, fill, done, release, command, reading, filling, keep, kept):
        before = r.held
        r.unwritten = max(0, r.unwritten - (now - 1 - r.since) * left_to_fills(r.banks, r.port_bytes, r.taken))
        r.since = now
        moved = blocked = False
        if can_pop(release):
            space = pop(release)
            r.held -= space.bytes
            r.read_bytes += space.read_bytes
            moved = True
        if can_pop(command):
            if r.held - front(command).bytes <= r.capacity_bytes:
                leave = pop(command)
                r.held -= leave.bytes
                r.fences += leave.fences
                if leave.bytes < 0:
                    r.reserved -= leave.bytes
                moved = True
            else:
                blocked = True
        for n in range(port_count(reading)):
            if can_pop(port(reading, n)):
                r.taken += pop(port(reading, n)).more
                moved = True
        room = left = left_to_fills(r.banks, r.port_bytes, r.taken)
        writes = r.unwritten > 0
        told = False
        room -= min(room, r.unwritten)
        r.unwritten -= left - room
        if r.ending and r.unwritten == 0:
            if can_push(done):
                told = moved = True
            else:
                blocked = True
        elif r.keeping and r.unwritten == 0 and can_push(port(kept, 0)):
            push(port(kept, 0)).bytes = r.keeping
            r.keeping = 0
            moved = True
        elif r.unwritten == 0 and room and r.keeping == 0 and port_count(keep) > 0 and can_pop(port(keep, 0)):
            part = front(port(keep, 0))
            size = part.bytes * part.segments
            if size <= r.reserved:
                words = part.segments * ((part.bytes + r.port_bytes - 1) // r.port_bytes)
                r.unwritten = max(0, words * r.port_bytes - room)
                r.reserved -= size
                r.write_bytes += size
                pop(port(keep, 0))
                if r.unwritten == 0 and can_push(port(kept, 0)):
                    push(port(kept, 0)).bytes = size
                else:
                    r.keeping = size
                moved = True
            else:
                blocked = True
        elif r.unwritten == 0 and room and can_pop(fill):
            size, missing = front(fill).bytes, flight[r.oldest].bytes
            if missing > size or size > room or can_push(done):
                r.write_bytes += pop(fill).bytes
                flight[r.oldest].bytes -= size
                r.unwritten = max(0, size - room)
                r.ending = missing == size
                told = r.ending and r.unwritten == 0
                moved = True
            else:
                blocked = True
        elif r.keeping and r.unwritten == 0:  # what DRAM has sent did not wait: replies to stores are behind it
            blocked = True
        if told:
            push(done).number = 1
            r.oldest = (r.oldest + 1) % r.outstanding
            r.in_flight -= 1
            r.ending = 0
        if r.next_load < loads.shape[0] and r.in_flight < r.outstanding:
            load = loads[r.next_load]
            size = load.bytes * load.segments
            fits = r.held + size <= (r.capacity_bytes if r.overlap else size)
            if load.fence <= r.fences and fits:
                if can_push(request):
                    tile = push(request)
                    tile.address, tile.bytes = load.address, load.bytes
                    tile.segments, tile.pitch, tile.write = load.segments, load.pitch, 0
                    flight[(r.oldest + r.in_flight) % r.outstanding].bytes = size
                    r.in_flight += 1
                    r.held += size
                    r.next_load += 1
                    moved = True
                else:
                    blocked = True
        under_way = 1 if r.in_flight else 0
        if r.said != under_way and port_count(filling) and can_push(port(filling, 0)):
            push(port(filling, 0)).on = r.said = under_way
        if r.held != before:
            r.byte_cycles += before * (now - r.held_since)
            r.held_since = now
            r.peak_bytes = max(r.peak_bytes, r.held)
        if moved:
            return BUSY
        if writes or r.unwritten:
            r.wake = now + max(1, (r.unwritten + left - 1) // left)
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.in_flight else IDLE

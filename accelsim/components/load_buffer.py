"""A global buffer filled from DRAM.

It walks its own list of loads in order, a ring of descriptors as DMA engines have them: a load is asked for as soon as
there is room for all of it and its fence is lifted (what it reads has been written). Readers release the space.
"""

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
from accelsim.isa.instructions import DONE, GRANT
from accelsim.isa.tables import BYTES, RELEASE, TILE, check_tiles


class LoadBuffer(Component):
    """An on-chip buffer that DRAM fills, in the order of its list of loads."""

    capacity_bytes = Param(54272, "bytes", "what it holds")
    banks = Param(4, "count", "banks, each read on its own")
    port_bytes = Param(64, "bytes/cycle", "width of a bank's port")
    outstanding = Param(4, "count", "loads asked for and not yet arrived")
    overlap = Param("true", "choice", "whether a load may begin while another is in use", choices=("false", "true"))

    loads = Mem("what to load, in order (DESCRIPTOR records)")

    request = Out("tiles to fetch", **TILE)
    fill = In("bytes that arrived", **BYTES)
    done = Out("tiles that are complete", **DONE)
    release = In("space the direct reader gives back", optional=True, **RELEASE)
    command = In("space and fences the sequencer gives", **GRANT)

    flight = Lanes("outstanding", "loads on their way", bytes="bytes missing")
    next_load = Reg("the next descriptor")
    oldest = Reg("slot of the oldest load on its way")
    in_flight = Reg("loads on their way")
    held = Reg("bytes allocated")
    held_since = Reg("the cycle since which so many are")
    peak_bytes = Reg("the most bytes ever allocated")
    fences = Reg("fences lifted so far")

    write_bytes = Count("bytes written by DRAM", "bytes")
    read_bytes = Count("bytes read by the direct reader", "bytes")
    byte_cycles = Count("bytes held, summed over cycles", "byte cycles")

    def check(self) -> None:
        check_tiles(self.name, self.value("capacity_bytes"), self.storage["loads"])

    @tick
    def tick(now, r, loads, flight, request, fill, done, release, command):
        before = r.held
        moved = blocked = False
        if can_pop(release):
            space = pop(release)
            r.held -= space.bytes
            r.read_bytes += space.read_bytes
            moved = True
        if can_pop(command):
            leave = pop(command)
            r.held -= leave.bytes
            r.fences += leave.fences
            moved = True
        if can_pop(fill):
            if flight[r.oldest].bytes > front(fill).bytes or can_push(done):
                part = pop(fill)
                flight[r.oldest].bytes -= part.bytes
                r.write_bytes += part.bytes
                moved = True
                if flight[r.oldest].bytes == 0:
                    push(done).number = 1
                    r.oldest = (r.oldest + 1) % r.outstanding
                    r.in_flight -= 1
            else:
                blocked = True
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
        if r.held != before:
            r.byte_cycles += before * (now - r.held_since)
            r.held_since = now
            r.peak_bytes = max(r.peak_bytes, r.held)
        if moved:
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.in_flight else IDLE

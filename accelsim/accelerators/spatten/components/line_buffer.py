"""K or V SRAM: lines that the fetcher fills and an array reads, a line a cycle each (SpAtten, section V-C).

RTL: Buffer. A load is all of a head. With `prefetch` it is asked for as soon as there is room, without when the array
asks for it, as in the RTL. Lines are written as their bytes come, and the array is told of each: reading follows the
fill.
A bank has a port for reading and one for writing.
"""

from accelsim.components.load_buffer import LoadBuffer
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
    pop,
    push,
    tick,
)
from accelsim.isa.instructions import DONE, GRANT
from accelsim.isa.tables import BYTES, RELEASE, TILE, check_tiles


class LineBuffer(Component):
    """An SRAM of lines with tags, filled in the order of its list of loads."""

    capacity_bytes = Param(131072, "bytes", "what it holds: lines x values of a line")
    banks = Param(2, "count", "banks, each with a port for reading and one for writing")
    port_bytes = Param(512, "bytes/cycle", "width of such a port: a line of values of 8 bits")
    bits = Param(8, "bits", "of a value that lie here", low=1, high=8)
    outstanding = Param(
        4, "count", "loads whose bytes are not all in the write register (RTL: as many as come for K, 1 for V)", high=32
    )
    prefetch = Param("true", "choice", "whether loads are asked for ahead of the array", choices=("false", "true"))
    fill_cycles = Param(
        6, "cycles", "from bytes that came until they are written: join, realign, widen, write register, bank arbiter"
    )
    init_cycles = Param(0, "cycles", "after reset, in which its lines are initialised (RTL: half its lines)", low=0)

    loads = Mem("what to load, in order (DESCRIPTOR records)")

    request = Out("tiles to fetch", **TILE)
    fill = In("bytes that arrived", **BYTES)
    done = Out("loads that are complete", **DONE)
    release = In("a head's lines that the array gives back", **RELEASE)
    command = In("space and fences the sequencer gives", optional=True, **GRANT)
    ask = In("loads that the array wants", **BYTES)
    lines = Out("bytes that can be read from the next cycle on", **BYTES)

    flight = Lanes(64, "loads on their way, a ring", bytes="bytes missing")
    coming = Lanes(16, "bytes on their way into lines, a ring", bytes="how many", at="when they are written")
    next_load = Reg("the next descriptor")
    oldest = Reg("slot of the oldest load on its way")
    in_flight = Reg("loads on their way")
    first = Reg("the oldest of what is on its way into lines")
    waiting = Reg("how much is")
    written_at = Reg("the last cycle in which something was written", reset=-1)
    ending = Reg("loads that are complete and not told")
    asked = Reg("loads the array has asked for")
    held = Reg("bytes allocated, in pairs of lines")
    held_since = Reg("the cycle since which so many are")
    peak_bytes = Reg("the most bytes ever allocated")
    fences = Reg("fences lifted so far")

    write_bytes = Count("bytes written by DRAM", "bytes")
    read_bytes = Count("bytes of lines read by the array", "bytes")
    byte_cycles = Count("bytes held, summed over cycles", "byte cycles")

    def check(self) -> None:
        check_tiles(self.name, self.value("capacity_bytes"), self.storage["loads"])

    @tick
    def tick(now, r, loads, flight, coming, request, fill, done, release, command, ask, lines):
        before = r.held
        width = r.banks * r.port_bytes * r.bits // 8
        moved = blocked = False
        if can_pop(release):
            space = pop(release)
            r.held -= (space.bytes + width - 1) // width * width
            r.read_bytes += space.read_bytes
            moved = True
        if can_pop(command):
            leave = pop(command)
            r.held -= (leave.bytes + width - 1) // width * width
            r.fences += leave.fences
            moved = True
        if can_pop(ask):
            r.asked += pop(ask).bytes
            moved = True
        if r.ending and can_push(done):
            push(done).number = r.ending
            r.ending = 0
            moved = True
        if r.waiting and coming[r.first].at <= now and r.written_at < now:
            if can_push(lines):
                some = coming[r.first]
                size = min(some.bytes, width)
                push(lines).bytes = size
                some.bytes -= size
                some.at = now + 1
                if some.bytes == 0:
                    r.first = (r.first + 1) % 16
                    r.waiting -= 1
                r.written_at = now
                r.write_bytes += size
                flight[r.oldest].bytes -= size
                if flight[r.oldest].bytes == 0:
                    if can_push(done):
                        push(done).number = 1
                    else:
                        r.ending += 1
                    r.oldest = (r.oldest + 1) % 64
                    r.in_flight -= 1
                moved = True
            else:
                blocked = True
        if r.waiting < 16 and can_pop(fill):
            some = coming[(r.first + r.waiting) % 16]
            some.bytes, some.at = pop(fill).bytes, max(now + r.fill_cycles, r.init_cycles)
            r.waiting += 1
            moved = True
        some = coming[r.first]
        ends = r.waiting > 0 and some.at <= now + 1 and some.bytes <= width and some.bytes == flight[r.oldest].bytes
        wanted = r.next_load < loads.shape[0] and (r.prefetch or r.next_load < r.asked)
        if wanted and r.in_flight - ends < r.outstanding:
            load = loads[r.next_load]
            size = load.bytes * load.segments
            room = (size + width - 1) // width * width
            if load.fence <= r.fences and r.held + room <= r.capacity_bytes:
                if can_push(request):
                    tile = push(request)
                    tile.address, tile.bytes = load.address, load.bytes
                    tile.segments, tile.pitch, tile.write = load.segments, load.pitch, 0
                    flight[(r.oldest + r.in_flight) % 64].bytes = size
                    r.in_flight += 1
                    r.held += room
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
        if blocked or r.ending:
            return BLOCKED
        if r.waiting:
            r.wake = max(coming[r.first].at - 1, now + 1)
            return BUSY
        return STARVED if r.in_flight else IDLE


class LowBits(LineBuffer):
    """The least significant bits of keys, in the same lines; the array asks for them when a row is not sure."""

    capacity_bytes = Param(65536, "bytes", "what it holds: lines x values of a line, half a byte each")
    bits = Param(4, "bits", "of a value that lie here", low=1, high=8)
    prefetch = Param("false", "choice", "never asked for ahead of the array", choices=("false", "true"))


class WeightLines(LoadBuffer):
    """Weights of dense layers, in the lines of the K and V SRAMs: attention and they keep each other out by fences."""

"""The output global buffer: collects results and writes them to DRAM.

Results arrive in the order of its list of stores; a store is asked for when all its bytes are there. A bank has one
port, for reading and writing: results come first, the bytes of stores are read with what is left, and no reply is taken
before its bytes have been read.

A store may also go to the buffer that the next layer reads, instead of DRAM or beside it (isa.tables.KEPT, BOTH): it is
read once for both, and told when it is wherever it goes.
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
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import BOTH, BYTES, KEEPING, KEPT, TILE, TO_DRAM, check_tiles


class StoreBuffer(Component):
    """An on-chip buffer that drains into DRAM, in the order of its list of stores."""

    capacity_bytes = Param(18432, "bytes", "what it holds")
    banks = Param(2, "count", "banks, each with one read/write port")
    port_bytes = Param(64, "bytes/cycle", "width of such a port")

    stores = Mem("what to store, in order (DESCRIPTOR records)")

    results = Ins("results of a unit", **BYTES)
    request = Out("tiles to write", **TILE)
    written = In("bytes that arrived in DRAM", **BYTES)
    keep = Outs("stores for the buffer that the next layer reads", **KEEPING)
    kept = Ins("stores that are written there", **BYTES)
    done = Out("tiles that are complete where they go", **DONE)

    next_store = Reg("the next descriptor to ask for")
    acknowledged = Reg("the descriptor being acknowledged")
    missing = Reg("bytes of it not yet in DRAM")
    gathered = Reg("bytes here that no store has been asked for")
    unwritten = Reg("bytes taken of `results` that are not yet written")
    unread = Reg("bytes of stores asked for that are not yet read")
    under_way = Reg("bytes of stores asked for that are not yet where they go")
    since = Reg("the cycle at whose end so many are")
    held = Reg("bytes held")
    held_since = Reg("the cycle since which so many are")
    peak_bytes = Reg("the most bytes ever held")

    write_bytes = Count("bytes written by the units", "bytes")
    read_bytes = Count("bytes read for DMA, or for the buffer that the next layer reads", "bytes")
    byte_cycles = Count("bytes held, summed over cycles", "byte cycles")

    def check(self) -> None:
        check_tiles(self.name, self.value("capacity_bytes"), self.storage["stores"])

    @tick
    def tick(now, r, stores, results, request, written, keep, kept, done):
        before = r.held
        width = r.banks * r.port_bytes
        moved = blocked = False
        used = (now - 1 - r.since) * width
        wrote = min(used, r.unwritten)
        r.unwritten -= wrote
        r.unread -= min(used - wrote, r.unread)
        r.since = now
        moves = r.unwritten + r.unread > 0
        goes = stores[r.acknowledged].fence if r.acknowledged < stores.shape[0] else TO_DRAM
        here = port_count(kept) > 0 and can_pop(port(kept, 0))  # the oldest store that is kept, if it is written
        if goes == KEPT:
            if here and can_push(done) and front(port(kept, 0)).bytes <= r.under_way - r.unread:
                part = pop(port(kept, 0))
                r.under_way -= part.bytes
                r.held -= part.bytes
                push(done).number = 1
                r.acknowledged += 1
                moved = True
        elif can_pop(written) and front(written).bytes <= r.under_way - r.unread:
            store = stores[r.acknowledged]
            if r.missing == 0:
                r.missing = store.bytes * store.segments
            if front(written).bytes < r.missing or (can_push(done) and (here or goes == TO_DRAM)):
                part = pop(written)
                r.missing -= part.bytes
                r.under_way -= part.bytes
                r.held -= part.bytes
                moved = True
                if r.missing == 0:
                    if goes == BOTH:
                        pop(port(kept, 0))
                    push(done).number = 1
                    r.acknowledged += 1
        waits = False
        room = width - min(width, r.unwritten)
        r.unwritten -= width - room
        for n in range(port_count(results)):
            unit = port(results, n)
            if can_pop(unit) and room == 0:
                waits = True
            elif can_pop(unit):
                if r.held + front(unit).bytes <= r.capacity_bytes:
                    part = pop(unit)
                    r.held += part.bytes
                    r.gathered += part.bytes
                    r.write_bytes += part.bytes
                    r.unwritten += max(0, part.bytes - room)
                    room = max(0, room - part.bytes)
                    moved = True
                else:
                    blocked = True
        wanting = 0  # bytes that are here and must be written before the next store is asked for
        if r.next_store < stores.shape[0]:
            store = stores[r.next_store]
            size = store.bytes * store.segments
            if r.gathered - r.unwritten >= size:
                stays = store.fence != TO_DRAM
                if (stays and not can_push(port(keep, 0))) or (store.fence != KEPT and not can_push(request)):
                    blocked = True
                else:
                    if stays:
                        on = push(port(keep, 0))
                        on.bytes, on.segments = store.bytes, store.segments
                    if store.fence != KEPT:
                        out = push(request)
                        out.address, out.bytes = store.address, store.bytes
                        out.segments, out.pitch, out.write = store.segments, store.pitch, 1
                    r.gathered -= size
                    r.read_bytes += size
                    r.unread += size
                    r.under_way += size
                    r.next_store += 1
                    moved = True
            if r.next_store < stores.shape[0]:
                size = stores[r.next_store].bytes * stores[r.next_store].segments
                if r.gathered >= size:
                    wanting = size - (r.gathered - r.unwritten)
        r.unread -= min(room, r.unread)
        if r.held != before:
            r.byte_cycles += before * (now - r.held_since)
            r.held_since = now
            r.peak_bytes = max(r.peak_bytes, r.held)
        if moved:
            return BUSY
        if moves or r.unwritten or r.unread:
            work = r.unwritten if r.unwritten else r.unread
            if 0 < wanting < work:
                work = wanting
            if r.unwritten == 0 and waits:
                work = 1
            elif r.unwritten == 0 and goes == KEPT and here:
                work = r.unread - r.under_way + front(port(kept, 0)).bytes
            elif r.unwritten == 0 and goes != KEPT and can_pop(written):
                work = r.unread - r.under_way + front(written).bytes
            r.wake = now + max(1, (work + width - 1) // width)
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.held else IDLE

"""The pack unit (pack.scala): takes a strip's mask a column a cycle and makes passes of the sparse array of it.

`unit` [RTL]: a tile takes 1 + columns + emits cycles, an emit ends a pack in the middle of it. In the other readings
[ours] every row is cut by itself, and when a tile has been gone through its sub-rows are moved into the passes that
are being filled.
"""

from accelsim.accelerators.sanger.tables import DRAINED, PACK, STRIP
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    Component,
    Count,
    In,
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


class PackUnit(Component):
    """From mask columns to configurations of the array."""

    subrows_per_cycle = Param(4, "count", "sub-rows moved to a pass in a cycle (column_tile, block)")
    rows = Param(64, "count", "rows of a strip")
    pes = Param(16, "count", "entries of a sub-row at most")

    tiles = Mem("the strips' tiles (tables.TILES)")
    packs = Mem("the pass table (tables.PACKS)")

    strip = In("strips to pack", **STRIP)
    drained = Out("columns it has taken", **DRAINED)
    ready = Out("passes that are complete", **PACK)

    active = Reg("whether there is a strip")
    tile = Reg("its tile that is being gone through")
    left = Reg("its tiles that are not done")
    begun_at = Reg("when that tile was begun, later by what it has been held up since")
    given = Reg("passes of it that have been handed on")

    cycles = Count("cycles of the tiles, one after the other, with room for every pass", "cycles")
    emits = Count("packs that were ended by a full row")
    columns = Count("mask columns taken")
    moved_subrows = Count("sub-rows moved to passes")
    passes = Count("passes handed on")

    @tick
    def tick(now, r, tiles, packs, strip, drained, ready):
        moved = False
        while True:
            if not r.active:
                if not can_pop(strip):
                    return BUSY if moved else IDLE
                new = pop(strip)
                r.active, r.tile, r.left, r.begun_at, r.given = 1, new.tile, new.tiles, now, 0
            one = tiles[r.tile]
            if r.given < one.passes:
                done = packs[one.first_pass + r.given]
                moves = (done.moved + r.subrows_per_cycle - 1) // r.subrows_per_cycle
                due = r.begun_at + 1 + done.scanned + done.emitted + moves
                if due > now:
                    r.wake = due
                    return BUSY
                if not can_push(ready):
                    return BUSY if moved else BLOCKED
                push(ready).number = one.first_pass + r.given
                r.begun_at += now - due
                r.given += 1
                r.passes += 1
                moved = True
                continue
            moves = (one.subrows + r.subrows_per_cycle - 1) // r.subrows_per_cycle
            cycles = 1 + one.columns + one.emits + moves
            due = r.begun_at + cycles
            if due > now:
                r.wake = due
                return BUSY
            if not can_push(drained):
                return BUSY if moved else BLOCKED
            push(drained).columns = one.columns
            r.cycles += cycles
            r.emits += one.emits
            r.columns += one.columns
            r.moved_subrows += one.subrows
            r.left -= 1
            r.tile += 1
            r.given = 0
            r.begun_at = now
            r.active = 1 if r.left else 0
            moved = True

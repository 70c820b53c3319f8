"""The prediction array (mask.scala): 4-bit scores, output-stationary, their exponentials and row sums, the threshold.

One state governs the whole array [RTL]: a tile is cleared, its products are made with both operands skewed, then its
scores shift right, a column a cycle, into one exponential a row. A row can be compared when its sum over all columns is
complete; until then its exponentials wait in a strip buffer [ours], which the pack unit empties column by column.
"""

from accelsim.accelerators.sanger.tables import DRAINED, STRIP
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
    pop,
    push,
    tick,
)
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import READING

PREDICT = {
    "tile": "place of the head's first tile in TILES",
    "tiles": "tiles of a strip",
    "rows": "query rows",
    "columns": "keys",
    "dim": "features of each; 0: the mask itself comes from the buffer, a column of a strip a cycle",
    "lengths": "bytes of a token's length, by which its scores are multiplied; 0: they are not",
}


class PredictionArray(Component):
    """Predicts the mask of a head, strip by strip."""

    width = Param(64, "count", "columns of PEs: keys of a tile")
    height = Param(64, "count", "rows of PEs: queries of a tile; each has one exponential")
    strip_rows = Param(64, "count", "rows of a strip, those of the sparse array")
    sum_bits = Param(16, "bits", "width of a PE's sum of 4-bit products", low=8, high=32)
    exp_bits = Param(20, "bits", "width of an exponential in the strip buffer", low=8, high=32)
    strip_bytes = Param(40960, "bytes", "strip buffer: exponentials that wait for their row's sum")
    port_bytes = Param(128, "bytes/cycle", "what the buffer of the 4-bit operands delivers")

    command = In("heads whose masks are to be made", **PREDICT)
    strip = Out("strips whose row sums are complete", **STRIP)
    drained = In("columns that the pack unit has taken", **DRAINED)
    done = Out("heads whose operands are no longer needed", **DONE)
    reading = Out("what it takes of its buffer's ports", **READING)

    active = Reg("whether there is a head")
    tile = Reg("the first tile of its next strip")
    tiles = Reg("tiles of a strip")
    rows = Reg("rows whose strips have not begun")
    columns = Reg("its keys")
    dim = Reg("its features")
    lengths = Reg("bytes of a token's length")
    strip_left = Reg("tiles of the array that the strip still needs; 0: it has not begun")
    free_at = Reg("when the array is free")
    working = Reg("whether it works on a tile")
    held = Reg("columns of the strip buffer that are taken")
    rate = Reg("bytes a cycle it has said it takes")

    mac4_ops = Count("4-bit multiply-accumulates")
    exp_ops = Count("exponentials")
    scale_ops = Count("scores times the lengths of their query and key")
    threshold_ops = Count("row sums times the threshold")
    compare_ops = Count("exponentials compared with their row's threshold")
    strip_write_bytes = Count("bytes written to the strip buffer", "bytes")
    strip_read_bytes = Count("bytes read from the strip buffer", "bytes")
    read_bytes = Count("bytes of 4-bit operands, and of masks, read from their buffer", "bytes")
    tiles_done = Count("tiles of the array")

    @tick
    def tick(now, r, command, strip, drained, done, reading):
        moved = blocked = False
        while can_pop(drained):
            r.held -= pop(drained).columns
            moved = True
        if not r.active and can_pop(command):
            head = pop(command)
            r.active, r.tile, r.tiles = 1, head.tile, head.tiles
            r.rows, r.columns, r.dim = head.rows, head.columns, head.dim
            r.lengths = head.lengths
            moved = True
        if not r.active:
            if r.rate:
                if can_push(reading):
                    push(reading).more = -r.rate
                    r.rate = 0
                    return BUSY
                return BLOCKED
            return BUSY if moved else IDLE
        rows = min(r.rows, r.strip_rows)
        if r.working and r.free_at <= now:
            if r.strip_left > 1:
                r.working = 0
                r.strip_left -= 1
                moved = True
            elif can_push(strip) and (r.rows > rows or can_push(done)):
                out = push(strip)
                out.tile, out.tiles = r.tile, r.tiles
                if r.dim:
                    r.threshold_ops += rows
                    r.compare_ops += rows * r.columns
                    r.strip_read_bytes += (rows * r.columns * r.exp_bits + 7) // 8
                r.working = 0
                r.strip_left = 0
                r.tile += r.tiles
                r.rows -= rows
                if r.rows == 0:
                    push(done).number = 1
                    r.active = 0
                moved = True
            else:
                blocked = True
        if r.active and not r.working:
            rows = min(r.rows, r.strip_rows)
            across = (r.columns + r.width - 1) // r.width
            height = min(r.height, r.strip_rows)  # more rows than a strip has are not used
            down = (rows + height - 1) // height
            left = r.strip_left if r.strip_left else (across * down if r.dim else 1)
            nth = (across - 1 - (left - 1) // down) if r.dim else 0
            wide = min(r.width, r.columns - nth * r.width) if r.dim else r.columns
            high = min(height, rows - (left - 1) % down * height) if r.dim else rows
            new = wide if r.dim == 0 or (left - 1) % down == down - 1 else 0  # columns of the strip that begin
            most = 8 * r.strip_bytes // (r.exp_bits * r.strip_rows)
            beat = ((r.width + height + 1) // 2 + r.port_bytes - 1) // r.port_bytes
            size = (wide + high) * ((r.dim + 1) // 2 + r.lengths) if r.dim else (rows + 7) // 8 * wide
            cycles = 1 + r.dim * beat + r.width + height - 1 + r.width + 1 if r.dim else wide
            rate = min(r.port_bytes, (r.width + height + 1) // 2 if r.dim else (r.strip_rows + 7) // 8)
            if r.held + new > most or (rate != r.rate and not can_push(reading)):
                blocked = True
            else:
                if rate != r.rate:
                    push(reading).more = rate - r.rate
                    r.rate = rate
                r.held += new
                r.strip_left, r.working = left, 1
                r.free_at = now + cycles
                r.read_bytes += size
                if r.dim:
                    r.tiles_done += 1
                    r.mac4_ops += high * wide * r.dim
                    r.exp_ops += high * wide
                    r.scale_ops += high * wide if r.lengths else 0
                    r.strip_write_bytes += (high * wide * r.exp_bits + 7) // 8
                moved = True
        if r.working and r.free_at > now:
            r.wake = r.free_at
            return BUSY
        if moved:
            return BUSY
        return BLOCKED if blocked else STARVED

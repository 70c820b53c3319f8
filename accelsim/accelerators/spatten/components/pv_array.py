"""The P V array: a line of probabilities times a line of values a cycle, added up to a row (SpAtten, section V-E).

RTL: stages from the allocation of value lines to MultiplyValue. The values of a head are asked for by its first row, or
ahead (LineBuffer's `prefetch`); reading follows the fill as in the Q K array. A finished row is requantised and leaves;
its magnitudes are added to its head's importance.
"""

from accelsim.accelerators.spatten.tables import ROW
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    NEVER,
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
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import BYTES, RELEASE

PIPELINE = 32  # rows between the SRAM and the output, at most


class PvArray(Component):
    """Multipliers and adders that take a line of values in a cycle."""

    multipliers = Param(512, "count", "products a cycle: the values of a line")
    read_cycles = Param(
        5, "cycles", "from a row's first probabilities to its first line of values: command, issue queue"
    )
    retry_cycles = Param(1, "cycles", "from a line that is not there until it is read again (RTL: 5, by rollback)")
    pipeline_cycles = Param(
        10, "cycles", "from the SRAM's port to the row: array 4, broadcast 1, multiply 1, adders 3, accumulate 1"
    )
    requant_cycles = Param(1, "cycles", "a row through the requantiser, each pass of it (RTL: none)", low=0)
    init_cycles = Param(0, "cycles", "after reset, in which its SRAM is initialised (RTL: half its lines)", low=0)
    ahead = Param(4, "count", "rows whose command waits for the SRAM")

    heads = Mem("the heads of the run")
    rows = In("rows of probabilities, when the first line is there", **ROW)
    v_lines = In("bytes of values that were written", **BYTES)
    v_ask = Out("heads whose values are wanted", **BYTES)
    v_release = Out("values that may be overwritten", **RELEASE)
    results = Out("finished rows", **BYTES)
    done = Out("heads finished", **DONE)

    queue = Lanes("ahead", "rows that wait or are read, a ring", head="head", last="last", at="when they came")
    leaving = Lanes(PIPELINE, "rows on their way, a ring", head="head", last="last", at="when")
    oldest_row = Reg("the oldest row that waits")
    queued = Reg("rows that wait or are read")
    reading = Reg("0: none is read, 1: lines of it are missing, 2: it is read until the port is free")
    line = Reg("lines of it that were read")
    read_at = Reg("when the next line is read")
    port_free_at = Reg("when the SRAM's port is free")
    oldest = Reg("the oldest row on its way")
    under_way = Reg("rows on their way")
    v_total = Reg("bytes of values written so far")

    mac_ops = Count("multiply-accumulates of 12 bits")
    line_reads = Count("lines read")
    line_retries = Count("lines that were not there and read again")
    requant_ops = Count("outputs requantised, each pass")
    head_adds = Count("magnitudes of outputs added to a head's importance")

    @tick
    def tick(now, r, heads, rows, v_lines, v_ask, v_release, results, done, queue, leaving):
        moved = blocked = False
        while can_pop(v_lines):
            r.v_total += pop(v_lines).bytes
            moved = True
        if r.under_way and leaving[r.oldest].at <= now:
            mine = leaving[r.oldest]
            h = heads[mine.head]
            if can_push(results) and (mine.last == 0 or (can_push(done) and can_push(v_release))):
                push(results).bytes = h.outputs
                r.requant_ops += h.outputs * h.passes
                if h.sums:
                    r.head_adds += h.outputs
                if mine.last:
                    push(done).number = 1
                    given = push(v_release)
                    given.bytes, given.read_bytes = h.v_bytes, h.rows * h.v_bytes
                r.oldest = (r.oldest + 1) % PIPELINE
                r.under_way -= 1
                moved = True
            else:
                return BLOCKED
        if r.queued < r.ahead and can_pop(rows):
            if can_push(v_ask):
                one, mine = pop(rows), queue[(r.oldest_row + r.queued) % r.ahead]
                if one.first:
                    push(v_ask).bytes = 1
                mine.head, mine.last, mine.at = one.head, one.last, now
                r.queued += 1
                moved = True
            else:
                blocked = True
        due = NEVER
        if r.reading == 2 and now >= r.port_free_at:
            r.oldest_row = (r.oldest_row + 1) % r.ahead
            r.queued -= 1
            r.reading = 0
            moved = True
        if r.queued and not r.reading:
            r.reading, r.line = 1, 0
            r.read_at = max(queue[r.oldest_row].at + r.read_cycles, r.port_free_at, r.init_cycles)
            moved = True
        if r.reading == 1 and r.under_way < PIPELINE - 1:
            mine = queue[r.oldest_row]
            h = heads[mine.head]
            there = h.v_lines if r.v_total - h.v_first >= h.v_bytes else max(0, r.v_total - h.v_first) // h.v_line
            if there > r.line:
                if now > r.read_at:  # it was tried again and again since
                    tries = (now - r.read_at + r.retry_cycles - 1) // r.retry_cycles
                    r.line_retries += tries
                    r.read_at += tries * r.retry_cycles
                if there == h.v_lines or now == r.read_at:
                    r.read_at += there - r.line
                    r.line = there
                    if r.line == h.v_lines:
                        one = leaving[(r.oldest + r.under_way) % PIPELINE]
                        one.head, one.last = mine.head, mine.last
                        one.at = r.read_at - 1 + r.pipeline_cycles + r.requant_cycles * h.passes
                        r.under_way += 1
                        r.port_free_at = r.read_at
                        r.mac_ops += h.values * h.outputs
                        r.line_reads += h.v_lines
                        r.reading = 2
                    moved = True
                else:
                    due = r.read_at
        if moved:
            r.wake = now + 1
            return BUSY
        if r.under_way:
            due = min(due, leaving[r.oldest].at)
        if r.reading == 2:
            due = min(due, r.port_free_at)
        if due < NEVER:
            r.wake = max(due, now + 1)
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.queued else IDLE

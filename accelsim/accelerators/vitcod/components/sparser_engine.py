"""The sparser engine: MAC lines that work off what polarization left over, each line on its own.

Scores (SDDMM, K-stationary): a line takes a column of the CSC index, keeps its K, and has the Qs of the column's rows
sent to it one after another. It asks the denser engine's Q buffer first; a vector that is there is forwarded on chip, a
bank of the buffer sending one vector a cycle, to all lines that ask for it; one that is not is fetched through the
decoder. Values (SpMM, output-stationary): a line takes an output row and has the Vs of its columns sent in the same
way. A line fetches the next vector, and takes up the next column or row, while it computes on the last.

A bank has one port, for reading and writing [ours]. What the decoder brings to the Q and K buffers goes first; of V's
banks, which DRAM fills, every other cycle a word of one is kept for what arrives, while loads are on their way.
"""

import numpy as np

from accelsim.accelerators.vitcod.components.sparser_line import (
    HERE,
    NOWHERE,
    begin,
    can_put,
    fetch_query,
    fetch_value,
    file_away,
    hear,
    leave_part,
    leave_score,
    next_line,
    start,
    take_column,
    take_segment,
)
from accelsim.accelerators.vitcod.tables import (
    ACCESS,
    COLUMN,
    MISS,
    MOST_SEGMENT,
    OPERANDS,
    PARTIAL,
    PASS,
    READY,
    SCORE,
    WINDOW,
)
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
from accelsim.core.channel import wrap
from accelsim.core.lane_set import add, first, no_lanes, remove
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import FILLING, READING


def longest_list(passes: np.ndarray, rows: np.ndarray) -> int:
    """Sparse scores of a pass, at most; rounded up to a power of two. Lists of one pass are there at a time."""
    before = np.append(0, np.cumsum(rows["sparse"], dtype=np.int64))
    begin = passes["first_row"]
    end = np.minimum(begin + passes["heads"] * passes["rows"], len(rows))
    return 1 << int((before[end] - before[begin]).max(initial=1) - 1).bit_length()


SENDS = {"until": "the cycle from which it is free", "vector": "what was sent", "since": "from when on, plus one"}


class SparserEngine(Component):
    """Works off the sparse part of a pass, every line at its own pace."""

    lines = Param(64, "count", "MAC lines there are; a pass gives it some of them")
    macs = Param(8, "count", "multipliers of a line")
    banks = Param(4, "count", "banks of the Q and of the K buffer, and of V's that it takes; each sends a word a cycle")
    bank_bytes = Param(64, "bytes", "width of such a bank's port")
    v_banks = Param(4, "count", "banks of the buffer that V is read from")
    v_port_bytes = Param(64, "bytes/cycle", "width of such a bank's port")
    score_ports = Param(8, "count", "scores that can leave in a cycle")
    psum_banks = Param(8, "count", "banks of the partial-sum memory, each with one port")
    psum_port_bytes = Param(32, "bytes/cycle", "width of a bank's port")
    segment = Param(
        16,
        "count",
        "most entries of a column or row a line takes up at once; longer ones are shared",
        high=MOST_SEGMENT,
    )

    passes = Mem("the pass table (tables.PASSES)")
    index = Mem("rows of the sparse columns (tables.INDEX)")
    rows = Mem("outputs (tables.ROWS)")
    ready = Mem("whether the scores of an output are complete", lambda c: np.zeros(len(c.storage["rows"]), np.int8))
    filled = Mem("scores in each row's list", lambda c: np.zeros(len(c.storage["rows"]), np.int32))
    listed = Mem(
        "the columns of each row of a pass, as their scores left, places counted modulo their number, a power of two",
        lambda c: np.zeros(longest_list(c.storage["passes"], c.storage["rows"]), np.int32),
    )

    command = In("phases", **PASS)
    operands = In("operands that are there", **OPERANDS)
    column = In("columns with work", **COLUMN)
    vector = In("Q vectors that were fetched", line="MAC line that asked")
    softmaxed = In("outputs whose scores are complete", **READY)
    window = In("how far the merge has places", **WINDOW)
    filling = In("whether loads are on their way to V's buffer", **FILLING)
    miss = Out("Q vectors to fetch", **MISS)
    score = Out("finished scores", **SCORE)
    partial = Out("partial rows", **PARTIAL)
    reads = Out("reads of the partial-sum memory", **ACCESS)
    reading = Out("what it takes of the ports of V's buffer", **READING)
    done = Out("phases finished", **DONE)

    line = Lanes(
        "lines",
        "MAC lines",
        head="head of the column being fetched for",
        column="the column being fetched for",
        place="the output being fetched for",
        at="the next entry of its list",
        left="entries not yet fetched",
        next="where the next operand is: NOWHERE, ASKED, HERE",
        next_at="the cycle from which it can be used",
        next_place="the output it belongs to",
        next_column="the column it belongs to",
        next_last="whether it is the last of its row (values)",
        busy="whether it computes",
        done_at="the cycle in which the result can leave",
        entries="entries of the row segment being fetched for (values)",
        next_entries="entries of its row segment (values)",
        result_entries="entries of the row segment it computes on (values)",
        result_place="the output it computes for",
        result_column="the column it computes for",
        result_leaves="whether a result leaves after this operand",
    )
    # What the lines' registers say already, so that a tick need not look at every line: at one that can leave, begin or
    # fetch, or is refused a port, room or a bank, at the first whose partial row would leave if one can, and at those
    # that would ask for a Q if one can; all others wait for a vector, for beats, or to take up.
    look = Mem("lines to look at", lambda c: no_lanes(c.value("lines")))
    leaving = Mem("lines that wait for room for their partial row", lambda c: no_lanes(c.value("lines")))
    asking = Mem("lines that wait for room to ask for a Q, or for it to come", lambda c: no_lanes(c.value("lines")))
    free = Mem("lines that have fetched all their entries", lambda c: no_lanes(c.value("lines")))
    queue = Mem("lines that compute, in the order they are done", lambda c: np.zeros(c.value("lines"), np.int64))
    there = Lanes(
        2, "operands that are there, of two passes", number="row of the pass table", k="K tokens", q="Q tokens"
    )
    put = Lanes("psum_banks", "banks of the partial-sum memory", at="cycle a score last left for it, plus one")
    reading_until = Reg("the cycle from which the next segment's scores can be read")
    q_bank = Lanes("banks", "of Q", **SENDS)
    k_bank = Lanes("banks", "of K", until="the cycle from which it is free")
    v_bank = Lanes("banks", "of V", **SENDS)
    phase = Reg("0: nothing, 1: scores, 2: values")
    number = Reg("row of the pass table")
    left = Reg("columns or row segments not yet taken up")
    next_row = Reg("the next output to take up (values)")
    share = Reg("from an output to the share of it that the phase computes, in ROWS (values)")
    row_at = Reg("entries of it that have been taken up")
    working = Reg("lines with work")
    rate = Reg("bytes of V it reads a cycle, as it has said")
    loading = Reg("whether loads are on their way to V's buffer")
    computing = Reg("lines that compute")
    oldest = Reg("where in the queue the first of them stands")
    window_end = Reg("first output that may not be worked on")

    mac_ops = Count("multiply-accumulates")
    q_forward_hits = Count("Q vectors forwarded from the denser engine's buffer")
    q_forward_misses = Count("Q vectors fetched through the decoder")
    bank_conflicts = Count("cycles a line waited for a bank")
    k_read_bytes = Count("bytes of K loaded into lines", "bytes")
    q_read_bytes = Count("bytes of Q sent to lines", "bytes")
    v_read_bytes = Count("bytes of V sent to lines", "bytes")
    score_read_bytes = Count("bytes of scores read", "bytes")
    table_read_bytes = Count("bytes of outputs' shares of a block of keys read", "bytes")
    normalise_ops = Count("scores multiplied by their row's reciprocal")
    accumulator_bytes = Count("bytes of accumulators written", "bytes")

    @tick
    def tick(
        now, r, passes, index, rows, ready, filled, listed, line, look, leaving, asking, free, queue, there, put,
        q_bank, k_bank, v_bank, command, operands, column, vector, softmaxed, window, filling, miss, score, partial,
        reads, reading, done,
    ):  # fmt: skip
        came = hear(
            now, r, passes, ready, line, look, there, q_bank, k_bank, operands, vector, softmaxed, window, filling
        )
        if r.phase == 0:
            if not can_pop(command):
                return IDLE
            start(r, pop(command), passes, rows, free)
        one = passes[r.number]
        scoring = r.phase == 1
        if not scoring and r.left and r.rate == 0:
            if not can_push(reading):
                return BLOCKED
            r.rate = min(r.banks, r.v_banks) * min(r.bank_bytes, r.v_port_bytes)
            push(reading).more = r.rate
        features = one.dim if scoring else one.value_dim
        beats = (features + r.macs - 1) // r.macs
        slot = there[r.number % 2]
        q = slot.q if one.forward and slot.number == r.number else 0
        k = slot.k if slot.number == r.number else 0
        while r.computing and line[queue[r.oldest]].done_at <= now:
            add(look, queue[r.oldest])
            r.oldest = wrap(r.oldest + 1, r.lines)
            r.computing -= 1
        moved = blocked = soon = False
        ports = r.score_ports if scoring else 1
        n = first(leaving, 0)
        if n >= 0 and can_push(partial):  # one row a cycle: that of the lowest line
            remove(leaving, n)
            add(look, n)
        n = next_line(look, asking, came if one.forward else can_push(miss), 0)
        while n >= 0:
            mac = line[n]
            held = refused = False
            if mac.busy and mac.done_at <= now:
                if not mac.result_leaves:
                    mac.busy = 0
                elif ports and (can_put(now, r, mac, put, score) if scoring else can_push(partial)):
                    if scoring:
                        leave_score(mac, rows, filled, listed, push(score))
                    else:
                        leave_part(mac, push(partial))
                    ports -= 1
                    moved = True
                    if mac.left == 0 and mac.next == NOWHERE:
                        r.working -= 1
                else:
                    held = blocked = True
                    soon |= ports == 0 or (scoring and can_push(score))
            if not mac.busy and mac.next == HERE and mac.next_at <= now:
                begin(now + beats, mac, scoring)
                queue[wrap(r.oldest + r.computing, r.lines)] = n
                r.computing += 1
                r.mac_ops += features
                r.accumulator_bytes += 4 * (beats if scoring else features)
                moved = True
            if mac.next == NOWHERE and mac.left:
                if scoring:
                    refused = fetch_query(now, r, one, mac, n, index, q_bank, q, miss)
                else:
                    refused = fetch_value(now, r, one, mac, rows, listed, v_bank)
                soon |= refused
                moved |= mac.next != NOWHERE
            soon |= mac.next == HERE and not mac.busy
            file_away(n, mac, look, leaving, asking, free, scoring, held, refused)
            n = next_line(look, asking, came if one.forward else can_push(miss), n + 1)
        if first(leaving, 0) >= 0:
            blocked = True
            soon |= ports == 0
        n = first(free, 0)  # after all lines have been looked at: what is taken up bears on nobody else in this cycle
        if n >= 0 and r.left:
            mac = line[n]
            if scoring:
                takes = can_pop(column) and front(column).column < k
                if takes:
                    bank = k_bank[(front(column).head + front(column).column) % r.banks]
                    takes = bank.until <= now
                    soon |= not takes
                if takes:
                    take_column(now, r, mac, pop(column), features, bank)
            else:
                takes = take_segment(now, r, mac, rows, ready, reads)
                soon |= now < r.reading_until
            if takes:
                r.left -= 1
                r.working += not mac.busy
                remove(free, n)
                add(look, n)
                moved = soon = True  # it fetches, and another line may take one up
        if r.left == 0 and r.working == 0:
            if not can_push(done) or (r.rate and not can_push(reading)):
                return BLOCKED
            push(done).number = 1
            if r.rate:
                push(reading).more = -r.rate
            r.rate = r.phase = 0
            return BUSY
        if soon or (moved and not r.computing):
            r.wake = now + 1
        elif r.computing:
            r.wake = line[queue[r.oldest]].done_at
        if moved or r.computing:
            return BUSY
        return BLOCKED if blocked else STARVED

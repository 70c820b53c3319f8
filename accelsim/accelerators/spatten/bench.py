"""What lies around the attention units in the published simulation: a source of requests, and the fetcher with its
crossbar on memory channels of fixed latency, transaction by transaction.

Four fetch channels send the 32-byte pieces of four keys, or of their halves, over a crossbar to two memory channels,
the lowest first. A beat is complete when all four have its data.
"""

import numpy as np

from accelsim.accelerators.spatten.tables import ROW
from accelsim.core import (
    BUSY,
    IDLE,
    Component,
    Ins,
    Mem,
    Out,
    Outs,
    Param,
    Reg,
    can_pop,
    can_push,
    pop,
    port,
    push,
    tick,
)
from accelsim.isa.instructions import record
from accelsim.isa.tables import BYTES, TILE

FETCH, CHANNELS, MOST = 4, 2, 4096
ADDRESSES, PIECES = 16, 64  # depths of a fetch channel's FIFOs
PIECE = record("at", "channel")
WORK = record("at", "keys", "pieces", "apart", "stream")


class Random:
    """java.util.Random, which the RTL's generator draws its table of key indices from."""

    def __init__(self, seed: int) -> None:
        self.seed = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)

    def next(self) -> int:
        self.seed = (self.seed * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        return self.seed >> 17

    def below(self, bound: int) -> int:
        if bound & (bound - 1) == 0:
            return (bound * self.next()) >> 31
        while True:
            bits = self.next()
            if bits - bits % bound + bound - 1 < 1 << 31:
                return bits % bound


def shuffled_indices(lines: int = 256) -> np.ndarray:
    """int64[lines x 4]: which keys are fetched, four a line out of eight (SpAttenController's score_buf, seed 1)."""
    rng, found = Random(1), []
    for line in range(lines):
        some = list(range(2 * FETCH))
        for n in range(len(some), 1, -1):
            k = rng.below(n)
            some[n - 1], some[k] = some[k], some[n - 1]
        found += [(x + line * FETCH) % lines for x in sorted(some[:FETCH])]
    return np.array(found, np.int64)


class Requests(Component):
    """Offers the rows of a run; notes when each is taken."""

    table = Mem("the rows")
    took = Mem("when each was taken")
    rows = Out("requests", **ROW)
    sent = Reg("rows offered")
    seen = Reg("rows taken")

    @tick
    def tick(now, r, table, took, rows):
        while r.seen < r.sent - rows.control.count:
            took[r.seen] = now - 1
            r.seen += 1
        if can_push(rows) and r.sent < table.shape[0]:
            one, row = push(rows), table[r.sent]
            one.head, one.row, one.first, one.last, one.again = row.head, row.row, row.first, row.last, 0
            r.sent += 1
            return BUSY
        return BUSY if r.seen < r.sent else IDLE  # nothing calls it when a row is taken


class Fetcher(Component):
    """Fetcher, crossbar and memory of the published simulation; streams 0 keys, 1 their low bits, 2 values."""

    latency = Param(0, "cycles", "of the memory", low=0)
    k_bits = Param(8, "bits", "of a key's elements")
    v_bits = Param(8, "bits", "of a value's elements")

    tile = Ins("heads to fetch", **TILE)
    arrived = Outs("beats", **BYTES)

    indices = Mem("which keys")
    work = Mem("requests, of keys and of values", lambda c: np.zeros((2, 512), WORK))
    ends = Mem("first and last of them, and pieces of the first that were sent", lambda c: np.zeros((2, 3), np.int64))
    address = Mem("address FIFOs", lambda c: np.zeros((FETCH, ADDRESSES), PIECE))
    address_ends = Mem("first and count of each", lambda c: np.zeros((FETCH, 2), np.int64))
    bus = Mem("the channel an address waits for; -1: none", lambda c: np.full(FETCH, -1, np.int64))
    open = Mem("when a piece that was asked for can be taken", lambda c: np.zeros((FETCH, PIECES), np.int64))
    open_ends = Mem("first and count of each", lambda c: np.zeros((FETCH, 2), np.int64))
    memory = Mem("pieces of a memory channel: when, whose", lambda c: np.zeros((CHANNELS, MOST), PIECE))
    memory_ends = Mem("first and end of each", lambda c: np.zeros((CHANNELS, 2), np.int64))
    reply = Mem("pieces that came", lambda c: np.zeros((FETCH, MOST), np.int64))
    reply_ends = Mem("first and end of each", lambda c: np.zeros((FETCH, 2), np.int64))
    streams = Mem("whose each beat is", lambda c: np.zeros(MOST, np.int64))

    turn = Reg("which request is sent: 0 none, 1 of keys, 2 of values")
    last_turn = Reg("the one before", reset=2)
    beats = Reg("beats that were sent")
    came = Reg("beats that came")
    transactions = Reg("pieces asked for")

    @tick
    def tick(
        now, r, tile, arrived, indices, work, ends, address, address_ends, bus, open, open_ends, memory, memory_ends,
        reply, reply_ends, streams,
    ):  # fmt: skip
        for n in range(3):
            if can_pop(port(tile, n)):
                item, mine = pop(port(tile, n)), ends[n // 2]
                new = work[n // 2, mine[1] % 512]
                bits = r.k_bits if n == 0 else 4 if n == 1 else r.v_bits
                new.keys, new.pieces, new.stream = item.bytes * item.segments // (8 * bits), bits // 4, n
                new.apart = 4 if n == 2 else bits // 4  # values come as probabilities do, a key a cycle
                new.at = now + (5 if n == 2 else 3)
                mine[1] += 1
        whole = True
        for m in range(FETCH):
            q = reply_ends[m]
            whole = whole and q[0] < q[1] and reply[m, q[0] % MOST] <= now
        if whole:
            for m in range(FETCH):
                reply_ends[m, 0] += 1
            push(port(arrived, streams[r.came % MOST])).bytes = 32 * FETCH
            r.came += 1
        for m in range(FETCH):  # a piece of each fetch channel, of the lower memory channel first
            q = open_ends[m]
            if q[1] and open[m, q[0]] <= now:
                for c in range(CHANNELS):
                    at = memory_ends[c]
                    if at[0] < at[1] and memory[c, at[0] % MOST].at <= now and memory[c, at[0] % MOST].channel == m:
                        at[0] += 1
                        q[0] = (q[0] + 1) % PIECES
                        q[1] -= 1
                        reply[m, reply_ends[m, 1] % MOST] = now + 2
                        reply_ends[m, 1] += 1
                        break
        for c in range(CHANNELS):
            for m in range(FETCH):
                if bus[m] == c:
                    new = memory[c, memory_ends[c, 1] % MOST]
                    new.at, new.channel = now + max(1, r.latency), m
                    memory_ends[c, 1] += 1
                    bus[m] = -1
                    r.transactions += 1
                    break
        room = True
        for m in range(FETCH):
            q = address_ends[m]
            room = room and q[1] < ADDRESSES
            if q[1] and address[m, q[0]].at <= now and open_ends[m, 1] < PIECES and bus[m] < 0:
                bus[m] = address[m, q[0]].channel
                q[0] = (q[0] + 1) % ADDRESSES
                q[1] -= 1
                open[m, (open_ends[m, 0] + open_ends[m, 1]) % PIECES] = now + 3
                open_ends[m, 1] += 1
        if r.turn == 0:
            keys = ends[0, 0] < ends[0, 1] and work[0, ends[0, 0] % 512].at <= now
            values = ends[1, 0] < ends[1, 1] and work[1, ends[1, 0] % 512].at <= now
            if keys and values:
                r.turn = 3 - r.last_turn
            elif keys or values:
                r.turn = 1 if keys else 2
        if r.turn and room:
            mine, to = ends[r.turn - 1], work[r.turn - 1, ends[r.turn - 1, 0] % 512]
            group, part = mine[2] // to.pieces, mine[2] % to.pieces
            if to.at + group * to.apart + part <= now:
                for m in range(FETCH):
                    piece = part * FETCH + m
                    key = indices[group * FETCH + piece // to.pieces]
                    new = address[m, (address_ends[m, 0] + address_ends[m, 1]) % ADDRESSES]
                    new.at, new.channel = now + 2, (key * to.pieces + piece % to.pieces) % CHANNELS
                    address_ends[m, 1] += 1
                streams[r.beats % MOST] = to.stream
                r.beats += 1
                mine[2] += 1
                if mine[2] == (to.keys + FETCH - 1) // FETCH * to.pieces:
                    mine[0] += 1
                    mine[2] = 0
                    r.last_turn = r.turn
                    r.turn = 0
        if r.came < r.beats or ends[0, 0] < ends[0, 1] or ends[1, 0] < ends[1, 1]:
            r.wake = now + 1
            return BUSY
        return IDLE

"""A line of the sparser engine, stage by stage: it takes up work, fetches an operand, computes on it, gives the result.

Besides, what the engine hears from other units, and how it begins a phase. The engine's tick says in which order lines
go through the stages.
"""

from accelsim.accelerators.vitcod.components.mac_array import ceil
from accelsim.accelerators.vitcod.tables import ROW_BYTES
from accelsim.core import can_pop, can_push, pop, push
from accelsim.core.compiled import compiled
from accelsim.core.lane_set import add, first, first_of_either, remove

# Where a line's next operand vector is.
NOWHERE, ASKED, HERE = range(3)


@compiled
def written(now, r, one, token, held):
    """A token of Q or K is written into its buffer: each head's vector into the bank (token + head) modulo `banks`."""
    words = ceil(one.dim, r.bank_bytes)
    for n in range(min(r.banks, one.heads)):
        bank = held[(token + n) % r.banks]
        bank.until = max(now, bank.until) + ceil(one.heads - n, r.banks) * words


@compiled
def hear(now, r, passes, ready, line, look, there, q_bank, k_bank, operands, vector, softmaxed, window, filling):
    """Take in what the decoder, the softmax unit, the merge and the buffer of V tell. Whether operands have come."""
    came = can_pop(operands)
    while can_pop(filling):
        r.loading = pop(filling).on
    while can_pop(operands):
        news = pop(operands)
        slot = there[news.number % 2]
        if slot.number != news.number:
            slot.number, slot.k, slot.q = news.number, 0, 0
        if news.kind == 0:
            slot.k = news.tokens
            written(now, r, passes[news.number], news.tokens - 1, k_bank)
        else:
            slot.q = news.tokens
            written(now, r, passes[news.number], news.tokens - 1, q_bank)
    while can_pop(softmaxed):
        ready[pop(softmaxed).place] = 1
    while can_pop(window):
        r.window_end = pop(window).end
    while can_pop(vector):
        n = pop(vector).line
        line[n].next, line[n].next_at = HERE, now
        add(look, n)
    return came


@compiled
def next_line(look, asking, asks, start):
    """The next line to look at; where one may ask for a Q (`asks`), those that wait to ask among them."""
    return first_of_either(look, asking, start) if asks else first(look, start)


@compiled
def file_away(n, mac, look, leaving, asking, free, scoring, held, refused):
    """Note what a line that was looked at waits for: itself, room for what it has computed or an operand to ask for,
    work, or others' news."""
    fetches = mac.next == NOWHERE and mac.left > 0
    leaves = held and not scoring and not refused
    if leaves:
        add(leaving, n)
    else:
        remove(leaving, n)
    if (held and not leaves) or refused or (mac.next == HERE and not mac.busy):
        add(look, n)
    else:
        remove(look, n)
    if fetches and not refused:
        add(asking, n)
    else:
        remove(asking, n)
    if mac.next == NOWHERE and mac.left == 0:
        add(free, n)


@compiled
def start(r, todo, passes, rows, free):
    """Begin a phase: what there is to take up, and the lines that take part."""
    r.phase, r.number = 1 + todo.phase, todo.number
    one = passes[r.number]
    r.left = one.sparse_columns
    for n in range(r.lines):
        if n < one.sparser_lines:
            add(free, n)
        else:
            remove(free, n)
    if r.phase == 2:
        r.left, r.next_row, r.share = 0, one.first_row + todo.begin, one.first_share - one.first_row
        if r.share:
            r.table_read_bytes += ROW_BYTES * (todo.end - todo.begin)
        for place in range(one.first_share + todo.begin, one.first_share + todo.end):
            r.left += (rows[place].sparse + r.segment - 1) // r.segment


@compiled
def can_put(now, r, mac, put, score):
    """Whether a score can leave: there is room, and its row's bank has taken none in this cycle. It has then."""
    bank = put[mac.result_place % r.psum_banks]
    if bank.at == now + 1 or not can_push(score):
        return False
    bank.at = now + 1
    return True


@compiled
def leave_score(mac, rows, filled, listed, out):
    """A score leaves; its column is listed for the values' phase."""
    out.place, out.column = mac.result_place, mac.result_column
    listed[(rows[mac.result_place].first + filled[mac.result_place]) & (listed.shape[0] - 1)] = mac.result_column
    filled[mac.result_place] += 1
    mac.busy = 0


@compiled
def leave_part(mac, out):
    """A partial row leaves."""
    out.place, out.rows, out.scores = mac.result_place, 1, mac.result_entries
    mac.busy = 0


@compiled
def begin(done_at, mac, scoring):
    """A line computes on the operand that is there."""
    mac.busy, mac.done_at, mac.next = 1, done_at, NOWHERE
    mac.result_place, mac.result_column = mac.next_place, mac.next_column
    mac.result_leaves, mac.result_entries = scoring or mac.next_last, mac.next_entries


@compiled
def fetched(mac, where):
    """The next entry's operand is asked for or here."""
    mac.next = where
    mac.at += 1
    mac.left -= 1
    mac.next_last, mac.next_entries = mac.left == 0, mac.entries


@compiled
def granted_by(now, bank, sent, cycles):
    """Whether a bank begins to send a vector in this cycle: the first that is asked for, and to all who ask for the
    same; and whether it is the first to ask. The bank is taken for all words of it; a line can begin after the first.
    """
    fresh = bank.until <= now
    if fresh:
        bank.until, bank.since, bank.vector = now + cycles, now + 1, sent
    return fresh or (bank.since == now + 1 and bank.vector == sent), fresh


@compiled
def sending(now, r, bank, words):
    """Cycles in which a bank of V's buffer sends so many words from now on; 0: it cannot begin. While loads are on
    their way, every other cycle a word of one bank, of all in turn, is kept for them."""
    if not r.loading:
        return words
    banks = min(r.banks, r.v_banks)
    before = (2 * bank - now) % (2 * banks)  # cycles until the next such word of it
    if before == 0:
        return 0
    return words if words <= before else words + 1 + (words - before - 1) // (2 * banks - 1)


@compiled
def fetch_query(now, r, one, mac, n, index, q_bank, q, miss):
    """Have the Q of the next row sent. Whether a bank refused.

    Where Q is brought to the denser engine's buffer, a token that is not there yet is waited for: it is on its way, and
    to fetch it a second time would hold up the others.
    """
    row = index[mac.at].row
    token = one.row0 + row
    mac.next_place, mac.next_column = one.first_row + mac.head * one.rows + row, mac.column
    if token < q:
        sends, fresh = granted_by(
            now, q_bank[(token + mac.head) % r.banks], mac.next_place, ceil(one.dim, r.bank_bytes)
        )
        if not sends:
            r.bank_conflicts += 1
            return True
        if fresh:
            r.q_read_bytes += one.dim
        mac.next_at = now + 1
        r.q_forward_hits += 1
        fetched(mac, HERE)
    elif not one.forward and can_push(miss):
        ask = push(miss)
        ask.number, ask.row, ask.head, ask.line = r.number, row, mac.head, n
        r.q_forward_misses += 1
        r.q_read_bytes += one.dim
        fetched(mac, ASKED)
    return False


@compiled
def fetch_value(now, r, one, mac, rows, listed, v_bank):
    """Have the V of the row's next column sent. Whether its bank refused."""
    token = listed[mac.at & (listed.shape[0] - 1)]
    mac.next_place, mac.next_column = mac.place, token
    bank = token % min(r.banks, r.v_banks)
    cycles = sending(now, r, bank, ceil(one.value_dim, min(r.bank_bytes, r.v_port_bytes)))
    sends = fresh = False
    if cycles:
        sends, fresh = granted_by(now, v_bank[bank], rows[mac.place].head << 32 | token, cycles)
    if not sends:
        r.bank_conflicts += 1
        return True
    if fresh:
        r.v_read_bytes += one.value_dim
    mac.next_at = now + 1
    fetched(mac, HERE)
    return False


@compiled
def take_column(now, r, mac, new, features, bank):
    """A free line takes up a column: its K is loaded from its bank."""
    mac.head, mac.column, mac.at, mac.left = new.head, new.column, new.first, new.count
    bank.until = now + ceil(features, r.bank_bytes)
    r.k_read_bytes += features


@compiled
def take_segment(now, r, mac, rows, ready, reads):
    """A free line takes up a segment of the next row with sparse scores, if that is complete and inside the window.
    Whether it does. Its scores and columns, three bytes an entry, are read from the row's bank word by word."""
    while rows[r.next_row + r.share].sparse == 0:
        r.next_row += 1
    if not ready[r.next_row] or r.next_row >= r.window_end or now < r.reading_until or not can_push(reads):
        return False
    row = rows[r.next_row + r.share]
    mac.place, mac.at = r.next_row, row.first + r.row_at
    mac.left = mac.entries = min(r.segment, row.sparse - r.row_at)
    words = (3 * mac.left + r.psum_port_bytes - 1) // r.psum_port_bytes
    push(reads).cycles = words
    r.reading_until = now + words
    r.score_read_bytes += 3 * mac.left
    r.normalise_ops += mac.left
    r.row_at += mac.left
    if r.row_at == row.sparse:
        r.next_row += 1
        r.row_at = 0
    return True

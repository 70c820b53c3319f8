"""The wrapper's four streams and their one memory port (public RTL: hwpe-stream, hci, ITA's src/hwpe).

Each stream generates addresses, one a cycle, into a queue of two; a source asks while its buffer has room, through a
queue of two requests, and its answers wait in a queue of two; a sink writes. The port serves the streams in turn, and the
turn goes on by one with every grant.
"""

from accelsim.core.compiled import compiled

STREAMS = 4
IDLE, WORKING, ENDING = range(3)
QUEUE = 2  # addresses, requests, answers that wait


@compiled
def asks(one):
    """Whether a stream has a request at the port, and will have room for its answer."""
    if one.requests == 0 or one.answers == QUEUE:
        return False
    return not (one.answers == QUEUE - 1 and one.answered and not one.room)


@compiled
def served(stream, r):
    """The stream that the port serves: who asked before and was not granted keeps it; else the next in turn that asks."""
    if r.free_choice:
        r.chosen = r.turn
        for n in range(STREAMS):
            k = (r.turn + n) % STREAMS
            if asks(stream[k]):
                r.chosen = k
                break
    return r.chosen


@compiled
def any_asks(stream):
    """Whether any stream has a request at the port."""
    for n in range(STREAMS):
        if asks(stream[n]):
            return True
    return False


@compiled
def step_stream(one, starts, total, requested, served, answered, taken, sink):
    """A stream's registers at the end of a cycle; whether it has ended with it.

    starts: it is told to, for `total` words. requested: a request goes into its queue. served: the port granted one.
    answered: an answer comes. taken: a word goes on to its buffer; of a sink, a word has come from there.
    """
    queued, ended = one.addresses, False
    ready = queued < QUEUE
    made, offered = one.made, one.offered
    if one.state != IDLE or starts:
        if starts:
            one.total = total
        if ready:
            if one.made < one.total:
                one.offered = 1
                one.made += 1
            else:
                one.offered = 0
    if one.state == IDLE:
        if starts:
            one.state = WORKING
    elif one.state == WORKING:
        if ready and made == one.total:
            one.state = ENDING
    elif one.count == one.total and (sink or queued == 0):
        one.state = IDLE
        one.made = one.offered = 0
        ended = True
    one.addresses = queued + (1 if offered and ready else 0) - requested
    one.requests += requested - served
    drained = 1 if one.answers > 0 else 0
    comes = answered or one.waits
    if comes and one.answers < QUEUE:
        one.answers += 1
        one.waits = 0
    else:
        one.waits = 1 if comes else 0
    one.answers -= drained if sink else taken
    one.count = 0 if ended else one.count + taken
    return ended


@compiled
def clear(stream):
    """The end of a job empties every stream."""
    for n in range(STREAMS):
        one = stream[n]
        one.state = IDLE
        one.made = one.offered = one.addresses = one.requests = one.answers = one.waits = one.count = 0

"""The wrapper's four streams and their one memory port (public RTL: hwpe-stream, hci, ITA's src/hwpe).

Each stream generates addresses, one a cycle, into a queue of two; a source asks while its buffer has room, through a
queue of two requests, and its answers wait in a queue of two; a sink writes, and is answered too. The port serves the
streams in turn; the turn goes on by one with every grant, and who was not granted keeps the port.
"""

from accelsim.core.compiled import compiled

STREAMS = 4
REGISTERS = {
    "state": "idle, working, ending",
    "total": "words of it",
    "made": "addresses made",
    "offered": "whether one is offered to the queue",
    "addresses": "in the queue",
    "requests": "in the queue to the port",
    "answers": "in the queue from the port",
    "waits": "whether an answer waits for room",
    "answered": "whether one comes in this cycle",
    "room": "whether its buffer takes a word",
    "requested": "whether a request goes into its queue",
    "taken": "whether a word goes on; to the sink, comes",
    "count": "words that went on",
}
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
    """The stream that has the port: the one that asked before and was not granted; else the next in turn that asks."""
    if r.free_choice:
        r.chosen = r.turn
        for n in range(STREAMS):
            k = (r.turn + n) % STREAMS
            if asks(stream[k]):
                r.chosen = k
                break
    return r.chosen


@compiled
def how_many_ask(stream):
    """Streams with a request at the port."""
    found = 0
    for n in range(STREAMS):
        found += asks(stream[n])
    return found


@compiled
def look(one):
    """What a source does in this cycle, given the room that its buffer has."""
    can = one.state != IDLE and one.addresses > 0 and one.requests < QUEUE
    one.requested = can and one.room
    one.taken = one.answers > 0 and one.room


@compiled
def step_stream(one, total, served, sink):
    """A stream's registers at the end of a cycle; whether it has ended with it.

    total: words that it is told to move from now on; 0: it is not told. served: the port granted one.
    """
    queued, ended = one.addresses, False
    ready = queued < QUEUE
    made, offered = one.made, one.offered
    if one.state != IDLE or total:
        if total:
            one.total = total
        if ready:
            if one.made < one.total:
                one.offered = 1
                one.made += 1
            else:
                one.offered = 0
    if one.state == IDLE:
        if total:
            one.state = WORKING
    elif one.state == WORKING:
        if ready and made == one.total:
            one.state = ENDING
    elif one.count == one.total and (sink or queued == 0):
        one.state = IDLE
        one.made = one.offered = 0
        ended = True
    one.addresses = queued + (1 if offered and ready else 0) - one.requested
    one.requests += one.requested - served
    drained = 1 if one.answers > 0 else 0
    comes = one.answered or one.waits
    if comes and one.answers < QUEUE:
        one.answers += 1
        one.waits = 0
    else:
        one.waits = 1 if comes else 0
    one.answers -= drained if sink else one.taken
    one.count = 0 if ended else one.count + one.taken
    return ended


@compiled
def clear(stream):
    """The end of a job empties every stream."""
    for n in range(STREAMS):
        one = stream[n]
        one.state = IDLE
        one.made = one.offered = one.addresses = one.requests = one.answers = one.waits = one.count = 0

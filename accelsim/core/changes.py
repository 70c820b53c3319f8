"""What is asked of the changes of status of a run, in machine code: they are millions, in the order of time."""

from collections.abc import Iterator, Sequence
from threading import Lock

import numpy as np

from accelsim.core.channel import WORD
from accelsim.core.compiled import compiled
from accelsim.core.elaborate import called_module, row_of, words
from accelsim.core.keep import Generated, kept_together
from accelsim.core.machine_code import caller
from accelsim.core.result import EVENT
from accelsim.core.status import BUSY

COUNT, GROUP, TOGETHER = range(3)  # what is asked
POSITION, NOW, MASK, SPAN, OF, FOUND, LONGEST, WORDS = range(8)  # of the state: see `group` and `together`
LINKING = Lock()  # files of a result are written beside its figures, and of a result that was read none is linked yet
PLACES = 1 << 12  # of the table of masks; a power of two
TABLES = {
    "events": (EVENT, 1),
    **dict.fromkeys(("ask", "state", "ends", "last"), (WORD, 1)),
    **dict.fromkeys(("steps", "high"), (np.dtype("u4"), 1)),
    "status": (np.dtype("u1"), 1),
    "places": (WORD, 1),
    **dict.fromkeys(("spans", "found"), (WORD, 2)),
}
IMPORTS = "from accelsim.core.changes import COUNT, GROUP, count, group, together"
BODY = """\
    if ask[0] == COUNT:
        count(events, ends)
    elif ask[0] == GROUP:
        group(events, state, ends, last, steps, high, status)
    else:
        together(events, state, spans, places, found)
    return 0
"""


@compiled
def count(events, ends):
    """Add how many changes each component has. Raises IndexError for one that there is not."""
    for n in range(events.shape[0]):
        component = events[n].component
        if not 0 <= component < ends.shape[0]:
            raise IndexError
        ends[component] += 1


@compiled
def group(events, state, ends, last, steps, high, status):
    """Put each change behind those that its component has, at ends[component]: the time since the change before, which
    was at last[component], in 32 bits, and, if there is room for it, what is above them; note the longest."""
    longest = state[LONGEST]
    for n in range(events.shape[0]):
        one = events[n]
        place = ends[one.component]
        step = one.at - last[one.component]
        ends[one.component], last[one.component] = place + 1, one.at
        steps[place], status[place] = step, one.status
        if high.shape[0]:
            high[place] = step >> 32
        longest = max(longest, step)
    state[LONGEST] = longest


@compiled
def added(places, found, used, mask, time):
    """Add some time to that of a mask in the table of those that were found. How many there are."""
    place = mask * -7046029254386353131 >> 40 & places.shape[0] - 1
    while places[place] and found[places[place] - 1, 0] != mask:
        place = place + 1 & places.shape[0] - 1
    if places[place] == 0:
        found[used, 0], found[used, 1] = mask, 0
        used += 1
        places[place] = used
    found[places[place] - 1, 1] += time
    return used


@compiled
def together(events, state, spans, places, found):
    """Add up how long each mask of busy components, a bit each, lasts from change to change within a span.

    It ends with the last change, with the last of the span, or when half of the table is used: what is found is taken
    out, and it is called again.
    """
    n, now, mask, span, used = state[POSITION], state[NOW], state[MASK], state[SPAN], 0
    left = False
    while n < events.shape[0] and not left and 2 * used < places.shape[0]:
        one = events[n]
        while span < spans.shape[0] and (now > spans[span, 0] or one.at > spans[span, 0]):
            if now < spans[span, 1]:
                used = added(places, found, used, mask, min(one.at, spans[span, 1]) - max(now, spans[span, 0]))
            left = one.at > spans[span, 1] and used > 0
            if left or one.at <= spans[span, 1]:
                break
            span += 1
        if not left:
            bit = 1 << one.component
            mask = mask | bit if one.status == BUSY else mask & ~bit
            now = one.at
            n += 1
    state[POSITION], state[NOW], state[MASK], state[FOUND] = n, now, mask, used
    state[OF], state[SPAN] = span, span + left


def module() -> Generated:
    """All of this."""
    return called_module("changes", TABLES, IMPORTS, BODY)


class Asked:
    """Tables in which questions about one piece of changes after another are answered."""

    def __init__(self, **tables: np.ndarray) -> None:
        empty = {name: np.zeros((0,) * dimensions, kind) for name, (kind, dimensions) in TABLES.items()}
        self.tables = empty | {"ask": np.zeros(1, WORD), "state": np.zeros(WORDS, WORD)} | tables
        self.row = row_of(TABLES, self.tables)
        with LINKING:
            (address,) = kept_together([module()])
        self.answer, self.state, self.asks = caller(address, self.row), self.tables["state"], self.tables["ask"]

    def __call__(self, what: int, piece: np.ndarray) -> None:
        piece = np.ascontiguousarray(piece, EVENT)  # no copy, but of what somebody made by hand
        self.asks[0], self.row[:2] = what, words(piece)
        self.answer()


def grouped(pieces: Sequence[np.ndarray], parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first, steps, status): see result.Changes."""
    ends = np.zeros(parts, np.int64)
    if not any(map(len, pieces)):  # machine code is not even looked for
        return np.zeros(parts + 1, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.uint8)
    asked = Asked(ends=ends)
    for piece in pieces:
        asked(COUNT, piece)
    first = np.concatenate([[0], np.cumsum(ends)])
    steps, status = np.empty(first[-1], np.uint32), np.empty(first[-1], np.uint8)
    longest = in_places(pieces, first, steps, np.zeros(0, np.uint32), status)
    if longest >> 32:
        high = np.empty(len(steps), np.uint32)
        in_places(pieces, first, steps, high, status)
        steps = high.astype(np.uint64) << 32 | steps
    return first, steps.astype(np.min_scalar_type(longest), copy=False), status


def in_places(pieces: Sequence[np.ndarray], first: np.ndarray, steps, high, status) -> int:
    """The longest step; all are put where they belong."""
    asked = Asked(
        ends=first[:-1].copy(), last=np.zeros(len(first) - 1, np.int64), steps=steps, high=high, status=status
    )
    for piece in pieces:
        asked(GROUP, piece)
    return int(asked.state[LONGEST])


def busy_together(
    pieces: Sequence[np.ndarray], spans: Sequence[tuple[int, int]], end: int
) -> Iterator[tuple[int, int, int]]:
    """(number of a span, mask of components, units of time): see result.Result.busy_together."""
    places, found = np.zeros(PLACES, np.int64), np.zeros((PLACES, 2), np.int64)
    asked = Asked(spans=np.array(spans, np.int64).reshape(-1, 2), places=places, found=found)
    state = asked.state
    for piece in [*pieces, None]:
        if piece is None:  # what the last change left, up to the end
            piece = np.array([(max(int(state[NOW]), end) + 1, 0, 0)], EVENT)
        state[POSITION] = 0
        while state[POSITION] < len(piece):
            asked(TOGETHER, piece)
            of = int(state[OF])
            for mask, time in found[: state[FOUND]].tolist():
                yield of, mask, time
            places[:] = 0

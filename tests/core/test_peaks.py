"""What a channel held at most, and how much crossed it."""

import numpy as np

from accelsim.core import BUSY, IDLE, Component, Out, Param, Reg, Simulator, push, tick
from tests.core.toys import Sink, build


class Pairs(Component):
    """Pushes two items in one cycle, once."""

    pairs = Param(1, "count", "pairs of items")
    item = Out("items", number="running number")
    sent = Reg("pairs sent")

    @tick
    def tick(now, r, item):
        if r.sent == r.pairs:
            return IDLE
        push(item).number = 0
        push(item).number = 1
        r.sent += 1
        return BUSY


def test_a_peak_is_the_most_and_not_the_last():
    sizes = np.array([30, 1, 1, 1, 1, 1, 1, 1], np.int64)  # the first keeps the server busy while others come
    sim = build(sizes, depth=3, server={"lanes": 1})
    sim.run()
    result = sim.result()
    peaks = {result.links[name].producer: peak for name, peak in result.peaks.items()}
    assert peaks["source.item"] == 3
    assert max(peaks.values()) <= 3


def test_every_item_that_crossed_counts():
    sim = Simulator()
    pairs, sink = Pairs("pairs"), Sink("sink", expected=2)
    sim.add(pairs)
    sim.add(sink)
    sim.connect(pairs, "item", sink, "done", depth=2)
    sim.run()
    result = sim.result()
    assert list(result.total.transfers.values()) == [2] == list(result.peaks.values())

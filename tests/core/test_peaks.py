"""What a channel held at most, and how much crossed it."""

import numpy as np

from tests.core.toys import build


def test_a_peak_is_the_most_and_not_the_last():
    sizes = np.array([30, 1, 1, 1, 1, 1, 1, 1], np.int64)  # the first keeps the server busy while others come
    sim = build(sizes, depth=3, server={"lanes": 1})
    sim.run()
    result = sim.result()
    peaks = {result.links[name].producer: peak for name, peak in result.peaks.items()}
    assert peaks["source.item"] == 3
    assert max(peaks.values()) <= 3

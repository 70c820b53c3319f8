"""DRAM as a pipe: latency, bandwidth of the channels, order of the replies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.dram_pipe import DramPipe
from tests.components.harness import exercise

READ, WRITE = 0, 1


def dram(latency=20, channels=2, bytes_per_cycle=8, interleave=64, window=4):
    return lambda: DramPipe(
        "dram",
        latency=latency,
        channels=channels,
        bytes_per_cycle=bytes_per_cycle,
        interleave_bytes=interleave,
        window=window,
    )


@pytest.mark.parametrize(
    ("address", "size", "cycles"),
    [
        (0, 1, 1),
        (0, 8, 1),
        (0, 9, 2),
        (0, 64, 8),
        (0, 128, 8),  # both channels
        (0, 129, 9),  # the third block is the first channel's again
        (60, 8, 1),  # 4 bytes each
        (60, 69, 8),  # 4 + 1 bytes in the first channel, 64 in the second
        (63, 130, 9),  # 1 + 64 and 64 + 1
    ],
)
def test_a_request_takes_the_latency_and_its_fullest_channel(address, size, cycles):
    seen = exercise(dram(), {"request": [(10, address, size, READ, 3)]})
    assert seen.pushes["reply"] == [(11 + 20 + cycles, size, 3)]
    assert seen.counts == {"read_bytes": size, "write_bytes": 0}
    assert seen.status["busy"] == 20 + cycles


def test_requests_share_a_channel_one_after_another_and_overlap_their_latency():
    seen = exercise(dram(), {"request": [(0, 0, 64, READ, 1), (0, 0, 64, WRITE, 0), (0, 64, 32, READ, 2)]})
    # taken in 1, 2, 3; the second waits for the first's channel, the third's is free but replies stay in order
    assert seen.pushes["reply"] == [(1 + 28, 64, 1), (1 + 36, 64, 0), (1 + 37, 32, 2)]
    assert seen.counts == {"read_bytes": 96, "write_bytes": 64}


def test_the_window_bounds_the_requests_under_way():
    seen = exercise(dram(window=1), {"request": [(0, 0, 8, READ, 1)] * 3})
    assert seen.cycles("reply") == [1 + 21, 1 + 42, 1 + 63]


def test_requests_that_arrive_together_are_taken_one_a_cycle():
    # three in one cycle, as from a faster clock: each is taken without waiting for the reply to the one before it
    seen = exercise(dram(channels=4), {"request": [(0, 64 * n, 8, READ, n) for n in range(3)]})
    assert seen.cycles("reply") == [1 + 21, 2 + 21, 3 + 21]


def test_a_full_reply_channel_does_not_keep_requests_out():
    feed = {"request": [(0, 64 * n, 8, READ, n) for n in range(4)]}
    seen = exercise(dram(channels=4, latency=1), feed, accept={"reply": (50, 0)}, depth={"reply": 1, "request": 4})
    assert seen.cycles("reply") == [3, 51, 53, 55]
    assert seen.status["blocked"] == (51 - 4) + 2  # and between the two that follow


@settings(max_examples=15, deadline=None)
@given(
    requests=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 500), st.integers(1, 300), st.integers(0, 1)),
        min_size=1,
        max_size=8,
    ).map(lambda r: sorted(r, key=lambda one: one[0])),
    gap=st.integers(0, 40),
)
def test_nothing_is_lost_and_no_channel_is_faster_than_its_bus(requests, gap):
    feed = {"request": [(*one, n) for n, one in enumerate(requests)]}
    seen = exercise(dram(), feed, accept={"reply": (0, gap)}, depth={"reply": 1, "request": 3})
    assert [(r[1], r[2]) for r in seen.pushes["reply"]] == [(one[2], n) for n, one in enumerate(requests)]
    for channel in (0, 1):
        mine = sum((a + b) // 64 % 2 == channel for _, a, size, _ in requests for b in range(size))
        assert seen.cycles("reply")[-1] >= requests[0][0] + 1 + 20 + mine / 8

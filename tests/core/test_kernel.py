"""What the kernel owes every netlist."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core import BUSY, IDLE, Component, DeadlockError, In, Simulator, can_pop, pop, tick
from accelsim.core.status import STATUS_NAMES
from tests.core.toys import Server, Sink, Source, build


class Faulty(Component):
    """Gives up in its third cycle."""

    @tick
    def tick(now, r):
        if now == 2:
            raise ValueError("no more")
        return BUSY


TWO_CLOCKS = {"core": 500_000_000, "dram": 1_200_000_000}
CASES = [
    {},
    {"sink": {"gap": 7}},
    {"source": {"gap": 5}, "server": {"lanes": 1}},
    {"clocks": TWO_CLOCKS, "served_by": "dram", "sink": {"gap": 3}},
    {"clocks": {"core": 700_000_000, "dram": 333_000_000}, "served_by": "dram", "depth": 1},
]


def sizes(seed: int, n: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 40, n)


def outcome(sim: Simulator):
    r = sim.result()
    return r.end, r.total, r.spans, r.peaks


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(0, 80))
def test_sleeping_changes_nothing(case, seed, n):
    eager, lazy = build(sizes(seed, n), **case), build(sizes(seed, n), **case)
    eager.run(skip=False)
    lazy.run(skip=True)
    assert outcome(eager) == outcome(lazy)


@pytest.mark.parametrize("case", CASES[1::2])
def test_order_of_ticks_changes_nothing(case):
    seen = []
    for order in [(0, 1, 2), (2, 1, 0), (1, 0, 2)]:
        sim = build(sizes(2), order=order, **case)
        sim.run()
        r = sim.result()
        seen.append((r.end, r.total.counts, r.total.status, r.peaks))
    assert all(s == seen[0] for s in seen)


@pytest.mark.parametrize("case", CASES)
def test_every_cycle_of_every_component_is_accounted_for(case):
    sim = build(sizes(3), **case)
    sim.run()
    r = sim.result()
    for span in [r.total, *r.spans]:
        for name, part in r.parts.items():
            length = r.cycles(part.clock, span.end) - r.cycles(part.clock, span.start)
            assert sum(span.status[name].values()) == length


def test_spans_cover_the_run_and_add_up():
    sim = build(sizes(4, 64))
    sim.run()
    r = sim.result()
    assert [s.label for s in r.spans] == [0, 1, 2, 3, -1]
    assert r.spans[0].start == 0 and r.spans[-1].end == r.end
    assert all(a.end == b.start for a, b in itertools.pairwise(r.spans))
    assert sum(s.counts["server"]["work"] for s in r.spans) == r.total.counts["server"]["work"] == sizes(4, 64).sum()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("piece", [17, 1000])
def test_a_run_cut_in_pieces_is_the_same_run(case, piece):
    whole, cut = build(sizes(5, 20), **case), build(sizes(5, 20), **case)
    whole.run()
    while not cut.run(units=piece):
        pass
    assert outcome(whole) == outcome(cut)


@pytest.mark.parametrize("case", CASES)
def test_tracing_and_monitoring_change_nothing_and_agree_with_the_totals(case):
    plain, traced = build(sizes(6), **case), build(sizes(6), trace=8, monitored=True, **case)
    traced.log_room = 8  # small, so that it drains many times
    plain.run()
    traced.run()
    assert outcome(plain) == outcome(traced)
    r = traced.result()
    for i, (name, part) in enumerate(r.parts.items()):
        mine = r.events[r.events["component"] == i]
        edges = -(-np.append(mine["at"], r.end) // r.periods[part.clock])
        spans = np.diff(edges)
        idle_first = int(edges[0])
        spent = {n: int(spans[mine["status"] == k].sum()) + idle_first * (k == 0) for k, n in enumerate(STATUS_NAMES)}
        assert spent == r.total.status[name]
    assert sorted(r.transfers["server.done -> sink.done"].number) == list(range(60))
    assert (r.transfers["source.item -> server.item"]["size"] == sizes(6)).all()


def test_monitored_channels_may_carry_nothing():
    sim = build([], monitored=True)
    sim.run()
    assert {name: len(records) for name, records in sim.result().transfers.items()} == {
        "source.item -> server.item": 0,
        "server.done -> sink.done": 0,
    }


def test_one_lane_takes_the_sum_of_the_work_and_one_cycle_a_hand_over():
    work = sizes(7)
    sim = build(work, server={"lanes": 1})
    sim.run()
    # sent at 0, taken at 1; each item ends and the next begins in the same cycle; crosses to the sink: + 1, taken: + 1
    assert sim.result().cycles() == 1 + work.sum() + 1 + 1


def test_a_faster_clock_serves_in_its_own_cycles_without_drift():
    n, size = 500, 37
    sim = build([size] * n, clocks=TWO_CLOCKS, served_by="dram", server={"lanes": 1})
    sim.run()
    r = sim.result()
    assert r.periods == {"core": 12, "dram": 5} and r.time_base_hz == 6_000_000_000
    # first item: pushed at 0, the first DRAM edge after it is at 5 (cycle 1); the last ends n * size cycles later
    finished = 5 * (1 + n * size)
    taken = (finished // 12 + 1) * 12
    assert r.end == taken + 12  # in the cycle after it took the last item the sink finds nothing more
    assert r.total.counts["server"]["work"] == n * size


class Hoarder(Sink):
    """Never takes anything."""


class Taker(Component):
    """Takes what comes, and is idle at once."""

    done = In("finished", number="running number")

    @tick
    def tick(now, done):
        while can_pop(done):
            pop(done)
        return IDLE


@pytest.mark.parametrize("skip", [True, False])
def test_who_could_not_act_is_not_called_and_the_run_is_as_long(skip):
    """The source finds room all the time: what is taken of its channel changes nothing for it. The run ends in the
    cycle after the last transfer all the same, in which it could have been called."""
    sim = build([3] * 5, source={"gap": 20}, depth=4)
    source = sim.components[0]
    sim.run(skip=skip)
    assert not skip or sim.state["ticks"][0] == len(source.storage["sizes"]) + 1  # and once to become idle
    sim = Simulator()
    server, taker = sim.add(Server("server")), sim.add(Taker("taker"))
    source = sim.add(Source("source", sizes=np.array([3, 3, 3, 8])))
    sim.connect(source, "item", server, "item", depth=4)
    sim.connect(server, "done", taker, "done", depth=4)
    sim.run(skip=skip)
    assert sim.result().cycles() == 1 + 3 + 8 + 1 + 1  # taken, a lane is free, served, taken; and the cycle after


def test_deadlock_names_who_waits_for_whom():
    sim = build([3, 3], sink={"expected": 3})
    with pytest.raises(DeadlockError, match="nothing can move at core cycle 7: sink is starved and waits for server$"):
        sim.run()


def test_netlist_errors_are_sentences():
    sim = build([1])
    source, server, sink = sim.components
    with pytest.raises(TypeError, match=r"source.item is already connected; share a port through an arbiter or a fork"):
        sim.connect(source, "item", server, "item")
    with pytest.raises(TypeError, match="sink: there is a component of this name already"):
        sim.add(Sink("sink"))
    with pytest.raises(TypeError, match="other: there is no clock 'fast', only core"):
        sim.add(Sink("other", "fast"))
    with pytest.raises(TypeError, match=r"server.item -> sink.done: a channel runs from an Out to an In"):
        sim.connect(server, "item", sink, "done")
    alone = Simulator()
    alone.add(Server("server"))
    with pytest.raises(TypeError, match="server.item is not connected"):
        alone.elaborate()


@pytest.mark.parametrize("skip", [True, False])
def test_an_exception_in_a_tick_ends_the_run(skip):
    sim = Simulator()
    sim.add(Faulty("first" if skip else "other"))
    with pytest.raises(
        RuntimeError, match=rf"^the tick of {'first' if skip else 'other'} raised an exception in cycle 2$"
    ):
        sim.run(skip=skip)

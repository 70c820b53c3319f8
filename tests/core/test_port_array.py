"""Arrays of ports: any number of like ports, named when they are connected, numbered in that order."""

import numpy as np
import pytest

from accelsim.core import Simulator
from tests.core.toys import Arbiter, Server, Sink, Source


def build(sources: int, sinks: int, ways: int | None = None, depth: int = 2) -> Simulator:
    """sources -> arbiter -> a server and a sink for each output."""
    sim = Simulator()
    arbiter = sim.add(Arbiter("arbiter", ways=sinks if ways is None else ways))
    for n in range(sources):
        source = sim.add(Source(f"source{n}", sizes=np.arange(1, 6) + 10 * n, gap=2 + n))
        sim.connect(source, "item", arbiter, f"item.from{n}", depth=depth, monitored=True)
    for n in range(sinks):
        server, sink = sim.add(Server(f"server{n}")), sim.add(Sink(f"sink{n}"))
        sim.connect(arbiter, f"out.to{n}", server, "item", depth=depth, monitored=True)
        sim.connect(server, "done", sink, "done")
    return sim


@pytest.mark.parametrize(("sources", "sinks", "depth"), [(1, 1, 1), (3, 2, 2), (2, 5, 1)])
def test_every_item_passes_whole_to_the_outputs_in_turn(sources, sinks, depth):
    sim = build(sources, sinks, depth=depth)
    sim.run()
    log = sim.result().transfers
    sent = {(i.size, i.number) for n in range(sources) for i in log[f"source{n}.item -> arbiter.item.from{n}"]}
    given = [log[f"arbiter.out.to{n} -> server{n}.item"] for n in range(sinks)]
    assert sent == {(i.size, i.number) for records in given for i in records}
    total = 5 * sources
    assert [len(records) for records in given] == [(total - n + sinks - 1) // sinks for n in range(sinks)]


def test_sleeping_changes_nothing():
    lazy, stepped = build(3, 2), build(3, 2)
    lazy.run()
    stepped.run(skip=False)
    assert lazy.result().total == stepped.result().total and lazy.at == stepped.at


def test_an_array_without_ports_does_nothing():
    sim = build(0, 1)
    sim.run()
    assert sim.result().total.counts["arbiter"] == {"passed": 0}


def test_other_numbers_of_ports_compile_nothing(monkeypatch):
    build(2, 2).run()
    monkeypatch.setattr("accelsim.core.keep.write", lambda *_: pytest.fail("something is compiled anew"))
    build(4, 3).run()


def test_errors_are_sentences():
    sim = build(1, 1)
    arbiter, source = sim.components[0], sim.components[1]
    with pytest.raises(TypeError, match=r"an Out to an In; name an element of the port array, item\.ELEMENT"):
        sim.connect(source, "item", arbiter, "item")
    with pytest.raises(TypeError, match=r"source0\.item\.x -> arbiter\.item\.y: a channel runs from an Out to an In$"):
        sim.connect(source, "item.x", arbiter, "item.y")
    with pytest.raises(TypeError, match=r"arbiter\.out: 1 channels are connected, but arbiter\.ways is 3"):
        build(1, 1, ways=3).run()

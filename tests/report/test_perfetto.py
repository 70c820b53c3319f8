"""The trace for Perfetto, read back: its cycles are those of the result."""

import json
from collections import Counter

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.report.perfetto import write_trace
from accelsim.report.slices import statuses

from .records import PARTS, record


@pytest.fixture(scope="module")
def made():
    return record(3, traced=True)


def of_result(spans) -> Counter:
    found: Counter = Counter()
    for span in spans:
        for part, status in span.status.items():
            found.update({(part, word): n for word, n in status.items() if word != "idle" and n})
    return found


def of_json(path) -> Counter:
    events = json.loads(path.read_text())["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    found: Counter = Counter()
    for e in events:
        if e["ph"] == "X" and names[e["tid"]] in PARTS:
            found[names[e["tid"]], e["name"]] += e["args"]["cycles"]
    return found


def fields(data: bytes):
    """(number, value) of a protobuf message's fields."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
        else:
            length = varint() if kind == 2 else 8
            yield number, data[at : at + length]
            at += length


def of_protobuf(path) -> Counter:
    """By a reader of our own: the sum of the annotations of slices, by track and interned name."""
    names, interned, found, begun = {}, {}, Counter(), Counter()
    for _, packet in fields(path.read_bytes()):
        said = dict(fields(packet))
        if 12 in said:
            interned = {dict(fields(v))[1]: dict(fields(v))[2].decode() for n, v in fields(said[12]) if n == 2}
        elif 60 in said:
            about = dict(fields(said[60]))
            names[about[1]] = about[2].decode()
        else:
            event = dict(fields(said[11]))
            track = names[event[11]]
            begun[track] += {1: 1, 2: -1, 4: 0}[event[9]]
            assert 0 <= begun[track] <= 1, "slices of a track follow one another"
            if event[9] == 1 and track in PARTS:
                found[track, interned[event[10]]] += dict(fields(event[4]))[3]
    assert not any(begun.values())
    return found


@pytest.mark.parametrize("layers", [(), ("blocks.1",), ("blocks.0.attention", "blocks.2.qkv")])
def test_cycles_by_component_and_status_are_those_of_the_result(made, tmp_path, layers):
    named = [layer["name"] for layer in made.layers]
    spans = [
        s for s in made.result.spans if not layers or any(f"{named[s.label]}.".startswith(f"{w}.") for w in layers)
    ]
    assert len(spans) == {0: 21, 1: 7, 2: 2}[len(layers)]
    wanted = of_result(spans)
    assert of_json(write_trace(made, tmp_path / "a.json", layers)) == wanted
    assert of_protobuf(write_trace(made, tmp_path / "a.pftrace", layers)) == wanted


def test_perfettos_own_definitions_read_the_same(made, tmp_path):
    protos = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    trace = protos.Trace()
    trace.ParseFromString(write_trace(made, tmp_path / "a.pftrace").read_bytes())
    tracks = {p.track_descriptor.uuid: p.track_descriptor for p in trace.packet if p.HasField("track_descriptor")}
    names = {n.iid: n.name for n in trace.packet[0].interned_data.event_names}
    found: Counter = Counter()
    held = {}
    for event in (p.track_event for p in trace.packet if p.HasField("track_event")):
        track = tracks[event.track_uuid]
        assert track.parent_uuid in tracks
        if event.type == protos.TrackEvent.TYPE_SLICE_BEGIN and track.name in PARTS:
            found[track.name, names[event.name_iid]] += event.debug_annotations[0].uint_value
        if event.type == protos.TrackEvent.TYPE_COUNTER:
            held.setdefault((track.name, track.counter.unit_name), []).append(event.double_counter_value)
    assert found == of_result(made.result.spans)
    work = held["MACs at work, mean of a layer", "%"]
    first = made.result.spans[1]
    done = sum(first.counts[n]["mac_ops"] for n in made.engines)
    assert work[1] == pytest.approx(
        100 * done / made.peak_macs / (made.result.cycles(end=first.end) - made.result.cycles(end=first.start))
    )
    assert ("act_gb0 holds, mean of a layer", "bytes") in held


def test_times_are_those_of_the_clock(made, tmp_path):
    events = json.loads(write_trace(made, tmp_path / "a.json").read_text())["traceEvents"]
    ends = max(e["ts"] + e["dur"] for e in events if e["ph"] == "X")
    assert ends == pytest.approx(made.result.cycles() / 500, rel=1e-6)  # us at 500 MHz


def test_what_cannot_be_traced_is_said(made, tmp_path):
    with pytest.raises(InputError, match=r"a.txt: a trace is written as one of .pftrace, .json"):
        write_trace(made, tmp_path / "a.txt")
    with pytest.raises(InputError, match=r"there is no layer 'blocks.9' in this run \(did you mean"):
        write_trace(made, tmp_path / "a.json", ["blocks.9"])
    with pytest.raises(InputError, match="the run was made without its changes of status"):
        write_trace(record(1), tmp_path / "a.json")


def test_a_window_that_begins_within_a_cycle_of_another_clock_counts_as_the_result_does():
    made = record(1, traced=True)
    names, part = list(made.result.parts), list(made.result.parts).index("dram")
    made.result.events = np.array([(0, part, 1)], made.result.events.dtype)
    assert made.result.parts[names[part]].clock == "dram"
    within = [s for s in made.result.spans if s.start % made.result.periods["dram"]]
    assert within, "a span begins between two of its edges"
    for span in within:
        (only,) = statuses(made, part, [(span.start, span.end)])
        counted = made.result.cycles("dram", span.end) - made.result.cycles("dram", span.start)
        assert (only.name, only.cycles, only.start, only.end) == ("busy", counted, span.start, span.end)

"""The waveform of a run, read back: its cycles are those of the result."""

import math
from collections import Counter

import pytest

from accelsim.core.status import STATUS_NAMES
from accelsim.report.perfetto import write_trace

from .records import record


@pytest.fixture(scope="module")
def made():
    return record(3, traced=True)


def read(path):
    """Signal -> width; (signal, value, from, to) of every stretch, in ps; the last time."""
    names, widths, held, found, at = {}, {}, {}, [], 0
    for line in path.read_text().splitlines():
        words = line.split()
        if words[0] == "$var":
            names[words[3]] = words[4]
            widths[words[4]] = int(words[2])
        elif line[0] == "#":
            assert int(line[1:]) >= at
            at = int(line[1:])
        elif line[0] == "b":
            value, code = line[1:].split()
            if code in held:
                found.append((names[code], *held[code], at))
            held[code] = value, at
    return widths, found + [(names[code], *said, at) for code, said in held.items()], at


def cycles(made, found) -> Counter:
    """(component, status) -> cycles of its clock that begin while it holds."""
    counted: Counter = Counter()
    for name, value, start, end in found:
        if name != "layer" and value not in ("x", "0"):
            clock = made.result.parts[name].clock
            period = 1e12 * made.result.periods[clock] / float(made.result.time_base_hz)
            first, last = (math.ceil(t / period - 1e-2) for t in (start, end))
            counted[name, STATUS_NAMES[int(value, 2)]] += last - first
    return counted


def of_result(spans) -> Counter:
    return Counter(
        {
            (part, word): sum(span.status[part][word] for span in spans)
            for part in spans[0].status
            for word in STATUS_NAMES[1:]
        }
    )


def test_cycles_are_those_of_the_result(made, tmp_path):
    widths, found, end = read(write_trace(made, tmp_path / "a.vcd"))
    assert widths == {"layer": 32, **dict.fromkeys(made.result.parts, 2)}
    assert +cycles(made, found) == +of_result(made.result.spans)
    assert end == pytest.approx(1e12 * made.result.end / float(made.result.time_base_hz), abs=1)
    layers = [(int(value, 2), start, end) for name, value, start, end in found if name == "layer" and value != "x"]
    assert [n for n, _, _ in layers] == list(range(len(made.layers)))


def test_one_layer_is_known_and_the_rest_is_not(made, tmp_path):
    name = made.layers[1]["name"]
    (span,) = [s for s in made.result.spans if s.label == 1]
    _, found, _ = read(write_trace(made, tmp_path / "a.vcd", [name]))
    assert +cycles(made, found) == +of_result([span])
    scale = 1e12 / float(made.result.time_base_hz)
    known = [(start, end) for _, value, start, end in found if value != "x"]
    assert min(known)[0] == round(span.start * scale) and max(e for _, e in known) == round(span.end * scale)

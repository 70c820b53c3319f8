"""The values of an axis."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core import document
from accelsim.core.errors import InputError
from accelsim.sweep.axes import Axis, axis


@pytest.fixture
def read(tmp_path):
    def read(text: str) -> Axis:
        path = tmp_path / "axis.yaml"
        path.write_text(f"x: {text}\n")
        return axis("x", document.read(path)[0].value["x"], "f:1")

    return read


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[16, 32, serial]", ("16", "32", "serial")),
        ("{from: 16, to: 70, step: 16}", ("16", "32", "48", "64")),
        ("{from: 16, to: 128, factor: 2}", ("16", "32", "64", "128")),
        ("{from: 20 KiB, to: 80 KiB, factor: 2}", ("20 KiB", "40 KiB", "80 KiB")),
        ("{from: 10, to: 20, steps: 3}", ("10", "15", "20")),
        ("{from: 1, to: 100, steps: 3, scale: log}", ("1", "10", "100")),
        ("{from: 10, to: 90, steps: 3, scale: log, multiple: 8}", ("8", "32", "88")),
        ("{from: 1, to: 3, steps: 9}", ("1", "2", "3")),
        ("{from: 1/2 GHz, to: 1 GHz, step: 1/4}", ("1/2 GHz", "3/4 GHz", "1 GHz")),
    ],
)
def test_values(read, text, values):
    assert read(text).values == values


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "f:1: the values of x must be a list of single values, as in [16, 32, 64]"),
        ("[1, 2, 1]", "f:1: x has the value '1' twice; remove one"),
        ("{from: 1}", "f:1: x: a range needs 'from' and 'to', as in {from: 16, to: 128, step: 16}"),
        ("{from: 1, to: 2, setp: 1}", "f:1: x: a range has no entry 'setp' (did you mean 'step'?); it "
         "has from, to, step, "
         "factor, steps, scale, multiple"),
        ("{from: 1, to: 2, step: 1, factor: 2}", "f:1: x: a range has one of step, factor and steps, not "
         "step and factor"),
        ("{from: 1 KiB, to: 2 KB, step: 1}", "f:1: x: 'from' and 'to' must have the same unit, not 'KiB' and 'KB'"),
        ("{from: 3, to: 2, step: 1}", "f:1: x: 'from' must not be above 'to', and must be above 0 in a "
         "log range; they are "
         "'3' and '2'"),
        ("{from: 1, to: 2, step: 0}", "f:1: x: step must be above 0, in the unit of 'from', not '0'"),
        ("{from: 1, to: 2, factor: 1}", "f:1: x: factor must be a number above 1, not '1'"),
        ("{from: 1, to: 2, steps: x}", "f:1: x: steps: expected a number such as 64, 76.8 or 4000/3, "
         "with or without a unit, "
         "not 'x'"),
        ("{from: 0, to: 2, scale: log}", "f:1: x: 'from' must not be above 'to', and must be above 0 in "
         "a log range; they "
         "are '0' and '2'"),
        ("{from: 9, to: 15, multiple: 8}", "f:1: x: no multiple of 8 lies between '9' and '15'"),
        ("{from: 1, to: 1000000000, step: 1}", "f:1: x would have 1000000000 values or more; at most "
         "100000 can be swept"),
    ],
)  # fmt: skip
def test_mistakes_are_sentences(read, text, sentence):
    with pytest.raises(InputError) as error:
        read(text)
    assert str(error.value) == sentence


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.integers(0, 500), st.integers(1, 9), st.booleans(), st.floats(0, 0.9999999))
def test_an_open_range_stays_inside_and_on_its_multiples(low, more, multiple, log, share):
    high = low + more
    if -(-low // multiple) * multiple > high:
        return
    value = int(Axis("x", (), low, high, "", log, multiple).at(share))
    assert low <= value <= high and value % multiple == 0


def test_an_open_range_is_evenly_spread():
    at = Axis("x", (), 1, 4).at
    assert [at(u) for u in (0, 0.24, 0.26, 0.51, 0.99)] == ["1", "1", "2", "3", "4"]
    assert Axis("x", (), 1, 10000, log=True).at(0.5) == "100"

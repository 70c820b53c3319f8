"""Conditions over parameters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.sweep.expression import parse

VALUES = {"engine.lines": 32, "engine.macs": 8, "decoder.macs": 4, "heads": "serial", "prune": "true", "area_mm2": 2.5}


def holds(text: str) -> bool:
    return parse(text, VALUES, "here").holds(VALUES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("engine.lines * engine.macs == 256", True),
        ("lines * engine.macs <= 255", False),
        ("16 < lines <= 32", True),
        ("heads == 'serial' and not prune == false", True),
        ("heads != 'serial' or area_mm2 > 2", True),
        ("lines % 3 == 2 and lines // 3 == 10 and -lines < 0", True),
        ("max(lines, 40) - min(lines, 40) == abs(lines - 40)", True),
        ("lines / engine.macs == 4 + 0", True),
    ],
)
def test_conditions(text, expected):
    assert holds(text) is expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("engine.line == 3", "here: 'engine.line == 3' names 'engine.line', which is no parameter or figure here "
         "(did you mean 'engine.lines'?)"),
        ("macs == 3", "here: 'macs == 3' names 'macs', which is no parameter or figure here "
         "(it may be 'engine.macs' or 'decoder.macs')"),
        ("lines ==", "here: 'lines ==' is no condition, such as 'engine.lines * engine.macs == 512'"),
        ("lines ** 2 == 4", "here: 'lines ** 2 == 4': 'lines ** 2' is not allowed in a condition; there "
         "are numbers, quoted "
         "words, names, + - * / // %, comparisons, and, or, not, min, max, abs"),
        ("__import__('os').system('true')", "here: \"__import__('os').system('true')\": "),
        ("lines / (engine.macs - 8) == 1", "here: 'lines / (engine.macs - 8) == 1' cannot be evaluated: "
         "division by zero"),
        ("heads < 3", "here: 'heads < 3' cannot be evaluated: "),
    ],
)  # fmt: skip
def test_mistakes_are_sentences(text, sentence):
    with pytest.raises(InputError) as error:
        holds(text)
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize("text", ["lambda: 0", "[1]", "lines if 1 else 2", "lines[0] == 1", "min() == 1", "f'{lines}'"])
def test_nothing_else_is_run(text):
    with pytest.raises(InputError, match="not allowed in a condition"):
        holds(text)


@settings(max_examples=50, deadline=None)
@given(st.integers(-100, 100), st.integers(-100, 100))
def test_the_violation_is_zero_exactly_where_the_condition_holds(a, b):
    for text in ("a <= b", "a == b", "a > b", "a >= b and b >= a"):
        condition = parse(text, ("a", "b"), "here")
        values = {"a": a, "b": b}
        assert (condition.violation(values) == 0) == condition.holds(values)
    assert parse("a <= 10", ("a",), "here").violation({"a": 30}) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("not " * 3000 + "1", "has 12,001 characters; a condition has at most 1,000"),
        ("not " * 200 + "1", "is nested deeper than 100 levels; write it as several conditions"),
        ("(" * 300 + "1" + ")" * 300, "is no condition"),
        ("-" * 900 + "1", "is nested deeper than 100 levels"),
        ("1" + " + 1" * 200, "is nested deeper than 100 levels"),
        ("1_000 < 2", "'1_000' is no decimal number, such as 64 or 76.8"),
        ("0x10 < 2", "'0x10' is no decimal number"),
        ("1e999 > 2", "'1e999' is no decimal number"),
        ("lines == True", "'True' is not allowed in a condition"),
    ],
)
def test_conditions_are_bounded(text, rule):
    with pytest.raises(InputError, match=rule):
        parse(text, ["engine.lines"], "f:1")


@pytest.mark.parametrize(
    "text",
    [
        "'a' * 2000000000 == 'b'",
        "heads * 2000000000 == 'b'",
        "'%2000000000d' % 1 == 'b'",
        "'a' + 'b' == 'c'",
        "-heads == 1",
    ],
)
def test_words_are_only_compared(text):
    with pytest.raises(InputError, match="is a word, and words are only compared"):
        parse(text, ["heads"], "f:1").holds({"heads": "serial"})


def test_what_grows_beyond_all_numbers_is_refused_and_a_violation_is_finite():
    with pytest.raises(InputError, match="it grows beyond all numbers"):
        parse("1e99 * 1e99 * 1e99 * 1e99 > x", ["x"], "f:1").holds({"x": 1})
    assert parse(" * ".join(["x"] * 40) + " < 1", ["x"], "f:1").violation({"x": 1 << 60}) == 1e30

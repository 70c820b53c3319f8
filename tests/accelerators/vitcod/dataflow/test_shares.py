"""What is shared out between the engines, and what the encoder lets through."""

from hypothesis import given
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.dataflow.shares import encoded_columns, share_lines


@given(lines=st.integers(1, 100), denser=st.integers(0, 10_000), sparser=st.integers(0, 10_000))
def test_lines_are_shared_in_proportion_to_the_work(lines, denser, sparser):
    a, b = share_lines(lines, denser, sparser)
    if not denser or not sparser:
        assert (a, b) == (lines * bool(denser), lines * bool(sparser))
    elif lines == 1:
        assert (a, b) == (1, 1)
    else:
        assert a + b == lines and a >= 1 and b >= 1
        exact = lines * denser / (denser + sparser)
        assert abs(a - exact) <= 0.5 or a in (1, lines - 1)
        assert abs(a - exact) < 1


@given(parts=st.lists(st.integers(0, 50), max_size=6), heads=st.integers(1, 12), encoded=st.integers(1, 12))
def test_a_feature_s_values_leave_the_encoder_with_the_last_of_its_heads(parts, heads, encoded):
    at = 0
    for part in parts:
        ends = sum(column % heads == heads - 1 for column in range(at, at + part))
        assert encoded_columns(at, part, heads, encoded) == ends * encoded
        assert encoded_columns(at % heads, part, heads, encoded) == ends * encoded
        assert encoded_columns(at, part, 0, 0) == part
        at += part

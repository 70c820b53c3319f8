"""Sparser engine: the buffers of K and Q, whose banks are taken for a vector's words and whose sides passes share."""

import pytest

from accelsim.accelerators.vitcod.tables import INDEX
from tests.accelerators.vitcod.components.test_sparser_engine import SCORES, THERE, Case, K, Q
from tests.components.harness import table


@pytest.mark.parametrize(("bank_bytes", "other", "apart"), [(16, 2, 1), (16, 1, 1), (5, 1, 2), (5, 2, 3)])
def test_a_key_takes_its_bank_for_its_words(bank_bytes, other, apart):
    """Two columns of one entry for two lines, tokens 0 and 1 in two banks or 0 and 2 in one; 10 bytes each."""
    case = Case([[[1, *[0] * (other - 1), 1]]], lines=2, banks=2, bank_bytes=bank_bytes)
    first, second = case.run(case.feed(scores_at=20)).cycles("score")
    assert second - first == apart


def test_operands_of_the_pass_before_the_last_do_not_count():
    # pass 2 has the side of pass 0, of which all is there; its K comes in 50, its Q in 80: sent in 81, used from 82
    case = Case([[[1]]], passes=3)
    case.memory["index"] = table(INDEX, [(0,), (0,)])  # both passes list their column
    feed = case.feed(operands=[*THERE, (50, 2, K, 100), (80, 2, Q, 100)])
    feed["command"].append((40, SCORES, 2, 0, 0))
    feed["column"] *= 2
    seen = case.run(feed)
    assert seen.cycles("score") == [6, 81 + 1 + 3] and seen.pushes["miss"] == []

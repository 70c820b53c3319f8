"""Sparser engine: lines at their own pace, banks that send, vectors that are forwarded or fetched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelsim.accelerators.vitcod.components.sparser_engine import SparserEngine
from accelsim.accelerators.vitcod.tables import COLUMNS, INDEX, PASSES, ROWS
from tests.components.harness import exercise, table

K, Q = 0, 1
SCORES, VALUES = 0, 1
ALL = 1 << 30
THERE = [(0, 0, K, 100), (0, 0, Q, 100)]


class Case:
    """Passes that are alike, over `keep[head][row][column]` (nested sequences of 0 and 1)."""

    def __init__(self, keep, *, lines=1, segment=16, dim=10, value_dim=6, forward=1, row0=0, passes=1, **sizes):
        keep = np.asarray(keep, bool)
        heads, rows, _ = keep.shape
        entries, columns = [], []
        for head, block in enumerate(keep):
            for column in np.flatnonzero(block.any(axis=0)):
                mine = np.flatnonzero(block[:, column]).tolist()
                for at in range(0, len(mine), segment):
                    some = mine[at : at + segment]
                    columns.append((head, int(column), len(entries), len(some)))
                    entries += [(row,) for row in some]
        outputs, first = [], 0
        for head in range(heads):
            for row in range(rows):
                count = int(keep[head, row].sum())
                outputs.append({"head": head, "sparse": count, "scores": count, "first": first, "values": value_dim})
                first += count
        entry = {
            "heads": heads, "rows": rows, "row0": row0, "dim": dim, "value_dim": value_dim, "sparser_lines": lines,
            "sparse_columns": len(columns), "forward": forward,
        }  # fmt: skip
        self.keep, self.columns, self.outputs = keep, table(COLUMNS, columns), heads * rows
        self.memory = {"passes": table(PASSES, [entry] * passes), "index": table(INDEX, entries)}
        self.memory["rows"] = table(ROWS, outputs)
        self.sizes = {"lines": lines, "macs": 4, "banks": 4, "score_ports": 8, "segment": segment} | sizes

    def feed(self, *, operands=THERE, scores_at=0, values_at=None, ready=0, window=ALL):
        """Scores from one cycle on; values from another on, whose rows are ready then and inside the window."""
        feed = {"operands": list(operands), "command": [(scores_at, SCORES, 0, 0, 0)]}
        feed["column"] = [(0, *(int(v) for v in c)) for c in self.columns]
        if values_at is not None:
            feed["command"].append((values_at, VALUES, 0, 0, self.outputs))
            feed["window"] = [(0, window)]
            feed["softmaxed"] = [(max(ready, values_at), place) for place in range(self.outputs)]
        return feed

    def run(self, feed=None, **how):
        depth = {"column": 64, "softmaxed": 64, "score": 64, "miss": 8, "vector": 8} | how.pop("depth", {})
        make = lambda: SparserEngine("sparser", **self.sizes, **self.memory)  # noqa: E731
        return exercise(make, feed or self.feed(), depth=depth, **how)


COLUMN = [[[1], [1], [0], [1]]]  # one head, one column, three of four rows


def test_a_column_is_taken_up_fetched_for_and_computed_entry_by_entry():
    # taken up in 1, the first Q is sent in 2 and used from 3 on, 3 cycles an entry; the next is sent meanwhile
    seen = Case(COLUMN).run()
    assert seen.pushes["score"] == [(6, 0, 0), (9, 1, 0), (12, 3, 0)]
    assert seen.cycles("done") == [12]
    counts = seen.counts
    assert counts["mac_ops"] == 3 * 10 and counts["k_read_bytes"] == 10 and counts["q_read_bytes"] == 30
    assert counts["q_forward_hits"] == 3 and counts["accumulator_bytes"] == 3 * 4 * 3
    assert seen.status["busy"] == 12  # from 1 to 12: in the last it reports


@pytest.mark.parametrize(("macs", "beats"), [(9, 2), (10, 1), (1, 10)])
def test_an_entry_takes_its_features_divided_by_the_macs_of_a_line(macs, beats):
    assert Case(COLUMN, macs=macs).run().cycles("score") == [3 + beats, 3 + 2 * beats, 3 + 3 * beats]


def test_the_next_column_is_taken_up_while_the_last_entry_is_computed():
    # two columns of 1 and 2 entries: the second is taken up in 3 and fetched for in 4: no gap with 3 cycles an entry
    keep = [[[1, 1], [0, 1]]]
    assert Case(keep).run().cycles("score") == [6, 9, 12]
    # with 1 cycle an entry the next operand is used 2 cycles after the column was taken up
    assert Case(keep, macs=10).run().cycles("score") == [4, 6, 7]


def test_one_line_a_cycle_takes_up_a_column_the_lowest_first():
    # columns of two entries: lines 0, 1, 2 take them up in 1, 2, 3
    seen = Case([[[1, 1, 1], [1, 1, 1]]], lines=3).run()
    assert seen.pushes["score"] == [(6, 0, 0), (7, 0, 1), (8, 0, 2), (9, 1, 0), (10, 1, 1), (11, 1, 2)]
    # of one entry: line 0 begins its last entry in 3, and may take up another before line 2, which has none
    seen = Case([[[1, 1, 1, 1]]], lines=3).run()
    assert seen.pushes["score"] == [(6, 0, 0), (7, 0, 1), (9, 0, 2), (10, 0, 3)]


def test_a_bank_sends_one_vector_a_cycle_to_all_who_ask_for_it():
    keep = np.zeros((1, 5, 3), bool)
    keep[0, [1, 0], 0] = keep[0, 0, 1] = keep[0, 4, 2] = True
    # taken up in 1, 2, 3; line 0 fetches rows 0 and 1 in 2 and 3, line 1 row 0 in 3, line 2 row 4 in 4: no conflict
    assert Case(keep, lines=3).run().counts["bank_conflicts"] == 0
    # all rows in one bank: line 0's row 1 is sent in 23, line 1 is refused in 23 and sent row 0 in 24, line 2 in 25
    case = Case(keep, lines=3, banks=1)
    seen = case.run(case.feed(scores_at=20))
    assert seen.counts["bank_conflicts"] == 2
    assert seen.pushes["score"] == [(26, 0, 0), (28, 0, 1), (29, 1, 0), (29, 4, 2)]
    # line 0 fetches rows 0 and 1 in 22 and 23, line 1 row 1 in 23 as well: one sending serves both
    case = Case([[[1, 0], [1, 1]]], lines=2, banks=1)
    seen = case.run(case.feed(scores_at=20))
    assert seen.counts["bank_conflicts"] == 0 and seen.counts["q_forward_hits"] == 3
    assert seen.counts["q_read_bytes"] == 2 * 10


def test_so_many_scores_leave_in_a_cycle_as_there_are_ports():
    # three lines that wait for one vector each finish together when the vectors come together
    own_rows = [np.eye(3)]
    case = Case(own_rows, lines=3, forward=0, score_ports=2)
    feed = case.feed() | {"vector": [(20, 0), (20, 1), (20, 2)]}
    assert case.run(feed).pushes["score"] == [(24, 0, 0), (24, 1, 1), (25, 2, 2)]
    # one port; while line 2 still computes, line 1 leaves in the cycle after line 0
    case = Case(own_rows, lines=3, forward=0, score_ports=1)
    feed = case.feed() | {"vector": [(20, 0), (20, 1), (23, 2)]}
    assert case.run(feed).pushes["score"] == [(24, 0, 0), (25, 1, 1), (27, 2, 2)]


def test_any_number_of_lines_is_looked_at_in_order():
    # 70 lines take up a column of one entry each and wait for its vector; four of them get theirs first
    case = Case([np.eye(70)], lines=70, forward=0)
    some, rest = (68, 2, 64, 63), [n for n in range(70) if n not in (68, 2, 64, 63)]
    feed = case.feed() | {"vector": [(200, n) for n in some] + [(300, n) for n in rest]}
    scores = case.run(feed).pushes["score"]
    assert scores[:4] == [(204, 2, 2), (204, 63, 63), (204, 64, 64), (204, 68, 68)]
    assert sorted(column for _, _, column in scores) == list(range(70))


def test_a_vector_on_its_way_to_the_q_buffer_is_waited_for_and_one_that_is_not_is_asked_for():
    # tokens below 4 are there: rows 0 and 1 of a pass that begins at token 2; row 3's comes in 51, sent in 52
    case = Case(COLUMN, row0=2)
    feed = case.feed(operands=[(0, 0, K, 100), (0, 0, Q, 4), (30, 0, Q, 5), (50, 0, Q, 6)])
    seen = case.run(feed)
    assert seen.pushes["miss"] == []
    assert seen.cycles("score") == [6, 9, 52 + 1 + 3]
    assert seen.counts["q_forward_hits"] == 3 and seen.counts["q_forward_misses"] == 0
    assert seen.status["starved"] == 52 - 9 - 1
    # without forwarding every vector is
    case = Case(COLUMN, forward=0)
    seen = case.run(case.feed() | {"vector": [(20, 0), (40, 0), (60, 0)]})
    assert seen.counts["q_forward_misses"] == 3 and seen.cycles("score") == [24, 44, 64]
    assert seen.cycles("miss") == [2, 21, 41]


@pytest.mark.parametrize(("tokens", "begins"), [(5, 40), (6, 20)])
def test_a_column_is_taken_up_when_its_key_is_there(tokens, begins):
    case = Case([[[0, 0, 0, 0, 0, 1]]])
    seen = case.run(case.feed(operands=[(0, 0, Q, 100), (19, 0, K, tokens), (39, 0, K, 6)]))
    assert seen.cycles("score") == [begins + 1 + 2 + 3]  # it is written for a cycle


def test_a_row_of_values_is_taken_up_when_it_is_ready_and_in_the_window():
    # scores of 0 to 12; the values' command is seen in 101: 2 rows of 1 and 2 entries, 2 cycles an entry
    case = Case([[[1, 0], [1, 1]]])
    feed = case.feed(values_at=100)
    seen = case.run(feed)
    # taken up in 101, sent in 102, computed from 103 on; the next row is taken up in 103
    assert seen.pushes["partial"] == [(105, 0, 1, 1), (109, 1, 1, 2)]
    assert seen.cycles("done") == [12, 109]
    counts = seen.counts
    assert counts["normalise_ops"] == 3 and counts["score_read_bytes"] == 9 and counts["v_read_bytes"] == 3 * 6
    assert counts["mac_ops"] == 3 * 10 + 3 * 6
    feed["softmaxed"] = [(100, 1), (130, 0)]  # in order: row 1 waits for row 0
    assert case.run(feed).cycles("partial") == [135, 139]
    feed = case.feed(values_at=100) | {"window": [(0, 1), (150, 2)]}
    assert case.run(feed).cycles("partial") == [105, 155 + 2]


def test_a_long_row_is_shared_between_lines():
    # 5 entries in segments of 2: parts of 2, 2 and 1 on three lines, taken up one a cycle
    case = Case(np.ones((1, 1, 5)), lines=3, segment=2, banks=8)
    seen = case.run(case.feed(values_at=100))
    # begun in 103, 104, 105, finished in 107, 108, 107: one leaves in a cycle, of the lowest line first
    assert seen.pushes["partial"] == [(107, 0, 1, 2), (108, 0, 1, 2), (109, 0, 1, 1)]


def test_one_partial_row_leaves_in_a_cycle():
    case = Case([[[1, 0], [0, 1]]], lines=2)
    seen = case.run(case.feed(values_at=100), accept={"partial": (150, 0)}, depth={"partial": 1})
    assert seen.cycles("partial") == [105, 151]
    assert seen.status["blocked"] == 151 - 106


def test_a_full_score_channel_stops_the_lines():
    seen = Case(COLUMN).run(accept={"score": (50, 0)}, depth={"score": 1})
    assert seen.cycles("score") == [6, 51, 54]
    assert seen.status["blocked"] == 51 - 9


@pytest.mark.parametrize(("psum_banks", "leave"), [(8, [24, 24, 24]), (2, [24, 24, 25]), (1, [24, 25, 26])])
def test_one_score_a_bank_leaves_in_a_cycle(psum_banks, leave):
    # scores of rows 0, 1, 2 that are done together; the lowest line's goes first
    case = Case([np.eye(3)], lines=3, forward=0, psum_banks=psum_banks)
    seen = case.run(case.feed() | {"vector": [(20, 0), (20, 1), (20, 2)]})
    assert seen.pushes["score"] == [(at, n, n) for n, at in enumerate(leave)]


def test_a_vector_longer_than_its_banks_port_takes_the_bank_for_more_cycles():
    # rows 0, 1 and 3, one bank, 3 cycles an entry: sent in 22, in 22 + words, and so on; used from the next cycle on
    def leaves(banks, width):
        case = Case(COLUMN, banks=banks, bank_bytes=width)
        return case.run(case.feed(scores_at=20)).cycles("score")

    assert [leaves(1, width) for width in (10, 4, 2)] == [[26, 29, 32], [26, 29, 32], [26, 31, 36]]
    assert leaves(4, 2) == [26, 29, 32]  # each in its own bank


@pytest.mark.parametrize(("banks", "head", "sent"), [(4, 0, 23), (4, 1, 23), (4, 3, 22), (1, 0, 24), (2, 1, 23)])
def test_what_the_decoder_brings_takes_a_bank_for_each_head(banks, head, sent):
    # token 0 of Q comes in 22, when the first Q is asked for: two heads' vectors, to banks 0 and 1; head h asks bank h
    keep = np.zeros((4, 1, 1))
    keep[head] = 1
    case = Case(keep, banks=banks, bank_bytes=64)
    case.memory["passes"]["heads"] = 2
    seen = case.run(case.feed(operands=[(0, 0, K, 1), (0, 0, Q, 1), (21, 0, Q, 1)], scores_at=20))
    assert seen.cycles("score") == [sent + 1 + 3]


def test_a_key_that_is_written_holds_up_the_column_that_takes_it():
    # two keys of two heads in one bank, 3 words each: written until 13; taken up in 13 and, read, in 16
    case = Case([[[1, 1]], [[0, 0]]], lines=2, banks=1, bank_bytes=4)
    seen = case.run(case.feed(operands=[(0, 0, Q, 1), (0, 0, K, 1), (1, 0, K, 2)]))
    assert [at - 2 - 3 for at in seen.cycles("score")] == [13, 16]


def test_loads_of_values_have_a_word_of_one_bank_every_other_cycle():
    # a segment of 5 columns in turn, 2 cycles each, of one bank: asked for in 102, 104, ...; even cycles are the loads'
    def cycles(said, **sizes):
        case = Case(np.ones((1, 1, 5)), v_banks=1, **sizes)
        return case.run(case.feed(values_at=100) | {"filling": said}).cycles("partial")

    assert cycles([(50, 1)]) == [103 + 1 + 10]
    assert cycles([(50, 1)], v_port_bytes=2) == [103 + 4 * 6 + 1 + 2]  # three words, and three of the loads'
    assert cycles([(50, 1), (60, 0)]) == [102 + 1 + 10]


def test_the_buffer_of_values_is_told_what_is_read_of_it_while_values_are_worked_on():
    case = Case([[[1, 0], [1, 1]]], bank_bytes=32, v_banks=2, v_port_bytes=48)
    seen = case.run(case.feed(values_at=100))
    assert seen.pushes["reading"] == [(101, 64), (109, -64)]
    held = case.run(case.feed(values_at=100), accept={"reading": (200, 0)}, depth={"reading": 1})
    assert held.cycles("reading") == [101, 201] and held.cycles("done") == [12, 201]


def test_a_segments_scores_are_read_before_the_next_is_taken_up():
    # segments of 2, 2 and 1 entries: 6, 6 and 3 bytes through 2: taken up in 101, 104, 107
    case = Case(np.ones((1, 1, 5)), lines=3, segment=2, banks=8, psum_port_bytes=2)
    seen = case.run(case.feed(values_at=100))
    assert seen.pushes["reads"] == [(101, 3), (104, 3), (107, 2)]
    assert seen.pushes["partial"] == [(107, 0, 1, 2), (110, 0, 1, 2), (111, 0, 1, 1)]


KEEPS = arrays(bool, st.tuples(st.integers(1, 2), st.integers(1, 7), st.integers(1, 7))).filter(np.any)


@settings(max_examples=25, deadline=None)
@given(
    keep=KEEPS,
    lines=st.integers(1, 5),
    macs=st.sampled_from([1, 3, 16]),
    banks=st.integers(1, 4),
    ports=st.integers(1, 3),
    segment=st.integers(1, 5),
    gap=st.integers(0, 5),
)
def test_every_score_and_every_segment_leaves_once(keep, lines, macs, banks, ports, segment, gap):
    case = Case(keep, lines=lines, macs=macs, banks=banks, score_ports=ports, segment=segment)
    accept = {"score": (0, gap), "partial": (0, gap)}
    seen = case.run(case.feed(values_at=2000), accept=accept, depth={"score": 2, "partial": 1, "column": 1})
    rows = keep.shape[1]
    wanted = [(head * rows + row, column) for head, row, column in np.argwhere(keep).tolist()]
    assert sorted(s[1:] for s in seen.pushes["score"]) == sorted(wanted)
    entries = {}
    for _, place, _, count in seen.pushes["partial"]:
        entries.setdefault(place, []).append(count)
    for place, count in enumerate(keep.sum(axis=2).reshape(-1).tolist()):
        cut = [segment] * (count // segment) + [count % segment] * (count % segment > 0)
        assert sorted(entries.get(place, []), reverse=True) == cut
    assert seen.counts["mac_ops"] == len(wanted) * (10 + 6)
    assert seen.counts["q_forward_hits"] == len(wanted)
    cycles = seen.cycles("score")
    assert max(np.bincount(cycles)) <= ports
    if gap == 0:  # the whole work cannot be done faster than all lines at once
        assert cycles[-1] - 2 >= -(-len(wanted) // lines) * -(-10 // macs)

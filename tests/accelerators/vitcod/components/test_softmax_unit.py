"""Softmax unit: exponentials as scores come, one reciprocal a row, both exponent modes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.components.softmax_unit import SoftmaxUnit
from accelsim.accelerators.vitcod.tables import DENSE, PASSES, ROWS
from tests.components.harness import exercise, table

EXP, DIVIDE = 4, 16


def softmax(*rows, heads=1, columns=(), **sizes):
    """One pass of `heads` x rows; a row is (dense scores, sparse scores); `columns`: the head of each dense column."""
    entries = [{"dense": d, "sparse": s, "scores": d + s} for d, s in rows]
    memory = {
        "passes": table(PASSES, [{"heads": heads, "rows": len(rows) // heads}]),
        "rows": table(ROWS, entries),
        "dense": table(DENSE, [(head, n) for n, head in enumerate(columns)]),
    }
    sizes = {"lanes": 4, "exp_cycles": EXP, "divide_cycles": DIVIDE} | sizes
    return lambda: SoftmaxUnit("softmax", **memory, **sizes)


GO = [(0, 0, 0, 0, 0)]


def test_a_row_is_ready_an_exponential_and_a_division_after_its_last_score():
    # row 0: two sparse scores in 10, taken in 11 and 12, as they go to one bank
    # row 1: one of the denser engine, 4 columns, in 20, and a sparse one in 25
    feed = {"command": GO, "score": [(10, 0, 7), (10, 0, 9), (25, 1, 3)], "scores": [(20, 1, 1, 0, 4)]}
    seen = exercise(softmax((0, 2), (4, 1), columns=[0] * 4), feed)
    assert seen.pushes["sparser"] == [(12 + EXP + DIVIDE, 0), (26 + EXP + DIVIDE, 1)]
    assert seen.pushes["denser"] == [(26 + EXP + DIVIDE, 1)]
    assert seen.counts == {
        "exp_ops": 7, "compare_ops": 0, "add_ops": 7, "divide_ops": 2, "score_write_bytes": 3 * 3 + 4 * 2,
        "score_read_bytes": 0, "mask_bits": 4,
    }  # fmt: skip


@pytest.mark.parametrize(("exp", "divide"), [(1, 1), (9, 2), (2, 30)])
def test_the_depths_of_the_pipelines_add_up(exp, divide):
    make = softmax((0, 1), exp_cycles=exp, divide_cycles=divide)
    assert exercise(make, {"command": GO, "score": [(10, 0, 7)]}).cycles("sparser") == [11 + exp + divide]


def test_scores_are_taken_a_lane_each_the_sparser_engines_first():
    # 3 sparse scores and 2 rows x 3 columns of the denser engine arrive at once: 3, as row 0's bank is taken; 4; 2
    feed = {"command": GO, "score": [(5, n, 0) for n in range(3)], "scores": [(5, 0, 2, 0, 3)]}
    seen = exercise(softmax((3, 1), (3, 1), (0, 1), columns=[0] * 3), feed)
    assert seen.pushes["sparser"] == [(6 + EXP + DIVIDE, 2), (7 + EXP + DIVIDE, 0), (8 + EXP + DIVIDE, 1)]


def test_dense_columns_belong_to_the_rows_of_their_head():
    # two heads x two rows; columns of heads 0, 1, 1: rows of head 1 have two dense scores
    feed = {"command": GO, "scores": [(5, 0, 1, 0, 3), (6, 1, 1, 0, 3)]}
    seen = exercise(softmax((1, 0), (1, 0), (2, 0), (2, 0), heads=2, columns=[0, 1, 1]), feed)
    assert seen.pushes["denser"] == [(26, 0), (27, 2), (28, 1), (29, 3)]


def test_one_reciprocal_begins_every_interval():
    feed = {"command": GO, "score": [(5, n, 0) for n in range(4)]}
    assert exercise(softmax(*[(0, 1)] * 4), feed).cycles("sparser") == [26, 27, 28, 29]
    assert exercise(softmax(*[(0, 1)] * 4, divide_interval=5), feed).cycles("sparser") == [26, 31, 36, 41]


def test_with_a_maximum_the_exponentials_begin_when_the_row_is_complete():
    # 6 scores of one bank: taken in 6 to 11; exponentials of 4 lanes are read in 12 and written in 13, of 2 in 14
    feed = {"command": GO, "score": [(5, 0, n) for n in range(6)]}
    seen = exercise(softmax((0, 6), mode="max"), feed, depth={"score": 8})
    assert seen.cycles("sparser") == [14 + EXP + DIVIDE]
    assert seen.counts == {
        "exp_ops": 6,
        "compare_ops": 6,
        "add_ops": 6,
        "divide_ops": 1,
        "score_write_bytes": 6 * 3 + 6 * 2,
        "score_read_bytes": 12,
        "mask_bits": 0,
    }


def test_with_a_maximum_arriving_scores_go_before_exponentials():
    # row 0 is complete in 6; rows 1 to 4 keep all 4 lanes busy in 7; exponentials: of rows 0 to 3 in 8, of row 4 in 9,
    # whose reciprocals begin one a cycle
    feed = {"command": GO, "score": [(5, 0, 0)] + [(6, n, 0) for n in range(1, 5)]}
    seen = exercise(softmax(*[(0, 1)] * 5, mode="max"), feed, depth={"score": 16})
    assert seen.cycles("sparser") == [8 + EXP + DIVIDE + n for n in range(5)]


@pytest.mark.parametrize("port", ["denser", "sparser"])
def test_a_row_is_handed_on_when_both_engines_have_room(port):
    feed = {"command": GO, "score": [(5, 0, 0), (5, 1, 0)], "scores": [(5, 0, 2, 0, 1)]}
    seen = exercise(softmax((1, 1), (1, 1), columns=[0]), feed, accept={port: (80, 0)}, depth={port: 1})
    assert seen.cycles("denser") == seen.cycles("sparser") == [27, 81]  # the dense scores of both are taken in 7
    assert seen.status["blocked"] == 81 - 28


@pytest.mark.parametrize(("psum_banks", "at"), [(8, 8), (16, 7), (32, 6)])
def test_a_bank_takes_one_sparse_score_a_cycle(psum_banks, at):
    # of rows 0, 8 and 16, of which only the last is complete with it
    feed = {"command": GO, "score": [(5, 0, 0), (5, 8, 0), (5, 16, 0)]}
    seen = exercise(softmax(*[(0, 2)] * 16, (0, 1), psum_banks=psum_banks), feed, cycles=60)
    assert seen.pushes["sparser"] == [(at + EXP + DIVIDE, 16)]


@pytest.mark.parametrize(("psum_port_bytes", "words"), [(8, 1), (4, 2), (2, 4)])
def test_dense_scores_of_a_row_go_to_its_bank_a_word_a_cycle(psum_port_bytes, words):
    feed = {"command": GO, "scores": [(5, 0, 1, 0, 4)]}
    seen = exercise(softmax((4, 0), columns=[0] * 4, psum_port_bytes=psum_port_bytes), feed)
    assert seen.cycles("denser") == [5 + words + EXP + DIVIDE]


def test_what_others_take_of_the_memory_is_waited_for():
    # 3 cycles from 6 on, and 4 more told in 7: scores are taken from 13 on
    feed = {"command": GO, "score": [(5, 0, 7)], "accesses": [(5, 3), (6, 4)]}
    assert exercise(softmax((0, 1)), feed).cycles("sparser") == [13 + EXP + DIVIDE]
    feed = {"command": GO, "scores": [(5, 0, 1, 0, 2)], "accesses": [(5, 3)]}
    assert exercise(softmax((2, 0), columns=[0, 0]), feed).cycles("denser") == [9 + EXP + DIVIDE]


def test_exponentials_that_wait_to_be_written_keep_their_bank():
    # with a maximum: row 0's score in 6, its exponential read in 7; its write of 8 and row 8's score wait for others
    feed = {"command": GO, "score": [(5, 0, 7), (7, 8, 7)], "accesses": [(7, 3)]}
    rows = [(0, 1)] + [(0, 2)] * 7 + [(0, 1)]
    seen = exercise(softmax(*rows, mode="max"), feed, cycles=80)
    # row 8's in 12, its exponential in 13
    assert seen.pushes["sparser"] == [(7 + EXP + DIVIDE, 0), (13 + EXP + DIVIDE, 8)]


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 5)).filter(any), min_size=1, max_size=6),
    dense=st.integers(1, 5),
    seed=st.randoms(use_true_random=False),
    gap=st.integers(0, 9),
    mode=st.sampled_from(["bounded", "max"]),
    interval=st.integers(1, 7),
)
def test_every_row_is_handed_on_once(rows, dense, seed, gap, mode, interval):
    has = [(dense * any_dense, sparse) for any_dense, sparse in rows]
    scores = [n for n, (_, sparse) in enumerate(has) for _ in range(sparse)]
    seed.shuffle(scores)
    feed = {
        "command": GO,
        "score": [(2 * n, place, 0) for n, place in enumerate(scores)],
        "scores": [(n, n, 1, 0, dense) for n, (d, _) in enumerate(has) if d],
    }
    make = softmax(*has, columns=[0] * dense, mode=mode, divide_interval=interval)
    seen = exercise(make, feed, accept={"sparser": (0, gap)}, depth={"sparser": 1, "scores": 1})
    assert sorted(p[1] for p in seen.pushes["denser"]) == [n for n, (d, _) in enumerate(has) if d]
    assert sorted(p[1] for p in seen.pushes["sparser"]) == [n for n, (_, s) in enumerate(has) if s]
    whole = sum(d + s for d, s in has)
    assert seen.counts["exp_ops"] == seen.counts["add_ops"] == whole and seen.counts["divide_ops"] == len(has)
    last = dict.fromkeys(range(len(has)), 0)
    for at, place, _ in seen.pushes["score"]:
        last[place] = max(last[place], at + 1)
    for port in ("denser", "sparser"):
        assert all(at >= last[place] + EXP + DIVIDE for at, place in seen.pushes[port])

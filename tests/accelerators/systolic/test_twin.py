"""The register twin: the closed forms of the systolic array hold, and cannot be shorter."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.systolic.twin import LOST, Operands, multiply, run
from accelsim.dataflows.products.folds import Array, Fold

SIDES = ((1, 1), (1, 3), (3, 1), (3, 2), (2, 4))
MODES = ({}, {"row_skip": True}, {"overlap": "shadow"})


def interval_of(array: Array, gemm: tuple[int, int, int]) -> int | None:
    if array.overlap == "none":
        return None
    return max(array.mapped(*gemm)[2], array.rows + (array.load_delay if array.stationary else 0))


def matrices(m: int, n: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng([seed, m, n, k])
    return draw.integers(-128, 128, (m, k), np.int8), draw.integers(-128, 128, (k, n), np.int8)


def agrees(array: Array, gemm: tuple[int, int, int]) -> None:
    a, b = matrices(*gemm)
    c, cycles = multiply(array, a, b, interval_of(array, gemm))
    assert c.dtype == np.int32 and np.array_equal(c, a.astype(np.int32) @ b.astype(np.int32)), (array, gemm)
    assert cycles == array.gemm_cycles(*gemm), (array, gemm)


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
@pytest.mark.parametrize("mode", MODES, ids=("none", "row_skip", "shadow"))
def test_the_registers_compute_the_product_in_the_cycles_of_the_closed_form(dataflow, mode):
    for rows, columns in SIDES:
        around = sorted({1, rows - 1, rows, rows + 1, 2 * rows + 1} - {0})
        others = itertools.product(around, (1, columns + 1), sorted({1, max(1, rows - 1), 2 * rows + 1}))
        for gemm in itertools.product(around, repeat=3) if (rows, columns) == (3, 2) else others:
            agrees(Array(rows, columns, dataflow, **mode), gemm)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 6), columns=st.integers(1, 6), gemm=st.tuples(*[st.integers(1, 13)] * 3),
    dataflow=st.sampled_from(("os", "ws", "is")), hop=st.integers(1, 3), mode=st.sampled_from(MODES),
)  # fmt: skip
def test_any_gemm_on_any_small_array(rows, columns, gemm, dataflow, hop, mode):
    agrees(Array(rows, columns, dataflow, psum_hop=hop, **mode), gemm)


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
@pytest.mark.parametrize("hop", [1, 2])
@pytest.mark.parametrize("stream", [1, 2, 3, 4, 5, 7, 9])
def test_overlapping_folds_cannot_follow_any_closer(dataflow, hop, stream):
    # two full folds along the columns: T below, at and above the rows
    array = Array(4, 3, dataflow, overlap="shadow", psum_hop=hop)
    gemm = {"os": (4, 6, stream), "ws": (stream, 6, 4), "is": (6, stream, 4)}[dataflow]
    a, b = matrices(*gemm, seed=1)
    right = a.astype(np.int32) @ b.astype(np.int32)
    close = interval_of(array, gemm)
    assert np.array_equal(multiply(array, a, b, close)[0], right)
    assert not np.array_equal(multiply(array, a, b, close - 1)[0], right)


def test_a_longer_hop_of_partial_sums_holds_up_the_next_operand_as_well():
    # the shadow registers empty a row in two cycles; an operand that comes a row a cycle must not overtake that
    gemm = (2, 6, 4)
    for hop, least in ((1, 4), (2, 7), (3, 10)):
        array = Array(4, 3, "ws", overlap="shadow", psum_hop=hop)
        assert array.gemm_cycles(*gemm) == least + 2 + 4 + 3 * hop + 2
        agrees(array, gemm)


def test_scale_sim_s_drain_is_shorter_than_the_registers_by_the_rows():
    for rows, columns in SIDES:
        a, b = matrices(rows, columns, 5)
        _, cycles = multiply(Array(rows, columns, "os"), a, b)
        short = Array(rows, columns, "os", timing="scalesim").gemm_cycles(rows, columns, 5)
        assert cycles == short + rows - 1


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    streams=st.lists(st.integers(1, 9), min_size=2, max_size=5),
    dataflow=st.sampled_from(("os", "ws", "is")),
    hop=st.integers(1, 2),
)
def test_folds_of_several_gemms_overlap_as_those_of_one(rows, columns, streams, dataflow, hop):
    array = Array(rows, columns, dataflow, overlap="shadow", psum_hop=hop)
    draw = np.random.default_rng(streams)
    top = [(rows if array.stationary else t, columns) for t in streams]
    folds = [Operands(draw.integers(-9, 9, (t, rows)), draw.integers(-9, 9, shape)) for t, shape in zip(streams, top)]
    starts, before = [], None
    for n, stream in enumerate(streams):
        if n == 0:
            starts.append(0)
        elif array.stationary:
            starts.append(starts[-1] + max(before, rows + array.load_delay))
        else:
            starts.append(starts[-1] + before + max(0, rows - stream))
        before = stream
    outcomes, cycles = run(array, folds, starts)
    for fold, outcome in zip(folds, outcomes):
        assert np.array_equal(outcome, fold.left @ fold.top if array.stationary else fold.left.T @ fold.top)
    assert cycles == array.cycles(Fold(rows, columns, stream) for stream in streams)
    assert not any((outcome == LOST).any() for outcome in outcomes)

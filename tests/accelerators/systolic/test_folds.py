"""Closed forms of the systolic array against SCALE-Sim's own runs, and against each other."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.dataflows.products.folds import Array, Fold

DEIT_T = [
    (197, 576, 192), *[(197, 197, 64)] * 3, *[(197, 64, 197)] * 3, (197, 192, 192), (197, 768, 192), (197, 192, 768),
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(reference) -> list[dict]:
    with (reference / "systolic" / "gemms.csv").open() as file:
        return list(csv.DictReader(file))


def the_array(run: dict) -> tuple[Array, tuple[int, int, int]]:
    array = Array(int(run["rows"]), int(run["cols"]), run["dataflow"], timing="scalesim")
    return array, (int(run["M"]), int(run["N"]), int(run["K"]))


def test_every_run_of_scale_sim_takes_its_compute_cycles(runs):
    assert len(runs) == 507
    for run in runs:
        array, gemm = the_array(run)
        assert array.gemm_cycles(*gemm) == int(run["demand_lines"]), run
        # it reports the index of the last line, not the number of lines
        if run["run"] == "full":
            assert int(run["total_cycles"]) == array.gemm_cycles(*gemm) - 1 + int(run["stall_cycles"])


def test_every_run_of_scale_sim_moves_its_words(runs):
    for run in runs:
        array, gemm = the_array(run)
        traffic, (row_folds, column_folds) = array.traffic(*gemm), array.fold_counts(*gemm)
        assert traffic.a_reads == int(run["ifmap_sram_reads"]), run
        assert traffic.b_reads == int(run["filter_sram_reads"]), run
        # output-stationary, it counts rows + columns writes a fold that nothing writes
        unreal = row_folds * column_folds * (array.rows + array.columns) if array.dataflow == "os" else 0
        assert traffic.c_writes + unreal == int(run["ofmap_sram_writes"]), run


def test_every_run_of_scale_sim_has_its_shares(runs):
    for run in runs:
        array, (m, n, k) = the_array(run)
        assert 100 * array.mapping_efficiency(m, n, k) == pytest.approx(float(run["mapping_eff"]), rel=1e-9)
        cycles, (row_folds, column_folds) = array.gemm_cycles(m, n, k), array.fold_counts(m, n, k)
        pes, macs = array.rows * array.columns, m * n * k
        # weight- and input-stationary, it divides by columns - 1 cycles a fold too many
        wrong = 0 if array.dataflow == "os" else row_folds * column_folds * (array.columns - 1)
        assert 100 * macs / (pes * (cycles + wrong)) == pytest.approx(float(run["compute_util"]), rel=1e-9)
        if run["run"] == "full":
            assert 100 * macs / (pes * int(run["total_cycles"])) == pytest.approx(float(run["overall_util"]), rel=1e-9)


@pytest.mark.parametrize(
    ("rows", "columns", "scalesim", "shadow"),
    [
        (64, 8, (4_169_952, 4_111_020, 3_928_500), (3_127_512, 2_462_820, 2_497_380)),
        (32, 16, (3_345_048, 3_385_800, 3_390_192), (2_739_912, 2_434_824, 2_559_960)),
        (16, 32, (3_131_856, 3_188_808, 3_433_752), (2_557_920, 2_432_904, 2_738_112)),
        (8, 64, (3_363_300, 3_415_500, 4_111_200), (2_490_540, 2_456_100, 3_120_912)),
    ],
)
def test_the_twelve_blocks_of_deit_tiny(rows, columns, scalesim, shadow):
    def blocks(dataflow: str, **options) -> int:
        array = Array(rows, columns, dataflow, **options)
        return 12 * sum(array.gemm_cycles(*gemm) for gemm in DEIT_T)

    assert tuple(blocks(d, timing="scalesim") for d in ("os", "ws", "is")) == scalesim
    assert tuple(blocks(d, overlap="shadow") for d in ("os", "ws", "is")) == shadow


def test_the_attention_of_deit_tiny_on_64_x_8():
    # SCALE-Sim reports a cycle less for each of the six GEMMs
    array = Array(64, 8, "os", timing="scalesim")
    assert 3 * (array.gemm_cycles(197, 197, 64) + array.gemm_cycles(197, 64, 197)) - 6 == 65_826


def test_folds_are_cut_with_column_folds_outermost():
    assert list(Array(4, 3, "ws").folds(7, 5, 6)) == [Fold(4, 3, 7), Fold(2, 3, 7), Fold(4, 2, 7), Fold(2, 2, 7)]
    assert list(Array(4, 3, "is").folds(5, 7, 6)) == [Fold(4, 3, 7), Fold(2, 3, 7), Fold(4, 2, 7), Fold(2, 2, 7)]
    assert list(Array(4, 3, "os").folds(6, 5, 7)) == [Fold(4, 3, 7), Fold(2, 3, 7), Fold(4, 2, 7), Fold(2, 2, 7)]


def test_an_edge_that_is_too_narrow_stretches_beats_and_loads():
    # 5 bytes a beat from the left over 2 bytes a cycle: 3 cycles; 4 from the top over 3: 2 cycles
    assert Array(5, 4, "os", left_bytes=2, top_bytes=3).fold_cycles(Fold(5, 4, 10)) == 10 * 3 + 8 + 3
    assert Array(5, 4, "os", left_bytes=5, top_bytes=3).fold_cycles(Fold(5, 4, 10)) == 10 * 2 + 8 + 3
    assert Array(5, 4, "ws", left_bytes=2, top_bytes=3).fold_cycles(Fold(5, 4, 10)) == 5 * 2 + 10 * 3 + 4 + 3
    # the two empty rows of a fold of three bring no bytes
    assert Array(5, 4, "ws", left_bytes=2, top_bytes=3).fold_cycles(Fold(3, 4, 10)) == 2 + 3 * 2 + 10 * 2 + 4 + 3
    skips = Array(5, 4, "ws", row_skip=True, top_bytes=3)
    assert skips.fold_cycles(Fold(3, 4, 10)) == 3 * 2 + 10 + 2 + 3


@given(
    rows=st.integers(1, 9), columns=st.integers(1, 9), gemm=st.tuples(*[st.integers(1, 40)] * 3),
    dataflow=st.sampled_from(("os", "ws", "is")), hop=st.integers(1, 3), edges=st.tuples(*[st.integers(1, 9)] * 2),
    mode=st.sampled_from(({}, {"row_skip": True}, {"overlap": "shadow"}, {"timing": "scalesim"})),
)  # fmt: skip
def test_a_gemm_takes_what_its_folds_take(rows, columns, gemm, dataflow, hop, edges, mode):
    hop = 1 if "timing" in mode else hop
    for left, top in (edges, (9, 9)):
        array = Array(rows, columns, dataflow, psum_hop=hop, left_bytes=left, top_bytes=top, **mode)
        folds = list(array.folds(*gemm))
        row_folds, column_folds = array.fold_counts(*gemm)
        assert len(folds) == row_folds * column_folds
        assert sum(f.rows * f.columns * f.stream for f in folds) == gemm[0] * gemm[1] * gemm[2]
        assert array.gemm_cycles(*gemm) == array.cycles(folds)


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    dataflow=st.sampled_from(("os", "ws", "is")),
    stream=st.integers(1, 30),
    hop=st.integers(1, 3),
)
def test_one_fold_takes_the_same_with_and_without_shadow_registers(rows, columns, dataflow, stream, hop):
    none, shadow = (Array(rows, columns, dataflow, overlap=o, psum_hop=hop) for o in ("none", "shadow"))
    fold = [Fold(rows, columns, stream)]
    assert none.cycles(fold) == shadow.cycles(fold) == none.fold_cycles(fold[0])
    assert shadow.cycles(fold * 3) <= none.cycles(fold * 3)


def test_nothing_takes_no_cycles_and_no_inner_dimension_is_refused():
    for dataflow in ("os", "ws", "is"):
        array = Array(4, 3, dataflow)
        assert array.gemm_cycles(0, 5, 6) == array.gemm_cycles(5, 0, 6) == 0
        assert list(array.folds(0, 5, 6)) == list(array.folds(5, 0, 6)) == []
        assert array.traffic(0, 5, 6).c_writes == 0 and array.mapping_efficiency(0, 5, 6) == 0
        with pytest.raises(InputError, match=r"5 x 4 outputs needs an inner dimension of at least 1, not 0"):
            array.gemm_cycles(5, 4, 0)


def test_combinations_that_no_hardware_has_are_refused():
    with pytest.raises(InputError, match="expected one of os, ws, is, not 'rs'"):
        Array(4, 4, "rs")
    for mode in ({"overlap": "shadow"}, {"psum_hop": 2}, {"row_skip": True}):
        with pytest.raises(InputError, match="scalesim is one fold after another"):
            Array(4, 4, "ws", timing="scalesim", **mode)
    with pytest.raises(InputError, match="row_skip: true needs overlap: none"):
        Array(4, 4, "ws", overlap="shadow", row_skip=True)

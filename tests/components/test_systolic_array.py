"""Systolic array: folds and their parts, what overlaps, what leaves when, what is counted."""

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accelsim.accelerators.systolic.tables import FREES
from accelsim.components.systolic_array import PART, SystolicArray
from accelsim.core import InputError
from accelsim.dataflows.products.folds import Array, Fold
from tests.components.harness import exercise, table

DATAFLOWS = ("os", "ws", "is")


def array(*frees, **options):
    memory = table(FREES, frees or [(0, 0, 0, 0)] * 5000)
    return lambda: SystolicArray("array", frees=memory, **options)


def part(at, rows, columns, stream, first=1, last=1, adds=0, to=1, passes=1, row=0, constants=0, added=0):
    item = {"rows": rows, "columns": columns, "stream": stream, "first": first, "last": last, "adds": adds}
    item |= {"to": to, "passes": passes, "row": row, "constants": constants, "added": added}
    return (at, *(item[name] for name in PART))


def gemm_parts(model: Array, m: int, n: int, k: int, at=0) -> list[tuple]:
    """A GEMM fold by fold: the last row fold's outputs leave, those before are partial sums (ws, is)."""
    row_folds, _ = model.fold_counts(m, n, k)
    return [
        part(
            at,
            *fold,
            adds=int(model.stationary and i % row_folds > 0),
            to=int(not model.stationary or (i + 1) % row_folds == 0),
        )
        for i, fold in enumerate(model.folds(m, n, k))
    ]


def both(rows, columns, dataflow, **options):
    """The closed forms and the component of one array."""
    options = {"row_skip": False} | options
    model = Array(rows, columns, dataflow, **options)
    skip = {"row_skip": "true" if options["row_skip"] else "false"}
    return model, array(rows=rows, columns=columns, dataflow=dataflow, **options | skip)


@pytest.mark.parametrize(
    ("dataflow", "cycles"), [("os", 10 + 2 * 3 + 2), ("ws", 4 + 10 + 3 + 2), ("is", 4 + 10 + 3 + 2)]
)
def test_a_fold_loads_streams_and_drains(dataflow, cycles):
    # taken in 10 on 4 x 3 PEs; operands are free with the last beat, the outputs leave with the last of them
    unit = array((11, 12, 13, 14), rows=4, columns=3, dataflow=dataflow)
    seen = exercise(unit, {"command": [part(9, 4, 2, 10, passes=3)]})
    outputs = 4 * 2 if dataflow == "os" else 10 * 2
    assert seen.pushes["out"] == [(10 + cycles, outputs, 3)]
    assert seen.pushes["done"] == [(10 + cycles, 1)]
    streamed = 10 + 10 + (0 if dataflow == "os" else 4)
    assert seen.pushes["release_weight"] == [(streamed, 11, 12)]
    assert seen.pushes["release_act"] == [(streamed, 13, 14)]
    assert seen.status["busy"] == seen.counts["fold_cycles"] == cycles


@pytest.mark.parametrize(
    ("dataflow", "given", "stream"),
    [
        # 4 x 2 of 4 x 3 PEs, 10 long; edges of 6 and 4 bytes a cycle leave 2 and (os) 2 of each cycle, 20 of the stream
        ("os", {"added": 2}, 10), ("os", {"added": 3}, -(-(40 + 24) // 6)),
        ("os", {"constants": 10}, 10), ("os", {"constants": 11}, 11),
        ("ws", {"added": 1}, 10), ("ws", {"added": 2}, -(-(40 + 40) // 6)), ("ws", {"constants": 21}, 11),
        ("is", {"constants": 2}, 10), ("is", {"constants": 3}, -(-(40 + 30) // 6)), ("is", {"added": 4}, 20),
    ],
)  # fmt: skip
def test_what_outputs_leave_with_takes_what_the_stream_leaves_of_a_port(dataflow, given, stream):
    model, unit = both(4, 3, dataflow, left_bytes=6, top_bytes=4)
    seen = exercise(unit, {"command": [part(9, 4, 2, 10, **given)]})
    begin = 10 + (dataflow != "os") * 4
    assert seen.cycles("release_act") == [begin + stream]
    assert seen.counts["edge_stall_cycles"] == stream - 10 and seen.counts["fold_cycles"] == model.fold_cycles(
        (4, 2, 10)
    )
    high, wide = {"os": (4, 2), "ws": (10, 2), "is": (2, 10)}[dataflow]
    more = wide * given.get("constants", 0), high * wide * given.get("added", 0)
    assert model.streaming(Fold(4, 2, 10), *more) == stream


@pytest.mark.parametrize(
    ("dataflow", "rows", "edges", "load", "stream"),
    # 4 rows x 9 elements in words of 4 through 4 bytes; 4 columns x 5 elements in words of 4 through 4, 5 x 9 through 8
    [("os", 4, (4, 64), 0, 12), ("os", 4, (64, 4), 0, 12), ("is", 5, (8, 4), 8, 9), ("ws", 5, (8, 4), 8, 9)],
)
def test_words_of_the_transposing_stage_are_read_whole(dataflow, rows, edges, load, stream):
    model, unit = both(rows, 4, dataflow, left_bytes=edges[0], top_bytes=edges[1], left_word=4, top_word=4)
    seen = exercise(unit, {"command": [part(9, rows, 4, 9)]})
    assert (model.load(rows, 4), model.streaming(Fold(rows, 4, 9))) == (load, stream)
    assert seen.cycles("release_act") == [10 + load + stream]


def test_the_next_operand_is_loaded_when_the_port_is_free():
    # shadow: the second fold's operand waits for 10 x 2 bytes of residual at the top, 1 a cycle, and takes 4 x 2 itself
    _, unit = both(4, 3, "is", overlap="shadow", left_bytes=6, top_bytes=1)
    plain, late = (
        exercise(unit, {"command": [part(9, 4, 2, 10, added=added), part(9, 4, 2, 10)]}).cycles("release_act")
        for added in (0, 1)
    )
    assert plain == [28, 38] and late == [38, 38 + 8 + 10]


def test_scores_leave_as_blocks_of_rows_and_columns():
    for dataflow, shape in (("os", (4, 3)), ("ws", (9, 3)), ("is", (3, 9))):
        unit = array(rows=4, columns=3, dataflow=dataflow)
        seen = exercise(unit, {"command": [part(0, 4, 3, 9, to=2, row=40)]})
        assert [item[1:] for item in seen.pushes["scores"]] == [(40, *shape)] and not seen.pushes["out"]


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("mode", [{}, {"row_skip": True}, {"overlap": "shadow"}, {"timing": "scalesim"}], ids=str)
def test_gemms_in_a_row_take_the_cycles_of_the_closed_form(dataflow, mode):
    for rows, columns in ((1, 1), (1, 3), (3, 1), (3, 2)):
        around = sorted({1, rows - 1, rows, rows + 1, 2 * rows + 1} - {0})
        gemms = list(itertools.product(around, repeat=3)) if rows > 1 else [(2, 7, 3), (1, 1, 1), (3, 3, 4)]
        model, unit = both(rows, columns, dataflow, **mode)
        folds = [list(model.folds(*gemm)) for gemm in gemms]
        seen = exercise(unit, {"command": [item for gemm in gemms for item in gemm_parts(model, *gemm)]})
        ends = list(itertools.accumulate(map(len, folds)))
        in_a_row = [fold for some in folds for fold in some]
        for end in (ends[0], ends[len(ends) // 2], ends[-1]):
            assert seen.cycles("done")[end - 1] == 1 + model.cycles(in_a_row[:end])
        assert seen.counts["mac_ops"] == sum(m * n * k for m, n, k in gemms)
        assert sum(item[1] for item in seen.pushes["out"]) == sum(m * n for m, n, _ in gemms)
        alone = sum(model.gemm_cycles(*gemm) for gemm in gemms)
        if model.overlap == "none":
            assert seen.status["busy"] == seen.counts["fold_cycles"] == alone
        else:
            assert seen.counts["fold_cycles"] == sum(model.fold_cycles(fold) for fold in in_a_row)
            assert seen.status["busy"] <= alone


@pytest.mark.parametrize(
    ("dataflow", "scalesim", "shadow"),
    [("os", 3_345_048, 2_739_912), ("ws", 3_385_800, 2_434_824), ("is", 3_390_192, 2_559_960)],
)
def test_a_block_of_deit_tiny_on_32_x_16(dataflow, scalesim, shadow):
    heads = [(197, 197, 64)] * 3 + [(197, 64, 197)] * 3
    gemms = [(197, 576, 192), *heads, (197, 192, 192), (197, 768, 192), (197, 192, 768)]
    model, unit = both(32, 16, dataflow, timing="scalesim")
    seen = exercise(unit, {"command": [item for gemm in gemms for item in gemm_parts(model, *gemm)]})
    assert 12 * seen.status["busy"] == 12 * seen.counts["fold_cycles"] == scalesim
    model, unit = both(32, 16, dataflow, overlap="shadow")
    together = 0
    for gemm in dict.fromkeys(gemms):
        seen = exercise(unit, {"command": gemm_parts(model, *gemm)})
        together += gemms.count(gemm) * seen.status["busy"]
        assert seen.status["busy"] == seen.cycles("done")[-1] - 1
    assert 12 * together == shadow


@settings(max_examples=25, deadline=None)
@given(
    sides=st.tuples(*[st.integers(1, 6)] * 2), dataflow=st.sampled_from(DATAFLOWS), hop=st.integers(1, 3),
    folds=st.lists(st.tuples(*[st.integers(1, 6)] * 2, st.integers(1, 20)), min_size=1, max_size=8),
    mode=st.sampled_from(({}, {"row_skip": True}, {"overlap": "shadow"})), edges=st.tuples(*[st.integers(1, 6)] * 2),
    words=st.tuples(*[st.integers(1, 8)] * 2),
)  # fmt: skip
@example((2, 1), "ws", 3, [(1, 1, 1), (1, 1, 1)], {"row_skip": True}, (1, 1), (1, 1))
def test_any_folds_in_a_row(sides, dataflow, hop, folds, mode, edges, words):
    rows, columns = sides
    ports = {"left_bytes": edges[0], "top_bytes": edges[1], "left_word": words[0], "top_word": words[1]}
    model, unit = both(rows, columns, dataflow, psum_hop=hop, **ports, **mode)
    folds = [Fold(min(high, rows), min(wide, columns), stream) for high, wide, stream in folds]
    seen = exercise(unit, {"command": [part(0, *fold) for fold in folds]}, depth={"command": 9})
    assert seen.cycles("done")[-1] == 1 + model.cycles(folds)
    wide = Array(rows, columns, dataflow, psum_hop=hop, **mode)
    assert seen.counts["fold_cycles"] == sum(wide.fold_cycles(f) for f in folds)
    narrow = sum(model.fold_cycles(f) for f in folds)
    assert seen.counts["edge_stall_cycles"] == narrow - seen.counts["fold_cycles"]
    assert seen.counts["stall_cycles"] == 0


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("mode", [{}, {"overlap": "shadow"}, {"timing": "scalesim"}], ids=str)
def test_parts_that_come_in_time_cost_nothing(dataflow, mode):
    # three folds of 9, whole or as 4 + 4 + 1: the load of the next fold looks past the parts of this one
    model, unit = both(4, 3, dataflow, **mode)
    cuts = [part(0, 4, 3, size, first=int(i == 0), last=int(i == 2)) for i, size in enumerate((4, 4, 1))]
    seen = exercise(unit, {"command": cuts * 3}, depth={"command": 10})
    assert seen.cycles("done")[-1] == 1 + model.cycles([Fold(4, 3, 9)] * 3)
    # output-stationary, outputs leave with the fold; else those of each part with the part
    assert len(seen.pushes["out"]) == (3 if dataflow == "os" else 9)
    assert sum(item[1] for item in seen.pushes["out"]) == 3 * 3 * (4 if dataflow == "os" else 9)
    assert seen.counts["fold_cycles"] == 3 * model.fold_cycles(Fold(4, 3, 9)) and seen.counts["stall_cycles"] == 0


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("mode", [{}, {"row_skip": True}, {"overlap": "shadow"}, {"timing": "scalesim"}], ids=str)
def test_a_command_of_many_rows_is_its_folds_one_after_the_other(dataflow, mode):
    # 11 rows on 4: folds of 4, 4 and 3. One after the other they are the same in all but done and release
    model, unit = both(4, 3, dataflow, **mode)
    folds = [4, 4, 3] * 3
    apart = [
        part(0, rows, 3, 9, adds=int(model.stationary and i % 3 > 0), to=2 * (not model.stationary or i % 3 == 2),
             row=4 * (i % 3) if not model.stationary else 0)
        for i, rows in enumerate(folds)
    ]  # fmt: skip
    one = exercise(unit, {"command": [part(0, 11, 3, 9, to=2)] * 3}, depth={"command": 10})
    many = exercise(unit, {"command": apart}, depth={"command": 10})
    assert one.pushes["scores"] == many.pushes["scores"] and one.counts == many.counts
    for port in ("done", "release_act", "release_weight"):
        assert one.pushes[port] == many.pushes[port][2::3]
    assert one.cycles("done")[-1] == 1 + model.cycles([Fold(rows, 3, 9) for rows in folds])


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("overlap", ["none", "shadow"])
def test_a_late_part_stalls_the_fold_and_changes_no_fold_cycles(dataflow, overlap):
    model, unit = both(4, 3, dataflow, overlap=overlap)
    begin = 1 + model.load(4, 3)
    late = begin + 5 + 30  # the first part's stream ends in begin + 5
    parts = [part(0, 4, 3, 5, last=0), part(late - 1, 4, 3, 7, first=0)]
    seen = exercise(unit, {"command": parts})
    assert seen.cycles("done") == [begin + 5 + model.tail(4), late + 7 + model.tail(4)]
    assert seen.counts["stall_cycles"] == 30 and seen.status["starved"] == 30 - model.tail(4)
    assert seen.counts["fold_cycles"] == model.fold_cycles(Fold(4, 3, 12))
    # a cycle earlier is a cycle earlier
    parts[1] = (late - 2, *parts[1][1:])
    assert exercise(unit, {"command": parts}).cycles("done")[1] == late + 7 + model.tail(4) - 1


def test_the_array_stands_still_while_an_output_finds_no_room():
    # three folds of 10 overlapping on 4 x 3: they would leave in 19, 29, 39; the first finds room from 61 on
    unit = array(rows=4, columns=3, dataflow="os", overlap="shadow")
    feed = {"command": [part(0, 4, 3, 10) for _ in range(3)]}
    assert exercise(unit, feed).cycles("out") == [19, 29, 39]
    for port in ("out", "done"):
        seen = exercise(unit, feed, accept={port: (60, 1000)}, depth={port: 1}, cycles=400)
        assert seen.cycles("out") == [19, 61]  # the item of 19 lies in the channel until 60
        assert seen.status["blocked"] == 61 - 29 + 400 - (61 + 10)
    seen = exercise(unit, feed, accept={"release_act": (60, 0)}, depth={"release_act": 1})
    assert seen.cycles("release_act") == [11, 61, 71] and seen.cycles("out") == [19, 69, 79]


def test_what_is_counted():
    # os: 3 of 4 rows, 2 of 3 columns, 5 beats; row 0 drains over 3 hops, row 1 over 2, row 2 over 1
    seen = exercise(array(rows=4, columns=3, dataflow="os"), {"command": [part(0, 3, 2, 5)]})
    assert seen.counts == {
        "mac_ops": 30, "operand_writes": 60, "psum_writes": 30 + 2 * 6, "psum_read_bytes": 0, "psum_write_bytes": 0,
        "left_read_bytes": 15, "top_read_bytes": 10, "fold_cycles": 13, "edge_stall_cycles": 0, "stall_cycles": 0,
    }  # fmt: skip
    # ws: weights of row 0, 1, 2 pass 1, 2, 3 registers; sums pass all 4 rows; the second fold adds to the first
    folds = [part(0, 3, 2, 5, to=0), part(0, 3, 2, 5, adds=1)]
    seen = exercise(array(rows=4, columns=3, dataflow="ws"), {"command": folds})
    assert seen.counts == {
        "mac_ops": 60, "operand_writes": 60 + 2 * 2 * 6, "psum_writes": 2 * 5 * 2 * 4,
        "psum_read_bytes": 4 * 10, "psum_write_bytes": 4 * 10, "left_read_bytes": 30, "top_read_bytes": 12,
        "fold_cycles": 2 * 14, "edge_stall_cycles": 0, "stall_cycles": 0,
    }  # fmt: skip
    assert len(seen.pushes["out"]) == 1 and len(seen.pushes["done"]) == 2


@settings(max_examples=12, deadline=None)
@given(
    dataflow=st.sampled_from(DATAFLOWS),
    overlap=st.sampled_from(("none", "shadow")),
    gap=st.integers(0, 40),
    feed=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 4), st.integers(1, 3), st.integers(1, 9)), max_size=8),
    cuts=st.integers(1, 3),
    ahead=st.integers(1, 4),
    port=st.sampled_from(("out", "release_act", "done")),
)
def test_nothing_is_lost_under_back_pressure(dataflow, overlap, gap, feed, cuts, ahead, port):
    commands, at = [], 0
    for wait, high, wide, stream in feed:
        at += wait
        for i in range(cuts):
            commands.append(part(at + 3 * i, high, wide, stream, first=int(i == 0), last=int(i == cuts - 1)))
    unit = array(rows=4, columns=3, dataflow=dataflow, overlap=overlap, ahead=ahead)
    seen = exercise(unit, {"command": commands}, accept={port: (0, gap)}, depth={port: 1})
    assert len(seen.pushes["done"]) == len(commands)
    assert seen.counts["mac_ops"] == sum(high * wide * stream * cuts for _, high, wide, stream in feed)
    per_fold = [high * wide if dataflow == "os" else stream * cuts * wide for _, high, wide, stream in feed]
    assert sum(item[1] for item in seen.pushes["out"]) == sum(per_fold)


def test_combinations_that_no_hardware_has_are_refused():
    for options in ({"overlap": "shadow"}, {"psum_hop": 2}, {"row_skip": "true"}):
        with pytest.raises(InputError, match=r"array.timing: scalesim is one fold after another"):
            array(timing="scalesim", **options)()
    with pytest.raises(InputError, match=r"array.row_skip: true needs overlap: none"):
        array(overlap="shadow", row_skip="true")()

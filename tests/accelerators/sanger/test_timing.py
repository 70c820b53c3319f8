"""Closed forms of docs/timing.md, on the wires: prediction, packing, passes, rows; nothing is early or late."""

import numpy as np
import pytest

from tests.accelerators.sanger.machines import attention, full, logged, sanger

PIPE = "dram.model=pipe"


def sized(side: int, *others: str):
    """As many rows as ports."""
    size = (f"array.rows={side}", f"array.ports={side}", f"array.pes={side // 4}", f"array.adders={side}")
    return sanger(*size, f"predictor.width={side}", f"predictor.height={side}", PIPE, *others)


def cycles(control: str, side: int, dim: int, value_dim: int) -> tuple[int, int]:
    """(of a pass, until its last value is there)."""
    pes, skew = side // 4, 2 * side - 1
    if control == "wavefront":
        return dim + 1 + max(value_dim, pes), 2 * side - 2
    if control == "per_stage":
        return (dim + side) + 1 + (value_dim + side), side - 1
    return 1 + (dim + skew) + 1 + (value_dim + skew) + pes, 0


@pytest.mark.parametrize("dims", [(1, 1), (8, 64), (64, 8), (64, 64)])
@pytest.mark.parametrize("side", [8, 64])
@pytest.mark.parametrize("control", ["wavefront", "per_stage", "global"])
def test_passes_follow_each_other(control, side, dims):
    log = logged(sized(side, f"control={control}"), attention(full(1, side, side), *dims))
    period, tail = cycles(control, side, *dims)
    passed = log["array.passed"]["at"]
    assert len(passed) == 4 and log["array.passed"]["number"].tolist() == [0, 1, 2, 3]
    begin = log["pack.ready"]["at"][0] + 1
    assert passed.tolist() == [begin + (n + 1) * period + tail for n in range(4)]
    assert log["array.done"]["at"].tolist() == passed[-1:].tolist()
    if (control, side, dims) == ("global", 64, (64, 64)):
        assert period == 400, "as the RTL"


def test_a_value_a_cycle_and_row_needs_an_adder():
    keep = full(1, 8, 8)
    spread = [np.diff(logged(sized(8, f"array.adders={n}"), attention(keep))["array.passed"]["at"]) for n in (8, 4, 3)]
    assert [set(some.tolist()) for some in spread] == [{8 + 1 + 8}, {8 + 1 + 16}, {8 + 1 + 24}]


def test_narrow_ports_of_the_buffers():
    keep, narrow = full(1, 8, 8), ("kv_buffer.banks=1", "kv_buffer.port_bytes=16", "q_buffer.banks=1")
    for port, scores in ((8, 8), (4, 16), (1, 64)):
        log = logged(sized(8, *narrow, f"q_buffer.port_bytes={port}"), attention(keep))
        assert set(np.diff(log["array.passed"]["at"])) == {scores + 1 + 8}


@pytest.mark.parametrize(("side", "dim", "rows", "columns"), [(64, 64, 64, 64), (64, 64, 64, 65), (8, 3, 11, 20)])
def test_prediction_takes_the_cycles_of_its_tiles(side, dim, rows, columns):
    log = logged(sized(side, "predictor.strip_bytes=1 MiB"), attention(full(1, rows, columns, 0.1), dim))
    tile = 1 + (dim + 2 * side - 1) + (side + 1)
    assert side != 64 or tile == 257, "as the RTL"
    begin, strips = log["sequencer.command.predictor"]["at"][0] + 1, -(-rows // side)
    each = -(-columns // side) * tile
    assert log["predictor.strip"]["at"].tolist() == [begin + each * (n + 1) for n in range(strips)]
    assert log["predictor.done"]["at"].tolist() == log["predictor.strip"]["at"][-1:].tolist()


def test_a_smaller_array_predicts_a_strip_in_more_tiles():
    smaller = ("predictor.width=4", "predictor.height=3", "predictor.strip_bytes=1 MiB")
    log = logged(sized(8, *smaller), attention(full(1, 8, 9, 0.1), 5))
    begin = log["sequencer.command.predictor"]["at"][0] + 1
    assert log["predictor.strip"]["at"].tolist() == [begin + 3 * 3 * (1 + 5 + 4 + 3 - 1 + 4 + 1)]


def test_the_strip_buffer_holds_the_next_tile_back():
    """Room for one strip: the next one's first tile begins when the pack unit has taken the first columns."""
    bits = 20 * 8
    log = logged(sized(8, f"predictor.strip_bytes={bits * 16 // 8}"), attention(full(1, 16, 16, 0.1), 5))
    tile = 1 + 5 + 15 + 9
    first, second = log["predictor.strip"]["at"]
    drained = log["pack.drained"]["at"]
    assert second == drained[0] + 1 + 2 * tile > first + 2 * tile


@pytest.mark.parametrize("reading", ["column_tile", "block", "unit"])
def test_the_pack_unit_takes_a_column_a_cycle(reading):
    keep = full(1, 8, 19, 0.4)
    keep[0, 0] = True
    log = logged(sized(8, f"pack={reading}", "pack.subrows_per_cycle=3", "array.packs_ahead=16"), attention(keep))
    at, sizes = log["predictor.strip"]["at"][0] + 1, np.add.reduceat(keep[0], [0, 8, 16], axis=1, dtype=int)
    assert log["pack.drained"]["columns"].tolist() == [8, 8, 3]
    for tile, (columns, found) in enumerate(zip((8, 8, 3), log["pack.drained"]["at"])):
        if reading == "unit":
            used, emits, ready = np.zeros(8, int), 0, []
            for n, column in enumerate(keep[0, :, 8 * tile : 8 * tile + columns].T):
                if (column & (used == 2)).any():
                    used, emits = 0 * used, emits + 1
                    ready.append(at + 1 + n + emits)
                used = used + column
            at += 1 + columns + emits
            ready.append(at)
        else:
            subrows = -(-sizes[:, tile] // 2)
            at += 1 + columns + -(-subrows.sum() // 3)
            ready = []
        assert found == at
        if ready:
            passes = log["pack.ready"]["at"]
            assert [t for t in ready if t not in passes] == []


def test_rows_leave_after_their_last_pass_and_their_reciprocal():
    keep = full(1, 8, 8)
    base = ("merge.divide_cycles=7", "merge.lanes=4")
    for interval in (1, 3):
        log = logged(sized(8, *base, f"merge.divide_interval={interval}"), attention(keep))
        added, left = log["array.passed"]["at"], log["merge.row"]["at"]
        assert len(left) == 8 and set(log["merge.row"]["bytes"]) == {8}
        # a full row has 4 sub-rows, which follow each other: two rows are complete with every pass
        known = [added[n // 2] + 1 + (n % 2) * interval + 7 for n in range(8)]
        at, wanted = 0, []
        for when in known:
            at = max(at, when) + 8 // 4
            wanted.append(at)
        assert left.tolist() == wanted


def test_a_head_without_scores_takes_no_time_in_the_array():
    from accelsim.workload import Attention, Workload

    rng = np.random.default_rng(5)
    q, k, v = rng.integers(-20, 20, (3, 2, 9, 4), np.int8)
    tensors = {"a.q": q, "a.k": k, "a.v": v}
    layer = Attention("a", "a", 2, 9, 9, 4, 4)
    work = Workload("stored", "stored", (layer,), {}, tensors)
    log = logged(sized(8, "mask_source=predict", "threshold=1000000"), work)
    assert len(log["array.passed"]) == 0 and len(log["merge.row"]) == 18
    assert len(log["predictor.strip"]) == 4 and len(log["array.done"]) == 2

"""Fused attention: no scores in DRAM, Q, K, V and O once, any rows of a tile, and the same values."""

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.accelerators.run import run
from accelsim.accelerators.systolic import flat
from accelsim.core import InputError
from accelsim.workload import Attention, Workload
from accelsim.workload.functional import attention, calibrate_bound, random_operands
from tests.accelerators.systolic.machines import data_bytes, finished, systolic

PIPE = "dram.model=pipe"
DATAFLOWS = ("os", "ws", "is")


def one(tokens: int = 50, keys: int = 0, dim: int = 16, heads: int = 2, batch: int = 1) -> Workload:
    """One attention layer."""
    layer = Attention("attention", "b", heads, tokens, keys or tokens, dim, dim)
    return Workload("attention", "attention", (layer,), {}, batch=batch)


def fused(*overrides: str, attention: str = "fused"):
    return systolic(PIPE, f"attention={attention}", *overrides)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("rows", [0, 1, 7, 50])
def test_q_k_v_o_cross_dram_once_and_scores_never(dataflow, rows):
    arch, workload = fused(f"tile_rows={rows}", f"array.dataflow={dataflow}"), one()
    record = run(arch, workload)
    count = record.result.total.counts
    closed = flat.Attention(50, 16, 2)
    assert data_bytes(count) + count["dram"]["write_bytes"] == closed.dram_elements() == 4 * 2 * 50 * 16
    assert count["spill_buffer"]["write_bytes"] == 0 and record.notes["score_dram_bytes"] == "0"
    assert count["array"]["mac_ops"] == workload.layers[0].macs
    assert count["softmax"]["divide_ops"] == 2 * 50
    # the array reads every probability once for each column fold of the values
    strips = 1 if dataflow == "is" else -(-16 // 16)
    assert count["softmax"]["normalise_ops"] == 2 * 50 * 50 * strips


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_unfused_scores_cross_dram_four_times(dataflow):
    record = run(fused(f"array.dataflow={dataflow}", attention="unfused"), one())
    count = record.result.total.counts
    scores = 2 * 50 * 50
    assert count["dram"]["write_bytes"] == 2 * 50 * 16 + scores * (2 + 1)
    assert data_bytes(count) == 3 * 2 * 50 * 16 + scores * (2 + 1)
    assert record.notes["score_dram_bytes"] == str(6 * scores)


def test_a_batch_is_as_many_heads():
    count = run(fused(), one(batch=3)).result.total.counts
    assert data_bytes(count) == 3 * 3 * 2 * 50 * 16
    count = run(fused(attention="unfused"), one(batch=3)).result.total.counts
    assert data_bytes(count) == 3 * (3 * 2 * 50 * 16 + 2 * 50 * 50 * 3)


def test_the_capacity_of_the_score_buffer_decides_the_rows_of_a_tile():
    workload = one(tokens=200, heads=1)
    notes = machine("systolic").notes
    for size, said in (
        (2 * 32 * 400, "32 rows x 2"),
        (2 * 32 * 400 - 2, "32 rows x 1"),
        (2 * 64 * 400, "64 rows x 2"),
        (2 * 200 * 400, "200 rows x 2"),
        (2 * 200 * 400 - 2, "192 rows x 2"),
    ):
        assert notes(fused(f"softmax.score_bytes={size}"), workload)["attention"].endswith(said)
    too_small = fused(f"softmax.score_bytes={32 * 400 - 2}")
    with pytest.raises(InputError, match=r"fused needs 12800 bytes of softmax.score_bytes \(12798\).*at most 31"):
        finished(too_small, workload)
    finished(fused(f"softmax.score_bytes={32 * 400 - 2}", "tile_rows=31"), workload)
    with pytest.raises(InputError, match="holds the keys and values of a head, 6400 bytes"):
        finished(fused("weight_buffer.capacity_bytes=6399"), workload)
    with pytest.raises(InputError, match=r"softmax.banks x softmax.port_bytes is 4; make it at least the 64"):
        fused("softmax.banks=1", "softmax.port_bytes=4")


def test_more_rows_never_move_more_and_two_tiles_are_no_slower_than_one():
    workload = one(tokens=100, dim=32)
    moved, cycles = [], []
    for rows in (1, 10, 32, 64, 100):
        result = finished(fused(f"tile_rows={rows}", "softmax.score_bytes=50000"), workload)[0].result()
        moved.append(result.total.counts["dram"]["read_bytes"])
        cycles.append(result.cycles())
    assert moved == sorted(moved, reverse=True) and cycles[0] == max(cycles)
    serial = finished(fused("tile_rows=32", "softmax.score_bytes=6400"), workload)[0].result().cycles()
    assert finished(fused("tile_rows=32", "softmax.score_bytes=12800"), workload)[0].result().cycles() < serial


def test_fused_is_faster_than_unfused_where_the_array_is_output_stationary():
    workload = one(tokens=197, dim=64, heads=3)
    results = {name: finished(fused(attention=name), workload)[0].result() for name in ("fused", "unfused")}
    assert results["fused"].cycles() < results["unfused"].cycles()


@pytest.mark.parametrize("mode", ["bounded", "max"])
@pytest.mark.parametrize("rows", [1, 7, 32, 50])
def test_tiles_of_complete_rows_give_the_same_values_bit_for_bit(mode, rows):
    # the tiles the array works on, read from what crossed its channel, against all rows at once
    workload = one()
    layer = workload.layers[0]
    sim, _ = finished(fused(f"tile_rows={rows}", f"softmax.mode={mode}"), workload, monitored=True)
    seen = next(log for link, log in sim.result().transfers.items() if "softmax.command" in link)
    tiles = [(int(item["rows"]), int(item["columns"])) for item in seen]
    assert sum(high for high, _ in tiles) == layer.heads * layer.q_tokens and {n for _, n in tiles} == {layer.kv_tokens}
    x = random_operands(workload, layer, 3)
    q, k, v = (x[name] for name in "qkv")
    keep = np.ones((layer.heads, layer.q_tokens, layer.kv_tokens), bool)
    bound = calibrate_bound(q, k, keep, 20000, 15) if mode == "bounded" else None
    whole = attention(q, k, v, keep, 20000, 15, bound, mode)
    row = head = 0
    for high, _ in tiles:
        at = slice(row, row + high)
        one_head = slice(head, head + 1)
        tile = attention(q[one_head, at], k[one_head], v[one_head], keep[one_head, at], 20000, 15, bound, mode)
        assert (tile == whole[one_head, at]).all()
        row += high
        if row == layer.q_tokens:
            row, head = 0, head + 1
    assert head == layer.heads

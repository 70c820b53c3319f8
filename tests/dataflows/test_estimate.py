"""Closed forms of time: by hand for one tile, never longer with more, and what is ranked by them."""

from dataclasses import replace

import pytest

from accelsim.dataflows.estimate import ArrayRates, Estimate, Memory, one_after_another, vector_estimate
from accelsim.dataflows.gemm_choice import choose, cut_of, plan_of_cut
from accelsim.dataflows.gemm_estimate import GemmWork, gemm_estimate
from accelsim.dataflows.gemm_shape import GemmShape
from accelsim.dataflows.mapping import Choice, best
from accelsim.dataflows.tiling import DenseResources, GemmPlan
from accelsim.workload.layers import Norm

MEMORY = Memory(64.0, 20.0, 1024, 32768)
RATES = ArrayRates(
    4, 64, 4, 64, 256, 0, 64, 64, 32, weight_bytes=32768, act_bytes=65536, store_bytes=16384, reduce_cycles=8,
    rsqrt_cycles=16,
)  # fmt: skip
HAVE = DenseResources(
    lines=64, macs=8, weight_bytes=32768, act_bytes=65536, store_bytes=16384, psum_bytes=51200, constants=True,
    vector_rates=RATES.vector,
)  # fmt: skip
SHAPE = GemmShape(100, 192, 192, 100 * 192, constants=8)


def test_one_tile_by_hand():
    plan = GemmPlan("resident", (8,), (64,), (128,), 8, 64, 8 * 128 + 64 * 128)
    found = gemm_estimate(GemmWork(8, 128, 64, 8 * 128), plan, RATES, MEMORY)
    # one step of 128 cycles; 128 words of weights take ceil(256 / 7) = 37; 1 KiB of activations comes before it, the
    # 512 bytes of results leave after it
    assert found.overlapped["MACs"] == found.overlapped["ports"] == 128
    waiting = found.exposed.pop("waiting")  # array, weights and DRAM are equally long here, and 8 bursts bring weights
    assert waiting == pytest.approx(128 * (3 + (8 / 128) ** 6) ** (1 / 6) - 128)
    assert found.exposed == {"fill": 20 + 1024 / 64, "drain": 20 + 512 / 64}
    assert found.overlapped["weights"] == pytest.approx(max(8192 / 64, (20 + 8192 / 64) / 3))
    assert found.cycles == 128 + 36 + 28
    narrow = gemm_estimate(GemmWork(8, 128, 64, 8 * 128), plan, replace(RATES, weight_banks=1), MEMORY)
    assert narrow.overlapped["ports"] == 2 * 128, "ceil(2 x 128 / 1) words through one bank's port"
    assert narrow.binds == "ports"


def test_short_bursts_take_a_latency_of_which_few_are_under_way():
    plan = GemmPlan("resident", (8,), (64,), (128,), 8, 64, 8 * 128 + 64 * 128)
    slow = replace(MEMORY, in_flight_bytes=2 * 1024)  # two bursts under way: one in 10 cycles, 64 bytes or 1,024
    assert (MEMORY.burst_cycles, slow.burst_cycles) == (1, 10)
    found = gemm_estimate(GemmWork(8, 128, 64, 8 * 128, residual=True), plan, RATES, slow)
    # behind 1,024 bytes of activations, which come first, eight tokens' residuals of 64 bytes; eight results leave
    assert found.exposed["fill"] == 20 + 1024 / 64 + 8 * 10 and found.exposed["drain"] == 20 + 7 * 10
    assert found.overlapped["bursts"] == 8 * 10, "the weights'"
    together = gemm_estimate(GemmWork(8, 128, 64, 8 * 128, run=64), plan, RATES, slow)
    assert together.exposed["drain"] == 20 + 512 / 64


def test_lines_move_at_the_rate_of_dram_however_few_bursts_are_under_way():
    plan = GemmPlan("resident", (8,), (64,), (128,), 8, 64, 8 * 128 + 64 * 128)
    few = replace(MEMORY, in_flight_bytes=1024)
    assert few.rate == 1024 / 20 < 64 == few.bytes_per_cycle
    found = gemm_estimate(GemmWork(8, 128, 64, 8 * 128), plan, RATES, few)
    assert found.overlapped["DRAM"] == 8192 / 64 and found.overlapped["bursts"] == 8 * 20


def test_the_program_of_a_tile_comes_of_dram_too():
    plan = GemmPlan("resident", (8,), (32, 32), (64, 64), 8, 64, 0)
    work = GemmWork(8, 128, 64, 8 * 128, residual=True)
    found, told = (gemm_estimate(work, plan, replace(RATES, told=one), MEMORY) for one in (False, True))
    # four instructions of 32 bytes; four loads of weights, one of activations, two of the residual operand, two stores
    assert told.dram_bytes - found.dram_bytes == 4 * 32 + (4 + 1 + 2 + 2) * 16
    assert told.overlapped["DRAM"] - found.overlapped["DRAM"] == (4 * 32 + 9 * 16) / 64


def test_activations_that_stay_come_row_tile_by_row_tile():
    plan = GemmPlan("resident", (8, 8), (64,), (128,), 8, 64, 0)
    work = GemmWork(16, 128, 64, 16 * 128)
    found, whole = gemm_estimate(work, plan, RATES, MEMORY), replace(RATES, double_buffer=False)
    assert found.exposed["fill"] == 20 + 1024 / 64, "of the first tile's 8 rows"
    assert found.overlapped["DRAM"] == (1024 + 8192 + 512) / 64, "the others' come beside the array, as do weights"
    assert gemm_estimate(work, plan, whole, MEMORY).exposed["fill"] == 20 + 2048 / 64


def test_weights_wait_behind_short_runs_of_activations_until_their_buffer_is_full():
    # 8 parts of 64 runs of 16 bytes, which take 1.2 cycles each; 8 steps of 16 cycles use up the weights of a part
    plan = GemmPlan("stream", (64,), (64,), (16,) * 8, 8, 64, 0)
    work, fill, runs = GemmWork(64, 128, 64, 64 * 128), 20 + 63, 1.2 * 8 * 64
    found = gemm_estimate(work, plan, RATES, MEMORY)
    assert found.exposed["fill"] == fill and found.overlapped["ports"] == 8 * 8 * 16
    assert found.exposed["ahead"] == pytest.approx(runs - fill - 4 * 8 * 16), "four parts of weights are there"
    one = replace(RATES, outstanding=1)
    assert gemm_estimate(work, plan, one, MEMORY).exposed["ahead"] == pytest.approx(runs - fill - 8 * 16)
    small = replace(one, act_bytes=2048)  # of 128 runs
    assert "ahead" not in gemm_estimate(work, plan, small, MEMORY).exposed
    more = replace(
        MEMORY, in_flight_bytes=64 * 1024
    )  # 64 bursts under way are all of a part's: weights get their turns
    assert "ahead" not in gemm_estimate(work, plan, one, more).exposed


def test_weights_that_come_while_the_layer_before_works_are_there():
    plan = GemmPlan("resident", (8,), (64,), (32,) * 20, 8, 64, 0)  # parts of 2,048 bytes, of which 16 fit
    work = GemmWork(8, 640, 64, 8 * 640)
    found, early = (gemm_estimate(replace(work, early=e), plan, RATES, MEMORY) for e in (False, True))
    assert early.overlapped["weights"] == pytest.approx(4 / 20 * found.overlapped["weights"])
    whole = GemmPlan("resident", (8,), (64,), (640,), 8, 64, 0)  # more than the buffer holds: it is there all the same
    assert gemm_estimate(replace(work, early=True), whole, RATES, MEMORY).overlapped["weights"] == 0


def test_products_that_follow_each_other_share_the_fill_and_the_drain():
    plan = GemmPlan("resident", (8,), (64,), (128,), 8, 64, 8 * 128 + 64 * 128)
    work = GemmWork(8, 128, 64, 8 * 128, products=4)
    found = gemm_estimate(work, plan, RATES, MEMORY)
    assert (found.exposed["fill"], found.exposed["drain"]) == (36 / 4, 28 / 4)
    alone = gemm_estimate(work, plan, replace(RATES, double_buffer=False), MEMORY)
    assert (alone.exposed["fill"], alone.exposed["drain"]) == (36, 28)


def test_constants_come_with_the_weights_and_take_their_port():
    plan = GemmPlan("resident", (8,), (64,), (2,), 8, 64, 0)
    narrow = replace(RATES, weight_banks=1, weight_port_bytes=64)
    found = gemm_estimate(GemmWork(8, 2, 64, 16, constants=8), plan, narrow, MEMORY)
    assert found.overlapped["ports"] == 2 * (2 + 8), "2 words of weights and 8 of constants through one bank's port"
    assert found.dram_bytes == 64 * (2 + 8) + 8 * 2 + 8 * 64


def test_partial_sums_that_are_put_away_and_fetched_take_their_memory():
    plan = GemmPlan("rows", (8,), (64,), (16, 16, 16), 8, 64, 0)
    slow = replace(RATES, psum_cycle_bytes=64)  # 4 x 8 x 64 bytes take 32 cycles, twice in the middle part
    assert gemm_estimate(GemmWork(8, 48, 64, 8 * 48), plan, slow, MEMORY).overlapped["ports"] == 32 + 64 + 32


def test_a_norm_sweeps_its_rows_and_shows_reductions_once_a_block():
    found = vector_estimate(Norm("n", "b", 64, 128), 1, RATES, MEMORY, each=False)
    # a block of 64 rows: 64 x 128 elements, twice over 64 lanes; two sweeps of 128 words over 4 banks are less
    assert found.overlapped["vector"] == 2 * 64 * 128 // 64 + 8 + 16
    assert found.binds == "vector"


def test_the_last_block_of_a_norm_is_written_and_then_sent():
    found = vector_estimate(Norm("n", "b", 100, 128), 1, RATES, MEMORY, each=False)
    # two blocks of 50 rows, 2 cycles apart; 6,400 bytes go through 128 bytes a cycle, then to DRAM
    assert found.overlapped["vector"] == 2 * (2 * 50 * 128 // 64 + 8 + 16) + 2
    assert found.exposed == {"fill": 20 + 6400 / 64, "drain": 6400 / 128 + 20 + 6400 / 64}
    assert found.overlapped["DRAM"] == (2 * 12800 - 2 * 6400) / 64, "what is exposed is not counted twice"


def test_a_posted_write_is_answered_before_its_bytes_are_in_memory():
    posted = replace(MEMORY, posted=True)
    assert (MEMORY.store(640), posted.store(640)) == (20 + 10, 8 + 10) and posted.fetch(640) == MEMORY.fetch(640)
    slow = replace(posted, in_flight_bytes=1024)  # one burst under way
    assert (slow.burst_cycles, slow.store_cycles, slow.store(64, 3)) == (20, 8, 8 + 2 * 8)


def test_weights_that_a_small_last_tile_does_not_hide_are_waited_for():
    plan, narrow = GemmPlan("rows", (16, 2), (64,), (64, 64, 64), 2, 64, 0), replace(RATES, weight_bytes=8192)
    # of two parts that find room one is used while the other comes, in 20 + 64 cycles; those of 2 rows work for 64
    found = gemm_estimate(GemmWork(18, 192, 64, 18 * 192, early=True), plan, narrow, MEMORY)
    assert found.overlapped["small tiles"] == found.overlapped["ports"] + 2 * (20 + 64 - 64)
    even = gemm_estimate(GemmWork(32, 192, 64, 32 * 192, early=True), replace(plan, row_tiles=(16, 16)), narrow, MEMORY)
    assert "small tiles" not in even.overlapped


def test_what_the_last_tile_gives_back_is_fetched_while_the_layer_behind_works():
    plan, parts = (GemmPlan("resident", (8,), (64,), depths, 8, 64, 0) for depths in ((128,), (64, 64)))
    work = GemmWork(8, 128, 64, 8 * 128, behind=100.0)
    assert gemm_estimate(work, plan, RATES, MEMORY).exposed["weights behind"] == 128 * 64 / 64 - 100
    assert "weights behind" not in gemm_estimate(work, parts, RATES, MEMORY).exposed


def test_what_is_handed_on_takes_a_word_a_segment_of_the_ports_that_are_left():
    work = GemmWork(64, 128, 16, 64 * 128, stored=False, handed=True)
    wide, narrow = (
        gemm_estimate(work, GemmPlan("resident", (64,), (n,) * (16 // n), (128,), 64, n, 0), RATES, MEMORY)
        for n in (16, 8)
    )
    # steps of 64 rows read 128 words of activations in 128 cycles: of 4 ports three are left
    assert wide.overlapped["hand over"] == pytest.approx(wide.overlapped["ports"] + 64 / 3)
    assert narrow.overlapped["hand over"] == pytest.approx(narrow.overlapped["ports"] / 2 + 128 / 3)


@pytest.mark.parametrize("more", ["weight_banks", "act_banks", "psum_cycle_bytes", "vector_lanes", "encoder_macs"])
def test_more_of_a_rate_never_takes_longer(more):
    chosen, _ = choose(SHAPE, False, HAVE, RATES, MEMORY, "cycles")
    faster = gemm_estimate(
        GemmWork(100, 192, 192, 19200, constants=8), chosen.plan,
        replace(RATES, **{more: 4 * getattr(RATES, more)}), MEMORY,
    )  # fmt: skip
    assert faster.cycles <= chosen.estimate.cycles


@pytest.mark.parametrize("more", ["weight_bytes", "act_bytes", "store_bytes", "psum_bytes"])
@pytest.mark.parametrize("times", [2, 16])
def test_more_of_a_buffer_never_makes_the_chosen_cut_slower(more, times):
    before, _ = choose(SHAPE, False, HAVE, RATES, MEMORY, "cycles")
    have = replace(HAVE, **{more: times * getattr(HAVE, more)})
    rates = replace(RATES, **({more: times * getattr(RATES, more)} if more != "psum_bytes" else {}))
    after, _ = choose(SHAPE, False, have, rates, MEMORY, "cycles")
    assert after.estimate.cycles <= 1.01 * before.estimate.cycles


def test_the_objective_decides_and_the_next_best_differ():
    quick, frugal = Estimate({"MACs": 10.0}, dram_bytes=1000), Estimate({"MACs": 11.0}, dram_bytes=10)
    choices = [Choice({"a": 1}, None, frugal), Choice({"a": 2}, None, quick), Choice({"a": 2}, None, quick)]
    assert best(choices)[0].cut == {"a": 2}
    assert best(choices, "bytes")[0].cut == best(choices, "energy")[0].cut == {"a": 1}
    assert [one.cut for one in best(choices)[1]] == [{"a": 1}]
    other = Choice({"a": 3}, None, Estimate({"MACs": 12.0}, dram_bytes=2000))
    assert [one.cut for one in best([*choices, other, choices[0]])[1]] == [{"a": 1}, {"a": 3}], "each once"
    few, _ = choose(SHAPE, False, HAVE, RATES, MEMORY, "bytes")
    assert few.estimate.dram_bytes <= choose(SHAPE, False, HAVE, RATES, MEMORY, "cycles")[0].estimate.dram_bytes


def test_a_cut_as_data_is_the_same_plan_again():
    chosen, others = choose(SHAPE, False, HAVE, RATES, MEMORY, "cycles")
    assert others
    for one in (chosen, *others):
        assert cut_of(plan_of_cut("here", one.cut, SHAPE, HAVE)) == one.cut


def test_parts_that_follow_each_other_add_what_binds_in_each():
    both = one_after_another([Estimate({"a": 3.0, "b": 2.0}, {"fill": 1.0}), Estimate({"a": 1.0, "b": 5.0})])
    assert both.cycles == 3 + 5 + 1
    assert both.binds == "b"

"""The machine: closed forms, what each option changes, what is refused, and that sleeping loses nothing."""

from dataclasses import asdict

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.core import InputError
from accelsim.workload import Gemm, Workload
from tests.accelerators.spatten.networks import PIPE, attention, blocks, cycles, finished, spatten
from tests.validation.faults import validated

EVERYTHING = (
    "prune=stages", "keep=700", "keep_heads=700", "first_layer=1", "every=1", "quant=progressive", "threshold=200",
    "v_prune=per_query", "v_keep=500",
)  # fmt: skip
SMALL = ("act_buffer.capacity_bytes=3000", "output_buffer.capacity_bytes=512")


def outcome(sim):
    result = sim.result()
    return result.end, asdict(result.total), [asdict(span) for span in result.spans], result.peaks


@pytest.mark.parametrize("gap", [0, 9])
@pytest.mark.parametrize(("keys", "lines"), [(40, 6), (64, 8), (72, 10), (197, 26)])
def test_a_row_follows_after_its_lines_and_the_gap(gap, keys, lines):
    sim = finished(spatten(*PIPE, f"qk_array.row_gap={gap}"), attention(40, keys), monitored=True)
    at = sim.result().transfers["pv_array.results -> output_buffer.results.pv_array"]["at"]
    assert len(at) == 40 and (np.diff(at) == lines + gap).all()


def test_pairs_of_lines_are_the_rtls():
    one = [finished(spatten(*PIPE, f"lines_even={even}"), attention(4, 197)) for even in ("true", "false")]
    lines = [next(c for c in sim.components if c.name == "qk_array").counts()["line_reads"] for sim in one]
    assert lines == [4 * 26, 4 * 25]


def test_traffic_is_keys_and_values_whatever_the_order():
    for options in (PIPE, (*PIPE, "k_buffer.prefetch=false", "v_buffer.prefetch=false")):
        count = finished(spatten(*options), attention(30, 100, 4)).result().total.counts
        assert count["k_buffer"]["write_bytes"] == count["v_buffer"]["write_bytes"] == 4 * 100 * 64
        assert count["dram"]["read_bytes"] == 4 * (2 * 100 + 30) * 64 + count["program_gb"]["write_bytes"]


def test_fetching_ahead_and_without_gaps_is_faster():
    work = attention(60, 100, 6)
    slow = cycles(spatten(*PIPE, "k_buffer.prefetch=false", "v_buffer.prefetch=false", "qk_array.row_gap=9"), work)
    assert cycles(spatten(*PIPE), work) < cycles(spatten(*PIPE, "qk_array.row_gap=9"), work) < slow


def test_a_choice_of_all_tokens_changes_nothing_but_the_top_k():
    work = blocks()
    dense = finished(spatten(*PIPE), work).result().total.counts
    some = finished(spatten(*PIPE, "prune=stages", "keep=1000", "first_layer=1", "every=1"), work).result().total.counts
    assert some["top_k"]["rounds"] > 0 and dense["top_k"]["rounds"] == 0
    for part, counter in (
        ("array", "mac_ops"),
        ("qk_array", "mac_ops"),
        ("pv_array", "mac_ops"),
        ("vector", "element_ops"),
    ):
        assert some[part][counter] == dense[part][counter]


def test_thresholds_of_nothing_and_of_everything():
    work = blocks(1)
    never, always = (
        finished(spatten(*PIPE, "quant=progressive", f"threshold={t}"), work).result().total.counts for t in (0, 1001)
    )
    assert never["qk_array"]["rows_again"] == never["l_buffer"]["write_bytes"] == 0
    assert always["qk_array"]["rows_again"] == 3 * 21
    assert always["l_buffer"]["write_bytes"] == always["k_buffer"]["write_bytes"] == 3 * 21 * 4


@pytest.mark.parametrize("overlap", [1, 0])
def test_one_row_at_a_time_in_the_top_k_is_slower(overlap):
    work = blocks(1, tokens=40)
    took = cycles(spatten(*PIPE, "v_prune=per_query", "v_keep=300", f"row_top_k.overlap={overlap}"), work)
    assert took > cycles(spatten(*PIPE), work)
    if not overlap:
        assert took > cycles(spatten(*PIPE, "v_prune=per_query", "v_keep=300"), work)


@pytest.mark.parametrize("name", ["spatten", "spatten_rtl"])
def test_nothing_about_how_it_is_run_changes_a_result(name):
    arch, work = spatten(*EVERYTHING, *SMALL, name=name), blocks()
    plain = outcome(finished(arch, work))
    count = plain[1]["counts"]
    assert count["qk_array"]["rows_again"] and count["row_top_k"]["rounds"] and count["top_k"]["rounds"]
    assert outcome(finished(arch, work, skip=False)) == plain
    order = list(range(len(machine("spatten").schema.parts)))[::-1]
    for options in ({"order": order}, {"trace": 64, "monitored": True}):
        assert outcome(finished(arch, work, **options)) == plain
    finished(arch, work, depth=1)


def test_layers_tell_rounds_and_lines():
    assert {"top_k.rounds", "fetcher.lines"} <= set(machine("spatten").layer_counters)
    sim = finished(spatten(*PIPE, "prune=stages", "keep=500", "first_layer=1", "every=1"), blocks())
    spans = {span.label: span.counts for span in sim.result().spans if span.label >= 0}
    # 21 tokens of 8 features: 32 vectors a line, one line, a pair of them; keys and values of three heads
    assert spans[2]["fetcher"]["lines"] == 3 * 2 * 2 and spans[2]["top_k"]["rounds"] > 0
    assert spans[3]["fetcher"]["lines"] == spans[3]["top_k"]["rounds"] == 0


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("keep=0",), "keep.*must be >= 1"),
        (("keep=1001",), "keep.*must be >= 1 and <= 1000"),
        (("qk_array.multipliers=100",), "adder trees are left at powers of two"),
        (("weight_buffer.capacity_bytes=262145",), "weights lie in the lines of k_buffer and v_buffer, 262144 bytes"),
        (("array.depth=48",), "array.depth is 48, but the adder trees"),
    ],
)
def test_configurations_that_cannot_be(overrides, says):
    with pytest.raises(InputError, match=says):
        machine("spatten").build(spatten(*overrides), attention(2, 2))


@pytest.mark.parametrize(
    ("overrides", "work", "says"),
    [
        ((), attention(4, 4, 1, 600), "a head has 600 features, but a line holds 512 values"),
        ((), attention(4, 2200), "the keys of a head take 141312 bytes of lines, but k_buffer.capacity_bytes is 1310"),
        (("q_buffer.capacity_bytes=1000",), attention(40, 4), "the queries of a head take 2560 bytes"),
        (("output_buffer.capacity_bytes=100",), attention(4, 4), "two output rows of 64 bytes do not fit"),
        (("prune=stages", "importance.tokens=20"), attention(21, 21), "importance of 21 tokens does not fit"),
        (("quant=progressive",), blocks(1, dim=7, tokens=3, heads=1), "which needs an even number of features"),
        (("prune=stages", "keep=500", "first_layer=1", "top_k.capacity=19"), blocks(), "choose among 20 values"),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit(overrides, work, says):
    with pytest.raises(InputError, match=says):
        machine("spatten").build(spatten(*overrides), work)


def test_a_tile_larger_than_the_output_buffer_leaves_in_pieces():
    work = Workload("tall", "tall", (Gemm("conv", "b", "conv", 3000, 27, 16),))
    assert validated(spatten(*PIPE), work).failed == []
    with pytest.raises(InputError, match="rows of a tile leave together, which takes 512 bytes of output_buffer"):
        wide = Workload("wide", "wide", (Gemm("conv", "b", "conv", 16, 27, 17),))
        machine("spatten").build(spatten(*PIPE, "output_buffer.capacity_bytes=511"), wide)

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.energy import bill, load_table
from accelsim.report import summarize
from accelsim.report.metrics import energy_by

from ..energy.hand_made import priced, result
from .records import LAYERS, record

BUFFER = {"capacity_bytes": 1000, "port_bytes": 16, "banks": 1}
PARTS = {
    "dram": ("Memory", {"channels": 1}),
    "act_gb0": ("Scratchpad", BUFFER),
    "gemm": ("Array", {}),
    "sparser": ("Sparse", {}),
    "encoder": ("Coder", {}),
}


def counts(gemm=0, sparser=0, encoder=0, read=0, write=0, held=0, hits=0, misses=0):
    return {
        "dram": {"read_bytes": read, "write_bytes": write},
        "act_gb0": {"read_bytes": 5, "write_bytes": 7, "byte_cycles": held},
        "gemm": {"mac_ops": gemm, "register_bytes": 0},
        "sparser": {"mac_ops": sparser, "q_forward_hits": hits, "q_forward_misses": misses, "v_reads": 0},
        "encoder": {"mac_ops": encoder},
    }


def small(*spans, **over):
    """Layers of 100 core cycles at 500 MHz on a machine of 8 MACs a cycle and 4 bytes of DRAM a cycle."""
    run = result(PARTS, *spans)
    layers = [
        {
            "name": f"layer{i}",
            "block": 0,
            "phase": ("qkv", "attention")[i % 2],
            "macs": 100 * (i + 1),
            "dense_macs": 1000,
        }
        for i in range(len(spans))
    ]
    fields = {"layers": layers, "peak_macs": 8, "dram_peak_bytes_per_s": 2e9, "array": ("gemm", "sparser")}
    return replace(record(1), result=run, **{**fields, **over})


TWO = small(
    counts(gemm=600, encoder=999, read=100, write=20, held=50_000), counts(sparser=120, read=80, hits=3, misses=1)
)


def test_time_and_utilization_by_hand():
    summary = summarize(TWO)
    total, (first, second) = summary.total, summary.layers
    assert (total.cycles, total.seconds) == (200, pytest.approx(400e-9))
    assert total.mac_ops == 720, "the encoder is no part of the PE array"
    assert total.mac_utilization == pytest.approx(720 / (8 * 200))
    assert (first.mac_utilization, second.mac_utilization) == pytest.approx((600 / 800, 120 / 800))
    assert summary.engine_utilization == pytest.approx({"gemm": 600 / 1600, "sparser": 120 / 1600})
    assert total.bandwidth_utilization == pytest.approx(200 / (4 * 200))
    assert first.bandwidth_utilization == pytest.approx(120 / 400)
    assert (total.macs, total.dense_macs, second.macs) == (300, 2000, 200)
    assert [first.cycle_share, second.cycle_share, total.cycle_share] == [0.5, 0.5, 1]
    assert [p.name for p in summary.phases] == ["qkv", "attention"]


def test_status_shares_by_hand():
    gemm = summarize(TWO).total.activity["gemm"]
    assert (gemm.kind, gemm.clock, gemm.cycles, gemm.mac_ops) == ("Array", "core", 200, 600)
    assert [gemm.share(word) for word in ("idle", "busy", "starved", "blocked")] == [0.1, 0.6, 0.2, 0.1]


def test_memories_by_hand():
    dram, buffer = summarize(TWO).memories
    assert (dram.name, dram.off_chip, dram.read_bytes, dram.write_bytes, dram.occupancy) == (
        "dram",
        True,
        180,
        20,
        None,
    )
    assert (buffer.read_bytes, buffer.write_bytes, buffer.capacity_bytes) == (10, 14, 1000)
    assert buffer.occupancy == pytest.approx(50_000 / (1000 * 200))


def test_occupancy_is_over_cycles_of_the_memorys_clock():
    held = {m.name: m.occupancy for m in summarize(record(1)).memories}
    assert held["act_gb1"] == pytest.approx(4000 / 18432)


def test_roofline_by_hand():
    """Peak 8 MACs x 2 x 500 MHz = 8 Gop/s, 2 GB/s: the ridge is at 4 op/byte."""
    summary = summarize(TWO)
    assert (summary.peak_ops_per_s, summary.ridge_ops_per_byte) == (8e9, 4)
    point = summary.total.roofline
    assert (point.ops, point.dram_bytes, point.ops_per_byte) == (1440, 200, 7.2)
    assert point.ops_per_s == pytest.approx(1440 / 400e-9)
    assert point.roof_ops_per_s == 8e9
    assert summary.layers[1].roofline.ops_per_byte == 3
    assert summary.layers[1].roofline.roof_ops_per_s == pytest.approx(6e9)


def test_q_forward_hit_rate_by_hand():
    assert summarize(TWO).q_forward_hit_rate == 0.75
    assert summarize(small(counts(gemm=1))).q_forward_hit_rate is None


def test_energy_is_the_bill_and_power_is_energy_over_time():
    summary, charges = summarize(TWO), bill(TWO.result, load_table(priced()))
    energy = summary.total.energy
    assert energy.pj == pytest.approx(sum(c.pj for c in charges))
    assert energy.dram_pj == pytest.approx(sum(c.pj for c in charges if c.component == "dram"))
    assert energy.chip_pj == pytest.approx(energy.pj - energy.dram_pj)
    assert energy.low_pj == pytest.approx(sum(c.low_pj for c in charges))
    assert energy.high_pj == pytest.approx(sum(c.high_pj for c in charges))
    assert summary.total.power_w == pytest.approx(energy.pj * 1e-12 / 400e-9)
    assert summary.total.chip_power_w == pytest.approx(energy.chip_pj * 1e-12 / 400e-9)
    for field in ("component", "action"):
        assert sum(energy_by(charges, field).values()) == pytest.approx(energy.pj)
    assert energy_by(charges, "component")["gemm"] == pytest.approx(600 * 0.41 * 1.15), "with the clock's tree"
    standing = (413_000 + 89_000) * 400e-9 * 1e6  # uW of a channel for 400 ns, in pJ
    assert energy.background_pj == pytest.approx(standing)
    assert energy.traffic_pj == pytest.approx(energy.dram_pj - standing) and energy.traffic_pj > 0
    assert (energy.chip_low_pj, energy.chip_high_pj) == pytest.approx(
        tuple(sum(getattr(c, bound) for c in charges if not c.off_chip) for bound in ("low_pj", "high_pj"))
    )
    assert all(c.action in ("dram_standby", "dram_refresh_power") for c in charges if c.background)


def test_the_energy_section_of_the_configuration_is_used():
    free = replace(TWO, arch={"energy": priced(mac_dot=0)})
    assert energy_by(summarize(free).charges, "action")["mac_dot"] == 0
    other = replace(TWO, arch={"energy": {"table": "generic_65nm", **priced()}})
    assert summarize(other).energy_table == "generic_65nm"


@settings(max_examples=15, deadline=None)
@given(blocks=st.integers(1, 4), chosen=st.lists(st.sampled_from(LAYERS), min_size=1, max_size=7))
def test_layers_and_phases_add_up_to_the_run(blocks, chosen):
    summary = summarize(record(blocks, layers=chosen))
    for rows in (summary.layers, summary.phases):
        for figure in ("cycles", "macs", "dense_macs", "mac_ops", "dram_read_bytes", "dram_write_bytes"):
            assert sum(getattr(r, figure) for r in rows) == getattr(summary.total, figure), figure
        for figure in ("pj", "low_pj", "high_pj", "chip_pj", "dram_pj"):
            assert sum(getattr(r.energy, figure) for r in rows) == pytest.approx(getattr(summary.total.energy, figure))
        for name, whole in summary.total.activity.items():
            for word in whole.status:
                assert sum(r.activity[name].status[word] for r in rows) == whole.status[word]
    assert sum(p.cycle_share for p in summary.phases) == pytest.approx(1)
    assert sum(summary.engine_utilization.values()) == pytest.approx(summary.total.mac_utilization)
    for a in summary.total.activity.values():
        assert sum(a.share(word) for word in a.status) == pytest.approx(1)


def test_a_component_is_measured_in_its_own_clock():
    made = record(1)
    dram, core = (summarize(made).total.activity[n].cycles for n in ("dram", "gemm"))
    assert core == made.result.cycles()
    assert dram == made.result.cycles("dram") == -(-core * 12 // 5)


def test_spans_of_the_same_layer_are_one_row_and_those_outside_have_their_own():
    made = small(counts(gemm=1), counts(gemm=2), counts(gemm=4), counts(gemm=8))
    spans = [replace(s, label=n) for s, n in zip(made.result.spans, (-1, 0, 0, -1))]
    summary = summarize(replace(made, result=replace(made.result, spans=spans), layers=made.layers[:1]))
    assert [(r.name, r.cycles, r.mac_ops) for r in summary.layers] == [
        ("before the first layer", 100, 1),
        ("layer0", 200, 6),
        ("after the last layer", 100, 8),
    ]
    assert [(p.name, p.cycles, p.macs) for p in summary.phases] == [("other", 200, 0), ("qkv", 200, 100)]


def test_a_run_of_nothing_divides_by_nothing():
    empty = small(counts())
    spans = [
        replace(s, end=0, status={n: dict.fromkeys(c, 0) for n, c in s.status.items()}) for s in empty.result.spans
    ]
    summary = summarize(replace(empty, result=replace(empty.result, end=0, spans=spans, total=spans[0])))
    row = summary.total
    assert (row.cycles, row.mac_utilization, row.bandwidth_utilization, row.power_w, row.cycle_share) == (
        0,
        *[None] * 4,
    )
    assert (row.roofline.ops_per_byte, row.roofline.ops_per_s) == (None, None)
    assert row.activity["gemm"].share("busy") is None


@pytest.mark.parametrize(
    ("spans", "sentence"),
    [
        ([counts(gemm=801)], r"the PE array's mac_ops over 8 a cycle is 1\.0012, more than 1"),
        ([counts(read=401)], r"DRAM traffic over 2e\+09 bytes/s is 1\.0025, more than 1"),
        ([counts(held=100_001)], r"the bytes held by act_gb0 over its 1000 is 1\.0000, more than 1"),
    ],
)
def test_a_record_that_contradicts_itself_gives_no_figures(spans, sentence):
    with pytest.raises(ValueError, match=sentence):
        summarize(small(*spans))


def test_a_record_names_what_exists():
    with pytest.raises(InputError, match=r"a span labelled 1, but its 1 layers are labelled 0 to 0"):
        small(counts(), counts(), layers=TWO.layers[:1])
    with pytest.raises(InputError, match=r"names the component 'gem', but its parts are dram, act_gb0, gemm"):
        small(counts(), array=("gem",))


def test_without_a_named_array_everything_that_counts_macs_is_it():
    assert small(counts(), array=()).engines == ("gemm", "sparser", "encoder")
    assert np.isclose(summarize(small(counts(gemm=1, encoder=2), array=())).total.mac_ops, 3)


def test_without_layers_all_else_is_the_same():
    made = record(2)
    whole, less = summarize(made), summarize(made, layers=False)
    assert less.layers == [] != whole.layers
    assert (less.total, less.phases, less.charges, less.memories) == (
        whole.total, whole.phases, whole.charges, whole.memories,
    )  # fmt: skip

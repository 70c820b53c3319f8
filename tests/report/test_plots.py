import numpy as np
import pytest

from accelsim.core.status import STATUS_NAMES
from accelsim.report import summarize
from accelsim.report.plots.energy import energy, rows
from accelsim.report.plots.roofline import roofline
from accelsim.report.plots.stalls import stalls
from accelsim.report.plots.style import PHASE, STATUS, phase_colours
from accelsim.report.plots.timeline import binned, timeline
from accelsim.report.plots.utilization import utilization

from .records import PARTS, record


def test_binned_status_is_the_time_spent():
    made = record(2, traced=True)
    edges = np.linspace(0, made.result.end, 38)
    for i, (name, part) in enumerate(PARTS.items()):
        shares = binned(made.result, i, edges)
        assert shares.sum(axis=0) == pytest.approx(np.ones(37))
        spent = shares @ np.diff(edges) / made.result.periods[part.clock]
        counted = [made.result.total.status[name][word] for word in STATUS_NAMES]
        assert spent == pytest.approx(counted, abs=1), name  # the last cycle of the dram clock ends after the run


def test_one_bin_by_hand():
    made = record(1, traced=True)
    made.result.events = np.array([(30, 0, 1), (40, 0, 3), (45, 1, 1)], made.result.events.dtype)
    made.result.end = 60
    assert (
        pytest.approx(np.array([[30 / 36, 6 / 36, 0, 0], [0, 4 / 24, 0, 20 / 24]]))
        == binned(made.result, 0, np.array([0, 36, 60])).T
    )


def test_the_energy_panels_add_up():
    summary = summarize(record(2))
    for off_chip, whole in ((False, summary.total.energy.chip_pj), (True, summary.total.energy.dram_pj)):
        shown = rows([c for c in summary.charges if c.off_chip is off_chip], "component")
        assert sum(a + b for _, a, b, *_ in shown) == pytest.approx(whole)
        assert all(low <= a + b <= high for _, a, b, low, high in shown)
    assert rows([], "component") == []


def test_utilization_draws_the_work_as_area():
    made = record(2)
    figure = utilization(made, summarize(made))
    bars = figure.axes[0].patches
    assert len(bars) == len(made.layers)
    area = sum(b.get_width() * b.get_height() for b in bars)
    done = sum(made.result.total.counts[n]["mac_ops"] for n in ("gemm", "denser", "sparser"))
    assert area / 100 * made.peak_macs == pytest.approx(done)


def test_stalls_fill_the_width():
    made = record(1)
    bars = stalls(made, summarize(made)).axes[0].patches
    assert len(bars) == len(STATUS) * len(PARTS)
    assert sum(b.get_width() for b in bars) == pytest.approx(100 * len(PARTS))


def test_a_phase_without_dram_traffic_is_named_not_placed():
    made = record(1)
    ax = roofline(made, summarize(made)).axes[0]
    assert "not shown: norm (no MACs)" in ax.get_title(loc="left")
    labels = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert [label.split(":")[0] for label in labels] == ["qkv", "attention", "proj", "mlp", "whole run"]
    assert labels[0] == "qkv: 81 % of its roof"


@pytest.mark.parametrize("picture", [utilization, stalls, energy, timeline, roofline])
def test_titles_say_when_the_workload_is_synthetic(picture):
    made = record(1)
    figure = picture(made, summarize(made))
    said = [figure.get_suptitle(), *(ax.get_title(loc="left") for ax in figure.axes)]
    assert any("vitcod, deit_tiny_s90 (synthetic)" in text for text in said)


def test_phases_have_colours_of_their_own():
    assert len(set(PHASE.values())) == len(PHASE)
    found = phase_colours(["qkv", "attention", "conv", "routing", "sorting"])
    assert len(set(found.values())) == 5

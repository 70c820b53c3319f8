"""A run from configuration and workload to the record, and through the command line to files."""

import csv
import json
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.cli import app
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core import Simulator
from accelsim.core.errors import InputError
from accelsim.report.metrics import summarize
from accelsim.workload import load


@pytest.fixture(scope="module")
def work():
    return load(find("workloads", "deit_tiny_s95"))


@pytest.fixture(scope="module")
def record(work):
    return run(load_arch("vitcod", schema), work)


def test_work_is_conserved_against_closed_forms(record, work):
    """Every MAC of every layer is done, and of attention the kept scores and the rest of the dense columns."""
    total = record.result.total.counts
    attention = {layer.name: layer for layer in work.attention_layers}
    dense = sum(layer.macs for layer in work.layers if layer.name not in attention)
    assert total["engine"]["mac_ops"] == dense
    sparser = sum(int(work.mask(n).sparser_nnz.sum()) * (a.qk_dim + a.v_dim) for n, a in attention.items())
    denser = sum(
        int(work.mask(n).global_tokens.sum()) * a.q_tokens * (a.qk_dim + a.v_dim) for n, a in attention.items()
    )
    assert total["sparser"]["mac_ops"] == sparser
    assert total["denser"]["mac_ops"] == denser
    scores = (sparser + denser) // 128
    assert total["softmax"]["exp_ops"] == scores
    assert total["softmax"]["divide_ops"] == sum(a.heads * a.q_tokens for a in attention.values())
    assert total["sparser"]["q_forward_hits"] + total["sparser"]["q_forward_misses"] == sparser // 128
    encoded = sum(2 * a.q_tokens * a.qk_dim * a.heads * a.encoded_heads for a in attention.values())
    assert total["encoder"]["mac_ops"] == encoded


def test_what_is_loaded_was_written_where_it_is_read(record):
    total = record.result.total.counts
    loaded = sum(total[b]["write_bytes"] for b in ("weight_gb", "act_gb0", "index_buffer", "program_gb"))
    assert total["dram"]["read_bytes"] == loaded
    assert total["dram"]["write_bytes"] == total["act_gb1"]["read_bytes"] == total["act_gb1"]["write_bytes"]


def test_what_others_read_of_a_buffer_is_in_the_report(record):
    total = record.result.total.counts
    found = {m.name: m.read_bytes for m in summarize(record).memories}
    others = {
        "weight_gb": total["sparser"]["v_read_bytes"],  # the denser engine reads V from a copy of its own
        "act_gb0": total["decoder"]["read_bytes"] + total["vector"]["read_bytes"],
        "index_buffer": total["walker"]["read_bytes"]
        + total["merge"]["row_read_bytes"]
        + total["denser"]["table_read_bytes"]
        + total["sparser"]["table_read_bytes"]
        + round(total["softmax"]["mask_bits"] / 8),
        "act_gb1": 0,
        "program_gb": 32 * total["sequencer"]["instructions"],
    }
    assert all(others[n] for n in ("weight_gb", "act_gb0", "index_buffer"))
    assert found == {"dram": total["dram"]["read_bytes"]} | {n: total[n]["read_bytes"] + b for n, b in others.items()}


def test_a_layer_is_a_span_and_attention_is_not_below_its_ideal(record, work):
    assert [s.label for s in record.result.spans][: len(work.layers)] == list(range(len(work.layers)))
    summary = summarize(record)
    for row, layer in zip(summary.layers, work.layers, strict=False):
        assert row.cycles * 512 >= layer.macs or layer.kind == "attention"
    ideal = (record.result.total.counts["denser"]["mac_ops"] + record.result.total.counts["sparser"]["mac_ops"]) / 512
    attention = next(row for row in summary.phases if row.name == "attention")
    assert ideal < attention.cycles < 4 * ideal


def test_a_better_machine_is_not_slower(work):
    def cycles(*over):
        return run(load_arch("vitcod", schema, over), work.only("attention")).result.cycles()

    base = cycles()
    assert cycles("reorder=false") > base
    assert cycles("forward=false") > base
    assert cycles("two_engines=false") > base
    assert cycles("prune=false") > 4 * base
    assert cycles("engine.lines=128") < base < cycles("engine.lines=16")


def test_the_command_writes_everything_and_the_same_bytes_again(tmp_path):
    arguments = ["run", "vitcod", "deit_tiny_s95", "--no-plots", "-o"]
    for name in ("a", "b"):
        found = CliRunner().invoke(app, [*arguments, str(tmp_path / name)])
        assert found.exit_code == 0, found.output
    a, b = ((tmp_path / n / "result.json").read_bytes() for n in ("a", "b"))
    assert a == b
    result = json.loads(a)
    for key in ("total_cycles", "seconds_at_clock", "energy_pj", "mac_utilization", "phases"):
        assert key in result
    assert "attention" in result["phases"]
    rows = list(csv.DictReader((tmp_path / "a" / "layers.csv").read_text().splitlines()))
    assert len(rows) >= 87
    assert "synthetic" in found.output


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("energy.table=generic_28n", r"'generic_28n' is no file and no table"),
        ("energy.override.mac_dt=1", r"energy\.override\.mac_dt=1: mac_dt: no such action or section"),
        ("energy.override.components.Encoder.area.mac=lins", r"components\.Encoder\.area\.mac: 'lins' names 'lins'"),
        ("energy.override.components.Dma.counters.bursts=mac", r"components\.Dma\.counters\.bursts: dma has no such"),
    ],
)
def test_prices_that_are_wrong_are_refused_before_time_starts(work, monkeypatch, override, sentence):
    monkeypatch.setattr(Simulator, "run", lambda *_, **__: pytest.fail("time has started"))
    with pytest.raises(InputError, match=sentence):
        run(load_arch("vitcod", schema, [override]), work)


def test_a_record_carries_the_machines_prices(record):
    assert [document["name"].endswith("prices.yaml") for document in record.prices] == [True]
    assert "DenserEngine" in record.prices[0]["components"]
    with pytest.raises(InputError, match="has no entry for engine"):
        summarize(replace(record, prices=()))


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("engine.lines=0", "engine.lines"),
        ("engine.line=3", "did you mean 'lines'?"),
        (
            "weight_gb.capacity_bytes=16",
            "at a time needs weight_gb.capacity_bytes of 18 (it has 16); make them at least",
        ),
        ("act_gb1.capacity_bytes=100", "act_gb1"),
        ("heads=sideways", "expected one of parallel, serial"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(work, override, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        run(load_arch("vitcod", schema, [override]), work)

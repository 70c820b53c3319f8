"""Sanger end to end: what its sheet says of DeiT-Tiny, its readings in order, its refusals, its reports."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine
from accelsim.accelerators.run import run
from accelsim.accelerators.sanger.machine import resources
from accelsim.accelerators.sanger.masks import kept
from accelsim.config.shipped import find
from accelsim.core import InputError
from accelsim.workload import Attention, Gemm, Workload, load
from tests.accelerators.sanger.machines import SMALL, attention, finished, full, sanger

PIPE = "dram.model=pipe"
READINGS = {  # pack: passes of DeiT-Tiny at 90 %
    "column_tile": 439,
    "block": 658,
    "unit": 945,
}
PASS = {"wavefront": 129, "per_stage": 257, "global": 400}  # cycles of 64 rows, 64 ports, 16 PEs, 64 features


@pytest.fixture(scope="module")
def tiny() -> Workload:
    """The attention layers of DeiT-Tiny at 90 %."""
    return load(find("workloads", "deit_tiny_s90")).only("attention")


@pytest.mark.parametrize("control", PASS)
@pytest.mark.parametrize("reading", READINGS)
def test_deit_tiny_in_every_reading(tiny, reading, control):
    sim, _ = finished(sanger(f"pack={reading}", f"control={control}", "predict=false", PIPE), tiny)
    count = sim.result().total.counts["array"]
    assert (count["passes"], count["pass_cycles"]) == (READINGS[reading], READINGS[reading] * PASS[control])
    assert count["mac_ops"] == sum(int(tiny.mask(a.name).nnz.sum()) for a in tiny.attention_layers) * 128
    if reading != "unit":
        assert count["sub_rows"] == 21_698
    assert count["pass_cycles"] <= sim.result().cycles()


def test_worse_readings_take_longer(tiny):
    found = np.array(
        [
            [finished(sanger(f"pack={p}", f"control={c}", "predict=false", PIPE), tiny)[0].result().end for c in PASS]
            for p in READINGS
        ]
    )
    assert (np.diff(found, axis=0) > 0).all() and (np.diff(found, axis=1) > 0).all()


def test_prediction_is_charged_on_its_own_array(tiny):
    """16 tiles of 257 cycles a head: longer than the array's work."""
    with_it, without = (finished(sanger(f"predict={p}", PIPE), tiny)[0].result() for p in ("true", "false"))
    assert with_it.total.counts["predictor"]["tiles_done"] == 36 * 16
    assert 36 * 16 * 257 < with_it.cycles() < 36 * 16 * 257 * 1.25
    assert without.cycles() < 0.6 * with_it.cycles()
    copies = 36 * 2 * 197 * (32 + 2)
    masks = 36 * 197 * 25  # strips of 64, 64, 64 and 5 rows
    read = [r.total.counts["dram"]["read_bytes"] for r in (with_it, without)]
    assert read[0] - read[1] == pytest.approx(copies - masks, abs=3000), "and a little of the program"


def test_operands_of_16_bits(tiny):
    narrow, wide = (finished(sanger(f"operand_bits={n}", PIPE), tiny)[0].result().total.counts for n in (8, 16))
    for buffer in ("q_buffer", "kv_buffer", "output_buffer"):
        assert wide[buffer]["write_bytes"] == 2 * narrow[buffer]["write_bytes"]
    assert wide["predict_buffer"]["write_bytes"] == narrow["predict_buffer"]["write_bytes"]
    assert wide["array"]["kv_read_bytes"] == 2 * narrow["array"]["kv_read_bytes"]


def test_layers_csv_of_the_published_pack_unit(reference, tmp_path, tiny):
    """Packs, emits and cycles of each layer are those of the simulated RTL; sub-rows those of the scripts."""
    wanted = {}
    with (reference / "sanger" / "pack_unit.csv").open() as file:
        for r in csv.DictReader(file):
            if (r["source"], r["pes"]) == ("deit_tiny_s90", "16"):
                layer = wanted.setdefault(int(r["layer"]), np.zeros(3, int))
                layer += [int(r["packs"]), int(r["cycles"]), int(r["emits"])]
    assert len(wanted) == 12
    options = ["--set", "pack=unit", "--set", PIPE, "--no-plots", "-o", str(tmp_path)]
    done = CliRunner().invoke(cli.app, ["run", "sanger", "deit_tiny_s90", *options])
    assert done.exit_code == 0, done.output
    with (tmp_path / "layers.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["phase"] == "attention"]
    found = [[int(r[n]) for n in ("array.passes", "pack.cycles", "pack.emits")] for r in rows]
    assert found == [wanted[n].tolist() for n in range(12)]
    subrows = {}
    with (reference / "sanger" / "pack_split.csv").open() as file:
        for r in csv.DictReader(file):
            if (r["source"], r["pes"]) == ("deit_tiny_s90", "16"):
                subrows[int(r["layer"])] = subrows.get(int(r["layer"]), 0) + int(r["subrows"])
    record = run(sanger(PIPE), tiny)
    spans = [span for span in record.result.spans if span.label >= 0]
    assert [span.counts["array"]["sub_rows"] for span in spans] == [subrows[n] for n in range(12)]


def test_what_a_result_says(tiny):
    said = machine("sanger").notes(sanger(), tiny)
    assert said["reading"] == "pack column_tile, control wavefront, prediction charged"
    assert said["masks"].startswith("borrowed mask")
    assert "not applied" in said["auto_encoder"]
    predicted = sanger("mask_source=predict", "threshold=20000", "predict=false", "operand_bits=16")
    said = machine("sanger").notes(predicted, tiny)
    assert said["masks"] == "predicted from stored Q and K, above a probability of 0.02"
    assert "not charged" in said["reading"] and "16 bits" in said["attention_operands"]


def stored(tokens: int = 11) -> Workload:
    """A layer whose mask can be predicted."""
    rng = np.random.default_rng(5)
    tensors = {f"a.{n}": rng.integers(-60, 60, (2, tokens, 4), np.int8) for n in "qkv"}
    layers = Gemm("qkv", "a", "qkv", tokens, 5, 24), Attention("a", "a", 2, tokens, tokens, 4, 4)
    return Workload("stored", "stored", layers, {}, tensors)


def test_a_predicted_mask_is_the_twins():
    from tests.validation.faults import validated

    work = stored()
    for millionths in (0, 60_000, 400_000, 1_000_000):
        arch = sanger(*SMALL, "mask_source=predict", f"threshold={millionths}")
        keep = kept(work, work.layers[1], "predict", millionths / 1e6, True)
        assert keep.all() == (millionths == 0) and keep.any() == (millionths < 1_000_000)
        assert machine("sanger").useful_macs(arch, work, work.layers[1]) == keep.sum() * 8
        report = validated(arch, work)
        assert report.failed == [] and any(c.name == "integers" for c in report.checks)
    assert not kept(work, work.layers[1], "predict", 0.4, True).any(axis=2).all(), "some rows are empty"


@pytest.mark.parametrize(
    ("overrides", "work", "sentence"),
    [
        ((), Workload("bare", "bare", (Attention("a", "a", 1, 4, 4, 4, 4),)), r"layer a: it has no mask, and Sanger"),
        (("mask_source=predict",), attention(full(1, 4, 4)), "layer a: mask_source is predict, but the workload"),
        ((), attention(full(1, 4, 4), 8, 300), "layer a: an output row of a head has 300 values, but merge"),
        (("merge.features=300",), attention(full(1, 4, 4), 8, 300), None),
        (("merge.features=300",), attention(full(1, 64, 4), 8, 300), "layer a: rows of 300 values need 1204 bytes"),
        ((), attention(full(1, 4, 4), 700), "layer a: a sum of 700 products of 4 bits has 17 bits, but predictor"),
        ((), attention(full(1, 4, 300, 0.1)), r"layer a: the exponentials of 64 rows x 300 keys need 48000 bytes of"),
        (("kv_buffer.capacity_bytes=1 KiB",), attention(full(1, 99, 99)), "keys and values of a head need 1584 bytes"),
        (("q_buffer.capacity_bytes=700",), attention(full(1, 99, 99)), "layer a: the queries of a head need 792 bytes"),
        (("predict_buffer.capacity_bytes=1 KiB",), attention(full(1, 99, 99)), "the 4-bit queries and keys of a head"),
        (("output_buffer.capacity_bytes=7",), attention(full(1, 4, 4)), "an output row of a head has 8 bytes, but"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(overrides, work, sentence):
    if sentence is None:
        finished(sanger(PIPE, *overrides), work)
        return
    with pytest.raises(InputError, match=sentence):
        machine("sanger").build(sanger(PIPE, *overrides), work)


def test_contradictions_are_refused():
    with pytest.raises(InputError, match=r"array\.pes is 65, but a row has only 64 ports to choose from"):
        sanger("array.pes=65")
    with pytest.raises(InputError, match=r"kv_buffer\.banks x kv_buffer\.port_bytes is 64, but 64 weights a cycle"):
        sanger("kv_buffer.port_bytes=16")
    dense = load(find("workloads", "fmnist_vit_s90"))
    with pytest.raises(InputError, match="operand_bits is 16, which is modelled of attention alone, but it is a"):
        machine("sanger").build(sanger("operand_bits=16"), dense)


def test_more_of_anything_is_never_slower(tiny):
    some = replace(tiny, layers=tiny.layers[:1], masks={tiny.layers[0].name: tiny.masks[tiny.layers[0].name]})
    for base in ((), ("predict=false",), ("pack=unit", "control=global", "predict=false")):
        before = finished(sanger(*base, PIPE), some)[0].result().end
        for more in (
            "array.packs_ahead=4", "array.adders=128", "predictor.strip_bytes=80 KiB", "predictor.height=128",
            "predictor.width=208", "merge.lanes=64", "merge.sums_bytes=104 KiB", "pack.subrows_per_cycle=16",
            "kv_buffer.capacity_bytes=200 KiB", "kv_buffer.port_bytes=128", "q_buffer.port_bytes=128",
            "predict_buffer.capacity_bytes=64 KiB", "output_buffer.capacity_bytes=64 KiB", "dram.channels=8",
            "merge.divide_cycles=8",
        ):  # fmt: skip
            assert finished(sanger(*base, PIPE, more), some)[0].result().end <= 1.01 * before, (base, more)


def test_resources_follow_the_options():
    have = resources(sanger("pack=unit", "predict=false", "operand_bits=16", "lengths=false", "threshold=10000"))
    assert (have.reading, have.predict, have.operand_bytes, have.lengths, have.threshold) == (
        "unit",
        False,
        2,
        False,
        0.01,
    )


def test_multipliers_are_all_there_are():
    model = machine("sanger")
    assert (model.peak_macs(sanger()), model.multipliers(sanger())) == (1024, 1024 + 4096)
    alone = sanger("predict=false", "operand_bits=16")
    assert (model.multipliers(alone), model.operand_bits(alone)) == (1024, 16)

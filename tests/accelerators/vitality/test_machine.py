"""The machine's closed forms, its options, what it says of a run, and what it refuses."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine, schema
from accelsim.accelerators.run import run
from accelsim.accelerators.vitality.machine import resources
from accelsim.config import load_arch
from accelsim.core import InputError
from accelsim.workload import Attention, LinearAttention, Workload, load
from tests.accelerators.vitality.machines import PIPE, finished, one_layer, vitality
from tests.conftest import ROOT


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def cycles(workload, *overrides) -> int:
    return finished(vitality(*PIPE, *overrides), workload).cycles()


@pytest.mark.parametrize("kv", [1, 32, 33, 197])
@pytest.mark.parametrize(("dim", "wide"), [(1, 1), (16, 32), (32, 16), (64, 64), (65, 64)])
def test_work_and_traffic_of_a_head_are_closed_forms(kv, dim, wide):
    q, heads = 40, 2
    result = finished(vitality(*PIPE), one_layer(heads=heads, q=q, kv=kv, dim=dim, wide=wide))
    count = result.total.counts
    assert count["array"]["mac_ops"] == heads * (kv + q) * dim * wide
    assert count["diagonal"]["mac_ops"] == heads * q * dim
    assert count["accumulate"]["element_ops"] == heads * kv * (2 * dim + wide)
    assert count["divide"]["element_ops"] == heads * (dim + q * wide)  # means, and a row's divisions
    assert count["add"]["element_ops"] == heads * (kv * dim + q * wide)
    assert count["g_buffer"]["read_bytes"] == heads * dim * wide * ceil(q, 16)
    assert count["divisors"]["write_bytes"] == heads * 4 * q
    folds = heads * (ceil(kv, 32) * ceil(dim, 16) + ceil(dim, 32) * ceil(q, 16))
    assert count["array"]["fold_cycles"] == folds * (wide + 2 * 32 + 16 - 2)
    resident = finished(vitality(*PIPE, "g_resident=true"), one_layer(heads=heads, q=q, kv=kv, dim=dim, wide=wide))
    assert resident.total.counts["g_buffer"]["read_bytes"] == heads * dim * wide
    assert resident.total.counts["array"]["mac_ops"] == count["array"]["mac_ops"]


@pytest.mark.parametrize(
    ("lanes", "diag", "busiest"), [(16, "on", "array"), (16, "off", "array"), (8, "on", "lanes"), (8, "off", "array")]
)
def test_a_head_more_takes_the_time_of_its_busiest_unit(lanes, diag, busiest):
    """Sums of K, of V and, for divisors, of centred K: n d / lanes each; folds of 64 cycles in the array."""
    over = f"accumulate.lanes={lanes}", f"diag={diag}"
    few, many = (cycles(one_layer(heads=heads, q=197, kv=197, dim=64, wide=64), *over) for heads in (6, 9))
    array = 64 * (ceil(197, 32) * ceil(64, 16) + ceil(64, 32) * ceil(197, 16))
    accumulators = (3 if diag == "on" else 2) * 197 * ceil(64, lanes)
    assert {"array": array, "lanes": accumulators}[busiest] == max(array, accumulators)
    slack = 3 * 32 if busiest == "lanes" else 0  # a vector goes to the dividers and adders and back
    assert 0 <= many - few - 3 * max(array, accumulators) <= slack


def test_one_head_at_a_time_is_the_sum_of_its_steps():
    """Table of sec. 2 of the paper's steps: nothing overlaps but what is beside something longer."""
    few, many = (cycles(one_layer(heads=h, q=64, kv=64, dim=32, wide=32), "pipeline=none") for h in (2, 3))
    sums, mean, centre = 64 * 2, 2 + 16, 64 * 2 + 1
    first = 32 * 2 * 2 - 32 + 32 + 2 * 32 + 16 - 2  # four folds of 32 cycles, one loaded and the last drained
    diag = 64 * 1 + 32 + 32 - 1 + 1
    assert many - few >= sums + mean + centre + first + diag + 32 * 4


@pytest.mark.parametrize(
    ("heads", "sizes_of_g", "pipeline", "lead"),
    [(3, 2, True, 2), (2, 2, True, 1), (3, 1, True, 1), (1, 2, True, 0), (3, 2, False, 0)],
)
def test_heads_ahead_need_room_for_a_third_and_for_two_products(heads, sizes_of_g, pipeline, lead):
    layer = LinearAttention("a", "a", "taylor", 4, 12, 12, 8, 6)
    have = resources(vitality(*PIPE))
    act, weight = have.operand_bytes(layer)
    some = replace(
        have, act_bytes=heads * act, weight_bytes=heads * weight, g_bytes=sizes_of_g * 8 * 6, pipeline=pipeline
    )
    assert some.lead(layer) == lead


@pytest.mark.parametrize("rule", ["taylor", "l1", "hash"])
def test_more_of_anything_is_never_slower(rule):
    work = one_layer(rule, heads=4, q=100, kv=100, dim=32, wide=32)
    base = cycles(work)
    wide = [f"{unit}.lanes=32" for unit in ("accumulate", "divide", "add")]
    for over in (
        ["array.columns=32", "g_buffer.port_bytes=32"],
        [*wide, "act_buffer.banks=16", "weight_buffer.banks=16"], ["g_buffer.capacity_bytes=65536"],
        ["act_buffer.capacity_bytes=1 MiB", "weight_buffer.capacity_bytes=1 MiB"], ["g_buffer.lanes=256"],
        ["diagonal.rows=64"], ["act_buffer.port_bytes=64", "weight_buffer.port_bytes=64"], ["vector.lanes=256"],
    ):  # fmt: skip
        assert cycles(work, *over) <= 1.01 * base, over


def test_options_do_what_they_say():
    work = one_layer(heads=6, q=197, kv=197, dim=64, wide=64)
    base, none, off = cycles(work), cycles(work, "pipeline=none"), cycles(work, "diag=off")
    assert none > 1.4 * base and off <= base
    assert cycles(work, "centre=after") < base  # K^T V begins before the mean is known
    small = finished(vitality(*PIPE, "act_buffer.capacity_bytes=40 KiB"), work)
    assert base < small.cycles() < none  # one head ahead
    notes = machine("vitality").notes(vitality("act_buffer.capacity_bytes=40 KiB"), work)
    assert notes["pipeline"] == "1 of 1 layers have fewer than two heads prepared ahead: no room"


def test_a_network_with_softmax_is_run_as_another_and_says_so():
    workload = load(ROOT / "workloads" / "fmnist_vit_s90.yaml")
    record = run(vitality(*PIPE), workload)
    assert record.notes["attention"] == (
        "Warning: 4 softmax attention layers were computed as Taylor attention of the dense layer, 4 masks and "
        "auto-encoders of 4 layers not applied; that is another network, whose accuracy is not the workload's"
    )
    assert record.notes["negative_weights"] == "3044 of 40000 Taylor weights are below 0 (7.61%); none is clamped"
    (mine,) = {layer["macs"] for layer in record.layers if layer["phase"] == "attention"}
    a = workload.attention_layers[0]
    tokens, dim = a.q_tokens, a.qk_dim
    assert mine == a.heads * (2 * tokens * dim * dim + tokens * dim)
    shown = CliRunner(env={"COLUMNS": "300"}).invoke(cli.app, ["run", "vitality", "fmnist_vit_s90", "--no-plots"])
    assert "computed as Taylor attention of the dense layer" in shown.stdout


def test_more_work_than_softmax_is_said():
    """LeViT-128's last stage: as many tokens as features; nothing is switched."""
    work = Workload("w", "m", tuple(Attention(f"a{n}", "b", 12, n, n, 16, 32) for n in (15, 16, 17, 25)))
    notes = machine("vitality").notes(vitality(), work)
    softmax = sum(12 * n * n * 48 for n in (15, 16, 17, 25))
    taylor = sum(12 * (2 * n * 16 * 32 + n * 16) for n in (15, 16, 17, 25))
    assert notes["linear_attention_macs"] == f"{taylor} an image; softmax attention of these sizes has {softmax}"
    assert notes["more_macs_than_softmax"] == "3 of 4 layers (tokens <= features): a15, a16, a17"


@pytest.mark.parametrize(
    ("over", "work", "text"),
    [
        ([], {"q": 20, "kv": 9980}, "layer attention: a head's operands need 100000 bytes of act_buffer.capacity_by"),
        ([], {"dim": 200}, "a head of 200 features does not fit accumulate.features, divide.features and add.features"),
        (["g_buffer.capacity_bytes=60"], {}, "a head has 70 values of K.T V, but g_buffer.capacity_bytes is 60; make"),
        (
            ["l1_order=qk"],
            {"rule": "l1", "q": 200, "kv": 200},
            "a head has 40000 scores, which are computed first, but",
        ),
        (["divisors.capacity_bytes=64"], {}, "the divisors of two heads need 136 bytes of divisors.capacity_bytes, wh"),
        (["add.lanes=32"], {}, "weight_buffer.banks x weight_buffer.port_bytes is 128, but array.rows takes 32 bytes"),
        (["act_buffer.banks=1"], {}, "act_buffer.banks x act_buffer.port_bytes is 16, but array.columns takes 16 byt"),
        (["g_buffer.banks=1"], {}, "g_buffer.banks x g_buffer.port_bytes is 16; make it at least 32"),
    ],
)
def test_what_does_not_fit_is_refused(over, work, text):
    with pytest.raises(InputError, match=text):
        finished(vitality(*PIPE, "act_buffer.capacity_bytes=96 KiB", *over), one_layer(**work))


@pytest.mark.parametrize("name", ["vitcod", "systolic"])
def test_machines_with_softmax_refuse_linear_attention(name):
    with pytest.raises(
        InputError, match=f"layer attention is of kind linear_attention, but the machine {name} runs gem"
    ):
        machine(name).build(load_arch(name, schema), one_layer())

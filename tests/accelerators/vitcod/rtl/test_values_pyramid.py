"""The whole machine in hardware with values on what transformers alone do not have: windows that overlap, products side
by side, rows of a grid that are left out, element-wise layers and means."""

from dataclasses import replace

import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.vitcod.rtl.values_pyramid import draw_pyramid
from accelsim.accelerators.vitcod.rtl.vitcod_values import networks, whole
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.dataflows.windows import Window
from accelsim.rtl.whole import run_whole
from accelsim.workload import Attention, Elementwise, Gemm, Workload, load

SMALL = ("engine.lines=8", "engine.macs=4")


def small():
    return load_arch("vitcod", schema, SMALL)


@pytest.fixture(scope="module")
def pyramids():
    return list(networks(small(), 8, 4))[1::2]


def test_random_pyramids_leave_in_dram_what_the_functional_twin_says(pyramids):
    outcome = run_whole(pyramids)
    assert outcome.first == ""
    assert outcome.cases == 4 and outcome.values > 10_000
    sources = [one for case, _ in pyramids for one in case.operands.laid.read.sources.values()]
    assert any(one.tiles and len(one.tiles) > 1 for one in sources), "pictures in several loads"
    assert any(len(one.lies) == 2 for one in sources), "two operands"
    layers = [layer for case, _ in pyramids for layer in case.operands.laid.workload.layers]
    assert any(isinstance(one, Gemm) and one.repeat > 1 and Window.of(one) for one in layers)
    assert {one.op for one in layers if isinstance(one, Elementwise)} >= {"add", "multiply", "mean"}
    assert any(isinstance(one, Attention) and one.q_tokens < one.kv_tokens for one in layers)


@pytest.mark.parametrize("what", ["pixel", "picture", "operand", "mean"])
def test_what_is_loaded_decides_what_is_computed(what):
    """A byte of the picture, where the picture lies in the buffer, where an operand does, how many rows a mean has."""
    case, sim = list(networks(small(), 8, 4))[3]
    laid = case.operands.laid
    commands = [one.op for one in laid.workload.layers if isinstance(one, Elementwise)]
    if what == "pixel":
        laid.memory[laid.places["conv0.input"] + 1] ^= 64
    elif what == "picture":
        next(one for one in laid.loads["act_gb0"].every if one.beside).place += 1
    elif what == "operand":
        number = commands.index("add")
        row = laid.rows["commands"][number - len(commands)]
        row[2] += 1
    else:
        row = laid.rows["commands"][commands.index("mean") - len(commands)]
        row[4] -= 1
    outcome = run_whole([(case, sim)])
    assert outcome.differences > 0
    assert "in the functional twin" in outcome.first


def network(*layers) -> Workload:
    return Workload("w", "test", layers)


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (network(Gemm("a", "a", "embed", 4, 8, 64), Elementwise("b", "b", "max", 4, 64)), "b is a layer that is not"),
        (network(Gemm("a", "a", "embed", 4, 8, 64), Elementwise("b", "b", "add", 4, 64, 3)), "b is a layer that is"),
        (network(Elementwise("b", "b", "add", 4, 64, 2)), "b is a layer that is not"),
        (network(Gemm("a", "a", "qkv", 4, 8, 6, repeat=2)), "a is a layer that is not"),
        (network(Gemm("a", "a", "conv", 6, 27, 6, input_elements=72)), "a is a layer that is not"),
        (network(Gemm("a", "a", "conv", 6, 10, 6, input_elements=50)), "a is a layer that is not"),
        (network(Gemm("a", "a", "embed", 900, 8, 64), Elementwise("b", "b", "mean", 900, 64)), "of several commands"),
        (network(Gemm("a", "a", "embed", 4, 8, 70), Elementwise("b", "b", "mean", 4, 70)), "take more cycles than"),
    ],
)
def test_what_has_no_values_is_refused(work, why):
    with pytest.raises(InputError, match=why):
        whole(small(), work)


def test_random_pyramids_are_of_every_kind():
    drawn = [draw_pyramid(seed, 64) for seed in range(40)]
    windows = [Window.of(one) for work in drawn for one in work.layers if isinstance(one, Gemm)]
    assert {one.stride for one in windows if one} == {1, 2} and {one.kernel for one in windows if one} == {3}
    assert {one.op for work in drawn for one in work.layers if isinstance(one, Elementwise)} == {
        "add", "multiply", "mean", "gelu", "relu", "hardswish",
    }  # fmt: skip


@pytest.mark.slow
def test_levit_leaves_in_dram_what_the_functional_twin_says():
    work = load(find("workloads", "levit_128_s90"))
    outcome = run_whole([whole(load_arch("vitcod", schema), work)])
    assert outcome.first == "" and outcome.values == 1_808_632


@pytest.mark.slow
def test_a_stem_leaves_in_dram_what_the_functional_twin_says():
    work = load(find("workloads", "levit_128_s90"))
    work = replace(work, layers=work.layers[:4], masks={})
    outcome = run_whole([whole(small(), work)])
    assert outcome.first == "" and outcome.values == 376_320


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_random_networks(seed):
    outcome = run_whole(networks(small(), 34, 100 + seed))
    assert outcome.first == "" and outcome.cases == 34

"""A convolution's windows cost something on every simulated machine: words read for a part of each, or DRAM traffic."""

import pytest

from accelsim.accelerators import machine, schema, simulated
from accelsim.config import load_arch
from accelsim.dataflows.windows import beside_window
from accelsim.validation import validate
from accelsim.workload import Gemm, Workload
from accelsim.workload.gathered import gathered

TOKENS, DEPTH, FEATURES = 64, 27, 16
DISTINCT = 16 * 16 * 3  # 3 x 3 windows, 2 apart, on 16 x 16 pixels of 3 channels
BUFFER = {  # where activations are, and the width of a word
    "systolic": ("act_buffer", 16), "sanger": ("q_buffer", 64), "salo": ("act_buffer", 64),
    "vitality": ("act_buffer", 16),
}  # fmt: skip
GATHERED = {"ita", "spatten"}
WORDS = {"vitcod"}  # in its cycles (tests/accelerators/vitcod): it counts the bytes it uses


def network(distinct: int | None) -> Workload:
    return Workload("conv", "none", (Gemm("c", "c", "conv", TOKENS, DEPTH, FEATURES, input_elements=distinct),))


def counted(name: str, distinct: int | None):
    arch = load_arch(name, schema)
    sim, _ = machine(name).build(arch, network(distinct))
    sim.run()
    machine(name).finish(arch, sim)
    return sim.result().total.counts


def test_every_machine_says_what_it_does():
    assert set(simulated()) == BUFFER.keys() | GATHERED | WORDS


@pytest.mark.parametrize("name", BUFFER)
def test_what_lies_in_the_words_of_a_window_is_read_with_it(name):
    """Three runs of nine bytes, each of which may lie in two words; an output's share is rounded up."""
    buffer, word = BUFFER[name]
    assert load_arch(name, schema).parts[buffer]["port_bytes"] == word
    plain, conv = counted(name, None)[buffer], counted(name, DISTINCT)[buffer]
    beside = 3 * 2 * word - -(-DEPTH // word) * word  # whole words of the window itself are counted anyway
    assert conv["read_bytes"] - plain["read_bytes"] == TOKENS * FEATURES * -(-beside // FEATURES) > 0
    assert plain["write_bytes"] - conv["write_bytes"] == TOKENS * DEPTH - DISTINCT, "DRAM brings each element once"


@pytest.mark.parametrize("name", GATHERED)
def test_windows_are_fetched_one_by_one(name):
    assert counted(name, None)["dram"]["read_bytes"] == counted(name, DISTINCT)["dram"]["read_bytes"]


@pytest.mark.parametrize("name", simulated())
def test_windows_are_judged(name):
    assert validate(machine(name), load_arch(name, schema), network(DISTINCT)).passed


def test_only_windows_that_overlap_are_gathered():
    some = Gemm("a", "a", "mlp", 8, 8, 8), Gemm("b", "b", "conv", 4, 12, 8, input_elements=48)
    plain = Workload("plain", "none", some)
    assert gathered(plain) is plain
    (layer,) = gathered(network(DISTINCT)).layers
    assert layer.inputs == TOKENS * DEPTH and layer.macs == network(None).layers[0].macs


def test_what_lies_beside_a_window_is_counted_word_by_word():
    """Against every place that the pixels of a window can begin at: each of its runs takes the most words there are."""
    for channels, kernel, port in ((3, 3, 64), (16, 3, 64), (3, 7, 16), (8, 2, 8), (5, 3, 32)):
        depth = kernel**2 * channels
        layer = Gemm("c", "c", "conv", 4, depth, 1, input_elements=4 * channels)
        run = kernel * channels
        most = max((at * channels + run - 1) // port - at * channels // port + 1 for at in range(port))
        assert layer.kernel == kernel
        assert beside_window(layer, port, False) == kernel * most * port - depth
        assert beside_window(layer, port, True) == (kernel * most - -(-depth // port)) * port
    assert beside_window(Gemm("m", "m", "mlp", 4, 27, 1), 64, True) == 0

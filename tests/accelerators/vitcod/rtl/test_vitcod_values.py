"""The whole machine in hardware with values: what DRAM holds in the end is what the functional twin says, layer after
layer on what the layers before have left there."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import schema
from accelsim.accelerators.vitcod.rtl.twins import TWINS
from accelsim.accelerators.vitcod.rtl.values_chain import CHAINED, whole_chain
from accelsim.accelerators.vitcod.rtl.values_mutations import VALUES_MUTATIONS
from accelsim.accelerators.vitcod.rtl.values_places import Loads
from accelsim.accelerators.vitcod.rtl.values_work import TooSoonError
from accelsim.accelerators.vitcod.rtl.vitcod_values import TOP, networks, whole
from accelsim.cli.rtl import named
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.isa.tables import DESCRIPTOR
from accelsim.rtl.variants import bugs_of
from accelsim.rtl.whole import run_whole
from accelsim.workload import Attention, Gemm, Norm, load

SMALL = ("engine.lines=8", "engine.macs=4")


def small():
    return load_arch("vitcod", schema, SMALL)


def first_block(name: str, layers: int):
    """A network up to the end of its first block."""
    work = load(find("workloads", name))
    kept = work.layers[:layers]
    masks = {layer.name: work.masks[layer.name] for layer in kept if isinstance(layer, Attention)}
    return replace(work, layers=kept, masks=masks)


def test_random_networks_leave_in_dram_what_the_functional_twin_says():
    runs = list(networks(small(), 4, 2))
    assert len({case.netlist.text() for case, _ in runs}) == 1, "one build"
    assert [type(c).__name__ for _, sim in runs for c in sim.components if c.name == "dram"].count("ExactDram") == 1
    outcome = run_whole(runs)
    assert outcome.first == ""
    assert outcome.cases == 4 and outcome.values > 5_000 and outcome.transfers > 2_000
    for case, _ in runs:
        laid = case.operands.laid
        at = np.flatnonzero(laid.wanted >= 0)
        sizes = [layer.tokens * layer.features for layer in laid.workload.layers if isinstance(layer, Norm)]
        assert len(at) > sum(sizes), "all layers are compared"
        assert (laid.memory.view(np.uint8)[at] == laid.wanted[at]).mean() < 0.1, "nothing of it is there before"


@pytest.mark.parametrize("what", ["weight", "class token", "place", "step", "key", "value", "decoder"])
def test_what_is_loaded_decides_what_is_computed(what):
    """A byte of DRAM, the place of a load, where an item goes, where K and V of a pass are, what restores them."""
    case, sim = next(run for run in networks(small(), 4, 2) if run[0].operands.laid.network.classed)
    laid = case.operands.laid
    if what == "weight":
        laid.memory[laid.places["b0.fc1.weight"] + 3] ^= 64
    elif what == "class token":
        laid.memory[laid.places["b0.norm1.input"]] ^= 64
    elif what == "place":
        load_ = next(one for one in laid.loads["act_gb0"].every if one.done >= 0)
        load_.place += 64
    elif what in ("key", "value"):
        laid.rows["attended"][0][0 if what == "key" else 3] += 1
    elif what == "decoder":
        layer, x = laid.attended[0]
        k, q = x.coded
        laid.attended[0] = layer, replace(x, coded=(replace(k, weights=-k.weights - 1), q))
    else:
        place, size = laid.rows["runs"][5]
        laid.rows["runs"][5] = place + 1, size
    outcome = run_whole([(case, sim)])
    assert outcome.differences > 0
    assert "in the module and" in outcome.first and "in the functional twin" in outcome.first


def test_layers_lie_where_they_are_computed():
    work = whole_chain(load(find("workloads", "fmnist_vit_s90")))
    assert not any(name.endswith((".q", ".k", ".v")) for name in work.tensors)
    assert [name for name in work.tensors if name.endswith(".x")] == ["patch_embed.proj.x"], "the picture"
    assert "blocks.0.mlp.fc1.weight" in work.tensors
    _, program = CHAINED.build(load_arch("vitcod", schema), work)
    at = program.places
    assert at["patch_embed.proj.output"] == at["blocks.0.norm1.input"] + 64, "a class token before it"
    assert at["blocks.0.attn.proj.residual"] == at["blocks.0.norm1.input"]
    assert at["blocks.0.mlp.fc1.output"] == at["blocks.0.mlp.fc2.input"]
    assert at["blocks.0.attn.output.0"] == at["blocks.0.attn.proj.input"]
    assert at["head.input"] == at["norm.output"], "its first token"
    lies = [at[f"blocks.0.attn.{name}.0"] - at["blocks.0.attn.qkv.output"] for name in "qkv"]
    assert lies == [0, 50 * 2 * 16, 2 * 50 * 2 * 16], "codes of 50 tokens, twice"
    own = [at[f"{layer.name}.output"] for layer in work.layers if isinstance(layer, Gemm | Norm)]
    assert len(set(own)) == len(own)


def test_loads_that_are_in_use_do_not_overlap():
    rows = [(4096 * n, size, 1, size, 0) for n, size in enumerate((40, 100, 30, 60, 64, 10))]
    table = np.array(rows, DESCRIPTOR).view(np.recarray)
    loads = Loads("act_gb0", table, [0, 1, 2, 10, 20, 30])
    for load_, done in zip(loads.every[:5], (9, 50, 50, 50, 50)):
        row, apart = (16, 64) if load_.size == 64 else (load_.size, load_.size)
        load_.read(row, apart, 8, done)
    assert loads.place(1024) == 496
    assert [one.place for one in loads.every] == [0, 40, 144, 176, 240, 1024]
    live = sorted((one.place, one.place + one.takes) for one in loads.every[1:5])
    assert all(end <= first for (_, end), (first, _) in pairwise(live))
    assert loads.every[4].takes == 256 and loads.every[4].place % 8 == 0, "four rows, 64 bytes apart"
    assert loads.last(4096 * 4 + 63, 6) is loads.every[4]
    with pytest.raises(InputError, match="nothing has been loaded of"):
        loads.last(4096 * 4, 4)
    with pytest.raises(InputError, match="more than 128"):
        loads.place(128)
    with pytest.raises(InputError, match="rows of 40 and of 20 bytes"):
        loads.every[0].read(20, 20, 1, 3)


def test_loads_that_are_read_together_lie_together():
    rows = [(4096 * n, size, 1, size, 0) for n, size in enumerate((40, 40, 30, 40))]
    loads = Loads("act_gb0", np.array(rows, DESCRIPTOR).view(np.recarray), [0, 1, 2, 90])
    for load_ in loads.every:
        load_.read(10, 16, 8, 50)
    first, second, third, last = loads.every
    second.follow(first, 4 * 16)
    second.follow(first, 4 * 16)
    third.read(10, 16, 8, 70)
    assert loads.place(1024) == 2 * 4 * 16 + 3 * 16
    assert [one.place for one in loads.every] == [0, 64, 128, 0], "room for both is taken with the first"
    with pytest.raises(InputError, match="read together with loads that lie elsewhere"):
        third.follow(second, 64)
    with pytest.raises(InputError, match="read together with loads that lie elsewhere"):
        last.follow(third, -16)
    last.many, last.block = 2, 5  # two heads of two tokens
    last.read(10, 16, 8, 95)
    assert last.takes == 2 * 16 and loads.rows()[3].tolist() == [0, 10, 16, 40, 2, 5]


def test_a_memory_that_gives_back_too_soon_is_refused():
    case, _ = next(networks(small(), 1, 2))
    laid = case.operands.laid
    at = laid.places["embed.output"]
    bursts = np.array([[3, at, 16, 1, 0], [9, at + 8, 16, 0, 1]])
    for cycle, late in ((12, True), (13, False)):
        replies = np.array([[4, 16, 0], [cycle, 16, 1]])
        if late:
            with pytest.raises(TooSoonError, match=r"in cycle 12 its memory gives back .* 1 cycles later"):
                laid.check_memory(bursts, replies)
        else:
            laid.check_memory(bursts, replies)


@pytest.mark.parametrize(
    ("name", "over", "why"),
    [
        ("fmnist_vit_s90", ("options.residency=keep",), "activations that stay on chip"),
        ("fmnist_vit_s90", ("options.residency=fused",), "activations that stay on chip"),
        ("fmnist_vit_s90", ("options.miss=dram",), "queries that are fetched"),
        ("fmnist_vit_s90", ("options.layout=token_major",), "another layout"),
        ("fmnist_vit_s90", ("vector.lanes=128",), "is a layer that is not run with values"),
    ],
)
def test_what_has_no_values_is_refused(name, over, why):
    with pytest.raises(InputError, match=why):
        whole(load_arch("vitcod", schema, over), load(find("workloads", name)))


def test_it_is_written_by_no_command():
    done = CliRunner().invoke(cli.app, ["rtl", "vitcod", "--top", TOP, "--workload", "fmnist_vit_s90", "-o", "x"])
    assert done.exit_code == 2 and "there is no top 'vitcod_values'" in " ".join(done.output.split())


def test_it_is_named_behind_its_machine():
    assert named(None, ["vitcod", TOP]) == named(None, [TOP]) == ("vitcod", [TOP])
    assert named(None, ["vitcod"]) == ("vitcod", ["vitcod"])


def test_bugs_are_seeded_in_every_module_on_the_way():
    modules = {m for m in next(networks(small(), 1, 1))[0].netlist.modules() if m.startswith("values_")}
    assert {m.module for m in VALUES_MUTATIONS} == modules | {"attention_datapath", "decoder_datapath"}
    assert len(modules) == 8
    assert TWINS.whole[TOP].mutations == VALUES_MUTATIONS


@pytest.mark.slow
def test_every_seeded_bug_is_caught():
    found = [(m.bug, count) for m, count, _ in bugs_of(VALUES_MUTATIONS, networks(small(), 8, 1))]
    assert len(found) == len(VALUES_MUTATIONS)
    assert [bug for bug, count in found if not count] == []


@pytest.mark.slow
@pytest.mark.parametrize("over", [(), SMALL, (*SMALL, "dram.model=pipe")], ids=["", "small", "pipe"])
def test_a_trained_network_leaves_in_dram_what_the_functional_twin_says(over):
    outcome = run_whole([whole(load_arch("vitcod", schema, over), load(find("workloads", "fmnist_vit_s90")))])
    assert outcome.first == ""
    assert outcome.values == 147_146


@pytest.mark.slow
def test_a_block_of_deit_leaves_in_dram_what_the_functional_twin_says():
    work = first_block("deit_tiny_s90", 8)
    assert [layer.name for layer in work.layers][-1] == "block0.mlp2"
    outcome = run_whole([whole(load_arch("vitcod", schema), work)])
    assert outcome.first == "" and outcome.values > 400_000

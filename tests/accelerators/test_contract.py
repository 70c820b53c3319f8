"""What every machine owes, asked of every simulated one; and that the asking finds what is broken."""

import pytest

from accelsim.accelerators import schema, simulated
from accelsim.accelerators.contract import check_contract, failed
from accelsim.accelerators.trial import draw_workload
from accelsim.config import load_arch
from accelsim.workload import Attention, Elementwise, Gemm, Norm


@pytest.mark.parametrize("name", simulated())
@pytest.mark.parametrize("over", ([], ["dram.model=pipe", "clocks.dram=333 MHz"]), ids=["exact", "pipe"])
def test_a_shipped_machine_keeps_its_contract(name, over):
    rules = check_contract(load_arch(name, schema, over), cases=1, seed=1 if over else 2)
    assert failed(rules) == []
    assert len(rules) == 11 and min(rule.looked for rule in rules) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", simulated())
def test_a_shipped_machine_keeps_its_contract_on_many_networks(name):
    assert failed(check_contract(load_arch(name, schema), cases=30, seed=100)) == []


def test_trial_networks_have_every_kind_of_layer_and_the_same_seed_gives_the_same():
    drawn = [draw_workload(seed) for seed in range(20)]
    kinds = {type(layer) for work in drawn for layer in work.layers}
    assert kinds == {Attention, Elementwise, Gemm, Norm}
    assert {work.batch for work in drawn} == {1, 2}
    assert [draw_workload(seed).hash for seed in range(20)] == [work.hash for work in drawn]
    assert len({work.hash for work in drawn}) == 20

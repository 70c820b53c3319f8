"""What every machine owes, asked of small Sangers in every reading."""

import pytest

from accelsim.accelerators.contract import check_contract, failed
from accelsim.core import InputError
from tests.accelerators.sanger.machines import SMALL, drawn, sanger


@pytest.mark.parametrize("predict", ["true", "false"])
@pytest.mark.parametrize("reading", ["column_tile wavefront", "block per_stage", "unit global"])
def test_a_small_machine_keeps_its_contract(reading, predict):
    pack, control = reading.split()
    arch = sanger(*SMALL, f"pack={pack}", f"control={control}", f"predict={predict}")
    assert failed(check_contract(arch, cases=1, seed=11)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_any_machine_keeps_its_contract(seed):
    try:
        assert failed(check_contract(drawn(seed), cases=1, seed=seed)) == []
    except InputError:
        pytest.skip("the network does not fit")

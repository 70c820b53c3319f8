"""Clean runs, to plant faults in."""

import pytest

from accelsim.accelerators import machine
from accelsim.validation.evidence import Evidence, gather
from tests.accelerators.small import one_of_each
from tests.accelerators.vitcod.small import small_machine
from tests.validation.faults import planted


@pytest.fixture(scope="session")
def clean() -> Evidence:
    return gather(machine("vitcod"), small_machine(), one_of_each())


@pytest.fixture(scope="session")
def missing() -> Evidence:
    """A run whose sparser engine fetches every query itself."""
    return gather(machine("vitcod"), small_machine("forward=false"), one_of_each())


@pytest.fixture(scope="session")
def fetched() -> Evidence:
    """One that has no forwarding and fetches from DRAM."""
    return gather(machine("vitcod"), small_machine("forward=false", "miss=dram"), one_of_each())


@pytest.fixture
def run(clean) -> Evidence:
    return planted(clean)

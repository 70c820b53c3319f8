"""Clean runs of a small machine, to plant faults in."""

import functools

import pytest

from accelsim.accelerators import machine
from accelsim.validation.evidence import Evidence, gather
from tests.accelerators.sanger.machines import SMALL, sanger
from tests.accelerators.small import one_of_each
from tests.validation.faults import planted


@functools.lru_cache
def clean(*overrides: str) -> Evidence:
    """A run that is right: every kind of layer, three heads of which one is full."""
    return gather(machine("sanger"), sanger(*SMALL, *overrides), one_of_each())


@pytest.fixture
def run() -> Evidence:
    return planted(clean("array.packs_ahead=3"))


@pytest.fixture
def unit() -> Evidence:
    return planted(clean("pack=unit", "control=global", "predict=false"))

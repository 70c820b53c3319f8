"""Right runs pass: patterns and other masks on small buffers, random networks on random machines."""

import pytest
from hypothesis import HealthCheck, given, reject, settings

from accelsim.core import InputError
from accelsim.workload import Attention, Workload
from tests.accelerators.salo.machines import PIPE, SMALL, machines, networks, one_of_each, salo
from tests.validation.faults import validated

CASES = (
    *((name, ()) for name in ("window:5,globals=1", "window:4,dilation=3", "window:3x3,grid=4x4,globals=1", "7")),
    ("window:40", ()),
    *((name, ("weight_buffer.capacity_bytes=380",)) for name in ("window:5,globals=1", "7")),
    ("window:5,globals=1", ("window.globals=0",)),
)


@pytest.mark.parametrize(("pattern", "over"), CASES)
def test_every_pattern_is_legal_and_right(pattern, over):
    report = validated(salo(*SMALL, *PIPE, *over), one_of_each(pattern))
    assert report.failed == []
    assert sum(c.count for c in report.checks if c.name == "integers") == 2 * 3 * 17
    kinds = {c.compared: c.count for c in report.checks if c.scope == "layer attention"}
    assert kinds["every kept score in one tile"] == 2 * 3 * 17 * 17
    assert report.errors[0].rms < 0.6  # a step of the softmax's 128 is as much as half a step of V here


def test_a_tile_that_runs_while_the_one_before_finds_no_room_is_not_too_fast():
    """What a tile leaves waits for the merge; the next one goes on meanwhile, and is done soon after."""
    attention = Attention("a", "b", 1, 5, 5, 1, 4, activation="hardswish")
    narrow = ("window.rows=4", "window.columns=1", "window.globals=0", "merge.features=8", "merge.merge_cycles=1")
    one = ("merge.lanes=1", "array.overlap=none", "array.ahead=1", "vector.lanes=1")
    report = validated(salo(*SMALL, *PIPE, *narrow, *one), Workload("w", "w", (attention,)))
    assert report.failed == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(networks(), machines())
def test_any_network_on_any_machine(workload, arch):
    try:
        report = validated(arch, workload)
    except InputError:
        reject()
    assert report.failed == []


@pytest.mark.slow
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), machines())
def test_many_networks_on_many_machines(workload, arch):
    test_any_network_on_any_machine.hypothesis.inner_test(workload, arch)

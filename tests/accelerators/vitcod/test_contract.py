"""What every machine owes: any network on any machine of its kind runs to its end, legally and to the right numbers;
and nothing about how it is run changes a result."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings

from accelsim.accelerators import machine, schema
from accelsim.accelerators.contract import check_contract, failed
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from accelsim.core.status import STATUS_NAMES
from accelsim.validation import validate
from tests.accelerators.small import one_of_each, workloads
from tests.accelerators.vitcod.small import machines, small_machine

QUICK = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


def run(arch, workload, *, skip: bool = True, slices: int = 0, **options):
    """A finished simulator."""
    sim, _ = machine("vitcod").build(arch, workload, **options)
    while not sim.run(*([slices] if slices else []), skip=skip):
        pass
    return sim


def outcome(sim):
    """All of a result that is a statistic, in no order."""
    result = sim.result()
    return result.end, asdict(result.total), [asdict(span) for span in result.spans], result.peaks


@QUICK
@given(workloads(), machines())
def test_any_network_runs_legally_to_the_right_numbers(workload, arch):
    try:
        report = validate(machine("vitcod"), arch, workload)
    except InputError:
        reject()
    assert report.failed == []
    assert len(report.checks) > 40


@QUICK
@given(workloads(), machines())
def test_sleeping_changes_nothing(workload, arch):
    try:
        lazy = run(arch, workload)
    except InputError:
        reject()
    assert outcome(run(arch, workload, skip=False)) == outcome(lazy)


@pytest.mark.parametrize("over", [["miss=dram", "forward=false"], ["residency=keep"], ["residency=fused"]])
def test_the_contract_holds_where_dram_moves_more_or_less_than_layers_have(over):
    assert failed(check_contract(load_arch("vitcod", schema, over), cases=1, seed=546)) == []


def test_the_order_of_components_changes_nothing():
    arch, workload = small_machine(), one_of_each()
    assert outcome(run(arch, workload, order=list(range(17))[::-1])) == outcome(run(arch, workload))


@pytest.mark.parametrize("slices", [101, 9_999, 70_001])
def test_stopping_and_going_on_changes_nothing(slices):
    arch, workload = small_machine(), one_of_each()
    assert outcome(run(arch, workload, slices=slices)) == outcome(run(arch, workload))


def test_looking_changes_nothing():
    arch, workload = small_machine(), one_of_each()
    plain = run(arch, workload)
    assert outcome(run(arch, workload, trace=20, monitored=True)) == outcome(plain)
    assert len(plain.result().events) == 0


def test_the_trace_says_what_every_component_did():
    sim = run(small_machine(), one_of_each(), trace=1 << 16)
    result = sim.result()
    events, end = result.events, result.end
    for n, component in enumerate(sim.components):
        mine = events[events["component"] == n]
        period = result.periods[component.clock]
        at = np.concatenate([[0], mine["at"] // period, [-(-end // period)]])
        doing = np.concatenate([[0], mine["status"]])
        spent = np.bincount(doing, np.diff(at), minlength=len(STATUS_NAMES))
        assert dict(zip(STATUS_NAMES, spent.tolist())) == result.total.status[component.name]


def test_every_cycle_of_every_component_is_accounted_for_in_every_layer():
    workload = one_of_each()
    result = run(small_machine(), workload).result()
    assert [span.label for span in result.spans if span.label >= 0] == list(range(len(workload.layers)))
    for name, part in result.parts.items():
        for span in [result.total, *result.spans]:
            length = result.cycles(part.clock, span.end) - result.cycles(part.clock, span.start)
            assert sum(span.status[name].values()) == length
        for kind in ("status", "counts"):
            for key, total in getattr(result.total, kind)[name].items():
                assert sum(getattr(span, kind)[name][key] for span in result.spans) == total

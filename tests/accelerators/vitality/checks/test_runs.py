"""Right runs pass: every option on small buffers, random networks on random machines, and a shipped one."""

import pytest
from hypothesis import HealthCheck, given, reject, settings
from typer.testing import CliRunner

from accelsim import cli
from accelsim.core import InputError
from tests.accelerators.vitality.machines import OPTIONS, PIPE, SMALL, machines, networks, one_of_each, vitality
from tests.validation.faults import validated


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("rule", ["taylor", "l1", "hash"])
def test_every_option_is_legal_and_right(rule, options):
    report = validated(vitality(*SMALL, *PIPE, *options), one_of_each(rule))
    assert report.failed == []
    assert sum(c.count for c in report.checks if c.name == "integers") == 2 * 3 * 17
    kinds = {c.compared: c.count for c in report.checks if c.scope == "layer attention"}
    assert kinds["each part of each value output computed once"] == 2 * 3 * 17 * 10 * 7


@pytest.mark.parametrize("order", ["qk", "kv"])
def test_rule_l1_in_both_orders(order):
    report = validated(vitality(*SMALL, *PIPE, f"l1_order={order}"), one_of_each("l1"))
    assert report.failed == [] and sum(c.count for c in report.checks if c.name == "integers") == 2 * 3 * 17


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
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


def test_a_shipped_network_says_what_it_is():
    done = CliRunner(env={"COLUMNS": "400"}).invoke(cli.app, ["validate", "vitality", "fmnist_vit_s90"])
    assert done.exit_code == 0 and "all passed" in done.stdout
    assert "4 softmax attention layers were computed as Taylor attention of the dense layer" in done.stdout
    assert "3044 of 40000 Taylor weights are below 0 (7.61%); none is clamped." in done.stdout

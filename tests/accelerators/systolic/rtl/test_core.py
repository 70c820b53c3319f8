"""The softmax unit's control against its module, and the whole machine by its modules alone."""

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators.systolic.rtl.modules import SOFTMAX
from accelsim.accelerators.systolic.rtl.softmax_cases import UNITS, cases
from accelsim.accelerators.systolic.rtl.systolic_core import TOP, commands, networks, whole
from accelsim.config.shipped import find
from accelsim.rtl.cosim import cosimulate, run_model
from accelsim.rtl.whole import run_whole
from accelsim.workload import load
from tests.accelerators.systolic.machines import finished, one_of_each, systolic

SMALL = ("array.rows=4", "array.columns=3", "softmax.score_bytes=2KiB")
OTHERS = [
    ("array.dataflow=ws", "attention=fused", "dram.model=pipe"),
    ("array.dataflow=is", "attention=fused", "softmax.mode=max", "array.overlap=none", "array.psum_hop=2"),
]


def test_not_one_transfer_of_the_softmax_unit_differs():
    outcome = cosimulate(SOFTMAX, cases(30, 7))
    assert outcome.first == "" and outcome.differences == 0 and outcome.cases == 30
    assert all(outcome.counts.values()), outcome.counts
    assert len({case.netlist.text() for case in cases(6, 1)}) == len(UNITS)


@pytest.mark.slow
def test_not_one_transfer_of_the_softmax_unit_differs_in_300_cases():
    outcome = cosimulate(SOFTMAX, cases(300, 11))
    assert outcome.first == "" and outcome.differences == 0


def test_sleeping_does_not_change_what_the_softmax_unit_is_compared_with():
    for case in cases(3, 3):
        assert np.array_equal(run_model(case)[0], run_model(case, skip=False)[0])


def test_random_networks_run_by_the_modules_alone():
    outcome = run_whole(networks(systolic(*SMALL), 6, 3))
    assert outcome.first == "" and outcome.differences == 0 and outcome.cases == 6
    assert outcome.name == TOP and outcome.transfers > 5_000 and outcome.statuses == 10 * outcome.cycles


@pytest.mark.slow
def test_every_kind_of_layer_fused_and_with_a_pipe_that_is_a_module():
    case, sim = whole(systolic(*SMALL, *OTHERS[0]), one_of_each())
    assert not [wire for wire in case.netlist.wires if wire.producer is None or wire.consumer is None]
    outcome = run_whole([(case, sim)])
    assert outcome.first == "" and outcome.differences == 0 and outcome.statuses == 11 * outcome.cycles


def test_commands_are_those_that_the_array_is_given():
    arch = systolic(*SMALL)
    case, _ = whole(arch, one_of_each())
    sim, program = finished(arch, one_of_each(), monitored=True)
    assert np.array_equal(commands(program), case.tables["commands"])
    result = sim.result()
    moved = next(t for n, t in result.transfers.items() if result.links[n].producer == "sequencer.command.array")
    assert np.array_equal(case.tables["commands"], np.stack([moved[n] for n in moved.dtype.names[1:]], axis=1))


@pytest.mark.slow
@pytest.mark.parametrize("over", [(), *OTHERS], ids=str)
def test_forty_random_networks(over):
    outcome = run_whole(networks(systolic("array.rows=8", "array.columns=4", *over), 40, 7))
    assert outcome.first == "" and outcome.differences == 0 and outcome.cases == 40


@pytest.mark.slow
@pytest.mark.parametrize("over", [(), *OTHERS], ids=str)
def test_a_workload_on_the_shipped_machine(over):
    outcome = run_whole([whole(systolic(*over), load(find("workloads", "fmnist_vit_s90")))])
    assert outcome.first == "" and outcome.differences == 0


def test_the_command_runs_it_and_writes_it(tmp_path):
    over = [word for one in (*SMALL, "dram.model=pipe") for word in ("--set", one)]
    done = CliRunner().invoke(cli.app, ["cosim", "systolic", TOP, "--cases", "2", *over])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[2].split()[0] == TOP and "2 random networks" in done.output
    done = CliRunner().invoke(cli.app, ["cosim", "systolic", TOP, "systolic_array"])
    assert done.exit_code == 2 and f"{TOP} is the whole machine; name it alone" in done.stderr

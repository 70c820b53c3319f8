"""The whole machine in hardware runs networks by itself, beside the simulator."""

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine, schema
from accelsim.accelerators.vitcod.rtl.vitcod_core import piped, whole
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.rtl.cosim import AFTER
from accelsim.rtl.whole import run_whole
from accelsim.workload import load

SMALL = ("engine.lines=8", "engine.macs=4")
PIPE = (*SMALL, "dram.model=pipe")


def run_of(name: str, *over: str):
    arch = load_arch("vitcod", schema, over)
    return arch, *whole(arch, load(find("workloads", name)))


@pytest.mark.parametrize("over", [PIPE, SMALL], ids=["pipe", "exact"])
def test_a_network_runs_by_itself_and_not_one_cycle_differs(over):
    arch, case, sim = run_of("fmnist_vit_s90", *over)
    parts, units = set(machine("vitcod").parts(arch)), {unit.name for unit in case.netlist.units}
    if over is PIPE:
        assert units == parts and all(wire.producer and wire.consumer for wire in case.netlist.wires)
    else:
        assert units == parts - {"dram"}
    outcome = run_whole(case, sim)
    assert outcome.first == ""
    assert outcome.differences == 0 and outcome.transfers > 30_000
    alone, _ = machine("vitcod").build(piped(arch), load(find("workloads", "fmnist_vit_s90")))
    alone.run()
    assert outcome.cycles - AFTER == alone.result().cycles() > 300_000, "as it runs without anybody watching"


@pytest.mark.parametrize("table", ["operands", "weight_gb", "rows"])
def test_what_is_loaded_is_what_runs(table):
    _, case, sim = run_of("fmnist_vit_s90", *PIPE)
    changed = case.tables[table] = case.tables[table].copy()  # the simulator has its own
    if table == "operands":
        changed[case.tables["program"]["first"][100]] += 1
    else:
        field = {"weight_gb": "bytes", "rows": "parts"}[table]
        changed[field][50] += 1
    outcome = run_whole(case, sim)
    assert outcome.differences > 0
    assert "the first difference is in cycle" in outcome.first


def test_the_command_prints_what_was_compared():
    command = ["cosim", "vitcod", "--workload", "fmnist_vit_s90"]
    done = CliRunner().invoke(cli.app, [*command, *(word for one in SMALL for word in ("--set", one))])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[2].split()[0] == "vitcod_core"
    assert done.output.splitlines()[2].split()[-1] == "0"
    assert "ran in 333,425 cycles, from reset to its end, by the modules alone: 16 units" in done.output
    assert "dram answered through the harness" in " ".join(done.output.split())


def test_the_whole_machine_runs_a_workload_and_nothing_else():
    said = {
        ("cosim", "vitcod"): "say which with --workload",
        ("cosim", "vitcod", "encoder", "--workload", "fmnist_vit_s90"): "name it alone, without encoder",
        ("cosim", "vitcd", "--workload", "fmnist_vit_s90"): "(did you mean 'vitcod'?)",
    }
    for command, sentence in said.items():
        done = CliRunner().invoke(cli.app, command)
        assert done.exit_code == 2 and sentence in done.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fmnist_vit_s90", "levit_128_s90", "deit_tiny_s90"])
@pytest.mark.parametrize("over", [(), ("options.residency=keep",), ("options.miss=dram",)], ids=["", "keep", "dram"])
def test_the_shipped_machine_runs_whole_networks_by_itself(name, over):
    _, case, sim = run_of(name, *over)
    outcome = run_whole(case, sim)
    assert outcome.first == ""

"""The whole machine in hardware runs networks by itself, beside the simulator."""

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine, schema
from accelsim.accelerators.vitcod.rtl.vitcod_core import networks, piped, whole
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


def alone(*over: str) -> int:
    """Cycles of the same run without anybody watching."""
    sim, _ = machine("vitcod").build(
        piped(load_arch("vitcod", schema, over)), load(find("workloads", "fmnist_vit_s90"))
    )
    sim.run()
    return sim.result().cycles()


def test_a_network_runs_by_itself_and_not_one_cycle_differs():
    arch, case, sim = run_of("fmnist_vit_s90", *PIPE)
    assert {unit.name for unit in case.netlist.units} == set(machine("vitcod").parts(arch))
    assert all(wire.producer and wire.consumer for wire in case.netlist.wires), "nothing comes from outside"
    outcome = run_whole([(case, sim)])
    assert outcome.first == ""
    assert outcome.differences == 0 and outcome.transfers > 30_000
    assert outcome.cycles - AFTER == alone(*PIPE) > 300_000


def test_random_networks_run_by_themselves_with_memories_of_any_speed():
    runs = list(networks(load_arch("vitcod", schema, SMALL), 6, 3))
    assert [type(c).__name__ for _, sim in runs for c in sim.components if c.name == "dram"].count("ExactDram") == 1
    assert len({case.netlist.text() for case, _ in runs}) == 1, "one build"
    outcome = run_whole(runs)
    assert outcome.first == ""
    assert outcome.cases == 6 and outcome.transfers > 2_000


@pytest.mark.parametrize("table", ["operands", "weight_gb", "rows"])
def test_what_is_loaded_is_what_runs(table):
    _, case, sim = run_of("fmnist_vit_s90", *PIPE)
    changed = case.tables[table] = case.tables[table].copy()  # the simulator has its own
    if table == "operands":
        changed[case.tables["program"]["first"][100]] += 1
    else:
        field = {"weight_gb": "bytes", "rows": "parts"}[table]
        changed[field][50] += 1
    outcome = run_whole([(case, sim)])
    assert outcome.differences > 0
    assert "the first difference is in cycle" in outcome.first


def test_the_command_says_what_was_compared_beside_the_exact_memory():
    command = ["cosim", "vitcod", "--workload", "fmnist_vit_s90"]
    done = CliRunner().invoke(cli.app, [*command, *(word for one in SMALL for word in ("--set", one))])
    assert done.exit_code == 0, done.output
    row = done.output.splitlines()[2].split()
    assert row[0] == "vitcod_core" and row[-1] == "0" and int(row[2].replace(",", "")) == alone(*SMALL) + AFTER
    said = " ".join(done.output.split())
    assert f"ran in {alone(*SMALL):,} cycles, from reset to its end, by the modules alone: 16 units" in said
    assert said.endswith("dram answered through the harness")


def test_the_whole_machine_runs_networks_and_nothing_else():
    said = {
        ("cosim", "vitcod", "--mutations"): "name it alone, without --waves and --mutations",
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
    outcome = run_whole([(case, sim)])
    assert outcome.first == ""

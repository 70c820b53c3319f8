"""The whole machine in hardware runs networks by itself, beside the simulator."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine, schema
from accelsim.accelerators.trial import draw_workload
from accelsim.accelerators.vitcod.rtl import twins
from accelsim.accelerators.vitcod.rtl.twins import TWINS
from accelsim.accelerators.vitcod.rtl.vitcod_core import networks, piped, whole
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.isa.instructions import MARK
from accelsim.rtl.cosim import AFTER
from accelsim.rtl.mutations import Mutation
from accelsim.rtl.netlist import FIELD
from accelsim.rtl.testbench import run_testbench
from accelsim.rtl.waves import MODEL, MODULE, read
from accelsim.rtl.whole import recorded, run_whole
from accelsim.workload import load, save
from tests.rtl.stored import changed

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


def test_random_networks_whose_queries_are_fetched_of_dram_run_by_themselves():
    """The fetcher of queries has places, too."""
    outcome = run_whole(networks(load_arch("vitcod", schema, (*SMALL, "miss=dram", "forward=false")), 2, 2))
    assert outcome.first == "" and outcome.transfers > 1_000


def test_random_networks_with_fused_layers_run_by_themselves():
    """Weights of some of them stay in their buffer."""
    arch = load_arch("vitcod", schema, (*SMALL, "residency=fused"))
    runs = list(networks(arch, 4, 3))
    turns = [[case.tables["operands"][first] for first in ends(case)] for case, _ in runs]
    assert all(len(some) > len(set(some)) for some in turns), "each of them has layers that take turns"
    outcome = run_whole(runs)
    assert outcome.first == "" and outcome.transfers > 2_000


def ends(case) -> list[int]:
    """Where the operands of a program's marks are."""
    program = case.tables["program"]
    return program["first"][program["unit"] == MARK].tolist()


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


@pytest.fixture(scope="module")
def small_network(tmp_path_factory) -> Path:
    """A workload of a few thousand cycles."""
    return save(draw_workload(1000), tmp_path_factory.mktemp("network") / "small.yaml")


def options(*over: str) -> list[str]:
    return [word for one in over for word in ("--set", one)]


def test_the_written_machine_runs_its_program_until_it_is_done(small_network, tmp_path):
    folder = tmp_path / "rtl"
    command = ["rtl", "vitcod", "-o", str(folder), "--top", "vitcod_core", "--workload", str(small_network)]
    done = CliRunner().invoke(cli.app, [*command, "--simulate", *options(*PIPE)])
    assert done.exit_code == 0, done.output
    arch = load_arch("vitcod", schema, PIPE)
    model, cycles = recorded(*whole(arch, load(small_network)))
    assert f"PASS: vitcod_core, done in cycle {cycles}, {len(model)} transfers and changes of status" in done.output
    top = (folder / "vitcod_core.sv").read_text()
    inputs = re.findall(r"input logic (?:\[.*?\] )?(\w+)", top)
    assert {name.rpartition("_")[2] for name in inputs} == {"clk", "rst", "we", "address", "data"}, (
        "only what is loaded"
    )
    names = (folder / "vitcod_core_tb.f").read_text().split()
    listed = [folder / name for name in names]
    assert names[-1] == "vitcod_core_tb.sv" and all(path.exists() for path in listed)
    for table, row, word in (("weight_gb", 0, 1), ("program", -1, 0)):  # bytes of a load; that no instruction follows
        rows = folder / "stimulus" / f"vitcod_core_{table}.hex"
        kept = rows.read_text()
        changed(rows, row, word, 1)
        assert run_testbench("vitcod_core", folder, listed).startswith("FAIL: vitcod_core, never done, ")
        rows.write_text(kept)
    expected = folder / "stimulus" / "vitcod_core_merge_status_expected.hex"
    changed(expected, -1, 0, 1)  # a cycle later
    outcome = run_testbench("vitcod_core", folder, listed)
    assert outcome.startswith(f"FAIL: vitcod_core, done in cycle {cycles}, 1 of "), outcome


def test_waveforms_of_layers_show_the_same_of_simulator_and_modules(small_network, tmp_path):
    arch, work = load_arch("vitcod", schema, PIPE), load(small_network)
    names = [layer.name for layer in work.layers]
    command = ["cosim", "vitcod", "--workload", str(small_network), *options(*PIPE), "--waves", str(tmp_path)]
    done = CliRunner().invoke(cli.app, [*command, "--trace-layers", names[1], "--trace-layers", names[2]])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "vitcod").iterdir()} == {"model.vcd", "module.vcd", "waves.png"}
    case, sim = whole(arch, work)
    rows, cycles = recorded(case, sim)
    marks = {span.label: (span.start, span.end) for span in sim.result().spans}
    first, end = marks[1][0], marks[2][1]
    assert 0 < first < end < cycles
    ends = ("__valid", "__room", "_push", "__pop")
    wanted = [f"{w.name}{one}" for w in case.netlist.wires for one in ends] + [u.status for u in case.netlist.units]
    items = [f"{w.name}_item" for w in case.netlist.wires]
    model, module = (read(tmp_path / "vitcod" / name, wanted + items, first) for name in (MODEL, MODULE))
    for name in wanted:
        assert len(model[name]) == end - first and model[name].tolist() == module[name].tolist(), name
    for i, wire in enumerate(case.netlist.wires):
        mine = rows[(rows[:, 1] == i) & (rows[:, 0] >= first) & (rows[:, 0] < end)]
        assert model[f"{wire.name}_push"].sum() == len(mine), wire.name
        for cycle in mine[:, 0] - first:
            pushed = int(model[f"{wire.name}_push"][cycle])  # ports that push nothing show what is there
            bits = FIELD * len(case.netlist.fields(wire)) * pushed
            assert len({int(one[f"{wire.name}_item"][cycle]) % (1 << bits) for one in (model, module)}) == 1, wire.name


def test_a_seeded_bug_is_caught_in_the_whole_machine(monkeypatch):
    bugs = ("the second counter is not waited for", "notices count a cycle late")
    found = [m for m in TWINS.whole["vitcod"].mutations if m.bug in bugs]
    none = Mutation("dma", "dma", "none at all", "size = ends ?", "size =  ends ?")
    elsewhere = Mutation("dram_pipe", "dram_pipe", "not there", "in_flight", "")
    seeded = {"vitcod": replace(TWINS.whole["vitcod"], mutations=(*found, none, elsewhere))}
    monkeypatch.setattr(twins, "TWINS", replace(TWINS, whole=seeded))
    done = CliRunner().invoke(cli.app, ["cosim", "vitcod", "--mutations", "--cases", "2", *options(*SMALL)])
    assert done.exit_code == 1, done.output
    assert "not there" not in done.output and "NOT CAUGHT" in done.output
    assert done.output.splitlines()[-1] == "3 seeded bugs, 2 caught"


def test_the_machine_is_written_with_a_network_and_a_memory_that_has_a_module(small_network, tmp_path):
    alone = ["rtl", "vitcod", "-o", str(tmp_path / "rtl")]
    network = ["--workload", str(small_network)]
    said = {
        (*alone, "--top", "vitcod_core"): "--workload and --top vitcod_core go together",
        (*alone, *network): "--workload and --top vitcod_core go together",
        (*alone, *network, "--top", "vitcod_core"): "dram has no module, and dma_request leads outside",
        ("cosim", "--waves", "waves", "--trace-layers", "a"): "--trace-layers are of a whole machine's --workload",
    }
    for command, sentence in said.items():
        done = CliRunner().invoke(cli.app, command)
        assert done.exit_code == 2 and sentence in " ".join(done.output.split()), done.output
    assert not (tmp_path / "rtl").exists()


def test_the_whole_machine_runs_networks_and_nothing_else():
    said = {
        ("cosim", "vitcod", "encoder", "--workload", "fmnist_vit_s90"): "name it alone, without encoder",
        ("cosim", "vitcd", "--workload", "fmnist_vit_s90"): "(did you mean 'vitcod'?)",
    }
    for command, sentence in said.items():
        done = CliRunner().invoke(cli.app, command)
        assert done.exit_code == 2 and sentence in done.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fmnist_vit_s90", "levit_128_s90", "deit_tiny_s90"])
@pytest.mark.parametrize(
    "over",
    [(), ("options.residency=keep",), ("options.residency=fused",), ("options.miss=dram",)],
    ids=["", "keep", "fused", "dram"],
)
def test_the_shipped_machine_runs_whole_networks_by_itself(name, over):
    _, case, sim = run_of(name, *over)
    outcome = run_whole([(case, sim)])
    assert outcome.first == ""

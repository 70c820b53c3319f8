"""The RTL of a configuration: complete, clean, and the one that was co-simulated."""

from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import schema
from accelsim.accelerators.vitcod.rtl.core import RANDOM, core
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE
from accelsim.accelerators.vitcod.rtl.settings import DEFAULTS
from accelsim.accelerators.vitcod.rtl.twins import parameters, tops
from accelsim.config import load_arch
from accelsim.rtl.verilator import verilator
from accelsim.rtl.write import write


def test_what_is_written_is_complete_and_has_the_parameters(tmp_path):
    folder = tmp_path / "rtl"
    chosen = ["--set", "engine.lines=24", "--set", "sparser.banks=2", "--set", "sparser.bank_bytes=128"]
    done = CliRunner().invoke(cli.app, ["rtl", "vitcod", "-o", str(folder), *chosen])
    assert done.exit_code == 0, done.output
    assert "listed in files.f; the top is attention_core" in done.output
    simulated = {f"{name}.sv" for name in PACKAGE.simulated}
    assert {path.name for path in PACKAGE.modules()} - simulated < {path.name for path in folder.iterdir()}
    assert len(simulated) == 8 and not simulated.intersection(path.name for path in folder.iterdir())
    names = (folder / "files.f").read_text().split()
    assert names[0] == "isa.sv" and names[-1] == "attention_core.sv"
    top = (folder / "attention_core.sv").read_text()
    assert "sparser_engine #(.LINES(24), .BANKS(2), .BANK_BYTES(128)" in top
    assert "output_merge #(.INDEX_BANKS(8)" in top
    said = verilator("--lint-only", "-Wno-lint", "--top-module", "attention_core", *(str(folder / n) for n in names))
    assert "%Error" not in said


def test_the_top_is_the_one_that_is_co_simulated(tmp_path):
    files = write(tops(DEFAULTS), tmp_path / "rtl")
    assert files[-1].read_text() == core(DEFAULTS, sizes=RANDOM).text()


def test_parts_of_a_configuration_are_parameters():
    over = [
        "engine.lines=3",
        "softmax.mode=max",
        "options.miss=dram",
        "index_buffer.banks=5",
        "weight_gb.port_bytes=48",
    ]
    values = parameters(load_arch("vitcod", schema, over))
    assert values["denser"]["lines"] == values["sparser"]["lines"] == 3
    assert values["softmax"]["mode"] == values["decoder"]["q_from"] == 1
    assert values["walker"]["banks"] == 5 and values["sparser"]["v_port_bytes"] == 48


def test_one_top_is_written_alone(tmp_path):
    command = ["rtl", "vitcod", "-o", str(tmp_path / "rtl"), "--top", "mac_array_bench"]
    assert CliRunner().invoke(cli.app, command).exit_code == 0
    names = (tmp_path / "rtl" / "files.f").read_text().split()
    assert names[-1] == "mac_array_bench.sv" and "transposing_stage.sv" in names and "decoder.sv" not in names
    done = CliRunner().invoke(cli.app, [*command[:-1], "mac_aray_bench"])
    assert done.exit_code == 2
    assert (
        "there is no top 'mac_aray_bench', only encoder_bench, mac_array_bench, vector_unit_bench, memory_bench, "
        "attention_core" in done.output
    )

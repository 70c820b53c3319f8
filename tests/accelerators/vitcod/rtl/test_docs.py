"""docs/rtl.md: its commands are ones that there are, and it names every module."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from accelsim import cli
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE

ROOT = Path(__file__).resolve().parents[4]
TEXT = (ROOT / "docs" / "rtl.md").read_text()
COMMANDS = [line.partition("#")[0].strip() for line in TEXT.splitlines() if line.startswith("    accelsim ")]


@pytest.fixture(autouse=True)
def tools() -> None:
    """Nothing is needed to read."""


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_has_the_options_it_is_shown_with(line):
    _, name, *arguments = shlex.split(line)
    command = typer.main.get_command(cli.app).commands[name]
    with command.make_context(name, arguments) as context:
        assert context.params


def test_there_are_commands_for_all_that_it_promises():
    used = " ".join(COMMANDS)
    for word in ("--waves", "--mutations", "--workload", "--simulate", "--synth", "import-mask"):
        assert word in used


def test_every_module_is_named():
    for path in PACKAGE.modules():
        assert f"`{path.stem}`" in TEXT or f"`{path.stem}`s" in TEXT, path.stem


def test_what_it_points_to_is_there():
    for benchmark in re.findall(r"benchmarks/\w+\.py", TEXT):
        assert (ROOT / benchmark).exists()
    for picture in re.findall(r"\]\((images/[\w.]+)\)", TEXT):
        assert (ROOT / "docs" / picture).exists()

"""Values of a command line are converted as typer converts them, and nothing is imported that a run does not need."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from accelsim.cli import Commands, conversion

GIVEN = [
    [],
    ["--one", "a", "--file", "x/y", "--many", "p", "--many", "q", "--files", "."],
    ["--number", "7", "--flag", "--many", "-"],
    ["--number", "seven"],
    ["--file", "-", "--files", "", "--files", "a/../b"],
    ["--present", "nowhere"],
    ["--present", "."],
    ["--help"],
    ["--one"],
]


def app(cls) -> typer.Typer:
    made = typer.Typer(cls=cls, rich_markup_mode=None)

    @made.command()
    def command(
        one: str | None = None,
        file: Annotated[Path, typer.Option()] = Path("here"),
        many: list[str] | None = None,
        files: list[Path] | None = None,
        number: int = 3,
        flag: bool = False,
        present: Annotated[Path | None, typer.Option(exists=True, resolve_path=True)] = None,
    ) -> None:
        typer.echo(repr((one, file, many, files, number, flag, present)))

    @made.command()
    def other() -> None:
        """Makes it a group."""

    return made


@pytest.mark.parametrize("given", GIVEN, ids=" ".join)
def test_as_typer_converts(given):
    mine, typers = (CliRunner().invoke(app(cls), ["command", *given]) for cls in (Commands, typer.core.TyperGroup))
    assert (mine.exit_code, mine.output) == (typers.exit_code, typers.output)


@pytest.mark.skipif(conversion.build_runtime_param is None, reason="left to this release of typer: more is imported")
def test_a_run_imports_neither_the_compiler_nor_what_validates_nor_what_reads_metadata(tmp_path):
    code = (
        "import sys; from accelsim.cli import main; sys.argv = ['accelsim', *sys.argv[1:]]\n"
        "try: main()\n"
        "finally: print(*sorted(sys.modules), file=sys.stderr)"
    )
    command = ["run", "vitcod", "fmnist_vit_s90", "--no-plots", "-o", str(tmp_path / "run")]
    for _ in range(2):  # what never was compiled is by the first
        done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    names = set(done.stderr.split())
    assert "accelsim.report.files" in names
    assert not names & {"numba", "pydantic", "matplotlib", "torch", "importlib.metadata", "rich.progress"}

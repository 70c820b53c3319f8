"""The code of docs/export.md runs."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accelsim import cli

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")

PAGE = Path(__file__).parents[2] / "docs" / "export.md"


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 2
    names: dict = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert (tmp_path / "mine.yaml").is_file() and names["loss"].item() > 0
    _, commands = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    for line in commands.splitlines():
        program, *arguments = shlex.split(line)
        done = CliRunner().invoke(cli.app, arguments)
        assert program == "accelsim" and done.exit_code == 0, (line, done.output)
    assert (tmp_path / "mine.png").is_file() and list((tmp_path / "results").iterdir())


def test_every_option_on_the_page_exists():
    wanted = {*re.findall(r"--[a-z][a-z-]+", PAGE.read_text(encoding="utf-8"))}
    helps = [
        CliRunner().invoke(cli.app, [c, "--help"], env={"COLUMNS": "200"}).stdout
        for c in ("export", "train-demo", "train-study", "study-workloads", "run", "import-mask")
    ]
    known = "".join([*helps, (PAGE.parents[1] / "benchmarks" / "equal_accuracy.py").read_text(encoding="utf-8")])
    assert wanted and {option for option in wanted if option not in known} == set()

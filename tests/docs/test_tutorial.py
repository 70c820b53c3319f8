"""docs/tutorial.md: its commands run, in their order, and print what the page shows."""

import re

import pytest
from typer.testing import CliRunner

from accelsim import cli
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_tutorial(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("accelsim.report.plots.draw", lambda *_: [])  # the five pictures that the page does not mention
    said, ran = "", 0
    for kind, block in re.findall(r"^```(sh)?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        if kind:
            for line in block.splitlines():
                here = ["-j", "0"] if line.startswith("accelsim compare") else []  # no worker, which would load it all
                done = CliRunner().invoke(cli.app, [*line.split()[1:], *here])
                assert done.exit_code == 0, f"{line}: {done.stderr}"
                said, ran = said + done.stdout, ran + 1
        elif "pip install" not in block:
            for line in block.splitlines():
                assert words(line) in words(said), line
    assert ran == 7
    for name in ("block0.pdf", "waits.svg", "first.pftrace", "report.html"):
        assert (tmp_path / name).stat().st_size > 10_000, name


def test_the_site_is_built_without_warnings(tmp_path):
    commands = pytest.importorskip("mkdocs.commands.build")
    from mkdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"), strict=True)
    commands.build(config)
    assert (tmp_path / "site" / "tutorial" / "index.html").exists()
    pages = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    named = set(re.findall(r"[\w/-]+\.md", str(config.nav)))
    assert {p for p in pages if not p.startswith("machines/")} <= named, (
        "every page but those of machines is in mkdocs.yml"
    )

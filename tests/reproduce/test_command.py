"""`accelsim reproduce` on the terminal."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.core.errors import InputError
from accelsim.reproduce import report as room
from accelsim.reproduce.report import STORE


@pytest.fixture
def call(report, paper, tmp_path, monkeypatch):
    """Runs the command with the small paper in the place of a machine's, from what is simulated already."""
    shutil.copyfile(report[1] / STORE, tmp_path / STORE)
    monkeypatch.setattr(room, "load", lambda name: paper)

    def run(*arguments):
        return CliRunner().invoke(cli.app, ["reproduce", "vitcod", "-o", str(tmp_path), "-j", "0", *arguments])

    return run


def test_tables_and_sentences_are_printed(call, report, tmp_path):
    done = call("--seeds", "2")
    assert done.exit_code == 0, done.output
    for grid in report[0].grids:
        for row in grid.rows:
            assert row[0] in done.stdout
        for note in grid.notes:
            assert note.replace(" ", "")[:60] in done.stdout.replace(" ", "").replace("\n", "")
    assert "Everything else." in done.stdout and f"{len(report[0].files)} files" in done.stdout.replace("\n", "")


def test_a_document_has_the_same_tables(call, report):
    found = json.loads(call("--seeds", "2", "--json").stdout)
    assert [t["slug"] for t in found["tables"]] == [g.slug for g in report[0].grids]
    assert found["tables"][1]["rows"] == [list(r) for r in report[0].grids[1].rows]


def test_an_interruption_says_how_to_go_on(call, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(room, "perform", stopped)
    done = call()
    assert done.exit_code == 130 and "the same command goes on from there" in done.stdout.replace("\n", " ")


def test_a_wrong_machine_is_a_sentence(tmp_path):
    done = CliRunner().invoke(cli.app, ["reproduce", "vitcdo", "-o", str(tmp_path / "x")])
    assert done.exit_code == 2 and "'vitcdo' is not known" in done.stderr
    with pytest.raises(InputError, match=r"'vitcdo' is not known.*did you mean 'vitcod'"):
        room.reproduce("vitcdo", tmp_path / "x")
    assert not (tmp_path / "x").exists()

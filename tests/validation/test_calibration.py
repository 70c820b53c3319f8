"""Predictions compared with cases of a file: errors, promises, refusals, the command and its picture."""

import json

import pytest
from typer.testing import CliRunner

from accelsim.accelerators.ita.calibration import CALIBRATIONS
from accelsim.cli import app
from accelsim.core import InputError
from accelsim.validation.calibration import Calibration, kind_of, predict, read_cases

HEADER = "id,layer,S,E,P,F,no_bias,seed,grant,queue,jobs,total,reads,writes,denied,idle\n"
RIGHT = "0,Linear,64,64,64,,0,201,1,1,1,308,162,128,0,18\n"  # a job alone, with a bias
WRONG = "1,Linear,64,64,64,,0,201,1,1,1,309,162,128,0,19\n"


def double(bound: float, fitted=frozenset()) -> Calibration:
    """A machine that predicts twice the size."""
    return Calibration(
        name="double", hardware="nobody's", file="x.csv", given=("size",), figure="total", fitted=fitted,
        predict=lambda case: {"total": 2 * case.number("size"), "more": 1}, bound=lambda case: bound,
    )  # fmt: skip


def told(*arguments: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(app, ["calibrate", *arguments])
    return done.exit_code, done.output.strip().splitlines()


def test_errors_and_promises(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("id,size,total,more\na,50,100,1\nb,50,80,1\nc,50,100,2\n\n")
    found = predict("m", double(0.1, frozenset("b")), read_cases(path))
    assert [round(one.error, 3) for one in found.outcomes] == [0, 0.25, 0]
    assert [one.differing for one in found.outcomes] == [[], ["total"], ["more"]]
    assert (found.exact, round(found.mean, 4), found.worst) == (1, 0.0833, 0.25)
    assert [one.case for one in found.broken] == ["b"]
    assert [one.case for one in predict("m", double(0.0), read_cases(path)).broken] == ["b", "c"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no cases"),
        ("size,total\n", "it has no cases"),
        ("size,total\n1,2,3\n", "cases.csv:2: it has 3 columns, but the header has 2"),
        ("size,totl\n1,2\n", "its columns are of no known form: for double it lacks total"),
        ("size,total\nx,2\n", "cases.csv:2: size must be a whole number, not 'x'"),
        ("size,total\n1,0\n", "cases.csv:2: total must be >= 1, not '0'"),
        ("size,total\n1,\n", "cases.csv:2: total must be >= 1, not ''"),
    ],
)
def test_a_file_that_is_none(tmp_path, text, said):
    path = tmp_path / "cases.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        cases = read_cases(path)
        predict("m", kind_of(path, cases, [double(0)]), cases)


def test_the_command_on_a_file(tmp_path):
    path, picture = tmp_path / "cases.csv", tmp_path / "seen.png"
    path.write_text(HEADER + RIGHT)
    status, lines = told("ita", "--cases", str(path), "-o", str(picture))
    assert (status, lines[-1]) == (0, "worst error 0.00 %") and picture.read_bytes()[:4] == b"\x89PNG"
    path.write_text(HEADER + RIGHT + WRONG)
    status, lines = told("ita", "--cases", str(path))
    assert status == 1 and lines[-1] == "worst error 0.32 %, 1 cases ABOVE their bound"
    assert lines[-2] == "ABOVE BOUND: ita wrapper, case 1: total 308 for 309, idle 18 for 19"
    done = CliRunner().invoke(app, ["calibrate", "ita", "--cases", str(path), "-o", str(picture), "--json"])
    made = json.loads(done.stdout)
    assert (done.exit_code, made["above_bound"], round(made["worst_error"], 4)) == (1, 1, 0.0032)
    assert made["parts"][0]["cases"][1]["predicted"]["total"] == 308


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("layer", "Linea", "cases.csv:2: layer must be one of Attention, Feedforward, Linear, SingleAttention"),
        ("S", "65", "cases.csv:2: S must be a multiple of M = 64, not 65"),
        ("grant", "p:0:2", "cases.csv:2: gate: expected 1, p:k:n"),
        ("queue", "9", "cases.csv:2: block.queue_jobs: must be >= 1 and <= 4"),
    ],
)
def test_a_case_that_is_none(tmp_path, column, value, said):
    path, row = tmp_path / "cases.csv", RIGHT.strip().split(",")
    row[HEADER.strip().split(",").index(column)] = value
    path.write_text(HEADER + ",".join(row) + "\n")
    with pytest.raises(InputError, match=said):
        predict("ita", CALIBRATIONS[1], read_cases(path))


def test_what_the_command_refuses(tmp_path, monkeypatch):
    monkeypatch.delenv("ACCELSIM_REFERENCE", raising=False)
    path = tmp_path / "cases.csv"
    path.write_text(HEADER + RIGHT)
    for arguments, said in (
        ([], "ACCELSIM_REFERENCE is not set"),
        (["--reference", str(tmp_path / "no")], "is no folder"),
        (["--cases", str(path)], "whose cases are they?"),
        (["systolic", "--cases", str(path)], "the machine systolic has no calibration"),
        (["itta", "--cases", str(path)], "did you mean 'ita'?"),
        (["ita", "--reference", str(tmp_path)], "cycles.csv is not there"),
    ):
        status, lines = told(*arguments)
        assert status == 2 and said in "\n".join(lines), lines

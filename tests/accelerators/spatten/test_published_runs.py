"""All 32 runs of the published controller: every request is taken and answered in the cycle in which the RTL does."""

import pytest
from typer.testing import CliRunner

from accelsim.accelerators.spatten.calibration import CALIBRATIONS, build, requests, runs
from accelsim.cli import app
from accelsim.core import InputError
from accelsim.validation.calibration import Case, predict

(CONTROLLER,) = CALIBRATIONS
REQUEST = {
    "run": "0", "dram_latency": "0", "request": "0", "keys": "32", "values": "32", "key_bits": "8", "value_bits": "8",
    "last_of_head": "1", "recompute": "0", "topk_latency": "0", "accepted": "16", "result": "248",
    "transactions_total": "128",
}  # fmt: skip


@pytest.fixture(scope="module")
def published(reference) -> list[Case]:
    return CONTROLLER.read(reference / CONTROLLER.file)


def test_every_request_of_every_run(published):
    found = predict("spatten", CONTROLLER, published)
    assert [(one.case, one.differing) for one in found.outcomes if one.differing] == []
    assert len(found.outcomes) == found.exact == 32
    assert sum(len(one.measured) for one in found.outcomes) == 2 * 577 + 2 * 32


@pytest.mark.parametrize("number", [5, 25, 29, 31])
def test_stepped_cycle_by_cycle_it_is_the_same(published, number):
    outcomes = []
    for skip in (True, False):
        sim, _, _, took = build(requests(published[number]))
        sim.run(skip=skip)
        outcomes.append((sim.result().total, took.tolist()))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("keys", "33", "runs.csv:2: keys must be from 8 to 128, in steps of 8, not 33"),
        ("keys", "24", "runs.csv:2: values must be at most keys (24), not 32"),
        ("key_bits", "6", "runs.csv:2: key_bits must be 4 or 8, not 6"),
        ("request", "1", "runs.csv:2: request must be 0, the next of its run, not 1"),
        ("last_of_head", "0", "runs.csv:2: last_of_head must be 1, since it is the last request of run 0"),
    ],
)
def test_a_request_that_is_none(column, value, said):
    with pytest.raises(InputError) as refused:
        runs([Case("runs.csv:2", REQUEST | {column: value})])
    assert str(refused.value) == said


def test_a_run_of_ones_own(tmp_path):
    """What was measured may be empty but for the answers; an id that a stored run has as well says nothing."""
    path = tmp_path / "mine.csv"
    own = REQUEST | {"accepted": "", "transactions_total": ""}
    path.write_text(f"{','.join(own)}\n{','.join(own.values())}\n")
    done = CliRunner().invoke(app, ["calibrate", "spatten", "--cases", str(path)])
    assert done.exit_code == 0 and done.output.splitlines()[-1] == "worst error 0.00 %", done.output
    assert done.output.splitlines()[2].split()[-1] == "0", "fitted"


def test_requests_of_one_run_agree():
    more = {"keys": "64", "values": "64", "request": "1"}
    with pytest.raises(InputError, match="runs.csv:3: keys is 64, but 32 before; all requests of a head have one"):
        runs([Case("runs.csv:2", REQUEST | {"last_of_head": "0"}), Case("runs.csv:3", REQUEST | more)])
    with pytest.raises(InputError, match="runs.csv:2: recompute must be 0 in a head of several requests"):
        runs([Case("runs.csv:2", REQUEST | {"last_of_head": "0", "recompute": "1"})])
    (run,) = runs([Case("runs.csv:2", REQUEST), Case("runs.csv:3", REQUEST | more)])
    assert run.number("keys 1") == 64 and run.number("requests") == 2, "those of two heads need not"

"""Runs of the public RTL: every cycle column of the block, every job of the wrapper, every row sum; nothing fitted."""

import csv

import numpy as np
import pytest

from accelsim.accelerators.ita.arithmetic import passed
from accelsim.accelerators.ita.calibration import CALIBRATIONS, WIRED, logits
from accelsim.validation.calibration import predict, read_cases

BLOCK, WRAPPER = CALIBRATIONS


def compared(kind, reference, most: int):
    """The cases of at most so many cycles, predicted."""
    cases = [case for case in read_cases(reference / kind.file) if case.number("total") <= most]
    return predict("ita", kind, cases)


@pytest.mark.parametrize(("kind", "most", "count"), [(BLOCK, 9_000, 32), (WRAPPER, 6_000, 10)])
def test_runs_of_the_rtl(reference, kind, most, count):
    found = compared(kind, reference, most)
    assert [(one.case, one.differing) for one in found.outcomes if one.differing] == []
    assert len(found.outcomes) == found.exact == count


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [(BLOCK, 46), (WRAPPER, 16)])
def test_all_runs_of_the_rtl(reference, kind, count):
    assert compared(kind, reference, 1 << 30).exact == count


def test_row_sums_of_the_rtl(reference):
    cases = {case["id"]: case for case in read_cases(reference / BLOCK.file)}
    with (reference / "ita" / "row_sums.csv").open(encoding="utf-8") as file:
        rows = [(cases[row["id"]], row["sums"]) for row in csv.DictReader(file)]
    small = [(case, sums) for case, sums in rows if case.number("S") <= 192]
    assert len(small) == 26
    for case, sums in small:
        wanted = np.array(sums.split(), np.int64)
        assert (passed(logits(case), case.number("N"), wired=WIRED).sums == wanted).all(), case["id"]

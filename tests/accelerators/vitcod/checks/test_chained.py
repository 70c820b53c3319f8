"""Dense and normalising layers on the values before them, and the widths of the index."""

import numpy as np
import pytest

from accelsim.accelerators.vitcod.checks import ViTCoDJudge
from accelsim.accelerators.vitcod.checks.local_buffers import check_index_widths
from accelsim.validation.course import Course
from accelsim.validation.coverage import Block
from accelsim.validation.dense import DenseFollower
from accelsim.validation.report import Report
from accelsim.validation.vector import VectorFollower
from accelsim.workload import Gemm, Norm


def course(run, kind):
    judge = ViTCoDJudge(run)
    number, layer = next((n, x) for n, x in enumerate(run.workload.layers) if isinstance(x, kind))
    nothing = dict.fromkeys(("weight_gb", "act_gb0", "act_gb1"), range(0))
    return Course(judge, number, layer, nothing, nothing, {}), layer


def test_products_in_blocks_on_the_values_of_the_layers_before(run):
    here, layer = course(run, Gemm)
    follower, rows = DenseFollower(here), layer.tokens * run.workload.batch
    halves = (0, layer.in_features // 2), (layer.in_features // 2, layer.in_features - layer.in_features // 2)
    blocks = [Block(g, 0, rows, 0, layer.out_features, at, deep) for g in range(layer.repeat) for at, deep in halves]
    for lost, wrong in ((None, False), (0, True)):
        follower.coverage.blocks[:] = [b for n, b in enumerate(blocks) if n != lost]
        report = Report("", "", 0)
        follower.replay(report)
        (check,) = report.checks
        assert check.name == "chained" and check.count == rows * layer.out_features * layer.repeat
        assert (check.wrong > check.count // 2) if wrong else check.passed


@pytest.mark.parametrize(
    "sizes, text", [((2, -2), ""), ((1, -1), "elements are no whole statistics of"), ((), "differ")]
)
def test_norms_command_by_command(run, sizes, text):
    here, layer = course(run, Norm)
    follower, whole = VectorFollower(here), layer.tokens * layer.features * run.workload.batch
    scale = layer.features if sizes and abs(sizes[0]) == 2 else 1
    follower.elements = [x * scale % whole for x in sizes] or [0]
    report = Report("", "", 0)
    follower.close(report)
    _, swept, check = report.checks
    assert check.passed == (not text) and check.count == whole
    assert not text or text in check.differences[0]
    most = max(follower.elements) // layer.features
    assert swept.passed == (most <= int(run.result.parts["vector"].parameters["rows"]))
    assert swept.passed or f"{most} rows at once" in swept.differences[0]


def test_rows_beyond_the_index_s_width(run):
    report = Report("", "", 0)
    check_index_widths(run, report)
    assert report.passed and sum(check.count for check in report.checks) > 0
    tables = dict(run.tables)
    tables["passes"] = run.tables["passes"].copy()
    tables["columns"] = run.tables["columns"].copy()
    mine = np.flatnonzero(tables["passes"]["sparse_columns"])[0]
    width = run.part("walker", "index_bytes")
    run.tables = tables
    tables["passes"]["rows"][mine] = 256**width
    tables["columns"]["count"][0] = 65535
    report = Report("", "", 0)
    check_index_widths(run, report)
    assert report.passed
    tables["passes"]["rows"][mine] += 1
    tables["columns"]["count"][0] = 65536
    check_index_widths(run, report)
    assert len(report.failed) == 2
    assert f"a pass of {256**width + 1} rows has row numbers beyond {256**width - 1}" in report.failed[0].differences[0]

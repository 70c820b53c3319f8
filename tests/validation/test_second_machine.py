"""What serves any machine serves a systolic array too: another netlist, other names, several instructions a tile."""

import pytest

from accelsim.config import load_arch
from accelsim.validation import examine
from accelsim.validation.evidence import Evidence, gather
from accelsim.workload import Elementwise, Gemm, Norm, Workload
from tests.validation.faults import change, planted
from tests.validation.grid import MACHINE, GridJudge

LAYERS = (
    Norm("norm", "b", 17, 24),
    Gemm("qkv", "b", "qkv", 17, 24, 30),
    Gemm("proj", "b", "proj", 17, 21, 24, residual=True),
    Gemm("conv", "b", "conv", 9, 75, 10, repeat=2, activation="gelu", input_elements=500),
    Elementwise("mean", "b", "mean", 17, 24),
)


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Evidence:
    path = tmp_path_factory.mktemp("grid") / "grid.yaml"
    path.write_text("machine: grid\n")
    return gather(MACHINE, load_arch(path, lambda name: MACHINE.schema), Workload("dense", "dense", LAYERS, batch=2))


@pytest.fixture
def run(clean) -> Evidence:
    return planted(clean)


def failed(evidence: Evidence) -> set[tuple[str, str]]:
    return {(c.name, c.scope) for c in examine(GridJudge(evidence)).failed}


def test_a_right_run(clean):
    report = examine(GridJudge(clean))
    assert report.failed == []
    assert {c.name for c in report.checks} == {
        "totals", "buffers", "vector", "dispatch", "lines", "bursts", "loads", "order", "stores", "memory", "gemm",
        "operands", "chained", "kept",
    }  # fmt: skip
    (product,) = (c for c in report.checks if c.scope == "layer conv" and "equal the product" in c.compared)
    assert product.count == 2 * 9 * 2 * 10
    parts = clean.commands("array")
    assert (parts["last"] == 0).any() and len(parts) > len(clean.tables["weights"])


@pytest.mark.parametrize("operand", ["rows", "columns", "stream", "last"])
@pytest.mark.parametrize("nth", [0, 7, -1])
def test_a_fold_of_another_size(run, operand, nth):
    change(run, "array", nth, operand, -1 if run.commands("array")[operand][nth] else 1)
    assert {name for name, _ in failed(run)} & {"gemm", "operands"}


def test_folds_that_change_places(run):
    row = run.tables["frees"]["row"]
    row[[2, 3]] = row[[3, 2]]  # the first store holds three folds
    assert ("gemm", "layer qkv") in failed(run)


def test_weights_given_back_before_the_last_fold(run):
    frees = run.tables["frees"]["weight"]
    nth = next(n for n, size in enumerate(frees) if size and not frees[n - 1])
    frees[[nth - 1, nth]] = frees[[nth, nth - 1]]
    assert ("buffers", "weights") in failed(run)


def test_a_store_that_is_asked_for_too_early(run):
    stores = run.tables["results"]
    first = next(n for n in range(10, len(stores)) if stores["bytes"][n] == stores["bytes"][n + 1])
    stores[[first, first + 1]] = stores[[first + 1, first]]
    assert failed(run)

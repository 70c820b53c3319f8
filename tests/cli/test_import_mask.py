"""`accelsim import-mask` onto a model, a workload, or attention alone."""

import numpy as np
import pytest

from accelsim.workload import load


@pytest.fixture
def mask(tmp_path):
    np.save(tmp_path / "m.npy", ~np.tri(197, dtype=bool))
    return tmp_path / "m.npy"


@pytest.mark.parametrize(
    ("onto", "layers"), [(["--model", "deit_tiny"], 87), (["--workload", "deit_tiny_s90"], 87), (["--attention"], 1)]
)
def test_one_file_onto_three_things(call, mask, tmp_path, onto, layers):
    output = tmp_path / "o.yaml"
    done = call("import-mask", mask, *onto, "-o", output)
    assert done.exit_code == 0 and f"{layers} layers, 49.75% of" in " ".join(done.stdout.split())
    assert {m.keep[0].tolist() == np.tri(197).tolist() for m in load(output).masks.values()} == {True}


@pytest.mark.parametrize("onto", [[], ["--model", "deit_tiny", "--attention"]])
def test_one_of_them_is_said(call, mask, onto):
    done = call("import-mask", mask, *onto)
    assert done.exit_code == 2 and "give one of --model MODEL, --workload WORKLOAD and --attention" in done.stderr

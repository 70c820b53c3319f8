"""Workloads small enough to be simulated by every test, and results of them."""

import numpy as np
import pytest
from typer.testing import CliRunner

import accelsim as acs
from accelsim import cli


@pytest.fixture(scope="session")
def call():
    """A command in this process: `.exit_code`, `.stdout`, `.stderr`."""
    return lambda *arguments: CliRunner().invoke(cli.app, [str(a) for a in arguments])


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """Two heads of attention with two global tokens, and what they run on."""
    keep = np.eye(48, dtype=bool)
    keep[:, :2] = True
    folder = tmp_path_factory.mktemp("work")
    return acs.Workload.from_masks(np.stack([keep, keep[::-1, ::-1]]), threshold=20, name="small").save(
        folder / "small.yaml"
    )


@pytest.fixture(scope="session")
def result(call, work, tmp_path_factory):
    """A result folder."""
    folder = tmp_path_factory.mktemp("results") / "a"
    assert call("run", "vitcod", work, "-o", folder, "--no-plots").exit_code == 0
    return folder

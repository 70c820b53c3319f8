"""Fixtures every room may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference data (published masks, DRAM runs, energy tables); tests that need it skip without it."""
    folder = Path(os.environ.get("ACCELSIM_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip("the reference data is not beside the repository (set ACCELSIM_REFERENCE to its folder)")
    return folder

"""Everything here needs Verilator and a C++ compiler."""

import pytest

from accelsim.rtl.verilator import missing


@pytest.fixture(autouse=True)
def tools() -> None:
    why = missing()
    if why:
        pytest.skip(why)

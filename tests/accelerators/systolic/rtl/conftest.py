"""Everything here needs Verilator and a C++ compiler."""

from tests.rtl.conftest import tools as tools

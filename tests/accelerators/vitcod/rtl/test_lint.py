"""The modules are clean under all of Verilator's warnings."""

from accelsim.accelerators.vitcod.rtl.modules import PACKAGE
from accelsim.rtl.lint import lint


def test_no_module_has_a_warning(tmp_path):
    found = lint(PACKAGE, tmp_path)
    assert len(found) == 47
    assert {name: lines for name, lines in found.items() if lines} == {}

"""The check of modules notices what is not clean, and the harness's own are clean."""

from dataclasses import replace

from accelsim.rtl.lint import lint
from tests.rtl.toy import PACKAGE


def test_no_module_has_a_warning(tmp_path):
    found = lint(PACKAGE, tmp_path)
    assert len(found) == 6
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_defect_is_noticed(tmp_path):
    sources = tmp_path / "sv"
    sources.mkdir()
    (sources / "bad.sv").write_text(
        "module bad (input logic [3:0] a, output logic [7:0] b);\n  logic spare;\n  assign b = a;\nendmodule\n"
    )
    lines = lint(replace(PACKAGE, sources=sources), tmp_path)["bad"]
    assert any("WIDTHEXPAND" in line for line in lines)
    assert any("UNUSEDSIGNAL" in line for line in lines)

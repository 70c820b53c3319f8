"""The modules are clean under all of Verilator's warnings, and the check notices what is not."""

from accelsim.rtl import lint as room
from accelsim.rtl.lint import lint


def test_no_module_has_a_warning(tmp_path):
    found = lint(tmp_path)
    assert len(found) >= 8
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_defect_is_noticed(tmp_path, monkeypatch):
    sources = tmp_path / "sv"
    sources.mkdir()
    (sources / "bad.sv").write_text(
        "module bad (input logic [3:0] a, output logic [7:0] b);\n  logic spare;\n  assign b = a;\nendmodule\n"
    )
    monkeypatch.setattr(room, "SOURCES", sources)
    (lines,) = lint(tmp_path).values()
    assert any("WIDTHEXPAND" in line for line in lines)
    assert any("UNUSEDSIGNAL" in line for line in lines)

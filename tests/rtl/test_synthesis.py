"""yosys makes hardware of every module: cells, flip-flops and memories, no latch, nothing that is left over."""

import json

import pytest

from accelsim.core.errors import InputError
from accelsim.rtl import synthesis
from accelsim.rtl.core import SMALL
from accelsim.rtl.synthesis import CELLS, Memory, Synthesized, instances, jobs, synthesize, synthesize_all, table
from accelsim.rtl.vsim import SOURCES
from accelsim.rtl.write import write

TINY = {
    **SMALL,
    "denser": {"lines": 1, "macs": 2, "q_port_bytes": 4},
    "sparser": {"lines": 2, "macs": 2, "banks": 2, "score_ports": 1, "segment": 4},
    "softmax": {"lanes": 1, "mode": 1, "exp_cycles": 1, "divide_cycles": 1, "divide_interval": 1},
    "decoder": {"lines": 2, "macs": 2, "port_bytes": 4, "queue": 2},
    "encoder": {"lines": 2, "macs": 2},
}
ROWS = {"passes": 2, "dense": 4, "columns": 4, "index": 8, "rows": 4}


@pytest.fixture
def yosys() -> None:
    why = synthesis.missing()
    if why:
        pytest.skip(why)


def test_yosys_synthesizes_every_module(yosys, tmp_path):
    files = write(TINY, tmp_path, ROWS)
    found = synthesize_all(tmp_path, files, {**synthesis.beside(TINY), "denser_engine": {"STEPS": 1}})
    assert {one.module for one in found} == {path.stem for path in SOURCES.glob("*.sv")}
    assert all(one.gates > 0 for one in found)
    kinds = {kind for one in found for kind in one.cells}
    assert not [k for k in kinds if not k.startswith("$_") or "LATCH" in k], "generic gates and flip-flops only"
    units = {one.module: one for one in found if one.instances}
    assert units["encoder"].parameters == {"LINES": 2, "MACS": 2}
    assert units["sparser_engine"].instances == 1
    assert "index" in {m.name for m in units["sparser_engine"].memories}
    kept = json.loads((tmp_path / CELLS).read_text())
    assert [one["cells"] for one in kept] == [one.cells for one in found]


def test_what_is_counted_is_what_stands_there(yosys, tmp_path):
    (tmp_path / "counted.sv").write_text(
        "module counted #(parameter int N = 1) (input logic clk, input logic we, input logic [6:0] at,\n"
        "    input logic [N-1:0] a, input logic [N-1:0] b, output logic [N-1:0] q, output logic [N-1:0] kept);\n"
        "  logic [N-1:0] words[128];\n"
        "  assign kept = words[at];\n"
        "  always_ff @(posedge clk) begin\n    q <= a & b;\n    if (we) words[at] <= a;\n  end\nendmodule\n"
    )
    one = synthesize(tmp_path, "counted", {"N": 5}, ["counted.sv"], 1)
    assert one.cells == {"$_AND_": 5, "$_DFF_P_": 5}
    assert (one.gates, one.flip_flops) == (5, 5)
    assert one.memories == (Memory("words", 128, 5, 1, 1),) and one.memory_bits == 640


def test_what_is_no_hardware_is_refused(yosys, tmp_path):
    (tmp_path / "loop.sv").write_text("module loop (input logic b, output logic a); assign a = !(a & b); endmodule\n")
    with pytest.raises(RuntimeError, match="logic loop"):
        synthesize(tmp_path, "loop", {}, ["loop.sv"], 1)


def test_every_instance_of_the_top_is_counted(tmp_path):
    files = write(TINY, tmp_path, ROWS)
    top = next(path for path in files if path.stem == "attention_core").read_text()
    found = instances(top, (tmp_path / "isa.sv").read_text())
    assert sum(found.values()) == top.count(".clk,") > 20
    (walker,) = [dict(values) for module, values in found if module == "index_walker"]
    assert walker["COLUMNS"] == 4 and walker["WORD_BYTES"] == 2
    assert {dict(values)["WIDTH"] for module, values in found if module == "channel"} == {20, 40, 60, 80}
    alone = {module for module, _, count in jobs(tmp_path, files, {}) if not count}
    assert "reciprocal" in alone and "encoder" not in alone and "attention_core" not in alone


def test_the_table_adds_up_all_instances():
    kinds = [
        Synthesized("channel", {"DEPTH": 1}, 3, {"$_AND_": 10, "$_DFF_P_": 2}, ()),
        Synthesized("channel", {"DEPTH": 2}, 1, {"$_AND_": 20}, (Memory("slots", 100, 2, 3, 1),)),
        Synthesized("mac_line", {}, 0, {"$_XOR_": 7}, ()),
    ]
    columns = [list(column.cells) for column in table(kinds).columns]
    assert list(zip(*columns)) == [
        ("channel", "4", "50", "6", "200", "3", "1"),
        ("mac_line", "-", "7", "0", "0", "0", "0"),
    ]


def test_without_yosys_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "missing", lambda: "synthesis needs yosys: install accelsim[rtl]")
    with pytest.raises(InputError) as error:
        synthesize(tmp_path, "channel", {}, ["channel.sv"], 1)
    assert str(error.value) == "synthesis needs yosys: install accelsim[rtl]"

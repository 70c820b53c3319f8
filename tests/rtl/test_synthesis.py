"""What yosys makes of modules is counted: gates, flip-flops, memories; what is no hardware is refused."""

import pytest

from accelsim.core.errors import InputError
from accelsim.rtl import synthesis
from accelsim.rtl.synthesis import (
    Memory,
    Synthesized,
    kept,
    kinds,
    modules,
    synthesize,
    synthesize_all,
    synthesize_each,
    table,
)
from accelsim.rtl.write import write
from tests.rtl.toy import PACKAGE, TWINS, VALUES


@pytest.fixture
def yosys() -> None:
    why = synthesis.missing()
    if why:
        pytest.skip(why)


def test_a_small_table_stays_a_memory(yosys, tmp_path):
    (net,) = TWINS.tops({"scaler": VALUES[0]})
    files = write([net], tmp_path)
    found = {one.module: one for one in synthesize_all(tmp_path, files, [net.top], PACKAGE.tables)}
    assert set(found) == {path.stem for path in PACKAGE.modules()} | {net.top}
    assert [m.name for m in found["scaler"].memories] == ["factors"] and found["scaler"].gates > 100
    assert found["channel"].instances == 1 and len(found["channel"].memories) == 0


COUNTED = """\
module leaf #(parameter int N = 1) (input logic clk, input logic we, input logic [6:0] at, input logic [N-1:0] a,
    input logic [N-1:0] b, output logic [N-1:0] q, output logic [N-1:0] kept);
  logic [N-1:0] words[128];
  assign kept = words[at];
  always_ff @(posedge clk) begin
    q <= a & b;
    if (we) words[at] <= a;
  end
endmodule
module counted (input logic clk, input logic we, input logic [6:0] at, input logic [8:0] a, input logic [8:0] b,
    output logic [8:0] q, output logic [8:0] kept, output logic some);
  leaf #(.N(5)) one (.clk, .we, .at, .a(a[4:0]), .b(b[4:0]), .q(q[4:0]), .kept(kept[4:0]));
  leaf #(.N(2)) two (.clk, .we, .at, .a(a[6:5]), .b(b[6:5]), .q(q[6:5]), .kept(kept[6:5]));
  leaf #(.N(2)) three (.clk, .we, .at, .a(a[8:7]), .b(b[8:7]), .q(q[8:7]), .kept(kept[8:7]));
  assign some = a[0] ^ b[0];
endmodule
"""


def test_what_is_counted_is_what_stands_there(yosys, tmp_path):
    path = tmp_path / "counted.sv"
    path.write_text(COUNTED)
    top, two, one = sorted(synthesize_all(tmp_path, [path], ["counted"]), key=lambda o: (o.module, len(o.place)))[:3]
    if one.instances == 2:
        one, two = two, one
    assert (top.module, top.cells, top.memories) == ("counted", {"$_XOR_": 1}, ())
    assert (one.instances, one.cells) == (1, {"$_AND_": 5, "$_DFF_P_": 5})
    assert (two.instances, two.cells) == (2, {"$_AND_": 2, "$_DFF_P_": 2})
    assert (one.gates, one.flip_flops) == (5, 5)
    assert (top.levels, one.levels) == (1, 1)  # from register or port to the next
    assert one.memories == (Memory("words", 128, 5, 1, 1),) and one.memory_bits == 640


def test_what_is_there_of_the_same_text_is_not_made_again(yosys, tmp_path, monkeypatch):
    path, made = tmp_path / "counted.sv", []
    path.write_text(COUNTED)
    real = synthesis.synthesize
    monkeypatch.setattr(synthesis, "synthesize", lambda *given: made.append(given[1]) or real(*given))
    each = synthesize_each(tmp_path, [path], ["counted"])
    next(each)
    each.close()  # broken off
    assert len(kept(tmp_path)) == 1
    first = synthesize_all(tmp_path, [path], ["counted"])
    assert len(first) == 3 and sorted(kept(tmp_path), key=repr) == sorted(first, key=repr)
    made.clear()
    assert synthesize_all(tmp_path, [path], ["counted"]) == first and made == []
    path.write_text(COUNTED.replace("a[0] ^ b[0]", "a[0] | b[0]"))
    assert [one.cells for one in synthesize_all(tmp_path, [path], ["counted"]) if one.module == "counted"] == [
        {"$_OR_": 1}
    ]
    assert made == ["counted"]


ARRAYS = """\
module arrays (input logic clk, input logic [4:0] at, input logic [3:0] few_at, input logic [31:0] a, output logic some,
    output logic few, output logic own);
  logic some_words[32], few_words[16], own_words[32];
  assign some = some_words[at];
  assign few = few_words[few_at];
  assign own = own_words[at];
  always_ff @(posedge clk) begin
    some_words[at] <= a[0];
    few_words[few_at] <= a[0];
    for (int n = 0; n < 32; n++) own_words[n] <= a[n];
  end
endmodule
"""


def test_few_words_and_words_of_their_own_become_flip_flops(yosys, tmp_path):
    path = tmp_path / "arrays.sv"
    path.write_text(ARRAYS)
    (one,) = synthesize_all(tmp_path, [path], ["arrays"])
    assert [(m.name, m.words) for m in one.memories] == [("some_words", 32)]
    assert one.flip_flops == 16 + 32


def test_what_is_no_hardware_is_refused(yosys, tmp_path):
    path = tmp_path / "loop.sv"
    path.write_text("module loop (input logic b, output logic a); assign a = !(a & b); endmodule\n")
    with pytest.raises(RuntimeError, match="logic loop"):
        modules(tmp_path, [path], ["loop"])
    path.write_text("module loop (input logic b, output logic a); always_comb if (b) a = 1'b1; endmodule\n")
    with pytest.raises(RuntimeError, match="logic loop"):
        modules(tmp_path, [path], ["loop"])


def test_alike_are_instances_of_one_module_with_the_same_cells():
    cell = "  cell $and $n\n    parameter \\A_WIDTH {}\n    connect \\A \\a\n  end\n"
    found = {
        "leaf$a.b": cell.format(8),
        "leaf$a.c": cell.format(8),
        "leaf$a.d": cell.format(9),
        "twig$a.e": cell.format(8),
    }
    assert list(kinds(found).values()) == [["leaf$a.b", "leaf$a.c"], ["leaf$a.d"], ["twig$a.e"]]


def test_the_table_adds_up_all_instances():
    some = [
        Synthesized("channel", "top.a", 3, {"$_AND_": 10, "$_DFF_P_": 2}, (), levels=4, fo4=5.1),
        Synthesized("channel", "top.b", 1, {"$_AND_": 20}, (Memory("slots", 100, 2, 3, 1),), levels=9, fo4=12.6),
        Synthesized("mac_line", "top.c", 2, {"$_XOR_": 7}, ()),
    ]
    columns = [list(column.cells) for column in table(some).columns]
    assert list(zip(*columns)) == [
        ("channel", "4", "50", "6", "200", "3", "1", "9", "13"),
        ("mac_line", "2", "14", "0", "0", "0", "0", "0", "0"),
        ("all", "6", "64", "6", "200", "3", "1", "9", "13"),
    ]


def test_without_yosys_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "missing", lambda: "synthesis needs yosys: install accelsim[rtl]")
    with pytest.raises(InputError) as error:
        synthesize(tmp_path, "channel", "module \\channel\nend\n", 1)
    assert str(error.value) == "synthesis needs yosys: install accelsim[rtl]"

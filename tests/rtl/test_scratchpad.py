"""The scratchpads against an array: what is asked for in a cycle is there in the next, and stays."""

import numpy as np

from accelsim.rtl.vsim import SOURCES, Bench, build

BENCH = """\
module pads (
    input logic clk, input logic we, input logic [5:0] address, input logic [63:0] data, input logic [1:0] read,
    input logic [1:0][5:0] at, input logic [7:0] slice, output logic [1:0][15:0] value,
    input logic [2:0] banks_read, input logic [2:0][5:0] banks_at, output logic [2:0][63:0] banks_value
);
  scratchpad #(.WIDTH(64), .SLICE(16), .DEPTH(64), .READS(2)) plain (.*);
  banked_scratchpad #(.WIDTH(64), .BANKS(3), .HEADS(4), .TOKENS(16)) banked (
      .clk, .we, .address, .data, .read(banks_read), .at(banks_at), .value(banks_value));
endmodule
"""


def test_reads_are_there_a_cycle_later_and_stay(tmp_path):
    top = tmp_path / "pads.sv"
    top.write_text(BENCH)
    bench = Bench(build([SOURCES / "scratchpad.sv", SOURCES / "banked_scratchpad.sv", top], "pads"))
    p, rng = bench.ports, np.random.default_rng(4)
    words = np.zeros(64, np.uint64)
    ports, banks = [0, 0], [0, 0, 0]
    for _ in range(2000):
        wanted, row = rng.integers(0, 2, 5), int(rng.integers(4)) << 4
        at = rng.integers(0, 64, 2)
        token = 3 * rng.integers(0, 5, 3) + np.arange(3)  # each bank its own
        slice_ = int(rng.integers(4))
        p["we"][0], p["address"][0], p["data"][0] = rng.integers(2), rng.integers(64), rng.integers(2**63)
        p["read"][0], p["at"][0], p["slice"][0] = wanted[0] + 2 * wanted[1], at[0] + (at[1] << 6), slice_
        p["banks_read"][0] = wanted[2] + 2 * wanted[3] + 4 * wanted[4]
        p["banks_at"].view(np.uint32)[0] = sum(int(row + t) << 6 * b for b, t in enumerate(token))
        for n in np.flatnonzero(wanted[:2]):
            ports[n] = int(words[at[n]]) >> 16 * slice_ & 0xFFFF
        for b in np.flatnonzero(wanted[2:]):
            banks[b] = int(words[row + token[b]])
        if p["we"][0]:
            words[p["address"][0]] = p["data"][0]
        bench.clock()
        assert [int(p["value"][0]) >> 16 * n & 0xFFFF for n in range(2)] == ports
        assert p["banks_value"].view(np.uint64)[:3].tolist() == banks
    assert len(set(words.tolist())) == 64
    bench.close()

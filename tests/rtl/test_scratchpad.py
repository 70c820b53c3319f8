"""The scratchpads against an array: what is asked for in a cycle is there in the next, and stays."""

import numpy as np

from accelsim.rtl.vsim import SOURCES, Bench, build

BENCH = """\
module pads (
    input logic clk, input logic [2:0] we, input logic [4:0] address, input logic [2:0][63:0] data,
    input logic [1:0] read, input logic [1:0][6:0] at, input logic [1:0] slice, output logic [1:0][15:0] value,
    input logic [2:0] banks_read, input logic [2:0][6:0] banks_at, output logic [2:0][63:0] banks_value
);
  scratchpad #(.WIDTH(64), .SLICE(16), .PARTS(3), .SIDES(2), .TOKENS(16), .READS(2)) plain (.*);
  banked_scratchpad #(.WIDTH(64), .BANKS(3), .PARTS(3), .SIDES(2), .TOKENS(16), .SKEW(1)) banked (
      .clk, .we, .address, .data, .read(banks_read), .at(banks_at), .value(banks_value));
endmodule
"""
WINDOW = """\
module window (
    input logic clk, input logic we, input logic [1:0] address, input logic [63:0] data, input logic read,
    input logic [2:0] at, input logic [2:0] slice, output logic [23:0] value
);
  scratchpad #(.WIDTH(64), .SLICE(24), .STRIDE(8), .TOKENS(2), .SIDES(2)) plain (.*);
endmodule
"""


def test_reads_are_there_a_cycle_later_and_stay(tmp_path):
    top = tmp_path / "pads.sv"
    top.write_text(BENCH)
    bench = Bench(build([SOURCES / "scratchpad.sv", SOURCES / "banked_scratchpad.sv", top], "pads"))
    p, rng = bench.ports, np.random.default_rng(4)
    words = np.zeros((3, 32), np.uint64)
    p["we"][0], p["data"].view(np.uint64)[:3] = 7, 0
    for address in range(32):
        p["address"][0] = address
        bench.clock()
    p["read"][0], p["banks_read"][0], p["banks_at"].view(np.uint32)[0] = 3, 7, 1 << 7 | 2 << 14
    bench.clock()
    ports, banks = [0, 0], [0, 0, 0]
    for _ in range(3000):
        wanted, we, data = rng.integers(0, 2, 5), rng.integers(0, 2, 3), rng.integers(0, 2**63, 3)
        part, spot = rng.integers(0, 3, 2), rng.integers(0, 32, 2)
        side, token = (
            int(rng.integers(2)) << 4,
            3 * rng.integers(0, 5, 3) + (np.arange(3) - part[0]) % 3,
        )  # each bank its own
        slice_, address = int(rng.integers(4)), int(rng.integers(32))
        p["we"][0], p["address"][0], p["slice"][0] = we @ [1, 2, 4], address, slice_
        p["data"].view(np.uint64)[:3] = data
        p["read"][0] = wanted[0] + 2 * wanted[1]
        p["at"][0] = sum(int(part[n] << 5 | spot[n]) << 7 * n for n in range(2))
        p["banks_read"][0] = wanted[2:] @ [1, 2, 4]
        p["banks_at"].view(np.uint32)[0] = sum(int(part[0] << 5 | side | t) << 7 * b for b, t in enumerate(token))
        for n in np.flatnonzero(wanted[:2]):
            ports[n] = int(words[part[n], spot[n]]) >> 16 * slice_ & 0xFFFF
        for b in np.flatnonzero(wanted[2:]):
            banks[b] = int(words[part[0], side + token[b]])
        words[we > 0, address] = data[we > 0]
        bench.clock()
        assert [int(p["value"][0]) >> 16 * n & 0xFFFF for n in range(2)] == ports
        assert p["banks_value"].view(np.uint64)[:3].tolist() == banks
    assert len(set(words.ravel().tolist())) == 96
    bench.close()


def test_a_port_can_read_from_any_byte_on(tmp_path):
    top = tmp_path / "window.sv"
    top.write_text(WINDOW)
    bench = Bench(build([SOURCES / "scratchpad.sv", top], "window"))
    p, rng = bench.ports, np.random.default_rng(5)
    words = rng.integers(0, 256, (4, 8)).astype(np.uint8)
    p["we"][0] = 1
    for address, word in enumerate(words):
        p["address"][0], p["data"][0] = address, word.view(np.uint64)[0]
        bench.clock()
    p["we"][0], p["read"][0] = 0, 1
    for spot, first in np.ndindex(4, 6):
        p["at"][0], p["slice"][0] = spot, first
        bench.clock()
        assert p["value"][0] == int.from_bytes(words[spot, first : first + 3].tobytes(), "little")
    bench.close()

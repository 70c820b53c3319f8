"""The hardware FIFO against a queue that obeys the channel's rule."""

from collections import deque

import numpy as np
import pytest

from accelsim.rtl.vsim import SOURCES, Bench, build

BENCH = """\
module channel_bench (
    input logic clk, input logic rst, input logic [7:0] push, input logic [{into}-1:0][31:0] item,
    output logic [7:0] room, output logic [7:0] valid, output logic [{out}-1:0][31:0] data, input logic [7:0] pop
);
  channel #(.WIDTH(32), .DEPTH({depth}), .PUSHES({into}), .POPS({out})) unit (.*);
endmodule
"""


@pytest.mark.parametrize(("depth", "into", "out"), [(1, 1, 1), (2, 1, 1), (5, 3, 2)])
def test_a_channel_is_a_registered_queue(tmp_path, depth, into, out):
    top = tmp_path / "channel_bench.sv"
    top.write_text(BENCH.format(depth=depth, into=into, out=out))
    bench = Bench(build([SOURCES / "channel.sv", top], "channel_bench"))
    bench.reset()
    bench.ports["rst"][0] = 0
    bench.eval()
    rng, queue, number, p = np.random.default_rng(depth), deque(), 0, bench.ports
    for cycle in range(3000):
        assert (p["room"][0], p["valid"][0]) == (depth - len(queue), min(len(queue), out))
        shown = p["data"].view(np.uint32)[: p["valid"][0]].tolist()
        assert shown == list(queue)[: p["valid"][0]]
        pushes = int(rng.integers(0, min(into, depth - len(queue)) + 1))
        pops = int(rng.integers(0, len(shown) + 1)) if cycle % 300 < 250 else 0
        p["item"].view(np.uint32)[:pushes] = range(number, number + pushes)
        p["push"][0], p["pop"][0] = pushes, pops
        bench.clock()
        for _ in range(pops):
            queue.popleft()
        queue.extend(range(number, number + pushes))
        number += pushes
    assert number > 500
    bench.close()


def test_registers_and_memories_begin_with_random_values(tmp_path):
    """So that a module that forgets to reset one is found out."""
    top = tmp_path / "begins.sv"
    top.write_text(
        "module begins (input logic clk, input logic we, input logic [31:0] data, output logic [31:0] one, other);\n"
        "  logic [31:0] words[4];\n"
        "  always_ff @(posedge clk) if (we) begin one <= data; words[data[1:0]] <= data; end\n"
        "  assign other = words[3];\nendmodule\n"
    )
    bench = Bench(build([top], "begins"))
    bench.eval()
    values = [int(bench.ports[name][0]) for name in ("one", "other", "data", "we")]
    assert values[0] not in (0, 2**32 - 1) and values[1] not in (0, 2**32 - 1, values[0])
    assert values[2:] == [0, 0], "what comes from outside is at rest"
    bench.close()

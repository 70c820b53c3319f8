// The registered ready/valid FIFO: the only way one unit reaches another. Both sides see the occupancy as it stood when
// the cycle began: an item pushed in cycle t can be popped from t + 1 on, the room of an item popped in t can be
// refilled from t + 1 on. Up to PUSHES items enter and up to POPS leave in a cycle, in order.
module channel #(
    parameter int WIDTH  = 32,
    parameter int DEPTH  = 2,
    parameter int PUSHES = 1,
    parameter int POPS   = 1
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [7:0]              push,   // items pushed in this cycle, at most `room`
    input  logic [PUSHES*WIDTH-1:0] item,
    output logic [7:0]              room,
    output logic [7:0]              valid,  // items that can be popped in this cycle, at most POPS
    output logic [POPS*WIDTH-1:0]   data,
    input  logic [7:0]              pop     // items popped in this cycle, at most `valid`
);
  localparam int AT = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam logic [7:0] MOST = 8'(POPS);
  localparam logic [7:0] SIZE = 8'(DEPTH);
  logic [WIDTH-1:0] slots[DEPTH];
  logic [7:0] head, count;

  function automatic logic [7:0] wrap(input logic [7:0] slot);
    wrap = slot >= SIZE ? slot - SIZE : slot;
  endfunction

  assign room  = SIZE - count;
  assign valid = count < MOST ? count : MOST;

  always_comb begin
    for (int i = 0; i < POPS; i++) begin
      data[i*WIDTH+:WIDTH] = slots[AT'(wrap(head + 8'(i % DEPTH)))];
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      head  <= '0;
      count <= '0;
    end else begin
      head  <= wrap(head + pop);
      count <= count + push - pop;
      for (int i = 0; i < PUSHES; i++) begin
        if (push > 8'(i)) slots[AT'(wrap(wrap(head + count) + 8'(i % DEPTH)))] <= item[i*WIDTH+:WIDTH];
      end
    end
  end
endmodule

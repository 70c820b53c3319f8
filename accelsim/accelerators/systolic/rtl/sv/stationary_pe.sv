// A PE that holds an operand (WS, IS): the other one goes right, partial sums go down, a row in HOP cycles. Operands to be
// held come down the column; with a shadow register while the one before is used, which they replace with the first beat
// of their fold.
module stationary_pe #(
    parameter int SHADOW = 1,
    parameter int HOP    = 1
) (
    input  logic        clk,
    input  logic        moves,
    input  logic        swap,         // the operand that was loaded is used from this cycle on
    input  logic        load,         // the column's operands go down a row
    input  logic [7:0]  left,
    input  logic [7:0]  top,
    input  logic [31:0] above,
    output logic        swap_right,
    output logic        load_right,
    output logic [7:0]  right,
    output logic [7:0]  bottom,
    output logic [31:0] below
);
  logic [31:0] sums[HOP];
  logic [7:0] weight;
  assign below = sums[HOP-1];

  always_ff @(posedge clk) begin
    if (moves) begin
      swap_right <= swap;
      load_right <= load;
      right <= left;
      if (load) bottom <= top;
      sums[0] <= above + 32'(16'($signed(left) * $signed(weight)));
      for (int n = 1; n < HOP; n++) sums[n] <= sums[n-1];
    end
  end

  if (SHADOW != 0) begin : g_shadow
    logic [7:0] used;
    assign weight = swap ? bottom : used;
    always_ff @(posedge clk) if (moves && swap) used <= bottom;
  end else begin : g_alone
    assign weight = bottom;
  end
endmodule

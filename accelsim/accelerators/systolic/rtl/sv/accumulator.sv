// The accumulators at the bottom of a column (WS, IS): partial sums wait there for those of the next fold, whose adder
// this is, in the order in which they come. A sum is there in the cycle after its marks.
module accumulator #(
    parameter int WORDS = 16,  // a power of two
    parameter int WB    = $clog2(WORDS)
) (
    input  logic          clk,
    input  logic          rst,
    input  logic          moves,
    input  logic          comes,   // a sum will be there in the next cycle
    input  logic          adds,    // to what is in its place
    input  logic          keeps,   // it is put back; else it leaves
    input  logic [WB-1:0] slot,
    input  logic [31:0]   sum,
    output logic          valid,
    output logic [31:0]   total
);
  logic came, added, kept, again;
  logic [WB-1:0] here;
  logic [31:0] there, held;

  scratchpad #(
      .WIDTH (32),
      .SLICE (32),
      .TOKENS(WORDS)
  ) sums (
      .clk,
      .we     (moves && came && kept),
      .address({1'b0, here}),
      .data   (total),
      .read   (moves && comes && adds),
      .at     ({2'd0, slot}),
      .slice  (1'b0),
      .value  (there)
  );
  // What is put back in the cycle in which it is asked for comes from here.
  assign total = sum + (!added ? '0 : again ? held : there);
  assign valid = came && !kept;

  always_ff @(posedge clk) begin
    if (rst) came <= 1'b0;
    else if (moves) came <= comes;
    if (moves) begin
      added <= adds;
      kept <= keeps;
      here <= slot;
      again <= came && kept && here == slot;
      held <= total;
    end
  end
endmodule

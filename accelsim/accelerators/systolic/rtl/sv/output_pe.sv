// A PE in which outputs stay (OS): operands go right and down, a product is added to the accumulator a beat. With a shadow
// register behind the accumulator outputs go down the column while the next fold streams; without one in the accumulators
// themselves. The wire down has the accumulator in the cycle after the fold's last product, else what came from above.
module output_pe #(
    parameter int SHADOW = 1
) (
    input  logic        clk,
    input  logic        rst,
    input  logic        moves,
    input  logic        valid,        // there are operands in this cycle
    input  logic        first,        // and they begin the outputs of a fold
    input  logic        last,         // the fold's last product is added
    input  logic        drain,        // the row passes on what it has
    input  logic [7:0]  left,
    input  logic [7:0]  top,
    input  logic [31:0] above,
    output logic        valid_right,
    output logic        first_right,
    output logic        last_right,
    output logic        drain_right,
    output logic [7:0]  right,
    output logic [7:0]  bottom,
    output logic [31:0] below
);
  logic [31:0] sum, product, next;
  assign product = 32'(16'($signed(left) * $signed(top)));
  assign next = first ? product : sum + product;

  always_ff @(posedge clk) begin
    if (rst) drain_right <= 1'b0;
    else if (moves) drain_right <= drain;
    if (moves) begin
      valid_right <= valid;
      first_right <= first;
      last_right <= last;
      right <= left;
      bottom <= top;
    end
  end

  if (SHADOW != 0) begin : g_shadow
    logic [31:0] shadow;
    assign below = last_right ? sum : shadow;
    always_ff @(posedge clk) begin
      if (moves) begin
        if (valid) sum <= next;
        if (drain) shadow <= above;
        else if (last_right) shadow <= sum;
      end
    end
  end else begin : g_alone
    assign below = sum;
    always_ff @(posedge clk) begin
      if (moves) begin
        if (valid) sum <= next;
        else if (drain) sum <= above;
      end
    end
  end
endmodule

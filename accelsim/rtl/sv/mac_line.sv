// A MAC line: MACS signed 8-bit multipliers. Scores (SDDMM): the products are added up between the PEs into one sum, a
// beat of MACS features a cycle. Values (SpMM): every PE accumulates its own feature, the probability is broadcast. A
// mux in front of every multiplier switches.
module mac_line #(
    parameter int MACS = 8
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                valid,        // there are operands in this cycle
    input  logic                first,        // and they begin a sum
    input  logic                values,       // 0: scores, 1: values
    input  logic [MACS*8-1:0]   stream,       // scores: features of Q; values: features of V
    input  logic [MACS*8-1:0]   held,         // scores: features of K
    input  logic [7:0]          probability,  // values: 0 to 127
    output logic [31:0]         score,
    output logic [MACS*32-1:0]  sums
);
  logic signed [MACS-1:0][15:0] product;
  logic signed [31:0] total;
  logic signed [7:0] left, right;

  always_comb begin
    total = '0;
    left = '0;
    right = '0;
    for (int n = 0; n < MACS; n++) begin
      left = $signed(stream[8*n+:8]);
      right = values ? $signed(probability) : $signed(held[8*n+:8]);
      product[n] = 16'(left * right);
      total = total + 32'($signed(product[n]));
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      score <= '0;
      sums  <= '0;
    end else if (valid && !values) begin
      score <= (first ? '0 : score) + total;
    end else if (valid) begin
      for (int n = 0; n < MACS; n++) begin
        sums[32*n+:32] <= (first ? '0 : sums[32*n+:32]) + 32'($signed(product[n]));
      end
    end
  end
endmodule

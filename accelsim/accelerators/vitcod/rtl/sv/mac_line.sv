// A MAC line: MACS signed 8-bit multipliers. Scores (SDDMM): the products are added up between the PEs into one sum, a
// beat of MACS features a cycle. Values (SpMM): every PE adds its product to its own feature's accumulator, the
// probability is broadcast; the accumulators of the feature groups that are not worked on lie outside. A mux in front
// of every multiplier switches.
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
    input  logic [7:0]          probability,  // values: 0 to 127; in dense layers any byte
    input  logic [MACS*32-1:0]  accumulated,  // values: the PEs' accumulators as they are
    output logic [MACS*32-1:0]  sums,         // and as they become in this cycle
    output logic [31:0]         score
);
  logic signed [31:0] product, total;
  logic signed [7:0] left, right;

  always_comb begin
    total = '0;
    left = '0;
    right = '0;
    product = '0;
    sums = '0;
    if (valid) begin
      /*verilator unroll_disable*/
      for (int n = 0; n < MACS; n++) begin
        left = $signed(stream[8*n+:8]);
        right = values ? $signed(probability) : $signed(held[8*n+:8]);
        product = 32'(16'(left * right));
        total = total + product;
        sums[32*n+:32] = (first ? '0 : accumulated[32*n+:32]) + product;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (rst) score <= '0;
    else if (valid && !values) score <= (first ? '0 : score) + total;
  end
endmodule

// (127 << 24) / sum, 0 when the sum is 0: a restoring divider, pipelined, one reciprocal a cycle. STAGES cycles, the last
// of which ends in a register of whoever takes the result: it is there STAGES - 1 cycles after the sum.
module reciprocal #(
    parameter int STAGES = 16
) (
    input  logic        clk,
    input  logic [30:0] sum,
    output logic [31:0] value
);
  localparam int BITS = (32 + STAGES - 1) / STAGES;  // of the quotient, a stage
  localparam logic [31:0] DIVIDEND = 32'd127 << 24;
  logic [31:0] rest[STAGES], quotient[STAGES], rest_n[STAGES], quotient_n[STAGES];
  logic [30:0] divisor[STAGES], divisor_n[STAGES];

  always_comb begin
    for (int n = 0; n < STAGES; n++) begin
      rest_n[n] = n == 0 ? '0 : rest[n == 0 ? 0 : n-1];
      quotient_n[n] = n == 0 ? '0 : quotient[n == 0 ? 0 : n-1];
      divisor_n[n] = n == 0 ? sum : divisor[n == 0 ? 0 : n-1];
      for (int b = 0; b < BITS; b++) begin
        if (n * BITS + b < 32) begin
          rest_n[n] = {rest_n[n][30:0], DIVIDEND[31-(n*BITS+b)]};
          quotient_n[n] = {quotient_n[n][30:0], 1'b0};
          if (rest_n[n] >= {1'b0, divisor_n[n]}) begin
            rest_n[n] = rest_n[n] - {1'b0, divisor_n[n]};
            quotient_n[n] = quotient_n[n] | 32'd1;
          end
        end
      end
    end
  end

  always_ff @(posedge clk) begin
    for (int n = 0; n < STAGES; n++) begin
      rest[n] <= rest_n[n];
      quotient[n] <= quotient_n[n];
      divisor[n] <= divisor_n[n];
    end
  end
  assign value = divisor_n[STAGES-1] == 0 ? '0 : quotient_n[STAGES-1];
endmodule

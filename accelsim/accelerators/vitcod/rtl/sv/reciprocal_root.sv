// What a row is normalised with, of its sum and its sum of squares: V, n^2 times its variance, and 1 / sqrt(V) in 17
// bits, as workload/functional/layers.py has it; then the row's factor n / sqrt(V), and the addend that takes its mean
// away and rounds. A row a cycle; BITS of the root, and of the quotient, a stage. A row is there in the cycle 5 + STAGES
// behind its sums.
module reciprocal_root #(
    parameter int FEATURES = 12,             // bits of a row's features
    parameter int BITS     = 3,
    parameter int ROWS     = 4,
    parameter int RA       = ROWS > 1 ? $clog2(ROWS) : 1,
    parameter int RIGHT    = FEATURES + 18,
    parameter int WIDE     = RIGHT + 10,
    parameter int SUMS     = FEATURES + 16,
    parameter int TOTAL    = FEATURES + 8
) (
    input  logic                    clk,
    input  logic                    rst,
    // A row's sums are complete.
    input  logic                    valid,
    input  logic [RA-1:0]           row,
    input  logic [SUMS-1:0]         squares,
    input  logic signed [TOTAL-1:0] total,
    input  logic [FEATURES-1:0]     features,
    input  logic [47:0]             epsilon,
    // The row's factor, addend and shift.
    output logic                    there,
    output logic [RA-1:0]           there_row,
    output logic signed [RIGHT-1:0] factor,
    output logic signed [WIDE-1:0]  addend,
    output logic [5:0]              shift
);
  localparam int ROOTS = (16 + BITS - 1) / BITS, QUOTIENTS = (17 + BITS - 1) / BITS;
  localparam int STAGES = ROOTS + QUOTIENTS;
  // What goes with a row. The exponent is 16 more than the functional twin's.
  typedef struct packed {
    logic [RA-1:0]           row;
    logic [FEATURES-1:0]     features;
    logic signed [TOTAL-1:0] total;
    logic [4:0]              exponent;
  } with_t;
  logic [STAGES+4:0] valids;
  with_t with1, with2, with3, with_n3, along[STAGES+1], last;
  logic [47:0] variance2, variance3, epsilon1;
  logic [FEATURES+SUMS-1:0] product1;
  logic signed [2*TOTAL-1:0] square1;
  logic [5:0] length;
  logic [79:0] shifted;
  logic [31:0] mantissa[ROOTS], mantissa_n[ROOTS], first;
  logic [17:0] rest[ROOTS], rest_n[ROOTS];
  logic [15:0] root[ROOTS], root_n[ROOTS], divisor[QUOTIENTS], divisor_n[QUOTIENTS];
  logic [16:0] left[QUOTIENTS], left_n[QUOTIENTS], quotient[QUOTIENTS], quotient_n[QUOTIENTS], reciprocal;
  logic signed [WIDE-1:0] mean;

  always_comb begin
    // Bits of V; an even shift leaves 31 or 32 of them.
    length = '0;
    for (int n = 0; n < 48; n++) if (variance2[n]) length = 6'(n + 1);
    with_n3 = with2;
    with_n3.exponent = 5'((length + 6'd1) >> 1);
    shifted = {variance3, 32'd0} >> {with3.exponent, 1'b0};

    for (int n = 0; n < ROOTS; n++) begin
      mantissa_n[n] = n == 0 ? first : mantissa[n == 0 ? 0 : n-1];
      rest_n[n] = n == 0 ? '0 : rest[n == 0 ? 0 : n-1];
      root_n[n] = n == 0 ? '0 : root[n == 0 ? 0 : n-1];
      for (int b = 0; b < BITS; b++) begin
        if (n * BITS + b < 16) begin
          rest_n[n] = {rest_n[n][15:0], mantissa_n[n][31:30]};
          mantissa_n[n] = mantissa_n[n] << 2;
          root_n[n] = {root_n[n][14:0], 1'b0};
          if (rest_n[n] >= {1'b0, root_n[n], 1'b1}) begin
            rest_n[n] = rest_n[n] - {1'b0, root_n[n], 1'b1};
            root_n[n][0] = 1'b1;
          end
        end
      end
    end
    // 2^31 by the root: 2^14, which is smaller, and 17 more bits.
    for (int n = 0; n < QUOTIENTS; n++) begin
      left_n[n] = n == 0 ? 17'd1 << 14 : left[n == 0 ? 0 : n-1];
      quotient_n[n] = n == 0 ? '0 : quotient[n == 0 ? 0 : n-1];
      divisor_n[n] = n == 0 ? root[ROOTS-1] : divisor[n == 0 ? 0 : n-1];
      for (int b = 0; b < BITS; b++) begin
        if (n * BITS + b < 17) begin
          left_n[n] = left_n[n] << 1;
          quotient_n[n] = quotient_n[n] << 1;
          if (left_n[n] >= {1'b0, divisor_n[n]}) begin
            left_n[n] = left_n[n] - {1'b0, divisor_n[n]};
            quotient_n[n][0] = 1'b1;
          end
        end
      end
    end
    // Where V is 0 every element is the mean, and 0 whatever stands here.
    reciprocal = quotient[QUOTIENTS-1];
    shift = {1'b0, last.exponent} + 6'd5;
    addend = (WIDE'(1) << shift >> 1) - mean;
    there = valids[STAGES+4];
    there_row = last.row;
  end

  always_ff @(posedge clk) begin
    valids <= rst ? '0 : {valids[STAGES+3:0], valid};
    product1 <= (FEATURES + SUMS)'(features) * (FEATURES + SUMS)'(squares);
    square1 <= (2 * TOTAL)'(total) * (2 * TOTAL)'(total);
    epsilon1 <= epsilon;
    with1.row <= row;
    with1.features <= features;
    with1.total <= total;
    with1.exponent <= '0;
    variance2 <= 48'(product1) - 48'(square1) + epsilon1;
    with2 <= with1;
    variance3 <= variance2;
    with3 <= with_n3;
    first <= shifted[31:0];
    along[0] <= with3;
    for (int n = 0; n < STAGES; n++) along[n+1] <= along[n];
    for (int n = 0; n < ROOTS; n++) begin
      mantissa[n] <= mantissa_n[n];
      rest[n] <= rest_n[n];
      root[n] <= root_n[n];
    end
    for (int n = 0; n < QUOTIENTS; n++) begin
      left[n] <= left_n[n];
      quotient[n] <= quotient_n[n];
      divisor[n] <= divisor_n[n];
    end
    factor <= RIGHT'($signed({1'b0, along[STAGES].features})) * RIGHT'($signed({1'b0, reciprocal}));
    mean <= WIDE'(along[STAGES].total) * WIDE'($signed({1'b0, reciprocal}));
    last <= along[STAGES];
  end
endmodule

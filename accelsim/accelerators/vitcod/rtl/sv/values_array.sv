// The array's data path with its memories: words of activations and weights as the buffers have them; of each feature's
// constants the bytes as they lie there (a bias and a scale, or a scale alone); the partial sums.
module values_array #(
    parameter int LINES          = 4,
    parameter int MACS           = 2,
    parameter int ACT_BANKS      = 2,
    parameter int ACT_PORT_BYTES = 8,
    parameter int TILES          = 4,
    parameter int STEPS          = 2,  // of a tile whose sums are put away
    parameter int SIDE           = LINES > MACS ? LINES : MACS,
    parameter int WORD           = SIDE > 1 ? 1 << $clog2(SIDE) : 2
) (
    input  logic                                         clk,
    input  logic                                         rst,
    input  logic                                         tiles_we,
    input  logic [31:0]                                  tiles_address,
    input  logic [64+$bits(isa::lies_t)-1:0]             tiles_data,
    input  logic                                         begins,
    input  isa::word_t                                   tile,
    input  isa::word_t                                   step,
    input  isa::word_t                                   rows,
    input  isa::word_t                                   columns,
    input  isa::word_t                                   depth,
    input  isa::word_t                                   feature,
    input  logic                                         across,
    input  logic                                         adds,
    input  logic                                         leaves,
    input  logic                                         puts,
    input  logic                                         waits,
    input  isa::gemm_t                                   next,
    input  logic                                         taken,
    // The buffers.
    output logic [ACT_BANKS-1:0]                         act_read,
    output logic [ACT_BANKS-1:0][31:0]                   act_from,
    input  logic [ACT_BANKS-1:0][ACT_PORT_BYTES-1:0][7:0] act_value,
    output logic                                         weight_read,
    output logic [1:0][31:0]                             weight_from,
    input  logic [1:0][WORD-1:0][7:0]                    weight_value,
    output logic                                         constant_read,
    output logic [31:0]                                  constant_from,
    input  logic [8*SIDE-1:0][7:0]                       constant_bytes,
    // The shadow registers; steps that ended before all their features were there.
    output logic                                         comes,
    output logic [MACS-1:0][LINES-1:0][31:0]             sums,
    output logic [SIDE-1:0][31:0]                        scales,
    output logic [31:0]                                  slipped
);
  localparam int TA = STEPS > 1 ? $clog2(STEPS) : 1;
  logic [ACT_BANKS-1:0][31:0] act_at;
  logic [1:0][31:0] weight_at;
  logic [SIDE-1:0][31:0] constant_at;
  logic [SIDE-1:0][63:0] constant_value;
  logic alone;  // scales, without biases
  logic sum_read, sum_write;
  logic [31:0] sum_at, sum_to;
  logic [LINES*MACS*32-1:0] sum_value, sum_data, kept[STEPS];
  logic [7:0] sums_push, scales_push, slips_push;
  wire unused = &{1'b0, constant_at, scales_push};

  always_comb begin
    for (int n = 0; n < ACT_BANKS; n++) act_from[n] = act_at[n] * ACT_PORT_BYTES;
    for (int n = 0; n < 2; n++) weight_from[n] = weight_at[n] * WORD;
    constant_from = constant_at[0][31] ? constant_at[0] << 2 : constant_at[0] << 3;
    /*verilator unroll_disable*/
    for (int n = 0; n < SIDE; n++)
      constant_value[n] = alone ? {constant_bytes[4*n+:4], 32'd0} : constant_bytes[8*n+:8];
    comes = sums_push != 0;
  end

  always_ff @(posedge clk) begin
    if (constant_read) alone <= constant_at[0][31];
    if (sum_write) kept[TA'(sum_to)] <= sum_data;
    if (sum_read) sum_value <= kept[TA'(sum_at)];
    slipped <= rst ? '0 : slipped + 32'(slips_push);
  end

  mac_array_datapath #(
      .LINES         (LINES),
      .MACS          (MACS),
      .ACT_BANKS     (ACT_BANKS),
      .ACT_PORT_BYTES(ACT_PORT_BYTES),
      .TILES         (TILES)
  ) data (
      .clk,
      .rst,
      .tiles_we,
      .tiles_address,
      .tiles_data,
      .begins,
      .tile,
      .step,
      .rows,
      .columns,
      .depth,
      .feature,
      .across,
      .adds,
      .leaves,
      .puts,
      .waits,
      .next,
      .taken,
      .act_read,
      .act_at,
      .act_value,
      .weight_read,
      .weight_at,
      .weight_value,
      .constant_read,
      .constant_at,
      .constant_value,
      .sum_read,
      .sum_at,
      .sum_value,
      .sum_write,
      .sum_to,
      .sum_data,
      .sums_push,
      .sums_item(sums),
      .scales_push,
      .scales_item(scales),
      .slips_push
  );
endmodule

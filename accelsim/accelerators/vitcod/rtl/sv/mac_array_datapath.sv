// The MAC array's data: MAC lines that all hold outputs, one element of the depth a cycle; of tokens and features one is
// spread over the lines, each of which gets a byte of its own, the other over the MACs of a line, whose bytes all lines
// get. It does what the control begins in t as follows: in t + 1 a feature is asked of the transposing stage, which
// may have to wait for its word; in t + 2 the weights of an element are asked for; in t + 3 the stage hands out the feature of all tokens, weights are aligned,
// partial sums of an earlier part come; in t + 4 they are multiplied. Outputs that leave in t stand in the shadow
// registers, with their biases, in t + 5; sums that are put away in t are written in t + 3.
module mac_array_datapath #(
    parameter int LINES          = 4,
    parameter int MACS           = 2,
    parameter int ACT_BANKS      = 2,
    parameter int ACT_PORT_BYTES = 8,
    parameter int TILES          = 4,
    parameter int ACT_ADDRESS    = 32,  // bits of a word's place
    parameter int SIDE           = LINES > MACS ? LINES : MACS,
    parameter int WORD           = SIDE > 1 ? 1 << $clog2(SIDE) : 2,  // bytes of a word of weights
    parameter int LANES          = LINES * MACS
) (
    input  logic                                 clk,
    input  logic                                 rst,
    // Where the operands of a tile lie: {activations, first constant, first byte of weights}.
    input  logic                                 tiles_we,
    input  logic [31:0]                          tiles_address,
    input  logic [64+$bits(isa::lies_t)-1:0]     tiles_data,
    // What the control begins and ends.
    input  logic                                 begins,
    input  isa::word_t                           tile,
    input  isa::word_t                           step,
    input  isa::word_t                           rows,
    input  isa::word_t                           columns,
    input  isa::word_t                           depth,
    input  isa::word_t                           feature,
    input  logic                                 across,
    input  logic                                 adds,
    input  logic                                 leaves,
    input  logic                                 puts,
    // The command that is the next, and whether it is taken up.
    input  logic                                 waits,
    input  isa::gemm_t                           next,
    input  logic                                 taken,
    // The memories it reads: what is asked for in a cycle is there in the next.
    output logic [ACT_BANKS-1:0]                 act_read,
    output logic [ACT_BANKS-1:0][31:0]           act_at,
    input  logic [ACT_BANKS-1:0][ACT_PORT_BYTES*8-1:0] act_value,
    output logic                                 weight_read,
    output logic [1:0][31:0]                     weight_at,
    input  logic [1:0][WORD*8-1:0]               weight_value,
    output logic                                 constant_read,
    output logic [SIDE-1:0][31:0]                constant_at,
    input  logic [SIDE-1:0][63:0]                constant_value,   // {scale, bias}
    output logic                                 sum_read,
    output logic [31:0]                          sum_at,
    input  logic [LANES*32-1:0]                  sum_value,
    output logic                                 sum_write,
    output logic [31:0]                          sum_to,
    output logic [LANES*32-1:0]                  sum_data,
    // The shadow registers when outputs enter them: of each MAC its outputs in all lines; the scales of the features.
    output logic [7:0]                           sums_push,
    output logic [MACS-1:0][LINES-1:0][31:0]     sums_item,
    output logic [7:0]                           scales_push,
    output logic [SIDE-1:0][31:0]                scales_item,
    // A step ends before all its features were there.
    output logic [7:0]                           slips_push
);
  localparam int TA = TILES > 1 ? $clog2(TILES) : 1, CA = ACT_PORT_BYTES > 1 ? $clog2(ACT_PORT_BYTES) : 1;
  localparam int OA = $clog2(WORD), SA = SIDE > 1 ? $clog2(SIDE) : 1;
  typedef struct packed {
    logic [31:0] constants;
    logic [31:0] weights;
  } tile_t;
  typedef struct packed {
    logic [31:0] constants;
    isa::word_t  step;
    isa::word_t  rows;
    isa::word_t  columns;
    isa::word_t  depth;
    logic        across;
    logic        adds;
    logic        keeps;     // the sums it goes on from are still in the accumulators
  } job_t;
  logic [63:0] tiles[TILES];
  tile_t lies;
  job_t job[1:5], begun;
  logic [4:1] valid, first;
  logic [31:0] weights, weights2;
  isa::word_t k;
  logic [CA-1:0] at_column, last_column;
  logic [OA-1:0] offset;
  logic ended, word_ends, there, hands;
  logic [WORD*16-1:0] aligned;
  logic [SIDE-1:0][7:0] acts, act_bytes, weight_bytes;
  logic [MACS*8-1:0] shared;
  logic [SIDE-1:0][63:0] constants;
  logic [LINES-1:0][MACS-1:0][31:0] accumulators, old_sums, new_sums;
  logic [4:1] leaving;
  logic [3:1] putting;
  logic [MACS-1:0][LINES-1:0][31:0] outputs;
  isa::word_t here_token, here_feature;

  always_comb begin
    lies = tiles[TA'(tile)];
    begun.constants = lies.constants + 32'(feature);
    begun.step = step;
    begun.rows = rows;
    begun.columns = columns;
    begun.depth = depth;
    begun.across = across;
    begun.adds = adds;
    begun.keeps = adds && step == job[1].step;

    // 1: a feature is asked for.
    hands = valid[1] && there;
    ended = k + 1'b1 == job[1].depth;
    word_ends = at_column == last_column;

    // 2: weights.
    weight_read = valid[2];
    weight_at[0] = weights2 >> OA;
    weight_at[1] = (weights2 >> OA) + 32'd1;

    // 3: its weights are aligned; partial sums and constants are asked for.
    aligned = {weight_value[1], weight_value[0]} >> {offset, 3'd0};
    sum_read = valid[3] && first[3] && job[3].adds && !job[3].keeps;
    sum_at = 32'(job[3].step);
    constant_read = valid[3] && first[3];
    for (int n = 0; n < SIDE; n++) constant_at[n] = job[3].constants + 32'(n);

    // 4: the operand registers feed the MACs.
    old_sums = first[4] && !job[4].keeps ? sum_value : accumulators;
    for (int m = 0; m < MACS; m++) shared[8*m+:8] = job[4].across ? act_bytes[SA'(m)] : weight_bytes[SA'(m)];
    slips_push = {7'd0, (leaves || puts) && valid[1] && !(hands && ended)};
    sum_write = putting[3];
    sum_to = 32'(job[4].step);
    sum_data = valid[4] ? new_sums : accumulators;
  end

  transposing_stage #(
      .SIDE      (SIDE),
      .BANKS     (ACT_BANKS),
      .PORT_BYTES(ACT_PORT_BYTES),
      .TILES     (TILES),
      .ADDRESS   (ACT_ADDRESS)
  ) stage (
      .clk,
      .rst,
      .tiles_we,
      .tiles_address,
      .tiles_data(tiles_data[64+:$bits(isa::lies_t)]),
      .waits,
      .next,
      .taken,
      .read      (act_read),
      .at        (act_at),
      .value     (act_value),
      .hands,
      .column    (at_column),
      .ends      (word_ends),
      .features  (acts),
      .there,
      .last_column
  );

  for (genvar n = 0; n < LINES; n++) begin : g_line
    logic [31:0] unused;
    mac_line #(
        .MACS(MACS)
    ) line (
        .clk,
        .rst,
        .valid      (valid[4]),
        .first      (first[4] && !job[4].adds),
        .values     (1'b1),
        .stream     (shared),
        .held       ('0),
        .probability(job[4].across ? weight_bytes[n] : act_bytes[n]),
        .accumulated(old_sums[n]),
        .sums       (new_sums[n]),
        .score      (unused)
    );
    wire unused_score = &{1'b0, unused};
  end

  // Outputs leave: accumulators and biases, in the places that the step has.
  always_comb begin
    outputs = '0;
    for (int n = 0; n < LINES; n++) begin
      for (int m = 0; m < MACS; m++) begin
        here_token = isa::W'(job[5].across ? m : n);
        here_feature = isa::W'(job[5].across ? n : m);
        if (here_token < job[5].rows && here_feature < job[5].columns)
          outputs[m][n] = accumulators[n][m] + (job[5].across ? constants[n][31:0] : constants[m][31:0]);
      end
    end
  end

  always_ff @(posedge clk) begin
    if (leaving[4]) begin
      sums_item <= outputs;
      for (int n = 0; n < SIDE; n++) scales_item[n] <= isa::W'(n) < job[5].columns ? constants[n][63:32] : '0;
    end
    sums_push <= leaving[4] && !rst ? 8'(MACS) : '0;
    scales_push <= {7'd0, leaving[4] && !rst};
  end

  always_ff @(posedge clk) begin
    if (tiles_we) tiles[TA'(tiles_address)] <= tiles_data[63:0];
    leaving <= rst ? '0 : {leaving[3:1], leaves};
    putting <= rst ? '0 : {putting[2:1], puts};
    valid[4:2] <= rst ? '0 : {valid[3:2], hands};
    first[4:2] <= first[3:1];
    if (begins) begin
      job[1] <= begun;
      weights <= lies.weights + 32'(feature) * 32'(depth);
      k <= '0;
      at_column <= '0;
    end else if (hands) begin
      k <= k + 1'b1;
      at_column <= word_ends ? '0 : at_column + 1'b1;
      weights <= weights + 32'(job[1].columns);
    end
    if (rst) valid[1] <= 1'b0;
    else if (begins) valid[1] <= 1'b1;
    else if (hands && ended) valid[1] <= 1'b0;
    if (begins || hands) first[1] <= begins;
    if (hands) job[2] <= job[1];
    weights2 <= weights;
    if (valid[2]) job[3] <= job[2];
    offset <= weights2[OA-1:0];
    if (valid[3]) job[4] <= job[3];
    act_bytes <= acts;
    weight_bytes <= aligned[SIDE*8-1:0];
    if (valid[4]) begin
      job[5] <= job[4];
      accumulators <= new_sums;
      if (first[4]) constants <= constant_value;
    end
  end
endmodule

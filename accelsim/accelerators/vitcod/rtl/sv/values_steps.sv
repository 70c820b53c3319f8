// What leaves the array on its way to the vector unit, in four sets of registers: the array's shadow registers, and those
// of the encoder, the channel behind it and the vector unit. Data are four cycles behind the control. Of what the encoder
// compresses the codes go on, of everything else the sums and their scales.
module values_steps #(
    parameter int LINES         = 4,
    parameter int MACS          = 2,
    parameter int LANES         = 4,
    parameter int ENCODER_LINES = 2,
    parameter int ENCODER_MACS  = 2,
    parameter int HEADS         = 2,
    parameter int ENCODED       = 1,
    parameter int TOKENS        = 4,
    parameter int SETS          = 2,    // of the encoder's weights
    parameter int STEPS         = 4,    // that are encoded; powers of two, as SETS and CODES are
    parameter int CODES         = 64,
    parameter int SIDE          = LINES > MACS ? LINES : MACS
) (
    input  logic                              clk,
    input  logic                              rst,
    input  logic                              encode_we,
    input  logic [31:0]                       encode_address,
    input  logic [HEADS*8+21:0]               encode_data,
    // Which of the weights each step that is encoded takes.
    input  logic                              sets_we,
    input  logic [31:0]                       sets_address,
    input  logic [31:0]                       sets_data,
    // The array: a step begins with features over the lines or not; one leaves; it is in the shadow registers.
    input  logic                              begins,
    input  logic                              across,
    input  logic                              leaves,
    input  isa::outputs_t                     step,
    input  logic                              comes,
    input  logic [MACS-1:0][LINES-1:0][31:0]  sums,
    input  logic [SIDE-1:0][31:0]             scales,
    // The encoder takes a step; begins to compress it; gives one on.
    input  logic                              takes,
    input  logic                              encodes,
    input  isa::word_t                        columns,
    input  isa::word_t                        size,
    input  isa::word_t                        heads,
    input  isa::word_t                        encoded,
    input  isa::word_t                        token,
    input  isa::word_t                        met,
    input  logic                              gives,
    // The vector unit takes one, of so many elements, and asks for a window.
    input  logic                              works,
    input  isa::word_t                        elements,
    input  logic                              sum_read,
    input  logic [31:0]                       sum_at,
    output logic [LANES-1:0][53:0]            sum_value  // {shift, multiplier, sum}
);
  localparam int ROOM = 4, WIDE = ENCODER_LINES * ENCODER_MACS, OUTPUTS = LINES * MACS, BEHIND = 4;
  localparam int NA = $clog2(OUTPUTS + WIDE), CA = $clog2(CODES), SA = $clog2(SETS), EA = $clog2(STEPS);
  localparam int LA = LINES > 1 ? $clog2(LINES) : 1, MA = MACS > 1 ? $clog2(MACS) : 1, DA = SIDE > 1 ? $clog2(SIDE) : 1;
  typedef logic [1:0] room_t;
  typedef struct packed {
    isa::word_t rows;
    isa::word_t columns;
    logic       across;
  } shape_t;
  typedef struct packed {
    logic       valid;
    room_t      at;
    isa::word_t columns;
    isa::word_t size;
    isa::word_t heads;
    isa::word_t encoded;
    isa::word_t token;
    isa::word_t met;
  } coding_t;
  typedef struct packed {
    logic       valid;
    logic       coded;
    room_t      at;
    isa::word_t elements;
  } work_t;
  shape_t shapes[ROOM];
  logic [MACS-1:0][LINES-1:0][31:0] kept[ROOM];
  logic [SIDE-1:0][31:0] scaled[ROOM];
  logic now_across, last_coded;
  room_t left, came, taken, last;
  // Given on and not yet taken by the vector unit.
  logic [ROOM-1:0] given_coded;
  room_t given_at[ROOM], given, begun;
  coding_t coding[BEHIND];
  work_t working[BEHIND];
  room_t coding_at, work_at;
  logic work_coded;
  logic [CA-1:0] newest, oldest, work_from;
  logic [7:0] codes[CODES];
  logic [SA-1:0] sets[STEPS];
  logic [EA-1:0] nth;
  logic read;
  logic [NA-1:0] offset;
  logic [WIDE-1:0][7:0] window;
  logic [7:0] coded_push;
  logic [WIDE-1:0][31:0] coded_item;
  logic [31:0] asked;
  logic asks;
  logic unused;

  // An output of a step, by its number in the order in which outputs leave: {shift, multiplier, sum}.
  function automatic logic [53:0] output_of(input room_t at, input logic [31:0] element);
    logic [31:0] row, column, scale, sum;
    row = element / 32'(shapes[at].columns);
    column = element % 32'(shapes[at].columns);
    scale = scaled[at][DA'(column)];
    sum = shapes[at].across ? kept[at][MA'(row)][LA'(column)] : kept[at][MA'(column)][LA'(row)];
    output_of = {scale[21:0], sum};
  endfunction

  function automatic logic [7:0] requantised(input logic [53:0] one);
    logic signed [63:0] scaled_sum;
    scaled_sum = (64'($signed(one[31:0])) * $signed({48'd0, one[47:32]}) + ((64'sd1 << one[53:48]) >> 1)) >>> one[53:48];
    requantised = scaled_sum > 64'sd127 ? 8'd127 : scaled_sum < -64'sd128 ? 8'h80 : scaled_sum[7:0];
  endfunction

  always_comb begin
    sum_value = '0;
    if (asks) begin
      /*verilator unroll_disable*/
      for (int n = 0; n < LANES; n++) begin
        if (work_coded) sum_value[n] = {22'd1, 32'($signed(codes[CA'(32'(work_from) + asked + n)]))};
        else sum_value[n] = output_of(work_at, asked + n);
      end
    end
  end

  always_ff @(posedge clk) begin
    if (begins) now_across <= across;
    if (leaves) begin
      shapes[left] <= '{step.rows, step.columns, now_across};
      left <= left + 1'b1;
    end
    if (comes) begin
      kept[came] <= sums;
      scaled[came] <= scales;
      came <= came + 1'b1;
    end
    if (takes) begin
      last <= taken;
      last_coded <= encodes;
      taken <= taken + 1'b1;
    end
    if (gives) begin
      given_coded[given] <= last_coded;
      given_at[given] <= last;
      given <= given + 1'b1;
    end
    if (works) begun <= begun + 1'b1;
    coding[0] <= '{encodes && !rst, taken, columns, size, heads, encoded, token, met};
    working[0] <= '{works && !rst, given_coded[begun], given_at[begun], elements};
    for (int n = 1; n < BEHIND; n++) begin
      coding[n] <= coding[n-1];
      working[n] <= working[n-1];
    end

    // The encoder.
    if (sets_we) sets[EA'(sets_address)] <= SA'(sets_data);
    if (coding[BEHIND-1].valid) begin
      coding_at <= coding[BEHIND-1].at;
      nth <= nth + 1'b1;
    end
    if (read) begin
      /*verilator unroll_disable*/
      for (int k = 0; k < WIDE; k++) window[k] <= requantised(output_of(coding_at, 32'(offset) + k));
    end
    /*verilator unroll_disable*/
    for (int k = 0; k < WIDE; k++) if (8'(k) < coded_push) codes[CA'(32'(newest) + k)] <= coded_item[k][31:24];
    newest <= newest + CA'(coded_push);

    // The vector unit.
    if (working[BEHIND-1].valid) begin
      work_at <= working[BEHIND-1].at;
      work_coded <= working[BEHIND-1].coded;
      work_from <= oldest;
      if (working[BEHIND-1].coded) oldest <= oldest + CA'(working[BEHIND-1].elements);
    end
    asks <= sum_read;
    if (sum_read) asked <= sum_at * LANES;
    if (rst) {left, came, taken, given, begun, newest, oldest, nth} <= '0;
  end

  encoder_datapath #(
      .LINES  (ENCODER_LINES),
      .MACS   (ENCODER_MACS),
      .HEADS  (HEADS),
      .ENCODED(ENCODED),
      .TOKENS (TOKENS),
      .SETS   (SETS),
      .WINDOWS(OUTPUTS + WIDE)
  ) encoder (
      .clk,
      .rst,
      .encode_we,
      .encode_address,
      .encode_data,
      .set    (sets[nth]),
      .begins (coding[BEHIND-1].valid),
      .columns(coding[BEHIND-1].columns),
      .size   (coding[BEHIND-1].size),
      .heads  (coding[BEHIND-1].heads),
      .encoded(coding[BEHIND-1].encoded),
      .token  (coding[BEHIND-1].token),
      .met    (coding[BEHIND-1].met),
      .read,
      .at     (unused),
      .offset,
      .window,
      .coded_push,
      .coded_item
  );
endmodule

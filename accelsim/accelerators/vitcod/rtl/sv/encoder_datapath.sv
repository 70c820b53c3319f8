// The encoder's data: LINES x MACS multipliers, with which each output of the array meets the weights of all compressed
// heads, and the sums of features whose last head has not come yet. It does what the control begins two cycles later: in
// the first cycle it reads the array's shadow registers, in the second it multiplies. Multiplications follow each other
// token by token, column by column, for each compressed head.
module encoder_datapath #(
    parameter int LINES   = 2,
    parameter int MACS    = 2,
    parameter int HEADS   = 2,
    parameter int ENCODED = 1,
    parameter int TOKENS  = 4,
    parameter int STEPS   = 2,   // items whose outputs are held
    parameter int SETS    = 1,   // of weights, of which an item takes one
    parameter int WINDOWS = 8,
    parameter int WIDE    = LINES * MACS,
    parameter int NA      = $clog2(WINDOWS),
    parameter int SA      = STEPS > 1 ? $clog2(STEPS) : 1,
    parameter int GA      = SETS > 1 ? $clog2(SETS) : 1
) (
    input  logic                      clk,
    input  logic                      rst,
    // Of each compressed head: the scaling of its sums, a weight for each head.
    input  logic                      encode_we,
    input  logic [31:0]               encode_address,
    input  logic [HEADS*8+21:0]       encode_data,
    // What the control begins, and with which weights.
    input  logic [GA-1:0]             set,
    input  logic                      begins,
    input  isa::word_t                columns,
    input  isa::word_t                size,      // tokens x columns
    input  isa::word_t                heads,
    input  isa::word_t                encoded,
    input  isa::word_t                token,
    input  isa::word_t                met,       // heads of the first feature that came before
    // The array's outputs.
    output logic                      read,
    output logic [SA-1:0]             at,
    output logic [NA-1:0]             offset,
    input  logic [WIDE*8-1:0]         window,
    // Values that are complete in this cycle: {value, compressed head, token}.
    output logic [7:0]                coded_push,
    output logic [WIDE-1:0][31:0]     coded_item
);
  localparam int EA = ENCODED > 1 ? $clog2(ENCODED) : 1, HA = HEADS > 1 ? $clog2(HEADS) : 1;
  localparam int TA = TOKENS > 1 ? $clog2(TOKENS) : 1, KEPT = TOKENS * ENCODED, KA = KEPT > 1 ? $clog2(KEPT) : 1;
  localparam int XA = WIDE > 1 ? $clog2(WIDE) : 1;
  localparam int WA = SETS * ENCODED > 1 ? $clog2(SETS * ENCODED) : 1;
  typedef struct packed {
    logic [GA-1:0] set;
    isa::word_t columns;
    isa::word_t size;
    isa::word_t heads;
    isa::word_t encoded;
    isa::word_t token;
    isa::word_t met;
  } job_t;
  typedef struct packed {
    logic [HEADS-1:0][7:0] weights;
    logic [5:0]            shift;
    logic [15:0]           multiplier;
  } encode_t;
  logic [$bits(encode_t)-1:0] weights[SETS*ENCODED];

  // The first cycle: what is read; the window begins with the output that the first multiplication is of.
  job_t asked;
  logic reading, opening;
  logic [SA-1:0] steps;
  isa::word_t past;  // of the first output's multiplications, how many are done
  isa::word_t left, reach;

  // The second cycle.
  job_t job;
  logic working, opened;
  logic [EA-1:0] first, e;
  isa::word_t todo, column, column_n, row, row_n, head, head_n, some;
  logic signed [31:0] sums[ENCODED], sums_n[ENCODED];
  logic signed [31:0] kept[KEPT];
  logic signed [31:0] total;
  logic signed [15:0] product;
  logic [XA-1:0] nth;
  encode_t one;
  logic [WIDE-1:0] ends, cuts;
  logic [WIDE-1:0][KA-1:0] place;
  logic [WIDE-1:0][EA-1:0] of;
  logic [WIDE-1:0][TA-1:0] whose;
  logic signed [31:0] sum[WIDE];
  logic [15:0] multiplier[WIDE];
  logic [5:0] shift[WIDE];
  logic [7:0] values[WIDE];

  always_ff @(posedge clk) begin
    if (encode_we) weights[WA'(encode_address)] <= encode_data;
    opening <= begins && !rst;
    if (rst) begin
      reading <= 1'b0;
      steps <= '0;
    end else if (begins) begin
      reading <= 1'b1;
      asked.set <= set;
      asked.columns <= columns;
      asked.size <= size;
      asked.heads <= heads;
      asked.encoded <= encoded;
      asked.token <= token;
      asked.met <= met;
      at <= steps;
      steps <= steps + 1'b1;
      offset <= '0;
      past <= '0;
      left <= isa::W'(size * encoded);
    end else if (reading) begin
      reading <= left > isa::W'(WIDE);
      left <= left - isa::W'(WIDE);
      offset <= offset + NA'(reach / asked.encoded);
      past <= reach % asked.encoded;
    end
    working <= reading && !rst;
    opened <= opening && !rst;
    first <= EA'(past);
    todo <= left;
    job <= asked;
    column <= column_n;
    row <= row_n;
    head <= head_n;
    for (int n = 0; n < ENCODED; n++) sums[n] <= sums_n[n];
    /*verilator unroll_disable*/
    for (int k = 0; k < WIDE; k++) if (cuts[k]) kept[place[k]] <= sum[k];
  end
  assign read = reading;
  assign reach = past + isa::W'(WIDE);

  // The multiplications of this cycle. Which token, head and compressed head each is of follows from the first one's by
  // counting.
  always_comb begin
    some = !working ? '0 : todo > isa::W'(WIDE) ? isa::W'(WIDE) : todo;
    row_n = opened ? job.token : row;
    column_n = opened ? '0 : column;
    head_n = opened ? job.met : head;
    e = first;
    nth = '0;
    product = '0;
    total = '0;
    one = '0;
    ends = '0;
    cuts = '0;
    place = '0;
    of = '0;
    whose = '0;
    for (int n = 0; n < ENCODED; n++) sums_n[n] = sums[n];
    /*verilator unroll_disable*/
    for (int k = 0; k < WIDE; k++) begin
      sum[k] = '0;
      multiplier[k] = '0;
      shift[k] = '0;
      if (isa::W'(k) < some) begin
        one = weights[WA'(32'(job.set) * ENCODED + 32'(e))];
        product = $signed(window[32'(nth)*8+:8]) * $signed(one.weights[HA'(head_n)]);
        place[k] = KA'(32'(row_n) * ENCODED + 32'(e));
        total = column_n == 0 ? kept[place[k]] : sums_n[e];
        if (head_n == 0) total = '0;
        total = total + 32'(product);
        sums_n[e] = total;
        sum[k] = total;
        multiplier[k] = one.multiplier;
        shift[k] = one.shift;
        of[k] = e;
        whose[k] = TA'(row_n);
        ends[k] = head_n + 1'b1 == job.heads;
        cuts[k] = !ends[k] && column_n + 1'b1 == job.columns;
        if (isa::W'(e) + 1'b1 != job.encoded) e = e + 1'b1;
        else begin
          e = '0;
          nth = nth + 1'b1;
          head_n = ends[k] ? '0 : head_n + 1'b1;
          if (column_n + 1'b1 != job.columns) column_n = column_n + 1'b1;
          else begin
            column_n = '0;
            row_n = row_n + 1'b1;
            head_n = job.met;
          end
        end
      end
    end
  end

  for (genvar k = 0; k < WIDE; k++) begin : g_value
    requantise requantise (
        .sum       (sum[k]),
        .multiplier(multiplier[k]),
        .shift     (shift[k]),
        .value     (values[k])
    );
  end

  // The first value in the lowest place.
  always_comb begin
    coded_push = '0;
    coded_item = '0;
    /*verilator unroll_disable*/
    for (int k = WIDE - 1; k >= 0; k--) begin
      if (ends[k]) begin
        coded_item = (WIDE * 32)'({coded_item, values[k], 8'(of[k]), 16'(whose[k])});
        coded_push = coded_push + 8'd1;
      end
    end
  end
endmodule

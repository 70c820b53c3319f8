// The decoder's data: what it reads of the activation buffer, PORT_BYTES a cycle, and LINES x MACS multipliers that meet
// each code with the weights of the heads that are restored. It does what the control begins two cycles later. A token
// stands in the buffer feature by feature, the compressed heads of a feature side by side; without the auto-encoder
// head by head, as it is moved into the operand buffers. Multiplications follow each other in that order, for each code
// head by head, as many in a cycle as there are multipliers and codes for.
module decoder_datapath #(
    parameter int LINES      = 2,
    parameter int MACS       = 2,
    parameter int PORT_BYTES = 4,
    parameter int FEATURES   = 2,  // of a word in the scratchpads
    parameter int HEADS      = 2,  // restored at once
    parameter int ALL        = 2,  // of a layer
    parameter int LAYERS     = 1,
    parameter int ENCODED    = 1,  // most compressed heads
    parameter int TA         = 2,
    parameter int WINDOWS    = 8,
    parameter int NA         = $clog2(WINDOWS)
) (
    input  logic                           clk,
    input  logic                           rst,
    // Of each layer's K's heads, then of Q's: the sums' bias, the scaling of the sums, a weight for each compressed head.
    input  logic                           decode_we,
    input  logic [31:0]                    decode_address,
    input  logic [ENCODED*8+53:0]          decode_data,
    // What the control begins.
    input  logic                           begins,
    input  logic                           single,    // the vector of one head, for a line of the sparser engine
    input  logic                           kind,      // 0: K, 1: Q
    input  isa::word_t                     token,
    input  isa::word_t                     head,
    input  isa::word_t                     head0,     // the pass's first head in its layer
    input  isa::word_t                     layer,
    input  isa::word_t                     heads,
    input  isa::word_t                     dim,
    input  isa::word_t                     encoded,
    // The activation buffer.
    output logic                           read,
    output logic [TA+1:0]                  at,        // part 0, K or Q, token
    output logic [NA-1:0]                  offset,
    input  logic [PORT_BYTES*8-1:0]        window,
    // Results: all heads of a token, or the vector.
    output logic                           writes,
    output logic                           writes_kind,
    output logic [TA-1:0]                  writes_token,
    output logic [HEADS-1:0]               writes_heads,
    output logic [HEADS-1:0][FEATURES*8-1:0] writes_data,
    output logic [FEATURES*8-1:0]          vector
);
  localparam int WIDE = LINES * MACS, TABLE = 2 * ALL * LAYERS, BA = $clog2(TABLE);
  localparam int BYTES = WIDE > PORT_BYTES ? WIDE : PORT_BYTES, PLACES = HEADS * (ENCODED > 1 ? ENCODED : 1) * FEATURES;
  localparam int WAITING = (ALL > ENCODED ? ALL : ENCODED) * FEATURES, LEVEL = $clog2(WAITING + PORT_BYTES + 1);
  localparam int HA = HEADS > 1 ? $clog2(HEADS) : 1, EA = ENCODED > 1 ? $clog2(ENCODED) : 1;
  typedef struct packed {
    logic       single;
    logic       kind;
    isa::word_t token;
    isa::word_t heads;
    isa::word_t dim;
    isa::word_t encoded;
    isa::word_t row;      // of the table: the first head
  } job_t;
  typedef struct packed {
    logic [ENCODED-1:0][7:0] weights;
    logic [5:0]              shift;
    logic [15:0]             multiplier;
    logic [31:0]             bias;
  } decode_t;
  logic [$bits(decode_t)-1:0] table_[TABLE];

  // The first cycle: the port reads.
  job_t asked;
  logic reading, opening;
  isa::word_t left;

  // The second cycle: codes arrive and are multiplied.
  job_t job;
  logic working, opened, arrives;
  isa::word_t brought;  // bytes that arrive in this cycle
  decode_t weights[HEADS];
  logic [WAITING*8-1:0] waiting, waiting_n;
  logic [(WAITING+PORT_BYTES)*8-1:0] codes;
  logic [LEVEL-1:0] level, level_n, ready;
  logic [HA-1:0] next_head, next_head_n;      // of the next multiplication: the head,
  logic [EA-1:0] next_member, next_member_n;  // and the code's place among its feature's
  isa::word_t begun, earlier, begun_n;        // multiplications (without the auto-encoder: bytes) so far
  isa::word_t some, total, count;
  logic signed [31:0] sums[HEADS], sums_n[HEADS];
  logic signed [31:0] ended[WIDE];
  logic [15:0] multiplier[WIDE];
  logic [5:0] shift[WIDE];
  logic [7:0] values[WIDE];
  logic [HEADS-1:0][FEATURES*8-1:0] restored, restored_n;

  always_ff @(posedge clk) begin
    if (decode_we) table_[BA'(decode_address)] <= decode_data;
    opening <= begins && !rst;
    if (rst) reading <= 1'b0;
    else if (begins) begin
      reading <= 1'b1;
      asked.single <= single;
      asked.kind <= kind;
      asked.token <= token;
      asked.heads <= single ? isa::W'(1) : heads;
      asked.dim <= dim;
      asked.encoded <= encoded;
      asked.row <= isa::W'(layer * isa::W'(2 * ALL)) + (kind ? isa::W'(ALL) : '0) + head0 + (single ? head : '0);
      if (encoded != 0) begin
        offset <= '0;
        left <= isa::W'(dim * encoded);
      end else begin
        offset <= NA'(isa::W'((head0 + (single ? head : '0)) * dim));
        left <= single ? dim : isa::W'(dim * heads);
      end
    end else if (reading) begin
      reading <= left > isa::W'(PORT_BYTES);
      left <= left - isa::W'(PORT_BYTES);
      offset <= offset + NA'(PORT_BYTES);
    end
    arrives <= reading && !rst;
    brought <= left > isa::W'(PORT_BYTES) ? isa::W'(PORT_BYTES) : left;
    opened <= opening && !rst;
    if (opening) begin
      job <= asked;
      for (int o = 0; o < HEADS; o++) begin
        if (isa::W'(o) < asked.heads) weights[o] <= table_[BA'(asked.row+isa::W'(o))];
      end
    end
    if (rst) working <= 1'b0;
    else if (opening) working <= 1'b1;
    else if (begun_n == total) working <= 1'b0;
    waiting <= waiting_n;
    level <= level_n;
    next_head <= next_head_n;
    next_member <= next_member_n;
    begun <= begun_n;
    for (int o = 0; o < HEADS; o++) sums[o] <= sums_n[o];
    restored <= restored_n;
  end
  assign read = reading;
  assign at = {1'b0, asked.kind, TA'(asked.token)};

  // The multiplications of this cycle. Which head and code each is of follows from the first one's by counting; for each
  // number of heads a multiplier has but two codes to choose from.
  logic [HA-1:0] o, first;
  logic [EA-1:0] m;
  logic [LEVEL-1:0] nth;
  logic signed [7:0] code;
  logic signed [15:0] product;
  always_comb begin
    codes = opened ? '0 : ((WAITING + PORT_BYTES) * 8)'(waiting);
    ready = opened ? '0 : level;
    earlier = opened ? '0 : begun;
    o = opened ? '0 : next_head;
    first = o;
    m = opened ? '0 : next_member;
    total = isa::W'(job.dim * job.heads);
    if (job.encoded != 0) total = isa::W'(total * job.encoded);
    if (arrives && job.encoded != 0) begin
      codes = codes | (((WAITING + PORT_BYTES) * 8)'(window) << {ready, 3'd0});
      ready = ready + LEVEL'(brought);
    end
    nth = '0;
    code = '0;
    product = '0;
    some = isa::W'(isa::W'(ready) * job.heads) - isa::W'(o);  // codes that are there are multiplied with all heads
    if (some > isa::W'(WIDE)) some = isa::W'(WIDE);
    if (job.encoded == 0 || !working) some = '0;
    for (int h = 0; h < HEADS; h++) sums_n[h] = sums[h];
    /*verilator unroll_disable*/
    for (int k = 0; k < WIDE; k++) begin
      ended[k] = '0;
      multiplier[k] = '0;
      shift[k] = '0;
      if (isa::W'(k) < some) begin
        for (int h = 1; h <= HEADS; h++) begin
          if (job.heads == isa::W'(h)) begin
            code = $signed(k % h + 32'(first) >= h ? codes[8*(k/h+1)+:8] : codes[8*(k/h)+:8]);
          end
        end
        product = code * $signed(weights[o].weights[m]);
        sums_n[o] = (m == 0 ? $signed(weights[o].bias) : sums_n[o]) + 32'(product);
        ended[k] = sums_n[o];
        multiplier[k] = weights[o].multiplier;
        shift[k] = weights[o].shift;
        if (isa::W'(o) + 1'b1 != job.heads) o = o + 1'b1;
        else begin
          o = '0;
          nth = nth + 1'b1;
          m = isa::W'(m) + 1'b1 == job.encoded ? '0 : m + 1'b1;
        end
      end
    end
    next_head_n = o;
    next_member_n = m;
    waiting_n = (WAITING * 8)'(codes >> {nth, 3'd0});
    level_n = ready - nth;
  end

  for (genvar k = 0; k < WIDE; k++) begin : g_value
    requantise requantise (
        .sum       (ended[k]),
        .multiplier(multiplier[k]),
        .shift     (shift[k]),
        .value     (values[k])
    );
  end

  // What this cycle brings is moved to its place among all multiplications (bytes) of the token; each byte of the token has
  // one there for every number of heads and compressed heads.
  localparam int TOKEN = HEADS * FEATURES, PA = $clog2(PLACES + 1), OA = $clog2(TOKEN + 1);
  logic [PLACES*8-1:0] moved;
  logic [PLACES-1:0] there;
  logic [FEATURES*8-1:0] vector_of;
  logic [FEATURES-1:0] there_of;
  always_comb begin
    moved = '0;
    there = '0;
    vector_of = '0;
    there_of = '0;
    count = job.encoded != 0 ? some : arrives ? brought : '0;
    begun_n = earlier + count;
    restored_n = opened ? '0 : restored;
    if (count != 0) begin
      for (int k = 0; k < BYTES; k++) begin
        if (k < PLACES) there[k] = isa::W'(k) < count;
        if (job.encoded != 0 && k < WIDE && k < PLACES) moved[8*k+:8] = values[k<WIDE?k : 0];
        if (job.encoded == 0 && k < PORT_BYTES && k < PLACES) moved[8*k+:8] = window[8*(k<PORT_BYTES?k : 0)+:8];
      end
      moved = moved << {PA'(earlier), 3'd0};
      there = there << PA'(earlier);
      for (int h = 1; h <= HEADS; h++) begin
        for (int e = 1; e <= ENCODED; e++) begin
          if (job.heads == isa::W'(h) && job.encoded == isa::W'(e)) begin
            for (int n = 0; n < h; n++) begin
              for (int f = 0; f < FEATURES; f++) begin
                if (there[((f+1)*e-1)*h+n]) restored_n[n][8*f+:8] = moved[8*(((f+1)*e-1)*h+n)+:8];
              end
            end
          end
        end
      end
      if (job.encoded == 0) begin
        for (int h = 0; h < HEADS; h++) begin
          vector_of = (FEATURES * 8)'(moved[TOKEN*8-1:0] >> {OA'(h * 32'(job.dim)), 3'd0});
          there_of = FEATURES'(there[TOKEN-1:0] >> OA'(h * 32'(job.dim)));
          for (int f = 0; f < FEATURES; f++) begin
            if (isa::W'(f) < job.dim && there_of[f]) restored_n[h][8*f+:8] = vector_of[8*f+:8];
          end
        end
      end
    end
    writes = working && begun_n == total && !job.single;
    writes_kind = job.kind;
    writes_token = TA'(job.token);
    writes_data = restored_n;
    for (int h = 0; h < HEADS; h++) writes_heads[h] = isa::W'(h) < job.heads;
  end
  assign vector = restored[0];
endmodule

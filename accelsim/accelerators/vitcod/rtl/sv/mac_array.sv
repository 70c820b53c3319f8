// The MAC lines of both engines as one GEMM array: the control of dense layers. A tile is walked step by step, columns
// run fastest; a step lasts as long as the longest of its depth and of what the ports of each memory take.
// In a cycle: a step that has passed leaves (with a tile's last one its notices), the next tile is taken up, and what is
// read of the buffers from now on is told.
module mac_array #(
    parameter int LINES             = 64,
    parameter int MACS              = 8,
    parameter int PSUM_BANKS        = 8,
    parameter int PSUM_PORT_BYTES   = 32,
    parameter int STEP_CYCLES       = 0,
    parameter int WEIGHT_BANKS      = 4,
    parameter int WEIGHT_PORT_BYTES = 64,
    parameter int ACT_BANKS         = 4,
    parameter int ACT_PORT_BYTES    = 64,
    parameter int FREES             = 64,
    parameter int COMMAND_POPS      = 2   // one is taken in a cycle; whether another waits behind it is seen
) (
    input  logic                                      clk,
    input  logic                                      rst,
    output isa::status_t                              status,
    input  logic                                      frees_we,
    input  isa::word_t                                frees_address,
    input  isa::frees_row_t                           frees_data,
    input  logic [7:0]                                command_valid,
    input  isa::gemm_t [COMMAND_POPS-1:0]             command_data,
    output logic [7:0]                                command_pop,
    input  logic [7:0]                                out_room,
    output logic [7:0]                                out_push,
    output isa::outputs_t                             out_item,
    input  logic [7:0]                                release_weight_room,
    output logic [7:0]                                release_weight_push,
    output isa::release_t                             release_weight_item,
    input  logic [7:0]                                release_act_room,
    output logic [7:0]                                release_act_push,
    output isa::release_t                             release_act_item,
    input  logic [7:0]                                done_room,
    output logic [7:0]                                done_push,
    output isa::done_t                                done_item,
    input  logic [7:0]                                read_weight_room,
    output logic [7:0]                                read_weight_push,
    output isa::reading_t                             read_weight_item,
    input  logic [7:0]                                read_act_room,
    output logic [7:0]                                read_act_push,
    output isa::reading_t                             read_act_item,
    // For the data path: a step begins, of so many tokens and features, and which it is; and the one that began before
    // ends, its outputs leave or its sums are put away.
    output logic                                      begins,
    output isa::word_t                                tile,
    output isa::word_t                                step,
    output isa::word_t                                rows,
    output isa::word_t                                columns,
    output isa::word_t                                depth,
    output isa::word_t                                feature,  // the step's first one in the tile
    output logic                                      across,   // 0: tokens over the lines, 1: features
    output logic                                      adds,
    output logic                                      leaves,
    output logic                                      puts
);
  localparam int FA = FREES > 1 ? $clog2(FREES) : 1;
  typedef logic [31:0] wide_t;
  typedef struct packed {
    logic        active;
    logic        waits;     // the tile's first step has not begun
    logic        adds;
    isa::gemm_t  tile;
    isa::word_t  number;
    isa::word_t  step;
    isa::word_t  token;
    isa::word_t  feature;
    isa::clock_t begin_at;  // of the step
    isa::clock_t ready_at;
  } state_t;
  logic [isa::frees_row_bits-1:0] frees[FREES];
  isa::frees_row_t free;
  state_t state, s;
  isa::clock_t now, seen_at, next_seen_at, since;
  logic seen, next_seen, opened, next_opened, halt, ends, last, weight_told, act_told;
  isa::word_t high, low, weight_rate, act_rate, next_weight_rate, next_act_rate;
  wide_t length, weight_words, act_words, filled;

  function automatic wide_t ceil(input wide_t a, input wide_t b);
    ceil = (a + b - 1) / b;
  endfunction

  // Cycles in which a buffer's ports deliver some words: every other one of one bank is kept for what arrives.
  function automatic wide_t read_cycles(input wide_t words, input int banks);
    read_cycles = ceil(words << 1, 32'(2 * banks - 1));
  endfunction

  function automatic wide_t longer(input wide_t a, input wide_t b);
    longer = a > b ? a : b;
  endfunction

  function automatic isa::word_t least(input isa::word_t a, input isa::word_t b);
    least = a < b ? a : b;
  endfunction

  always_comb begin
    s = state;
    halt = 1'b0;
    status = isa::BUSY;
    {command_pop, out_push, release_weight_push, release_act_push, done_push} = '0;
    {read_weight_push, read_act_push} = '0;
    next_seen = seen || command_valid != 0;
    since = seen ? seen_at : now;
    next_seen_at = since;
    next_opened = opened;
    free = frees[FA'(s.number)];
    done_item.number = 1;
    release_weight_item.bytes = free.weight;
    release_weight_item.read_bytes = free.weight_read;
    release_act_item.bytes = free.act;
    release_act_item.read_bytes = free.act_read;

    // The step that has passed leaves.
    high = least(s.tile.step_tokens, s.tile.tokens - s.token);
    low = least(s.tile.step_features, s.tile.features - s.feature);
    last = s.tile.constants != 0;
    ends = s.token + high == s.tile.tokens && s.feature + low == s.tile.features;
    out_item.rows = high;
    out_item.columns = low;
    out_item.heads = s.tile.heads;
    out_item.encoded = s.tile.encoded;
    out_item.passes = s.tile.passes;
    out_item.token = s.tile.token + s.token;
    out_item.met = s.tile.heads != 0 ? (s.tile.met + s.feature) % s.tile.heads : '0;
    {leaves, puts} = '0;
    if (s.active) begin
      if (now < s.ready_at) halt = 1'b1;
      else if ((last && out_room == 0)
               || (ends && (release_weight_room == 0 || release_act_room == 0 || done_room == 0))) begin
        halt = 1'b1;
        status = isa::BLOCKED;
      end else begin
        leaves = last;
        puts = !last;
        out_push = {7'd0, last};
        s.step = s.step + 1'b1;
        if (ends) begin
          release_weight_push = 8'd1;
          release_act_push = 8'd1;
          done_push = 8'd1;
          s.number = s.number + 1'b1;
          s.active = 1'b0;
        end else begin
          s.feature = s.feature + low;
          if (s.feature == s.tile.features) begin
            s.feature = '0;
            s.token = s.token + high;
          end
          s.begin_at = now;
        end
      end
    end

    // The next tile is taken up. Its first words are read behind the tile before, if it waited that long.
    next_weight_rate = '0;
    next_act_rate = '0;
    weight_told = 1'b0;
    filled = '0;
    if (!halt && !s.active) begin
      if (read_weight_room == 0 || read_act_room == 0) begin
        halt = 1'b1;
        status = command_valid != 0 ? isa::BLOCKED : isa::IDLE;
      end else begin
        weight_told = 1'b1;
        if (command_valid != 0) begin
          command_pop = 8'd1;
          s.active = 1'b1;
          s.tile = command_data[0];
          s.step = '0;
          s.token = '0;
          s.feature = '0;
          s.adds = opened;
          next_opened = s.tile.constants == 0;
          filled = read_cycles(32'(least(s.tile.step_tokens, s.tile.tokens)), ACT_BANKS);
          s.begin_at = since + filled > now ? since + filled : now;
          next_seen = command_valid > 8'd1;
          next_seen_at = now;
        end else begin
          halt = 1'b1;
          status = isa::IDLE;
        end
      end
    end

    // How long the step takes that begins; of a tile's first one also what it reads a cycle.
    rows = least(s.tile.step_tokens, s.tile.tokens - s.token);
    columns = least(s.tile.step_features, s.tile.features - s.feature);
    weight_words = ceil(32'(columns) * 32'(s.tile.depth), WEIGHT_PORT_BYTES)
        + ceil(32'(columns) * 32'(s.tile.constants), WEIGHT_PORT_BYTES);
    act_words = 32'(rows) * (ceil(32'(s.tile.depth), ACT_PORT_BYTES)
        + ceil(32'(columns) * 32'(s.tile.added), ACT_PORT_BYTES));
    length = longer(32'(s.tile.depth), read_cycles(weight_words, WEIGHT_BANKS));
    length = longer(length, read_cycles(act_words, ACT_BANKS));
    length = longer(length, ceil(
        ((32'(rows) * 32'(columns)) << 2) * (32'(s.adds) + 32'(s.tile.constants == 0)), PSUM_BANKS * PSUM_PORT_BYTES))
        + 32'(STEP_CYCLES);
    if (!halt) s.ready_at = s.begin_at + length;
    if (command_pop != 0) begin
      next_weight_rate = isa::W'(ceil(weight_words * WEIGHT_PORT_BYTES, length));
      next_act_rate = isa::W'(ceil(act_words * ACT_PORT_BYTES, length));
    end
    act_told = weight_told && next_act_rate != act_rate;
    weight_told = weight_told && next_weight_rate != weight_rate;
    read_weight_push = {7'd0, weight_told};
    read_act_push = {7'd0, act_told};
    read_weight_item.more = next_weight_rate - weight_rate;
    read_act_item.more = next_act_rate - act_rate;

    if (!halt) s.waits = 1'b1;
    begins = s.active && s.waits && s.begin_at <= now;
    if (begins) s.waits = 1'b0;
    tile = s.number;
    step = s.step;
    depth = s.tile.depth;
    feature = s.feature;
    across = s.tile.step_features > isa::W'(MACS) || s.tile.step_tokens > isa::W'(LINES);
    adds = s.adds;
  end

  always_ff @(posedge clk) begin
    if (frees_we) frees[FA'(frees_address)] <= frees_data;
    now <= rst ? '0 : now + 1'b1;
    if (rst) begin
      state.active <= 1'b0;
      state.waits <= 1'b0;
      state.number <= '0;
      seen <= 1'b0;
      opened <= 1'b0;
      weight_rate <= '0;
      act_rate <= '0;
    end else begin
      state <= s;
      seen <= next_seen;
      seen_at <= next_seen_at;
      opened <= next_opened;
      if (weight_told) weight_rate <= next_weight_rate;
      if (act_told) act_rate <= next_act_rate;
    end
  end
endmodule

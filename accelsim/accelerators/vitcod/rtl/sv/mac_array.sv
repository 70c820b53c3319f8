// The MAC lines of both engines as one GEMM array: the control of dense layers. A tile is walked step by step, columns
// run fastest; how long a step lasts, by where it stands in the tile, and what the first one reads, its command says.
// In a cycle: a step that has passed leaves (with a tile's last one its notices), the next tile is taken up, and what is
// read of the buffers from now on is told. What the step after is of, and how long it lasts, is found while a step runs.
module mac_array #(
    parameter int LINES             = 64,
    parameter int MACS              = 8,
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
  typedef logic [15:0] wait_t;
  typedef logic signed [isa::W:0] left_t;
  typedef struct packed {
    logic        active;
    logic        waits;      // the tile's first step has not begun
    logic        adds;
    logic        bottom;     // the step is one of the last rows
    logic        right;      // and of the last columns
    isa::gemm_t  tile;
    isa::word_t  number;
    isa::word_t  step;
    isa::word_t  token;      // of the layer
    isa::word_t  feature;    // of the tile
    isa::word_t  rows_left;  // with the step's
    isa::word_t  columns_left;
    isa::word_t  met;
    wait_t       lead;       // cycles to the step's first one, less one
    left_t       left;       // cycles to its last one, less two: below 0, its outputs can leave
  } state_t;
  logic [isa::frees_row_bits-1:0] frees[FREES];
  isa::frees_row_t free;
  state_t state, s, after, first;
  isa::gemm_t command;
  wait_t waited, filling, since;  // cycles for which the tile that waits has been seen; that its first words are not there
  logic seen, opened, next_opened, waiting, blocked, ends, last, leaves_now, takes, room, weight_told, act_told;
  isa::word_t weight_rate, act_rate, next_weight_rate, next_act_rate, met, lasts, first_lasts;

  function automatic wait_t less(input wait_t a, input wait_t b);  // a - b, but not below 0
    less = a > b ? a - b : '0;
  endfunction

  // How long a step lasts, by whether it is of the last rows, and of the last columns.
  function automatic isa::word_t cycles(input logic bottom, input logic right, input isa::word_t inner,
                                        input isa::word_t low, input isa::word_t narrow, input isa::word_t corner);
    cycles = bottom ? (right ? corner : low) : (right ? narrow : inner);
  endfunction

  always_comb begin
    status = isa::BUSY;
    done_item.number = 1;
    free = frees[FA'(state.number)];
    release_weight_item.bytes = free.weight;
    release_weight_item.read_bytes = free.weight_read;
    release_act_item.bytes = free.act;
    release_act_item.read_bytes = free.act_read;

    // The step that has passed leaves.
    last = state.tile.constants != 0;
    ends = state.bottom && state.right;
    out_item.rows = state.bottom ? state.rows_left : state.tile.step_tokens;
    out_item.columns = state.right ? state.columns_left : state.tile.step_features;
    out_item.heads = state.tile.heads;
    out_item.encoded = state.tile.encoded;
    out_item.passes = state.tile.passes;
    out_item.token = state.token;
    out_item.met = state.met;
    waiting = state.active && !state.left[isa::W];
    blocked = state.active && ((last && out_room == 0)
        || (ends && (release_weight_room == 0 || release_act_room == 0 || done_room == 0)));
    leaves_now = state.active && !waiting && !blocked;
    leaves = leaves_now && last;
    puts = leaves_now && !last;
    out_push = {7'd0, leaves};
    release_weight_push = {7'd0, leaves_now && ends};
    release_act_push = {7'd0, leaves_now && ends};
    done_push = {7'd0, leaves_now && ends};

    // The step after it.
    met = state.met + state.tile.meets;
    after = state;
    after.step = state.step + 1'b1;
    after.lead = '0;
    after.waits = 1'b1;
    if (state.right) begin
      after.feature = '0;
      after.met = state.tile.met;
      after.columns_left = state.tile.features;
      after.right = state.tile.features <= state.tile.step_features;
      after.token = state.token + state.tile.step_tokens;
      after.rows_left = state.rows_left - state.tile.step_tokens;
      after.bottom = state.rows_left <= {state.tile.step_tokens[isa::W-2:0], 1'b0};
    end else begin
      after.feature = state.feature + state.tile.step_features;
      after.met = met >= state.tile.heads ? met - state.tile.heads : met;
      after.columns_left = state.columns_left - state.tile.step_features;
      after.right = state.columns_left <= {state.tile.step_features[isa::W-2:0], 1'b0};
    end
    lasts = cycles(after.bottom, after.right, state.tile.inner_cycles, state.tile.bottom_cycles,
                   state.tile.right_cycles, state.tile.corner_cycles);
    after.left = left_t'({1'b0, lasts}) - (isa::W + 1)'(2);

    // The next tile is taken up. Its first words are read behind the tile before, if it waited that long.
    command = command_data[0];
    since = seen ? waited : '0;
    first.active = 1'b1;
    first.waits = 1'b1;
    first.adds = opened;
    first.tile = command;
    first.number = state.number + isa::W'(leaves_now && ends);
    first.step = '0;
    first.token = command.token;
    first.feature = '0;
    first.rows_left = command.tokens;
    first.columns_left = command.features;
    first.met = command.met;
    first.bottom = command.tokens <= command.step_tokens;
    first.right = command.features <= command.step_features;
    filling = less(wait_t'(command.lead), since);
    first.lead = filling - 1'b1;
    first_lasts = cycles(first.bottom, first.right, command.inner_cycles, command.bottom_cycles, command.right_cycles,
                         command.corner_cycles);
    first.left = left_t'({1'b0, first_lasts}) + left_t'({1'b0, filling}) - (isa::W + 1)'(2);

    room = read_weight_room != 0 && read_act_room != 0;
    weight_told = room && !waiting && !blocked && (!state.active || ends);
    takes = weight_told && command_valid != 0;
    command_pop = {7'd0, takes};
    next_weight_rate = command_valid != 0 ? command.weight_rate : '0;
    next_act_rate = command_valid != 0 ? command.act_rate : '0;
    act_told = weight_told && next_act_rate != act_rate;
    weight_told = weight_told && next_weight_rate != weight_rate;
    read_weight_push = {7'd0, weight_told};
    read_act_push = {7'd0, act_told};
    read_weight_item.more = next_weight_rate - weight_rate;
    read_act_item.more = next_act_rate - act_rate;
    next_opened = takes ? command.constants == 0 : opened;
    if (waiting) status = isa::BUSY;
    else if (blocked) status = isa::BLOCKED;
    else if ((!state.active || ends) && !takes) status = command_valid != 0 ? isa::BLOCKED : isa::IDLE;

    s = state;
    if (!state.left[isa::W]) s.left = state.left - 1'b1;
    if (state.lead != 0) s.lead = state.lead - 1'b1;
    if (takes) s = first;
    else if (leaves_now && ends) begin
      s.active = 1'b0;
      s.number = first.number;
    end else if (leaves_now) s = after;

    if (takes) begins = filling == 0;
    else begins = leaves_now ? !ends : state.active && state.waits && state.lead == 0;
    if (begins) s.waits = 1'b0;
    tile = s.number;
    step = s.step;
    rows = s.bottom ? s.rows_left : s.tile.step_tokens;
    columns = s.right ? s.columns_left : s.tile.step_features;
    depth = s.tile.depth;
    feature = s.feature;
    across = s.tile.step_features > isa::W'(MACS) || s.tile.step_tokens > isa::W'(LINES);
    adds = s.adds;
  end

  always_ff @(posedge clk) begin
    if (frees_we) frees[FA'(frees_address)] <= frees_data;
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
      seen <= takes ? command_valid > 8'd1 : seen || command_valid != 0;
      waited <= takes ? wait_t'(1) : since == '1 ? since : since + 1'b1;
      opened <= next_opened;
      if (weight_told) weight_rate <= next_weight_rate;
      if (act_told) act_rate <= next_act_rate;
    end
  end
endmodule

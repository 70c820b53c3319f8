// The denser engine's control: MAC lines that work on the global tokens' columns as a dense block, in lockstep.
// Scores (K-stationary): a tile of columns is loaded, one K a cycle, then the rows stream by. Values (output-
// stationary): each line keeps one output row, the Vs of the global tokens stream by.
// In a cycle: what was begun is finished, heads without dense columns are passed over, the phase is done, the next command
// is taken up, and work begins.
module denser_engine #(
    parameter int LINES        = 64,
    parameter int Q_PORT_BYTES = 256,
    parameter int BANKS        = 4,
    parameter int BANK_BYTES   = 64,
    parameter int ROW_VALUES   = 128,
    parameter int PSUM_BANKS   = 8,
    parameter int PSUM_PORT_BYTES = 32,
    parameter int PASSES       = 16,
    parameter int DENSE        = 256,
    parameter int ROWS         = 1024
) (
    input  logic             clk,
    input  logic             rst,
    output isa::status_t     status,
    input  logic             passes_we,
    input  isa::word_t       passes_address,
    input  isa::passes_row_t passes_data,
    input  logic             dense_we,
    input  isa::word_t       dense_address,
    input  isa::dense_row_t  dense_data,
    input  logic             rows_we,
    input  isa::word_t       rows_address,
    input  isa::rows_row_t   rows_data,
    input  logic [7:0]       command_valid,
    input  isa::pass_t    command_data,
    output logic [7:0]       command_pop,
    input  logic [7:0]       operands_valid,
    input  isa::operands_t   operands_data,
    output logic [7:0]       operands_pop,
    input  logic [7:0]       softmaxed_valid,
    input  isa::ready_t  softmaxed_data,
    output logic [7:0]       softmaxed_pop,
    input  logic [7:0]       window_valid,
    input  isa::window_t     window_data,
    output logic [7:0]       window_pop,
    input  logic [7:0]       scores_room,
    output logic [7:0]       scores_push,
    output isa::scores_t     scores_item,
    input  logic [7:0]       partial_room,
    output logic [7:0]       partial_push,
    output isa::partial_t    partial_item,
    input  logic [7:0]       reads_room,
    output logic [7:0]       reads_push,
    output isa::access_t     reads_item,
    input  logic [7:0]       done_room,
    output logic [7:0]       done_push,
    output isa::done_t       done_item,
    // What begins in this cycle, for the data path: a tile of columns, a group of rows of it, a tile of rows.
    output isa::word_t       pass,
    output logic             load,
    output isa::word_t       load_first,
    output isa::word_t       load_count,
    output logic             stream,
    output isa::word_t       stream_token,
    output isa::word_t       stream_rows,
    output isa::word_t       stream_beats,
    output logic             tile,
    output isa::word_t       tile_place,
    output isa::word_t       tile_share,   // the first output's share in this block of keys
    output isa::word_t       tile_rows,
    output isa::word_t       tile_count,
    output isa::word_t       tile_beats
);
  localparam int PA = $clog2(PASSES), RA = $clog2(ROWS), DA = $clog2(DENSE), LA = LINES > 1 ? $clog2(LINES) : 1;
  localparam int TURNS = (LINES + PSUM_BANKS - 1) / PSUM_BANKS;  // of the banks of the partial-sum memory, for a tile
  localparam int GROUPS = (ROWS - 1 >> LA) + 1, GA = GROUPS > 1 ? $clog2(GROUPS) : 1;
  typedef enum logic [1:0] {NOTHING, SCORES, VALUES} phase_t;
  typedef struct packed {
    phase_t      phase;
    logic        streaming;
    logic        loading;    // K vectors are being loaded into the lines
    isa::word_t  number;
    isa::word_t  item;
    isa::word_t  last;
    isa::word_t  row;
    isa::word_t  size;
    isa::word_t  group;
    isa::word_t  group_bytes, last_bytes;  // of Q, that a group of rows needs, and the last one
    isa::word_t  count;      // dense scores of an output of the tile
    isa::word_t  left;       // cycles it still takes, this one included
  } state_t;
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  isa::word_t needed[DENSE], group[DENSE], load_cycles[DENSE], load_bytes[DENSE], group_bytes[DENSE], last_bytes[DENSE];
  isa::word_t dense_of[ROWS], next_dense[ROWS], rest_of[ROWS], value_cycles[ROWS];
  logic [(1<<LA)-1:0] ready[GROUPS];  // of outputs, as many to a word as there are lines: a tile lies in two words
  state_t state, s;
  isa::operands_there_t [1:0] there, known;
  isa::operands_there_t slot, own, other;  // what is there of the pass in hand, of the one that the command names
  isa::word_t window_end, limit;
  isa::passes_row_t noted, held, named, one;
  isa::word_t place, share, beats, words, cycles, written, k_there;
  // What the work in hand leads to when it ends.
  isa::word_t item_after, value_after, row_after, rows_left, command_last, command_item, begin_row;
  logic last_group, last_after, item_ends, after_ends, command_ends, begins_last;
  logic waits, blocked, ends, over, halted, takes, idle, goes, loads, streams, tiles, whole, fits, seen_to;
  // Bytes that the decoder has brought and that are not yet written.
  isa::word_t q_unwritten, k_unwritten, q_known, k_known, q_left, k_left, brought;
  logic [GA-1:0] softmaxed_group, place_group;
  logic [(1<<LA)-1:0] complete, incomplete;
  isa::word_t at_most;  // rows up to the end of the phase

  // The first output from an item on that has dense scores, which may be behind the end of the phase.
  function automatic isa::word_t working(input isa::passes_row_t of_pass, input isa::word_t item);
    working = next_dense[RA'(of_pass.first_share + item)] - of_pass.first_share;
  endfunction

  always_comb begin
    operands_pop = {7'd0, operands_valid != 0};
    softmaxed_pop = {7'd0, softmaxed_valid != 0};
    window_pop = {7'd0, window_valid != 0};
    known = there;
    slot = there[operands_data.number[0]];
    if (slot.number != operands_data.number) begin
      slot.number = operands_data.number;
      slot.k = '0;
      slot.q = '0;
    end
    if (operands_data.kind == 0) slot.k = operands_data.tokens;
    else slot.q = operands_data.tokens;
    if (operands_valid != 0) known[operands_data.number[0]] = slot;
    limit = window_valid != 0 ? window_data.end_ : window_end;
    noted = passes[PA'(operands_data.number)];
    brought = operands_valid != 0 ? noted.operand_bytes : '0;
    q_known = q_unwritten + (operands_data.kind != 0 ? brought : '0);
    k_known = k_unwritten + (operands_data.kind == 0 ? brought : '0);
    own = known[state.number[0]];
    if (own.number != state.number) own = '0;
    other = known[command_data.number[0]];
    if (other.number != command_data.number) other = '0;

    // Where it goes on: with the next tile or group, or with the next phase.
    held = passes[PA'(state.number)];
    named = passes[PA'(command_data.number)];
    rows_left = held.rows - state.row;
    row_after = state.row + state.group;
    last_group = rows_left <= state.group;
    last_after = rows_left <= isa::W'(state.group << 1);
    item_after = state.item + state.size;
    value_after = working(held, item_after);
    item_ends = state.item == state.last;
    after_ends = state.phase == SCORES ? item_after == state.last : value_after >= state.last;
    if (value_after > state.last) value_after = state.last;
    command_last = command_data.phase == 0 ? named.dense : command_data.end_;
    command_item = command_data.phase == 0 ? '0 : working(named, command_data.begin_);
    command_ends = command_item >= command_last;
    if (command_item > command_last) command_item = command_last;
  end

  always_comb begin
    // What was begun is finished.
    scores_item.row = state.row;
    scores_item.rows = last_group ? rows_left : state.group;
    scores_item.first = held.first_dense + state.item;
    scores_item.count = state.size;
    partial_item.place = held.first_row + state.item;
    partial_item.rows = state.size;
    partial_item.scores = state.count;
    ends = state.streaming && (state.left >> 1) == 0 && !state.loading;
    scores_push = {7'd0, ends && state.phase == SCORES && scores_room != 0};
    partial_push = {7'd0, ends && state.phase != SCORES && partial_room != 0};
    blocked = ends && (state.phase == SCORES ? scores_room == 0 : partial_room == 0);
    waits = blocked || (state.streaming && (state.left >> 1) != 0);
    whole = partial_push != 0 || (scores_push != 0 && last_group);
    over = !waits && state.phase != NOTHING && (whole ? after_ends : item_ends);
    halted = waits || (over && done_room == 0);

    // The next phase is taken up. If it has nothing to do it is done, but one notice leaves in a cycle.
    idle = !halted && (over || state.phase == NOTHING) && command_valid == 0;
    takes = !halted && (over || state.phase == NOTHING) && command_valid != 0;
    goes = !halted && !idle && !(takes && command_ends);
    command_pop = {7'd0, takes};
    done_item.number = 1;
    done_push = {7'd0, done_room != 0 && (over || (takes && command_ends))};

    s = state;
    if (!waits) {s.streaming, s.loading} = '0;
    if (scores_push != 0) s.row = row_after;
    if (whole) begin
      s.item = state.phase == SCORES ? item_after : value_after;
      s.size = '0;
    end
    if (over && done_room != 0) s.phase = NOTHING;
    if (takes) begin
      s.phase = command_data.phase == 0 ? SCORES : VALUES;
      s.number = command_data.number;
      s.size = '0;
      s.last = command_last;
      s.item = command_item;
      if (command_ends && !over && done_room != 0) s.phase = NOTHING;
    end
    one = takes ? named : held;
    loads = goes && s.phase == SCORES && s.size == 0;
    streams = goes && s.phase == SCORES && s.size != 0;
    tiles = goes && s.phase != SCORES;

    // Work begins: a tile of columns, a group of rows of it, or a tile of rows.
    beats = s.phase == SCORES ? one.beats : one.value_beats;
    place = one.first_row + s.item;
    share = one.first_share + s.item;
    load_first = one.first_dense + s.item;
    load_count = one.dense - s.item < one.denser_lines ? one.dense - s.item : one.denser_lines;
    k_there = takes ? other.k : own.k;
    load = loads && k_there > needed[DA'(load_first)];
    begin_row = scores_push != 0 ? row_after : state.row;
    begins_last = scores_push != 0 ? last_after : last_group;
    stream_token = held.row0 + begin_row;
    stream_rows = begins_last ? held.rows - begin_row : state.group;
    stream_beats = held.beats;
    seen_to = own.q >= held.row0 + (begins_last ? held.rows : begin_row + state.group);
    stream = streams && seen_to;
    tile_place = place;
    tile_share = share;
    at_most = s.last - s.item;
    tile_rows = rest_of[RA'(share)];
    fits = place + tile_rows <= limit || place + at_most <= limit || place + one.tile_rows <= limit;
    for (int n = 0; n < 1 << LA; n++) begin
      incomplete[n] = isa::W'(n) < tile_rows && isa::W'(n) < at_most && isa::W'(n) < one.tile_rows;
    end
    // A bank has one row of so many: a turn is begun where all three are more than those before it took.
    words = (isa::W'(dense_of[RA'(share)] << 1) + isa::W'(PSUM_PORT_BYTES - 1)) / isa::W'(PSUM_PORT_BYTES);
    reads_item.cycles = '0;
    for (int n = 0; n < TURNS; n++) begin
      if (n * PSUM_BANKS < 1 << LA && incomplete[n*PSUM_BANKS<1<<LA?n*PSUM_BANKS:0]) begin
        reads_item.cycles = isa::W'(n + 1) * words;
      end
    end
    if (at_most < tile_rows) tile_rows = at_most;
    if (one.tile_rows < tile_rows) tile_rows = one.tile_rows;
    tile_count = dense_of[RA'(share)];
    tile_beats = beats;
    place_group = GA'(place >> LA);
    complete = (1<<LA)'({ready[GA'(place_group+1'b1)], ready[place_group]} >> place[LA-1:0]);
    if (softmaxed_valid != 0) complete = complete | (1<<LA)'(1) << isa::W'(softmaxed_data.place - place);
    incomplete = incomplete & ~complete;
    fits = fits && incomplete == 0;
    // A row's scores lie in one bank, some to a word; the lines hold them while the Vs stream by. A second row has no
    // room beside one that leaves where a line does not hold both.
    tile = tiles && fits && reads_room != 0
        && !(isa::W'(one.value_dim << 1) > isa::W'(ROW_VALUES) && partial_room == partial_push);
    reads_push = {7'd0, tile};

    status = isa::BUSY;
    if (blocked || (over && done_room == 0) || (takes && command_ends && !over && done_room == 0)) status = isa::BLOCKED;
    if (idle) status = isa::IDLE;
    if ((loads && !load) || (streams && !stream) || (tiles && !fits)) status = isa::STARVED;
    else if (tiles && !tile) status = isa::BLOCKED;

    s.left = (state.left >> 1) != 0 ? state.left - 1'b1 : '0;
    cycles = '0;
    written = '0;
    if (load) begin
      s.size = load_count;
      s.group = group[DA'(load_first)];
      s.group_bytes = group_bytes[DA'(load_first)];
      s.last_bytes = last_bytes[DA'(load_first)];
      s.row = '0;
      s.loading = 1'b1;
      cycles = load_cycles[DA'(load_first)];
      written = (load_bytes[DA'(load_first)] + k_known + isa::W'(BANKS * BANK_BYTES - 1)) / isa::W'(BANKS * BANK_BYTES);
      s.left = cycles > written ? cycles : written;
    end
    if (stream) begin
      cycles = ((begins_last ? state.last_bytes : state.group_bytes) + q_known + isa::W'(Q_PORT_BYTES - 1))
          / isa::W'(Q_PORT_BYTES);
      s.left = cycles > stream_beats ? cycles : stream_beats;
    end
    if (tile) begin
      s.size = tile_rows;
      s.count = tile_count;
      s.left = reads_item.cycles + value_cycles[RA'(share)];
    end
    if (load || stream || tile) s.streaming = 1'b1;
    // A port that nothing is read through writes.
    q_left = q_known > isa::W'(Q_PORT_BYTES) ? q_known - isa::W'(Q_PORT_BYTES) : '0;
    k_left = k_known > isa::W'(BANKS * BANK_BYTES) ? k_known - isa::W'(BANKS * BANK_BYTES) : '0;
    if (waits && state.phase == SCORES && !state.loading) q_left = q_known;
    if (waits && state.phase == SCORES && state.loading) k_left = k_known;
    if (stream) q_left = '0;
    if (load) k_left = '0;
    softmaxed_group = GA'(softmaxed_data.place >> LA);
    pass = s.number;
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (dense_we) begin
      needed[DA'(dense_address)] <= dense_data.needed;
      group[DA'(dense_address)]  <= dense_data.group;
      load_cycles[DA'(dense_address)] <= dense_data.load_cycles;
      load_bytes[DA'(dense_address)]  <= dense_data.load_bytes;
      group_bytes[DA'(dense_address)] <= dense_data.group_bytes;
      last_bytes[DA'(dense_address)]  <= dense_data.last_bytes;
    end
    if (rows_we) begin
      dense_of[RA'(rows_address)]   <= rows_data.dense;
      next_dense[RA'(rows_address)] <= rows_data.next_dense;
      rest_of[RA'(rows_address)]    <= rows_data.rest;
      value_cycles[RA'(rows_address)] <= rows_data.value_cycles;
      ready[GA'(rows_address>>LA)]  <= '0;
    end else if (softmaxed_valid != 0) begin
      ready[softmaxed_group] <= ready[softmaxed_group] | (1<<LA)'(1) << softmaxed_data.place[LA-1:0];
    end
    if (rst) begin
      state.phase <= NOTHING;
      state.streaming <= 1'b0;
      there <= '0;
      window_end <= '0;
      q_unwritten <= '0;
      k_unwritten <= '0;
    end else begin
      state <= s;
      there <= known;
      window_end <= limit;
      q_unwritten <= q_left;
      k_unwritten <= k_left;
    end
  end
endmodule

// The denser engine's control: MAC lines that work on the global tokens' columns as a dense block, in lockstep.
// Scores (K-stationary): a tile of columns is loaded, one K a cycle, then the rows stream by. Values (output-
// stationary): each line keeps one output row, the Vs of the global tokens stream by.
// In a cycle: what was begun is finished, heads without dense columns are passed over, the phase is done, the next command
// is taken up, and work begins.
// Commands come in the order of the tables: each phase's of all passes with dense columns, and a pass's values from its
// first output to its last. So the rows of the tables at which the next tile, and the next pass, begin are known before
// they are needed, and stand in registers, as memories with a clock put them out.
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
  typedef logic [(1<<LA)-1:0] lines_t;
  typedef struct packed {
    phase_t      phase;
    logic        streaming;
    logic        loading;  // K vectors are being loaded into the lines
    isa::word_t  number;
    isa::word_t  last;     // behind the phase's last column, or its last output's share
    isa::word_t  row;
    isa::word_t  rows_left;  // from it on
    isa::word_t  size;     // columns or rows in the tile; 0: none
    isa::word_t  left;     // cycles it still takes, this one included
  } state_t;
  typedef struct packed {
    isa::word_t first, needed, columns, group, load_cycles, load_bytes;
    isa::word_t group_bytes, last_bytes;  // of Q, that a group of rows needs, and the last one
  } columns_t;
  typedef struct packed {
    isa::word_t share, place, rest;  // `rest`: rows of its head from it on
    isa::word_t count, words, cycles, next;  // `next`: outputs from its head's end to the next head with dense columns
  } outputs_t;
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  logic [7*isa::W-1:0] tiles_of[DENSE];
  logic [47:0] outputs_of[ROWS];
  isa::word_t brings[PASSES];          // bytes of a token of K or Q
  lines_t ready[GROUPS];               // of outputs, as many to a word as there are lines: a tile lies in two words
  state_t state, s;
  // Where scores and values go on, where they do behind the tile in work, and where the next pass's begin.
  columns_t columns, columns_behind, columns_entry, columns_n;
  outputs_t outputs, outputs_behind, outputs_entry, outputs_here, outputs_n;
  // The passes that the phases are in, and the next ones.
  isa::passes_row_t scored, scored_next, valued, valued_next, first, one;
  isa::operands_there_t [1:0] there, known;
  isa::operands_there_t slot, own, other;  // what is there of the pass in hand, of the one that the command names
  isa::word_t window_end, limit, columns_at, jump, share_behind, entry_share;
  isa::word_t cycles, written, k_there;
  // What the work in hand leads to when it ends.
  isa::word_t row_after, entry_last, piece_last, begin_row;
  logic last_group, last_after, item_ends, after_ends, entry_ends, piece_ends, begins_last, enters;
  logic waits, blocked, ends, over, halted, takes, idle, goes, loads, streams, tiles, whole, fits, seen_to, command_ends;
  // Bytes that the decoder has brought and that are not yet written.
  isa::word_t q_unwritten, k_unwritten, q_known, k_known, q_left, k_left, brought;
  isa::word_t [2:0] readies_at;
  lines_t [2:0] readies;
  logic [GA-1:0] softmaxed_group;
  lines_t complete, incomplete;
  isa::word_t at_most, entry_most, piece_most, most;  // rows up to the end of the phase

  function automatic isa::word_t sum3(input isa::word_t a, input isa::word_t b, input isa::word_t c);
    sum3 = (a ^ b ^ c) + (((a & b) | (a & c) | (b & c)) << 1);
  endfunction

  // Of an output with dense scores its table's row; a bank has some of a row's scores to a word.
  function automatic outputs_t output_of(
      input isa::word_t share, input isa::word_t place, input isa::word_t rest, input logic [47:0] row);
    output_of.share = share;
    output_of.place = place;
    output_of.rest = rest;
    output_of.count = isa::W'(row[47:32]);
    output_of.words = isa::W'((32'(row[47:32]) * 2 + PSUM_PORT_BYTES - 1) / PSUM_PORT_BYTES);
    output_of.cycles = isa::W'(row[31:16]);
    output_of.next = isa::W'(row[15:0]);
  endfunction

  // Which outputs from a place on have all their scores.
  function automatic lines_t completed(input lines_t low, input lines_t high, input isa::word_t place);
    completed = lines_t'({high, low} >> place[LA-1:0]);
    if (softmaxed_valid != 0) completed = completed | lines_t'(1) << isa::W'(softmaxed_data.place - place);
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
    brought = operands_valid != 0 ? brings[PA'(operands_data.number)] : '0;
    q_known = q_unwritten + (operands_data.kind != 0 ? brought : '0);
    k_known = k_unwritten + (operands_data.kind == 0 ? brought : '0);
    own = known[state.number[0]];
    if (own.number != state.number) own = '0;
    other = known[command_data.number[0]];
    if (other.number != command_data.number) other = '0;

    // Where it goes on: with the next tile or group, or with the next phase.
    row_after = state.row + columns.group;
    last_group = state.rows_left <= columns.group;
    last_after = state.rows_left <= isa::W'(columns.group << 1);
    columns_at = columns.first + columns.columns;
    jump = outputs.rest + outputs.next;
    share_behind = outputs.share + jump;
    entry_share = isa::W'(valued_next.first_share) + isa::W'(valued_next.skip_dense);
    item_ends = state.phase == SCORES ? columns.first == state.last : outputs.share >= state.last;
    after_ends = state.phase == SCORES ? columns_behind.first == state.last : outputs_behind.share >= state.last;
    entry_last = isa::W'(valued_next.first_share) + command_data.end_;
    piece_last = isa::W'(valued.first_share) + command_data.end_;
    enters = command_data.phase != 0 && command_data.begin_ == 0;
  end

  always_comb begin
    // What was begun is finished.
    scores_item.row = state.row;
    scores_item.rows = last_group ? state.rows_left : columns.group;
    scores_item.first = columns.first;
    scores_item.count = columns.columns;
    partial_item.place = outputs.place;
    partial_item.rows = state.size;
    partial_item.scores = outputs.count;
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
    outputs_here = partial_push != 0 ? outputs_behind : outputs;
    entry_ends = outputs_entry.share >= entry_last;
    piece_ends = partial_push != 0 ? outputs_behind.share >= piece_last : outputs.share >= piece_last;
    command_ends = command_data.phase != 0 && (enters ? entry_ends : piece_ends);
    goes = !halted && !idle && !(takes && command_ends);
    command_pop = {7'd0, takes};
    done_item.number = 1;
    done_push = {7'd0, done_room != 0 && (over || (takes && command_ends))};

    s = state;
    if (!waits) {s.streaming, s.loading} = '0;
    if (scores_push != 0) begin
      s.row = row_after;
      s.rows_left = state.rows_left - columns.group;
    end
    if (whole) s.size = '0;
    if (over && done_room != 0) s.phase = NOTHING;
    if (takes) begin
      s.phase = command_data.phase == 0 ? SCORES : VALUES;
      s.number = command_data.number;
      s.size = '0;
      s.last = command_data.phase == 0 ? isa::W'(scored_next.first_dense) + isa::W'(scored_next.dense) : enters ? entry_last : piece_last;
      if (command_ends && !over && done_room != 0) s.phase = NOTHING;
    end
    columns_n = scores_push != 0 && last_group ? columns_behind : columns;
    if (takes && command_data.phase == 0) columns_n = columns_entry;
    outputs_n = takes && enters ? outputs_entry : outputs_here;
    one = takes && enters ? valued_next : valued;
    loads = goes && s.phase == SCORES && s.size == 0;
    streams = goes && s.phase == SCORES && s.size != 0;
    tiles = goes && s.phase != SCORES;

    // Work begins: a tile of columns, a group of rows of it, or a tile of rows.
    load_first = columns_n.first;
    load_count = columns_n.columns;
    k_there = takes ? other.k : own.k;
    load = loads && k_there > columns_n.needed;
    begin_row = scores_push != 0 ? row_after : state.row;
    begins_last = scores_push != 0 ? last_after : last_group;
    stream_token = isa::W'(scored.row0) + begin_row;
    stream_rows = begins_last ? isa::W'(scored.rows) - begin_row : columns.group;
    stream_beats = isa::W'(scored.beats);
    seen_to = own.q >= (begins_last ? isa::W'(scored.row0) + isa::W'(scored.rows)
                                    : sum3(isa::W'(scored.row0), begin_row, columns.group));
    stream = streams && seen_to;
    tile_place = outputs_n.place;
    tile_share = outputs_n.share;
    entry_most = entry_last - outputs_entry.share;
    piece_most = piece_last - outputs_here.share;
    most = state.last - outputs_here.share;
    at_most = !takes ? most : enters ? entry_most : piece_most;
    tile_rows = outputs_n.rest;
    fits = tile_place + tile_rows <= limit || tile_place + at_most <= limit || tile_place + isa::W'(one.tile_rows) <= limit;
    for (int n = 0; n < 1 << LA; n++) begin
      incomplete[n] = isa::W'(n) < tile_rows && isa::W'(n) < at_most && isa::W'(n) < isa::W'(one.tile_rows);
    end
    // A bank has one row of so many: a turn is begun where all three are more than those before it took.
    reads_item.cycles = '0;
    for (int n = 0; n < TURNS; n++) begin
      if (n * PSUM_BANKS < 1 << LA && incomplete[n*PSUM_BANKS<1<<LA?n*PSUM_BANKS:0]) begin
        reads_item.cycles = isa::W'(n + 1) * outputs_n.words;
      end
    end
    if (at_most < tile_rows) tile_rows = at_most;
    if (isa::W'(one.tile_rows) < tile_rows) tile_rows = isa::W'(one.tile_rows);
    tile_count = outputs_n.count;
    tile_beats = isa::W'(one.value_beats);
    // Looked up from all the outputs it may go on with.
    readies_at = {outputs_entry.place, outputs_behind.place, outputs.place};
    for (int n = 0; n < 3; n++) begin
      readies[n] = completed(ready[GA'(readies_at[n]>>LA)], ready[GA'((readies_at[n]>>LA)+1'b1)], readies_at[n]);
    end
    complete = takes && enters ? readies[2] : partial_push != 0 ? readies[1] : readies[0];
    incomplete = incomplete & ~complete;
    fits = fits && incomplete == 0;
    // A row's scores lie in one bank, some to a word; the lines hold them while the Vs stream by. A second row has no
    // room beside one that leaves where a line does not hold both.
    tile = tiles && fits && reads_room != 0
        && !(isa::W'(isa::W'(one.value_dim) << 1) > isa::W'(ROW_VALUES) && partial_room == partial_push);
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
      s.row = '0;
      s.rows_left = isa::W'(takes ? scored_next.rows : scored.rows);
      s.loading = 1'b1;
      cycles = columns_n.load_cycles;
      written = sum3(columns_n.load_bytes, k_known, isa::W'(BANKS * BANK_BYTES - 1)) / isa::W'(BANKS * BANK_BYTES);
      s.left = cycles > written ? cycles : written;
    end
    if (stream) begin
      cycles = sum3(begins_last ? columns.last_bytes : columns.group_bytes, q_known, isa::W'(Q_PORT_BYTES - 1))
          / isa::W'(Q_PORT_BYTES);
      s.left = cycles > stream_beats ? cycles : stream_beats;
    end
    if (tile) begin
      s.size = tile_rows;
      s.left = reads_item.cycles + outputs_n.cycles;
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
    first = passes[0];
  end

  always_ff @(posedge clk) begin
    if (passes_we) begin
      passes[PA'(passes_address)] <= passes_data;
      brings[PA'(passes_address)] <= isa::W'(passes_data.operand_bytes);
    end
    if (dense_we) begin
      tiles_of[DA'(dense_address)] <= {isa::W'(dense_data.needed), isa::W'(dense_data.columns), isa::W'(dense_data.group),
                                       isa::W'(dense_data.load_cycles), isa::W'(dense_data.load_bytes),
                                       isa::W'(dense_data.group_bytes), isa::W'(dense_data.last_bytes)};
    end
    if (rows_we) begin
      outputs_of[RA'(rows_address)] <= {rows_data.dense, rows_data.value_cycles, rows_data.next_dense};
      ready[GA'(rows_address>>LA)]  <= '0;
    end else if (softmaxed_valid != 0) begin
      ready[softmaxed_group] <= ready[softmaxed_group] | lines_t'(1) << softmaxed_data.place[LA-1:0];
    end
    if (rst) begin
      state.phase <= NOTHING;
      state.streaming <= 1'b0;
      there <= '0;
      window_end <= '0;
      q_unwritten <= '0;
      k_unwritten <= '0;
      scored_next <= first.dense != 0 ? first : passes[PA'(first.next_dense)];
      valued_next <= first.dense != 0 ? first : passes[PA'(first.next_dense)];
    end else begin
      state <= s;
      there <= known;
      window_end <= limit;
      q_unwritten <= q_left;
      k_unwritten <= k_left;
      if (takes && command_data.phase == 0) begin
        scored <= scored_next;
        scored_next <= passes[PA'(scored_next.next_dense)];
      end
      if (takes && enters) begin
        valued <= valued_next;
        valued_next <= passes[PA'(valued_next.next_dense)];
      end
    end
    columns <= columns_n;
    outputs <= outputs_n;
    columns_behind <= {columns_at, tiles_of[DA'(columns_at)]};
    if (state.size == outputs.rest) begin
      outputs_behind <= output_of(share_behind, outputs.place + jump, isa::W'(valued.rows), outputs_of[RA'(share_behind)]);
    end else begin
      outputs_behind <= outputs;
      outputs_behind.share <= outputs.share + state.size;
      outputs_behind.place <= outputs.place + state.size;
      outputs_behind.rest <= outputs.rest - state.size;
    end
    columns_entry <= {isa::W'(scored_next.first_dense), tiles_of[DA'(scored_next.first_dense)]};
    outputs_entry <= output_of(entry_share, isa::W'(valued_next.first_row) + isa::W'(valued_next.skip_dense),
                               isa::W'(valued_next.rows), outputs_of[RA'(entry_share)]);
  end
endmodule

// The output merge: adds the denser and the sparser engine's partial sums of an output row and requantises them.
// It has a window of places from the oldest row on that has not left; rows leave in order. A tile of the denser engine
// stays in the engine's shadow accumulators until its last row has been taken. The places lie in the partial-sum memory,
// whose banks have one port each: a row is read, added to and written in turn, and what completes the oldest row is added
// on its way out. The engines' reads of the memory go first; the softmax unit is told what all of them take.
// The window ends with the rows whose entries have been read, in order, through a port of the index buffer. While there is
// a pass the buffer is told what all but the walker take of its ports.
module output_merge #(
    parameter int INDEX_BANKS     = 8,
    parameter int INDEX_PORT_BYTES = 8,
    parameter int PASSES          = 16,
    parameter int ROWS            = 1024
) (
    input  logic             clk,
    input  logic             rst,
    output isa::status_t     status,
    input  logic             passes_we,
    input  isa::word_t       passes_address,
    input  isa::passes_row_t passes_data,
    input  logic             rows_we,
    input  isa::word_t       rows_address,
    input  isa::rows_row_t   rows_data,
    input  logic [7:0]       command_valid,
    input  isa::pass_t    command_data,
    output logic [7:0]       command_pop,
    input  logic [7:0]       dense_valid,
    input  isa::partial_t      dense_data,
    output logic [7:0]       dense_pop,
    input  logic [7:0]       sparse_valid,
    input  isa::partial_t     sparse_data,
    output logic [7:0]       sparse_pop,
    input  logic [7:0]       denser_reads_valid,
    input  isa::access_t     denser_reads_data,
    output logic [7:0]       denser_reads_pop,
    input  logic [7:0]       sparser_reads_valid,
    input  isa::access_t     sparser_reads_data,
    output logic [7:0]       sparser_reads_pop,
    input  logic [7:0]       row_room,
    output logic [7:0]       row_push,
    output isa::bytes_t      row_item,
    input  logic [7:0]       accesses_room,
    output logic [7:0]       accesses_push,
    output isa::access_t     accesses_item,
    input  logic [7:0]       denser_window_room,
    output logic [7:0]       denser_window_push,
    output isa::window_t denser_window_item,
    input  logic [7:0]       sparser_window_room,
    output logic [7:0]       sparser_window_push,
    output isa::window_t sparser_window_item,
    input  logic [7:0]       reading_room,
    output logic [7:0]       reading_push,
    output isa::reading_t    reading_item,
    input  logic [7:0]       done_room,
    output logic [7:0]       done_push,
    output isa::done_t       done_item,
    // What is taken and what leaves in this cycle, for the data path.
    output logic             take_d,
    output isa::word_t       place_d,
    output isa::word_t       line_d,    // row of the denser engine's tile
    output logic             first_d,   // nothing of its output was there
    output logic             take_s,
    output isa::word_t       place_s,
    output logic             first_s,
    output logic             leaves,
    output isa::word_t       leaves_place
);
  localparam int PA = $clog2(PASSES), RA = $clog2(ROWS);
  // Cycles of a row's entry, and bytes a cycle of rows and dense columns.
  localparam int SHARE = INDEX_BANKS > 2 ? 1 : INDEX_BANKS == 2 ? 2 : 8;
  localparam int ENTRY = (isa::rows_row_bits / 8 * SHARE + INDEX_PORT_BYTES - 1) / INDEX_PORT_BYTES;
  localparam int TAKEN = INDEX_BANKS > 2 ? INDEX_PORT_BYTES + (INDEX_PORT_BYTES + 1) / 2
                       : INDEX_BANKS == 2 ? INDEX_PORT_BYTES : (INDEX_PORT_BYTES + 3) / 4;
  localparam int EA = $clog2(ENTRY + 1);
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  isa::word_t parts[ROWS], all_but_one[ROWS], seen[ROWS];
  // Of the pass: features of a row, cycles of the memory to read or write it, of the adders.
  isa::word_t values, access_cycles, add_cycles, next_values, next_access_cycles;
  logic active, next_active, going, free, whole, turn, next_turn;
  logic engine_reads, d_oldest, s_oldest, first, completes, ended, asks, opened, takes_entry, reads;
  isa::word_t oldest, last, places, taken, told, next_oldest, next_last, next_places, next_taken, window;
  isa::word_t entries, entries_after;  // the row behind the last whose entry has been read: the window's end
  logic [EA-1:0] entry_left;  // cycles until the next one is
  isa::word_t oldest_after, end_now, end_after;  // when the oldest row has left
  isa::word_t left, next_left;  // cycles that the memory or the adders are still taken, this one included
  isa::passes_row_t one;
  isa::word_t place, seen_d, seen_s, seen_oldest, parts_oldest, seen_with, used;
  isa::word_t cycles, once, twice, adding;  // of the memory for a row, read or written, or both; of the adders

  always_comb begin
    one = passes[PA'(command_data.number)];
    command_pop = {7'd0, !active && command_valid != 0 && reading_room != 0};
    going = active || command_pop != 0;
    next_oldest = active ? oldest : isa::W'(one.first_row);
    next_last = active ? last : isa::W'(one.first_row) + isa::W'(one.outputs);
    next_places = active ? places : isa::W'(one.places);
    next_values = active ? values : isa::W'(one.value_dim);
    next_access_cycles = active ? access_cycles : isa::W'(one.merge_cycles);
    adding = active ? add_cycles : isa::W'(one.merge_adds);

    // The engines' reads of the memory go first, and whatever they add up to, nothing else begins beside them.
    denser_reads_pop = {7'd0, accesses_room != 0 && denser_reads_valid != 0};
    sparser_reads_pop = {7'd0, accesses_room != 0 && sparser_reads_valid != 0};
    engine_reads = (denser_reads_pop != 0 && denser_reads_data.cycles != 0)
                   || (sparser_reads_pop != 0 && sparser_reads_data.cycles != 0);
    used = (denser_reads_pop != 0 ? denser_reads_data.cycles : '0)
           + (sparser_reads_pop != 0 ? sparser_reads_data.cycles : '0);
    free = going && accesses_room != 0 && (left >> 1) == 0 && !engine_reads;

    // A row leaves that is whole, or a part is taken, of either engine in turn.
    seen_oldest = seen[RA'(oldest)];
    parts_oldest = parts[RA'(oldest)];
    opened = active && oldest != entries;
    whole = opened && seen_oldest == parts_oldest;
    completes = opened && seen_oldest == all_but_one[RA'(oldest)];  // with one more part
    take_d = free && !(whole && row_room != 0) && dense_valid != 0 && !(turn && sparse_valid != 0);
    take_s = free && !(whole && row_room != 0) && !take_d && sparse_valid != 0;
    next_turn = take_d || (turn && !take_s);
    line_d = taken;
    place_d = dense_data.place + taken;
    place_s = sparse_data.place;
    d_oldest = place_d == oldest;
    s_oldest = place_s == oldest;
    seen_d = seen[RA'(place_d)];
    seen_s = seen[RA'(place_s)];
    first_d = seen_d == 0;
    first_s = seen_s == 0;
    first = take_d ? first_d : first_s;
    place = take_d ? place_d : take_s ? place_s : oldest;
    seen_with = take_d ? seen_d + 1'b1 : seen_s + 1'b1;
    dense_pop = {7'd0, take_d && taken + 1'b1 == dense_data.rows};
    next_taken = dense_pop != 0 ? '0 : taken + isa::W'(take_d);
    sparse_pop = {7'd0, take_s};
    leaves = row_room != 0 && (take_d ? completes && d_oldest : take_s ? completes && s_oldest : free && whole);

    // A place is read, added to and written; the first part is written alone, and what completes a row is not written.
    once = next_access_cycles;
    twice = isa::W'(once << 1);
    cycles = '0;
    next_left = (left >> 1) != 0 ? left - 1'b1 : '0;
    if (engine_reads) next_left = next_left + used;
    else if ((take_d || take_s) && !leaves && !first) begin
      cycles = twice;
      next_left = twice > adding ? twice : adding;
    end else if ((take_d || take_s) && leaves && first) next_left = adding;
    else if (take_d || take_s || leaves) begin
      cycles = once;
      next_left = once > adding ? once : adding;
    end
    accesses_item.cycles = engine_reads ? used : cycles;
    accesses_push = {7'd0, engine_reads || cycles != 0};
    row_item.bytes = next_values;
    row_push = {7'd0, leaves};
    leaves_place = place;

    // What the windows end at, whether the oldest row leaves or not. A pass that begins has read no row.
    oldest_after = oldest + 1'b1;
    end_now = oldest + places;
    end_after = oldest_after + places;
    if (end_now > last) end_now = last;
    if (end_after > last) end_after = last;
    ended = leaves ? oldest_after == last : active ? oldest == last : one.outputs == 0;
    entries_after = entries + 1'b1;
    takes_entry = active && entry_left == 0 && (leaves ? entries != end_after : entries != end_now);
    reads = leaves ? (takes_entry ? entries_after != end_after : entries != end_after)
        : active ? (takes_entry ? entries_after != end_now : entries != end_now) : one.places != 0 && one.outputs != 0;
    window = !active ? isa::W'(one.first_row) : takes_entry ? entries_after : entries;
    asks = !active ? isa::W'(one.first_row) != told : takes_entry ? entries_after != told : entries != told;
    denser_window_push = {7'd0, going && asks && denser_window_room != 0 && sparser_window_room != 0};
    sparser_window_push = denser_window_push;
    denser_window_item.end_ = window;
    sparser_window_item.end_ = window;
    done_item.number = 1;
    done_push = {7'd0, going && ended && !reads && done_room != 0 && reading_room != 0 && (!asks || denser_window_push != 0)};
    next_active = going && done_push == 0;
    reading_push = command_pop | done_push;
    reading_item.more = done_push != 0 ? -isa::W'(TAKEN) : isa::W'(TAKEN);

    // What could leave and did not has found no room.
    status = (left >> 1) != 0 || engine_reads || reads ? isa::BUSY : isa::STARVED;
    if ((free && whole && !leaves) || (asks && denser_window_push == 0)
        || (ended && !reads && !asks && done_push == 0)) status = isa::BLOCKED;
    if (take_d || take_s || leaves || takes_entry || denser_window_push != 0 || done_push != 0) status = isa::BUSY;
    if (!going) status = isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (rows_we) begin
      parts[RA'(rows_address)]  <= isa::W'(rows_data.parts);
      all_but_one[RA'(rows_address)] <= isa::W'(rows_data.parts) - 1'b1;
      seen[RA'(rows_address)]   <= '0;
    end else if (take_d || take_s) seen[RA'(place)] <= seen_with;
    left <= rst ? '0 : next_left;
    turn <= !rst && next_turn;
    active <= !rst && next_active;
    taken  <= rst ? '0 : next_taken;
    told   <= rst ? '0 : denser_window_push != 0 ? window : told;
    entry_left <= command_pop != 0 || takes_entry ? EA'(ENTRY - 1) : entry_left - EA'(entry_left != 0);
    if (rst) begin
      oldest <= '0;
      last   <= '0;
      places <= '0;
      entries <= '0;
    end else if (going) begin
      oldest <= leaves ? oldest_after : next_oldest;
      last   <= next_last;
      places <= next_places;
      values <= next_values;
      access_cycles <= next_access_cycles;
      add_cycles <= adding;
      entries <= window;
    end
  end
endmodule

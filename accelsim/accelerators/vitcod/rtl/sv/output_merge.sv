// The output merge: adds the denser and the sparser engine's partial sums of an output row and requantises them.
// It has a window of places from the oldest row on that has not left; rows leave in order, one a cycle. A tile of the
// denser engine stays in the engine's shadow accumulators until its last row has been taken, one row a cycle.
module output_merge #(
    parameter int PLACES = 64,
    parameter int PASSES = 16,
    parameter int ROWS   = 1024
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
    input  logic [7:0]       row_room,
    output logic [7:0]       row_push,
    output isa::bytes_t      row_item,
    input  logic [7:0]       denser_window_room,
    output logic [7:0]       denser_window_push,
    output isa::window_t denser_window_item,
    input  logic [7:0]       sparser_window_room,
    output logic [7:0]       sparser_window_push,
    output isa::window_t sparser_window_item,
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
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  isa::word_t parts[ROWS], values[ROWS], seen[ROWS];
  logic active, next_active, going, whole;
  isa::word_t oldest, last, taken, told, next_oldest, next_last, next_taken, window_end;
  isa::passes_row_t one;

  isa::word_t seen_d, seen_s, seen_oldest;  // parts of a row seen with those of this cycle

  always_comb begin
    one = passes[PA'(command_data.number)];
    command_pop = {7'd0, !active && command_valid != 0};
    going = active || command_valid != 0;
    next_oldest = active ? oldest : one.first_row;
    next_last = active ? last : one.first_row + isa::W'(one.rows * one.heads);

    line_d = dense_data.rows > 1 ? taken : '0;
    place_d = dense_data.place + line_d;
    first_d = seen[RA'(place_d)] == 0;
    seen_d = seen[RA'(place_d)] + 1'b1;
    take_d = going && dense_valid != 0;
    dense_pop = '0;
    next_taken = taken;
    if (take_d) begin
      if (dense_data.rows > 1 && taken + 1'b1 < dense_data.rows) next_taken = taken + 1'b1;
      else begin
        dense_pop  = 8'd1;
        next_taken = '0;
      end
    end

    place_s = sparse_data.place;
    first_s = seen[RA'(place_s)] == 0;
    seen_s = seen[RA'(place_s)] + 1'b1;
    if (take_d && place_d == place_s) seen_s = seen_d + 1'b1;
    take_s = going && sparse_valid != 0;
    sparse_pop = {7'd0, take_s};

    seen_oldest = seen[RA'(next_oldest)];
    if (take_d && place_d == next_oldest) seen_oldest = seen_d;
    if (take_s && place_s == next_oldest) seen_oldest = seen_s;
    whole = next_oldest < next_last && seen_oldest == parts[RA'(next_oldest)];
    row_push = {7'd0, going && whole && row_room != 0};
    row_item.bytes = values[RA'(next_oldest)];
    leaves = row_push != 0;
    leaves_place = next_oldest;
    if (leaves) next_oldest = next_oldest + 1'b1;

    window_end = next_oldest + isa::W'(PLACES);
    if (window_end > next_last) window_end = next_last;

    denser_window_push = {7'd0, going && window_end != told && denser_window_room != 0 && sparser_window_room != 0};
    sparser_window_push = denser_window_push;
    denser_window_item.end_ = window_end;
    sparser_window_item.end_ = window_end;
    done_item.number = 1;
    done_push = {7'd0, going && next_oldest == next_last && done_room != 0
                       && (window_end == told || denser_window_push != 0)};
    next_active = going && done_push == 0;

    // What could leave and did not has found no room.
    status = isa::STARVED;
    if ((whole && !leaves) || (window_end != told && denser_window_push == 0)
        || (next_oldest == next_last && window_end == told && done_push == 0)) status = isa::BLOCKED;
    if (take_d || take_s || leaves || denser_window_push != 0 || done_push != 0) status = isa::BUSY;
    if (!going) status = isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (rows_we) begin
      parts[RA'(rows_address)]  <= rows_data.parts;
      values[RA'(rows_address)] <= rows_data.values;
      seen[RA'(rows_address)]   <= '0;
    end else begin
      if (take_d) seen[RA'(place_d)] <= seen_d;
      if (take_s) seen[RA'(place_s)] <= seen_s;
    end
    active <= !rst && next_active;
    taken  <= rst ? '0 : next_taken;
    told   <= rst ? '0 : denser_window_push != 0 ? window_end : told;
    if (rst) begin
      oldest <= '0;
      last   <= '0;
    end else if (going) begin
      oldest <= next_oldest;
      last   <= next_last;
    end
  end
endmodule

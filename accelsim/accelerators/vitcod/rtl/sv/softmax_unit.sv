// The softmax unit: the exponential of each score as it is finished, row sums, one reciprocal a row. What is here is
// when; exponential.sv and reciprocal.sv are what.
// MODE 0: the exponent is taken against a static bound, as the scores come. MODE 1: against the row's maximum, once its
// last score is there.
module softmax_unit #(
    parameter int LANES           = 8,
    parameter int MODE            = 0,
    parameter int EXP_CYCLES      = 4,
    parameter int DIVIDE_CYCLES   = 16,
    parameter int DIVIDE_INTERVAL = 1,
    parameter int PASSES          = 16,
    parameter int DENSE           = 256,
    parameter int ROWS            = 1024,
    parameter int SCORES_POPS     = 2,
    parameter int SCORE_POPS      = 8
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
    input  logic [7:0]       scores_valid,
    input  isa::scores_t [SCORES_POPS-1:0] scores_data,
    output logic [7:0]       scores_pop,
    input  logic [7:0]       score_valid,
    input  isa::score_t [SCORE_POPS-1:0] score_data,
    output logic [7:0]       score_pop,
    input  logic [7:0]       denser_room,
    output logic [7:0]       denser_push,
    output isa::ready_t     denser_item,
    input  logic [7:0]       sparser_room,
    output logic [7:0]       sparser_push,
    output isa::ready_t    sparser_item,
    // What is decided in this cycle, for the data path.
    output isa::word_t       pass,
    output logic [LANES-1:0] taken,             // lanes that take a score
    output isa::word_t [LANES-1:0] place,
    output logic [LANES-1:0] dense,             // whether it is the denser engine's,
    output logic [LANES-1:0][7:0] which,        // of which item,
    output isa::word_t [LANES-1:0] element,     // and which score of it
    output logic [LANES-1:0][31:0] dense_at,    // its place among the dense scores, column by column
    output isa::word_t [LANES-1:0] exp_place,   // MODE 1: rows whose scores are exponentiated,
    output isa::word_t [LANES-1:0] exp_first,   // from which on,
    output isa::word_t [LANES-1:0] exp_count,   // how many
    output logic             divides,           // a reciprocal begins
    output isa::word_t       divides_place
);
  localparam int PA = $clog2(PASSES), RA = $clog2(ROWS), DA = $clog2(DENSE);
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  isa::word_t head_of[DENSE];
  isa::word_t needed[ROWS], seen[ROWS];
  logic has_dense[ROWS], has_sparse[ROWS];
  // Complete rows in order: a ring as long as the table of rows, so that no pass can overrun it.
  isa::word_t  queue_place[1<<RA];
  isa::clock_t queue_ready[1<<RA];
  logic [RA-1:0] completed, exponentiated, divided, handed, next_completed, next_exponentiated, next_handed;
  logic active, next_active, going;
  isa::word_t number, left, row, nth, nth_of_item, exp_taken;
  isa::word_t next_left, next_row, next_nth, next_nth_of_item, next_exp_taken;
  isa::clock_t now, free_at, next_free_at, start;
  isa::passes_row_t one;

  // The scores taken in this cycle, in order: place, count with it, whether it completes its row.
  isa::word_t [LANES-1:0] reached;
  logic [LANES-1:0] whole;
  logic [LANES-1:0][RA-1:0] put, began;  // their slots in the queue
  // Reciprocals begun in this cycle: when they are known.
  isa::clock_t [LANES-1:0] known_at;
  logic [LANES-1:0] begun;
  isa::word_t lanes, some, at_place;
  logic [7:0] item;
  isa::scores_t tile;

  always_comb begin
    command_pop = {7'd0, !active && command_valid != 0};
    going = active || command_valid != 0;
    pass = active ? number : command_data.number;
    one = passes[PA'(pass)];
    next_left = active ? left : isa::W'(one.heads * one.rows);
    lanes = going ? isa::W'(LANES) : '0;

    // Scores of the sparser engine first, then those of the denser engine's tiles.
    score_pop = '0;
    scores_pop = '0;
    next_row = row;
    next_nth = nth;
    next_nth_of_item = nth_of_item;
    item = '0;
    tile = scores_data[0];
    for (int n = 0; n < LANES; n++) begin
      taken[n] = 1'b0;
      place[n] = '0;
      dense[n] = 1'b0;
      which[n] = item;
      element[n] = next_nth_of_item;
      dense_at[n] = '0;
      if (going && n < SCORE_POPS && 8'(n) < score_valid) begin
        taken[n] = 1'b1;
        place[n] = score_data[n].place;
        score_pop = score_pop + 8'd1;
      end else if (going && item < scores_valid) begin
        for (int i = 0; i < SCORES_POPS; i++) if (8'(i) == item) tile = scores_data[i];
        taken[n] = 1'b1;
        dense[n] = 1'b1;
        dense_at[n] = 32'(isa::W'(tile.first + next_nth - one.first_dense)) * 32'(one.rows)
                      + 32'(isa::W'(tile.row + next_row));
        next_nth_of_item = next_nth_of_item + 1'b1;
        place[n] = one.first_row + tile.row + next_row
                   + isa::W'(head_of[DA'(tile.first + next_nth)] * one.rows);
        if (next_nth + 1'b1 < tile.count) next_nth = next_nth + 1'b1;
        else begin
          next_nth = '0;
          if (next_row + 1'b1 < tile.rows) next_row = next_row + 1'b1;
          else begin
            next_row = '0;
            next_nth_of_item = '0;
            item = item + 8'd1;
          end
        end
      end
      if (taken[n]) lanes = lanes - 1'b1;
    end
    scores_pop = item;

    next_completed = completed;
    for (int n = 0; n < LANES; n++) begin
      reached[n] = seen[RA'(place[n])] + 1'b1;
      for (int m = 0; m < n; m++) if (taken[m] && place[m] == place[n]) reached[n] = reached[n] + 1'b1;
      whole[n] = taken[n] && reached[n] == needed[RA'(place[n])];
      put[n] = next_completed;
      if (whole[n]) next_completed = next_completed + 1'b1;
    end

    // Exponentials, and the reciprocals of the rows whose sums they complete.
    next_free_at = now > free_at ? now : free_at;
    next_exponentiated = exponentiated;
    next_exp_taken = exp_taken;
    start = '0;
    some = '0;
    at_place = '0;
    for (int n = 0; n < LANES; n++) begin
      begun[n] = 1'b0;
      began[n] = next_exponentiated;
      known_at[n] = '0;
      exp_place[n] = '0;
      exp_first[n] = next_exp_taken;
      exp_count[n] = '0;
      if (MODE == 0) begin
        begun[n] = whole[n];
      end else if (lanes != 0 && next_exponentiated != completed) begin
        at_place = queue_place[next_exponentiated];
        some = needed[RA'(at_place)] - next_exp_taken;
        exp_place[n] = at_place;
        exp_count[n] = some <= lanes ? some : lanes;
        if (some <= lanes) begin
          lanes = lanes - some;
          next_exp_taken = '0;
          begun[n] = 1'b1;
        end else begin
          next_exp_taken = next_exp_taken + lanes;
          lanes = '0;
        end
      end
      if (begun[n]) begin
        next_exponentiated = next_exponentiated + 1'b1;
        start = now + 32'(EXP_CYCLES);
        if (next_free_at > start) start = next_free_at;
        next_free_at = start + 32'(DIVIDE_INTERVAL);
        known_at[n] = start + 32'(DIVIDE_CYCLES);
      end
    end

    divides = divided != exponentiated && queue_ready[divided] == now + 32'(DIVIDE_CYCLES);
    divides_place = queue_place[divided];

    // One row a cycle is handed on.
    at_place = queue_place[handed];
    denser_item.place = at_place;
    sparser_item.place = at_place;
    denser_push = '0;
    sparser_push = '0;
    next_handed = handed;
    if (going && handed != exponentiated && queue_ready[handed] <= now && denser_room != 0 && sparser_room != 0) begin
      denser_push = {7'd0, has_dense[RA'(at_place)]};
      sparser_push = {7'd0, has_sparse[RA'(at_place)]};
      next_handed = handed + 1'b1;
      next_left = next_left - 1'b1;
    end
    status = handed != exponentiated ? isa::BUSY : isa::STARVED;
    if (handed != exponentiated && queue_ready[handed] <= now) status = isa::BLOCKED;
    if (taken != 0 || next_exponentiated != exponentiated || next_exp_taken != exp_taken || next_handed != handed)
      status = isa::BUSY;
    if (!going) status = isa::IDLE;
    next_active = going && !(next_handed != handed && next_left == 0);
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (dense_we) head_of[DA'(dense_address)] <= dense_data.head;
    if (rows_we) begin
      needed[RA'(rows_address)] <= rows_data.scores;
      has_dense[RA'(rows_address)] <= rows_data.dense != 0;
      has_sparse[RA'(rows_address)] <= rows_data.sparse != 0;
      seen[RA'(rows_address)] <= '0;
    end else begin
      for (int n = 0; n < LANES; n++) if (taken[n]) seen[RA'(place[n])] <= reached[n];
    end
    for (int n = 0; n < LANES; n++) begin
      if (whole[n]) queue_place[put[n]] <= place[n];
      if (begun[n]) queue_ready[began[n]] <= known_at[n];
    end
    now <= rst ? '0 : now + 1'b1;
    active <= !rst && next_active;
    if (rst) begin
      {completed, exponentiated, divided, handed} <= '0;
      {row, nth, nth_of_item, exp_taken} <= '0;
      free_at <= '0;
    end else begin
      completed <= next_completed;
      exponentiated <= next_exponentiated;
      handed <= next_handed;
      row <= next_row;
      nth <= next_nth;
      nth_of_item <= next_nth_of_item;
      divided <= divided + RA'(divides);
      exp_taken <= next_exp_taken;
      free_at <= next_free_at;
    end
    if (command_pop != 0) number <= command_data.number;
    left <= next_left;
  end
endmodule

// The softmax unit: the exponential of each score as it is finished, row sums, one reciprocal a row. What is here is
// when; exponential.sv and reciprocal.sv are what.
// MODE 0: the exponent is taken against a static bound, as the scores come. MODE 1: against the row's maximum, once its
// last score is there. Scores go to the bank of the partial-sum memory that their row has, one access a bank and cycle,
// when no other unit takes the memory.
module softmax_unit #(
    parameter int LANES           = 8,
    parameter int MODE            = 0,
    parameter int EXP_CYCLES      = 4,
    parameter int DIVIDE_CYCLES   = 16,
    parameter int DIVIDE_INTERVAL = 1,
    parameter int PSUM_BANKS      = 8,
    parameter int PSUM_PORT_BYTES = 32,
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
    input  logic [7:0]       accesses_valid,
    input  isa::access_t     accesses_data,
    output logic [7:0]       accesses_pop,
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
    output logic [LANES-1:0][31:0] dense_at,    // its place among the dense scores, a head's columns side by side
    output isa::word_t [LANES-1:0] exp_place,   // MODE 1: rows whose scores are exponentiated,
    output isa::word_t [LANES-1:0] exp_first,   // from which on,
    output isa::word_t [LANES-1:0] exp_count,   // how many
    output logic             divides,           // a reciprocal begins
    output isa::word_t       divides_place
);
  localparam int PA = $clog2(PASSES), RA = $clog2(ROWS), DA = $clog2(DENSE);
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  isa::word_t head_of[DENSE], slot_of[DENSE];
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
  // The partial-sum memory: from when on no other unit has it; until when this one has a bank; what a bank is given in
  // this cycle: the word of a row's dense scores.
  localparam int BA = PSUM_BANKS > 1 ? $clog2(PSUM_BANKS) : 1;
  isa::clock_t memory_free_at, next_memory_free_at;
  isa::clock_t taken_until[PSUM_BANKS], next_taken_until[PSUM_BANKS];
  isa::word_t given_place[PSUM_BANKS], given_word[PSUM_BANKS], its_place, its_word;
  logic [PSUM_BANKS-1:0] given;  // a word of dense scores, in this cycle
  logic [BA-1:0] its_bank;
  logic memory_free, refused, stopped;

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

    accesses_pop = {7'd0, accesses_valid != 0};
    next_taken_until = taken_until;
    next_memory_free_at = memory_free_at;
    if (accesses_valid != 0) begin
      for (int b = 0; b < PSUM_BANKS; b++) begin
        if (taken_until[b] > now) next_taken_until[b] = taken_until[b] + 32'(accesses_data.cycles);
      end
      next_memory_free_at = (memory_free_at > now ? memory_free_at : now) + 32'(accesses_data.cycles);
    end
    memory_free = next_memory_free_at <= now;
    refused = 1'b0;
    given = '0;
    for (int b = 0; b < PSUM_BANKS; b++) begin
      given_place[b] = '0;
      given_word[b] = '0;
    end
    lanes = going && memory_free ? isa::W'(LANES) : '0;

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
      dense[n] = 1'b0;
      which[n] = item;
      element[n] = next_nth_of_item;
      dense_at[n] = '0;
      its_word = isa::W'((tile.first + next_nth - one.first_dense) << 1) / isa::W'(PSUM_PORT_BYTES);
      its_place = '0;
      its_bank = '0;
      if (going && memory_free && !refused && n < SCORE_POPS && 8'(n) < score_valid) begin
        its_place = score_data[n].place;
        its_bank = BA'(its_place % isa::W'(PSUM_BANKS));
        refused = next_taken_until[its_bank] > now;
        if (!refused) begin
          taken[n] = 1'b1;
          next_taken_until[its_bank] = now + 1'b1;
          score_pop = score_pop + 8'd1;
        end
      end else if (going && memory_free && !refused && item < scores_valid) begin
        for (int i = 0; i < SCORES_POPS; i++) if (8'(i) == item) tile = scores_data[i];
        its_word = isa::W'((tile.first + next_nth - one.first_dense) << 1) / isa::W'(PSUM_PORT_BYTES);
        its_place = one.first_row + tile.row + next_row
                    + isa::W'(head_of[DA'(tile.first + next_nth)] * one.rows);
        its_bank = BA'(its_place % isa::W'(PSUM_BANKS));
        refused = next_taken_until[its_bank] > now
                  && !(given[its_bank] && given_place[its_bank] == its_place && given_word[its_bank] == its_word);
        if (!refused) begin
          taken[n] = 1'b1;
          dense[n] = 1'b1;
          next_taken_until[its_bank] = now + 1'b1;
          given[its_bank] = 1'b1;
          given_place[its_bank] = its_place;
          given_word[its_bank] = its_word;
          dense_at[n] = 32'(slot_of[DA'(tile.first + next_nth)]) * 32'(one.rows)
                        + 32'(isa::W'(tile.row + next_row));
          next_nth_of_item = next_nth_of_item + 1'b1;
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
      end
      place[n] = its_place;
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
    stopped = 1'b0;
    for (int n = 0; n < LANES; n++) begin
      begun[n] = 1'b0;
      began[n] = next_exponentiated;
      known_at[n] = '0;
      exp_place[n] = '0;
      exp_first[n] = next_exp_taken;
      exp_count[n] = '0;
      if (MODE == 0) begin
        begun[n] = whole[n];
      end else if (lanes != 0 && next_exponentiated != completed && !stopped) begin
        // read in this cycle, written in the next
        at_place = queue_place[next_exponentiated];
        its_bank = BA'(at_place % isa::W'(PSUM_BANKS));
        stopped = next_taken_until[its_bank] > now;
        if (!stopped) begin
          next_taken_until[its_bank] = now + 32'd2;
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
    status = isa::STARVED;
    if (refused || stopped || (!memory_free && (score_valid != 0 || scores_valid != 0 || exponentiated != completed)))
      status = isa::BLOCKED;
    if (handed != exponentiated) status = isa::BUSY;
    if (handed != exponentiated && queue_ready[handed] <= now) status = isa::BLOCKED;
    if (taken != 0 || next_exponentiated != exponentiated || next_exp_taken != exp_taken || next_handed != handed)
      status = isa::BUSY;
    if (!going) status = isa::IDLE;
    next_active = going && !(next_handed != handed && next_left == 0);
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (dense_we) begin
      head_of[DA'(dense_address)] <= dense_data.head;
      slot_of[DA'(dense_address)] <= dense_data.slot;
    end
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
      memory_free_at <= '0;
      for (int b = 0; b < PSUM_BANKS; b++) taken_until[b] <= '0;
    end else begin
      memory_free_at <= next_memory_free_at;
      for (int b = 0; b < PSUM_BANKS; b++) taken_until[b] <= next_taken_until[b];
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

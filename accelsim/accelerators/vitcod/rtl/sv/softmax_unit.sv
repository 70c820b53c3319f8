// The softmax unit: the exponential of each score as it is finished, row sums, one reciprocal a row. What is here is
// when; exponential.sv and reciprocal.sv are what.
// MODE 0: the exponent is taken against a static bound, as the scores come. MODE 1: against the row's maximum, once its
// last score is there. Scores go to the bank of the partial-sum memory that their row has, one access a bank and cycle,
// when no other unit takes the memory.
// A cycle has two stages: which scores are taken, and in the next cycle which rows they complete and (MODE 1) which rows had
// exponentials in the lanes that were left; no row is handed on before that is known.
module softmax_unit #(
    parameter int LANES           = 8,
    parameter int MODE            = 0,
    parameter int EXP_CYCLES      = 4,
    parameter int DIVIDE_CYCLES   = 16,
    parameter int DIVIDE_INTERVAL = 1,
    parameter int PSUM_BANKS      = 8,
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
    output isa::word_t [LANES-1:0] exp_place,   // MODE 1, a cycle later: rows whose scores are exponentiated,
    output isa::word_t [LANES-1:0] exp_first,   // from which on,
    output isa::word_t [LANES-1:0] exp_count,   // how many
    output logic             divides,           // a reciprocal begins
    output isa::word_t       divides_place
);
  localparam int PA = $clog2(PASSES), RA = $clog2(ROWS);
  localparam int LB = $clog2(LANES), WIDE = 1 << LB, LINES = (DENSE - 1 >> LB + 1) + 1, NB = LINES > 1 ? $clog2(LINES) : 1;
  localparam int MOST = LANES + 1;  // what is counted up to: one more than can be taken
  localparam int NA = $clog2(MOST * (SCORES_POPS + 1) + 1);
  localparam int BA = PSUM_BANKS > 1 ? $clog2(PSUM_BANKS) : 1;
  typedef logic [NA-1:0] few_t;
  typedef few_t [MOST-1:0] fews_t;
  typedef logic [MOST-1:0][MOST-1:0] ways_t;
  typedef logic [MOST-1:0] sums_t;  // a bit for each number of scores, up to all lanes; none for more
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  // Of a dense column: the place of its head's first output, of its first score, the word of a row's scores that it is in.
  typedef struct packed {isa::word_t place, at, word;} dense_t;
  // As many to a word as there are lanes: so many lie in two words, an even and an odd one.
  typedef dense_t [WIDE-1:0] columns_t;
  columns_t even_of[LINES], odd_of[LINES];
  dense_t loaded;
  isa::word_t needed[ROWS], seen[ROWS];
  logic has_dense[ROWS], has_sparse[ROWS];
  // Complete rows in order: a ring as long as the table of rows, so that no pass can overrun it.
  isa::word_t  queue_place[1<<RA], queue_scores[1<<RA];
  isa::clock_t queue_ready[1<<RA];
  logic [RA-1:0] completed, divided, handed;
  logic [MOST-1:0][RA-1:0] turn;  // slots of the rows whose exponentials are next
  logic active, next_active, going, hands;
  isa::word_t number, left, next_left;
  // Of the oldest item, once scores of it were taken: its next score's column and row, which of its scores that is, how
  // many of its row there are from there on, how many rows.
  isa::word_t column, row, nth_of_item, of_row, of_rows;
  isa::word_t next_column, next_row, next_nth_of_item, next_of_row, next_of_rows;
  isa::clock_t now, free_at, next_free_at, start;
  isa::passes_row_t one;
  // The partial-sum memory: from when on no other unit has it. MODE 1: banks in which exponentials are written as soon as it
  // is free, of the last cycle and of those before.
  isa::clock_t memory_free_at, next_memory_free_at;
  logic [PSUM_BANKS-1:0] bank_writes, bank_waits, bank_busy;
  logic memory_free, works, refused, stopped;

  // The next scores of each item of the denser engine's: in which row of it one lies (0: the one it goes on with), how far
  // from that row's first (or, in row 0, from the next score), whether the item has so many; its column; its row in all.
  fews_t row_on, nth_on;
  ways_t row_is, nth_is;
  logic [SCORES_POPS-1:0][MOST-1:0] exists;
  columns_t along, anew;  // columns from the next score's on; from a row's first on
  dense_t column_of[SCORES_POPS][LANES];
  isa::word_t row_of[SCORES_POPS][MOST];
  isa::word_t one_column, one_row, one_nth, one_of_row, one_of_rows;
  logic [BA-1:0] bank_of[SCORES_POPS][LANES];
  // Where it goes on when those before have been taken.
  isa::word_t then_nth[SCORES_POPS][MOST], then_column[SCORES_POPS][MOST];
  isa::word_t then_of_row[SCORES_POPS][MOST], then_of_rows[SCORES_POPS][MOST];
  logic goes_on, sparse_here;
  logic [SCORES_POPS-1:0][MOST-1:0] begins;  // of each item the lane with its first score, a bit for each
  logic [SCORES_POPS:0][MOST-1:0] below;     // lanes before that; behind all items
  few_t rows_there, in_row, a_row;
  // What each lane has, and behind the last one: which score of which item, the items before it.
  logic [SCORES_POPS-1:0][MOST-1:0] picks;
  few_t its_item[MOST];
  isa::word_t its_then_row[MOST], its_then_nth[MOST], its_then_column[MOST];
  isa::word_t its_then_of_row[MOST], its_then_of_rows[MOST];
  logic [MOST-1:0] its_then_begun;
  dense_t its_column[LANES];
  isa::word_t its_row[LANES];
  isa::word_t its_place;
  logic [BA-1:0] its_bank[LANES];
  logic [LANES-1:0] is_sparse, is_there, offered, conflict, same_place, writes_there;
  logic [LANES-1:0][LANES-1:0] ahead;  // of two lanes: one is in the way of the other
  few_t sparse_lanes, lanes_left, nth_same, nth_whole, nth_begun;
  logic begun_item, next_begun;  // scores of the oldest item were taken before
  logic [MOST-1:0] upto;
  // The scores that were taken in the last cycle; MODE 1: lanes that were left, banks that were in use.
  logic [LANES-1:0] taken_before;
  isa::word_t [LANES-1:0] place_before;
  few_t spare;
  logic [PSUM_BANKS-1:0] bank_before, bank_taken;
  // Of these in order: count with each, whether it completes its row.
  isa::word_t [LANES-1:0] reached;
  logic [LANES-1:0] whole;
  logic [LANES-1:0][RA-1:0] put, began;  // their slots in the queue
  // Rows that had their last exponentials begun in the last cycle: when their reciprocals are known.
  isa::clock_t [LANES-1:0] known_at;
  logic [LANES-1:0] begun;
  few_t whole_count, begun_count;
  // MODE 1: the next rows in the queue, their banks, whether they are there; scores left of each, of all up to each, of all
  // before one; lanes used before it, left for it; whether it and all before it find their banks free, and it gets a lane.
  isa::word_t [MOST-1:0] exp_at;
  logic [MOST-1:0][BA-1:0] exp_bank;
  logic [MOST-1:0] exp_there;
  isa::word_t [LANES-1:0] exp_left;
  sums_t [LANES-1:0] exp_sums;
  sums_t exp_before;
  few_t exp_rest;
  logic exp_free;
  logic [LANES-1:0] exp_some;
  // The row behind those that are begun: which one in the queue, whether there is one in this cycle.
  logic [MOST-1:0] next_is;
  logic next_there;
  // Of the row that exponentials go on with: how many were done, and are left.
  isa::word_t exp_taken, next_exp_taken, exp_over, next_exp_over;
  isa::word_t at_place;

  // Of items with so many scores a row, so many of them left in the row one goes on with (both up to MOST): where each of the
  // next scores lies.
  typedef struct packed {
    fews_t row_on, nth_on;
    ways_t row_is, nth_is;  // one bit for each; `nth_is` in rows behind the first
  } walk_t;
  function automatic walk_t walk(input int a, input int left_in_row);
    walk = '0;
    for (int e = 0; e < MOST; e++) begin
      walk.row_on[e] = few_t'(e < left_in_row ? 0 : 1 + (e - left_in_row) / a);
      walk.nth_on[e] = few_t'(e < left_in_row ? e : (e - left_in_row) % a);
      for (int k = 0; k < MOST; k++) begin
        walk.row_is[e][k] = walk.row_on[e] == few_t'(k);
        walk.nth_is[e][k] = e >= left_in_row && walk.nth_on[e] == few_t'(k);
      end
    end
  endfunction
  function automatic walk_t [MOST-1:0][MOST-1:0] every_walk();
    for (int a = 0; a < MOST; a++) for (int n = 0; n < MOST; n++) every_walk[a][n] = walk(a + 1, n + 1);
  endfunction
  localparam walk_t [MOST-1:0][MOST-1:0] WALKS = every_walk();
  walk_t walks;
  // How many are set: of any, as a tree; of the first so many.
  function automatic few_t ones(input logic [LANES-1:0] set);
    few_t part[WIDE];
    for (int i = 0; i < WIDE; i++) part[i] = i < LANES ? few_t'(set[i<LANES?i:0]) : '0;
    for (int step = 1; step < WIDE; step = 2 * step) begin
      for (int i = 0; i + step < WIDE; i = i + 2 * step) part[i] = part[i] + part[i+step];
    end
    ones = part[0];
  endfunction
  function automatic few_t first_ones(input logic [MOST-1:0] set);
    logic [MOST-1:0] last;
    last = set & ~(set >> 1);
    first_ones = '0;
    for (int i = 0; i < MOST; i++) first_ones = first_ones | (last[i] ? few_t'(i + 1) : '0);
  endfunction
  // Of sums their sums.
  function automatic sums_t both(input sums_t a, input sums_t b);
    both = '0;
    for (int x = 0; x < MOST; x++) both = both | (a[x] ? b << x : '0);
  endfunction
  // Whether a + b == c, and no carry runs for it.
  function automatic logic adds_up(input isa::word_t a, input isa::word_t b, input isa::word_t c);
    adds_up = (a ^ b ^ c) == isa::W'(((a & b) | ((a | b) & ~c)) << 1);
  endfunction
  // The columns from one on, out of the words that they lie in; nothing is read without need, so that a gate is between
  // the address and the array, and the sum beside it does not wait until all of that array is driven.
  function automatic columns_t columns_from(input logic need, input isa::word_t at);
    columns_t even, odd;
    logic [2*$bits(columns_t)-1:0] all;
    even = even_of[NB'(at + isa::W'(WIDE) >> LB + 1)];
    odd = odd_of[need ? NB'(at >> LB + 1) : '0];
    all = at[LB] ? {even, odd} : {odd, even};
    for (int b = 0; b < LB; b++) if (at[b]) all = all >> (3 * isa::W << b);
    columns_from = columns_t'(all);
  endfunction
  function automatic few_t at_most(input isa::word_t some);
    at_most = some > isa::W'(MOST) ? few_t'(MOST) : few_t'(some);
  endfunction

  assign loaded = {isa::W'(dense_data.place), isa::W'(dense_data.scores_at), isa::W'(dense_data.score_word)};

  always_comb begin
    command_pop = {7'd0, !active && command_valid != 0};
    going = active || command_valid != 0;
    pass = active ? number : command_data.number;
    one = passes[PA'(command_data.number)];
    next_left = active ? left : isa::W'(one.outputs);

    accesses_pop = {7'd0, accesses_valid != 0};
    next_memory_free_at = memory_free_at;
    if (accesses_valid != 0) begin
      next_memory_free_at = (memory_free_at > now ? memory_free_at : now) + 32'(accesses_data.cycles);
    end
    memory_free = memory_free_at <= now && (accesses_valid == 0 || accesses_data.cycles == 0);
    works = going && memory_free;
    bank_busy = bank_writes | bank_waits;
  end

  // Where the next scores of the denser engine's items lie. Counts up to MOST say it, whatever the items' sizes.
  always_comb begin
    sparse_lanes = score_valid < 8'(SCORE_POPS) ? few_t'(score_valid) : few_t'(SCORE_POPS);
    for (int i = 0; i < SCORES_POPS; i++) begin
      goes_on = i == 0 && begun_item;
      one_column = goes_on ? column : scores_data[i].first;
      one_row = goes_on ? row : scores_data[i].row;
      one_nth = goes_on ? nth_of_item : '0;
      one_of_row = goes_on ? of_row : scores_data[i].count;
      one_of_rows = goes_on ? of_rows : scores_data[i].rows;
      in_row = at_most(one_of_row);
      a_row = at_most(scores_data[i].count);
      rows_there = at_most(one_of_rows);
      walks = '0;
      for (int a = 1; a <= MOST; a++) begin
        for (int n = 1; n <= a; n++) if (in_row == few_t'(n) && a_row == few_t'(a)) walks = walks | WALKS[a-1][n-1];
      end
      {row_on, nth_on, row_is, nth_is} = walks;
      for (int e = 0; e < MOST; e++) begin
        exists[i][e] = 1'b0;
        for (int k = 0; k <= e; k++) exists[i][e] = exists[i][e] | (row_is[e][k] && rows_there > few_t'(k));
        if (8'(i) >= scores_valid) exists[i][e] = 1'b0;
      end
      // Of the columns that come next, and of the first ones, it is looked up at once what is needed of them.
      anew = columns_from(8'(i) < scores_valid, scores_data[i].first);
      along = anew;
      if (goes_on) along = columns_from(begun_item, column);
      for (int e = 0; e < MOST; e++) begin
        row_of[i][e] = one_row + isa::W'(row_on[e]);
        then_nth[i][e] = one_nth + isa::W'(e);
        then_column[i][e] = (row_is[e][0] ? one_column : scores_data[i].first) + isa::W'(nth_on[e]);
        then_of_row[i][e] = (row_is[e][0] ? one_of_row : scores_data[i].count) - isa::W'(nth_on[e]);
        then_of_rows[i][e] = one_of_rows - isa::W'(row_on[e]);
      end
      for (int e = 0; e < LANES; e++) begin
        column_of[i][e] = row_is[e][0] ? along[e] : '0;
        for (int k = 0; k < e; k++) column_of[i][e] = column_of[i][e] | (nth_is[e][k] ? anew[k] : '0);
        bank_of[i][e] = BA'(isa::W'(column_of[i][e].place + row_of[i][e]) % isa::W'(PSUM_BANKS));
      end
    end
  end

  // Scores of the sparser engine first, then those of the denser engine's tiles.
  always_comb begin
    // How many an item has is known late, and where the one before ends is not: a lane is an item's if one before it by
    // as many as the score is in the item is its first. No number is made of it.
    below = '0;
    for (int n = 0; n < MOST; n++) below[0][n] = few_t'(n) < sparse_lanes;
    begins = '0;
    for (int i = 0; i < SCORES_POPS; i++) begin
      below[i+1] = below[i];
      for (int n = 0; n < MOST; n++) begin
        begins[i][n] = !below[i][n] && (n == 0 || below[i][n>0?n-1:0]);
        for (int e = 0; e <= n; e++) below[i+1][n] = below[i+1][n] | (begins[i][n-e] & exists[i][e]);
      end
    end
    for (int n = 0; n < MOST; n++) begin
      its_item[n] = '0;
      for (int i = 0; i < SCORES_POPS; i++) begin
        its_item[n] = its_item[n] + few_t'(8'(i) < scores_valid && !below[i+1][n]);
        for (int e = 0; e < MOST; e++) picks[i][e] = e <= n && begins[i][e<=n?n-e:0] && exists[i][e];
      end
      // While a score of the sparser engine's has the lane, it goes on where it is now.
      sparse_here = few_t'(n) < sparse_lanes;
      its_then_begun[n] = sparse_here && begun_item;
      its_then_row[n] = sparse_here ? row : '0;
      its_then_nth[n] = sparse_here ? nth_of_item : '0;
      its_then_column[n] = sparse_here ? column : '0;
      its_then_of_row[n] = sparse_here ? of_row : '0;
      its_then_of_rows[n] = sparse_here ? of_rows : '0;
      for (int i = 0; i < SCORES_POPS; i++) begin
        for (int e = 0; e <= n; e++) begin
          its_then_begun[n] = its_then_begun[n] || picks[i][e] && (e != 0 || i == 0 && begun_item);
          its_then_row[n] = its_then_row[n] | (picks[i][e] ? row_of[i][e] : '0);
          its_then_nth[n] = its_then_nth[n] | (picks[i][e] ? then_nth[i][e] : '0);
          its_then_column[n] = its_then_column[n] | (picks[i][e] ? then_column[i][e] : '0);
          its_then_of_row[n] = its_then_of_row[n] | (picks[i][e] ? then_of_row[i][e] : '0);
          its_then_of_rows[n] = its_then_of_rows[n] | (picks[i][e] ? then_of_rows[i][e] : '0);
        end
      end
      if (n < LANES) begin
        is_sparse[n] = sparse_here;
        is_there[n] = picks != '0;
        offered[n] = is_sparse[n] || is_there[n];
        its_place = score_data[n<SCORE_POPS?n:0].place;
        its_bank[n] = is_sparse[n] ? BA'(its_place % isa::W'(PSUM_BANKS)) : '0;
        its_row[n] = is_sparse[n] ? '0 : its_then_row[n];
        its_column[n] = '0;
        if (is_sparse[n]) its_column[n].place = its_place;
        for (int i = 0; i < SCORES_POPS; i++) begin
          for (int e = 0; e <= n; e++) begin
            its_bank[n] = its_bank[n] | (picks[i][e] ? bank_of[i][e] : '0);
            its_column[n] = its_column[n] | (picks[i][e] ? column_of[i][e] : '0);
          end
        end
        place[n] = its_column[n].place + its_row[n];
        dense_at[n] = 32'(its_column[n].at) + 32'(its_row[n]);
        which[n] = 8'(its_item[n]);
        element[n] = its_then_nth[n];
      end
    end

    // A bank takes one access, of one score, or of a word of a row's dense ones. Lanes take what they have in order, up to
    // the first that finds its bank taken; so what is before it was taken, if it is asked at all.
    for (int n = 0; n < LANES; n++) begin
      ahead[n] = '0;
      for (int m = 0; m < n; m++) begin
        ahead[n][m] = its_bank[m] == its_bank[n]
            && !(!is_sparse[m] && !is_sparse[n] && its_row[m] == its_row[n]
                 && its_column[m].place == its_column[n].place && its_column[m].word == its_column[n].word);
      end
      // Which exponentials are begun is known last: whose bank is whose is compared before.
      for (int m = 0; m < LANES; m++) writes_there[m] = exp_some[m] && exp_bank[m] == its_bank[n];
      conflict[n] = offered[n] && (bank_waits[its_bank[n]] || writes_there != 0 || ahead[n] != 0);
    end
    for (int n = 0; n < LANES; n++) begin
      taken[n] = works && offered[n] && (conflict & ~({LANES{1'b1}} << 1 << n)) == 0;
      dense[n] = taken[n] && !is_sparse[n];
    end
    refused = works && conflict != 0;
    score_pop = 8'(first_ones(MOST'(taken & is_sparse)));
    bank_taken = '0;
    for (int b = 0; b < PSUM_BANKS; b++) begin
      for (int n = 0; n < LANES; n++) if (taken[n] && its_bank[n] == BA'(b)) bank_taken[b] = 1'b1;
    end
    lanes_left = works ? few_t'(LANES) - first_ones(MOST'(taken)) : '0;

    // The denser engine's scores go on at the first lane that took none.
    upto = {1'b0, ~taken} & {taken, 1'b1};
    if (&taken) upto[LANES] = 1'b1;
    {scores_pop, next_begun, next_row, next_nth_of_item, next_column, next_of_row, next_of_rows} = '0;
    for (int n = 0; n < MOST; n++) begin
      if (upto[n]) begin
        scores_pop = scores_pop | 8'(its_item[n]);
        next_begun = next_begun | its_then_begun[n];
        next_row = next_row | its_then_row[n];
        next_nth_of_item = next_nth_of_item | its_then_nth[n];
        next_column = next_column | its_then_column[n];
        next_of_row = next_of_row | its_then_of_row[n];
        next_of_rows = next_of_rows | its_then_of_rows[n];
      end
    end
  end

  // The rows that they complete.
  always_comb begin
    for (int n = 0; n < LANES; n++) begin
      same_place = '0;
      for (int m = 0; m < n; m++) same_place[m] = place_before[m] == place_before[n];
      nth_same = ones(same_place) + 1'b1;
      reached[n] = seen[RA'(place_before[n])] + isa::W'(nth_same);
      whole[n] = taken_before[n] && adds_up(seen[RA'(place_before[n])], isa::W'(nth_same), needed[RA'(place_before[n])]);
    end
    for (int n = 0; n < LANES; n++) begin
      nth_whole = ones(whole & ~({LANES{1'b1}} << n));
      put[n] = '0;
      for (int c = 0; c <= n; c++) put[n] = put[n] | (nth_whole == few_t'(c) ? completed + RA'(c) : '0);
    end
    whole_count = ones(whole);
  end

  // MODE 1: the exponentials that the last cycle's scores left lanes for: of the rows in the queue in order, up to the first
  // whose bank was in use. Their scores were read in that cycle; they are written in this one.
  always_comb begin
    {exp_at, exp_bank, exp_there, exp_left, exp_sums} = '0;
    {exp_place, exp_first, exp_count, exp_some, bank_writes} = '0;
    {exp_before, exp_rest, next_is, next_there, stopped} = '0;
    exp_free = 1'b1;
    next_exp_taken = exp_taken;
    next_exp_over = exp_over;
    begun = MODE == 0 ? whole : '0;
    begun_count = whole_count;
    if (MODE != 0) begin
      for (int n = 0; n < MOST; n++) begin
        exp_at[n] = queue_place[turn[n]];
        exp_bank[n] = BA'(exp_at[n] % isa::W'(PSUM_BANKS));
        exp_there[n] = (n == 0 || exp_there[n>0?n-1:0]) && turn[n] != completed;
      end
      for (int n = 0; n < LANES; n++) begin
        exp_left[n] = n == 0 && exp_taken != 0 ? exp_over : queue_scores[turn[n]];
        for (int x = 1; x < MOST; x++) exp_sums[n][x] = exp_left[n] == isa::W'(x);
      end
      for (int step = 1; step < LANES; step = 2 * step) begin
        for (int n = LANES - 1; n >= step; n--) exp_sums[n] = both(exp_sums[n], exp_sums[n-step]);
      end
      for (int n = 0; n < LANES; n++) begin
        exp_before = n == 0 ? sums_t'(1) : exp_sums[n>0?n-1:0];
        exp_rest = '0;
        for (int x = 0; x < LANES; x++) begin
          if (exp_before[x] && spare > few_t'(x)) exp_some[n] = 1'b1;
          exp_rest = exp_rest | (exp_before[x] ? spare - few_t'(x) : '0);
        end
        if (bank_before[exp_bank[n]]) exp_free = 1'b0;
        for (int m = 0; m < n; m++) if (exp_bank[m] == exp_bank[n]) exp_free = 1'b0;
        exp_some[n] = exp_some[n] && exp_there[n] && exp_free;
        for (int x = 1; x < MOST; x++) if (exp_sums[n][x] && spare >= few_t'(x)) begun[n] = exp_some[n];
        exp_place[n] = exp_at[n];
        exp_first[n] = n == 0 ? exp_taken : '0;
        if (exp_some[n]) begin
          exp_count[n] = begun[n] ? exp_left[n] : isa::W'(exp_rest);
          bank_writes[exp_bank[n]] = 1'b1;
          next_exp_taken = begun[n] ? '0 : exp_first[n] + isa::W'(exp_rest);
          next_exp_over = exp_left[n] - isa::W'(exp_rest);
        end
      end
      begun_count = first_ones(MOST'(begun));
      for (int n = 0; n < MOST; n++) begin
        next_is[n] = exp_there[n] && (n == 0 || begun[n>0?n-1:0]) && !(n < LANES && begun[n<LANES?n:0]);
        if (next_is[n] && bank_busy[exp_bank[n]]) stopped = 1'b1;
      end
      // One that is complete since the last cycle is not in the queue yet; in its bank, which took a score then, no
      // exponential is written.
      next_there = next_is != 0 || whole != 0;
    end
  end

  // The reciprocals of the rows whose sums they complete.
  always_comb begin
    start = now + 32'(EXP_CYCLES - 1);  // since the last cycle
    if (free_at > start) start = free_at;
    next_free_at = free_at;
    for (int n = 0; n < LANES; n++) begin
      nth_begun = MODE == 0 ? ones(begun & ~({LANES{1'b1}} << n)) : few_t'(n);
      {began[n], known_at[n]} = '0;
      for (int c = 0; c <= n; c++) begin
        if (nth_begun == few_t'(c)) begin
          began[n] = began[n] | turn[0] + RA'(c);
          known_at[n] = known_at[n] | start + 32'(c * DIVIDE_INTERVAL + DIVIDE_CYCLES);
        end
      end
      if (begun_count == few_t'(n + 1)) next_free_at = start + 32'((n + 1) * DIVIDE_INTERVAL);
    end
  end

  always_comb begin
    // A row that is not in the queue yet may be the one whose reciprocal begins.
    divides = divided != turn[0] && queue_ready[divided] == now + 32'(DIVIDE_CYCLES);
    divides_place = queue_place[divided];
    if (EXP_CYCLES == 1 && divided == turn[0] && begun != 0 && start == now) begin
      divides = 1'b1;
      if (MODE == 0) for (int n = LANES - 1; n >= 0; n--) if (begun[n]) divides_place = place_before[n];
    end

    // One row a cycle is handed on.
    at_place = queue_place[handed];
    denser_item.place = at_place;
    sparser_item.place = at_place;
    hands = going && handed != turn[0] && queue_ready[handed] <= now && denser_room != 0 && sparser_room != 0;
    denser_push = {7'd0, hands && has_dense[RA'(at_place)]};
    sparser_push = {7'd0, hands && has_sparse[RA'(at_place)]};
    // Where no score is taken, the next row's exponentials have the lanes.
    status = isa::STARVED;
    if (refused || stopped || (!memory_free && (score_valid != 0 || scores_valid != 0 || next_there))) status = isa::BLOCKED;
    if (handed != turn[0] || begun != 0) status = isa::BUSY;
    if (handed != turn[0] && queue_ready[handed] <= now) status = isa::BLOCKED;
    if (taken != 0 || (works && next_there && !stopped) || hands) status = isa::BUSY;
    if (!going) status = isa::IDLE;
    next_active = going && !(hands && next_left == 1);
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (dense_we) begin
      for (int i = 0; i < WIDE; i++) begin
        if (i == 32'(dense_address) % WIDE && !dense_address[LB])
          even_of[NB'(dense_address>>LB+1)][i] <= loaded;
        if (i == 32'(dense_address) % WIDE && dense_address[LB])
          odd_of[NB'(dense_address>>LB+1)][i] <= loaded;
      end
    end
    if (rows_we) begin
      needed[RA'(rows_address)] <= isa::W'(rows_data.sparse) + isa::W'(rows_data.dense);
      has_dense[RA'(rows_address)] <= rows_data.dense != 0;
      has_sparse[RA'(rows_address)] <= rows_data.sparse != 0;
      seen[RA'(rows_address)] <= '0;
    end else begin
      for (int n = 0; n < LANES; n++) if (taken_before[n]) seen[RA'(place_before[n])] <= reached[n];
    end
    for (int n = 0; n < LANES; n++) begin
      if (whole[n]) queue_place[put[n]] <= place_before[n];
      if (MODE != 0 && whole[n]) queue_scores[put[n]] <= needed[RA'(place_before[n])];
      if (begun[n]) queue_ready[began[n]] <= known_at[n];
    end
    row <= next_row;
    nth_of_item <= next_nth_of_item;
    column <= next_column;
    of_row <= next_of_row;
    of_rows <= next_of_rows;
    taken_before <= rst ? '0 : taken;
    place_before <= place;
    bank_before <= bank_busy | bank_taken;
    exp_over <= next_exp_over;
    now <= rst ? '0 : now + 1'b1;
    active <= !rst && next_active;
    if (rst) begin
      {completed, divided, handed} <= '0;
      for (int n = 0; n < MOST; n++) turn[n] <= RA'(n);
      exp_taken <= '0;
      spare <= '0;
      bank_waits <= '0;
      begun_item <= 1'b0;
      free_at <= '0;
      memory_free_at <= '0;
    end else begin
      memory_free_at <= next_memory_free_at;
      completed <= completed + RA'(whole_count);
      for (int n = 0; n < MOST; n++) turn[n] <= turn[n] + RA'(begun_count);
      spare <= lanes_left;
      bank_waits <= memory_free ? '0 : bank_busy;
      handed <= handed + RA'(hands);
      begun_item <= next_begun;
      divided <= divided + RA'(divides);
      exp_taken <= next_exp_taken;
      free_at <= next_free_at;
    end
    if (command_pop != 0) number <= command_data.number;
    left <= next_left - isa::W'(hands);
  end
endmodule

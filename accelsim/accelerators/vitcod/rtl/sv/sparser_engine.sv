// The sparser engine's control: MAC lines that work off what polarization left over, each line on its own.
// Scores (K-stationary): a line takes a column of the CSC index, keeps its K, and has the Qs of the column's rows sent
// to it one after another: forwarded by a bank of the denser engine's Q buffer, or fetched through the decoder. Values
// (output-stationary): a line takes a segment of an output row and has the Vs of its columns sent in the same way.
// A line fetches the next vector, and takes up the next column or row, while it computes on the last. Where lines want
// the same thing in a cycle (a result port, a bank, a request, a column), the lower line goes first. What a line is at
// stands in sets of lines, a bit each, so that a cycle's decisions are a few operations on whole sets.
// Commands come in the order of the tables: each phase's of all passes with sparse columns, and a pass's values from its
// first output to its last. So the rows of the tables that are next are known before they are needed, and stand in
// registers, as memories with a clock put them out.
module sparser_engine #(
    parameter int LINES       = 64,
    parameter int BANKS       = 4,
    parameter int BANK_BYTES  = 64,
    parameter int V_BANKS     = 4,
    parameter int V_PORT_BYTES = 64,
    parameter int SCORE_PORTS = 8,
    parameter int PSUM_BANKS  = 8,
    parameter int PSUM_PORT_BYTES = 32,
    parameter int SEGMENT     = 16,
    parameter int PASSES      = 16,
    parameter int ROWS        = 1024,
    parameter int INDEX       = 4096,
    parameter int MISS_PUSHES = 8
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
    input  logic             index_we,
    input  isa::word_t       index_address,
    input  isa::index_row_t  index_data,
    input  logic [7:0]       command_valid,
    input  isa::pass_t    command_data,
    output logic [7:0]       command_pop,
    input  logic [7:0]       operands_valid,
    input  isa::operands_t   operands_data,
    output logic [7:0]       operands_pop,
    input  logic [7:0]       column_valid,
    input  isa::column_t     column_data,
    output logic [7:0]       column_pop,
    input  logic [7:0]       vector_valid,
    input  isa::line_t     vector_data,
    output logic [7:0]       vector_pop,
    input  logic [7:0]       softmaxed_valid,
    input  isa::ready_t  softmaxed_data,
    output logic [7:0]       softmaxed_pop,
    input  logic [7:0]       window_valid,
    input  isa::window_t     window_data,
    output logic [7:0]       window_pop,
    input  logic [7:0]       filling_valid,
    input  isa::filling_t    filling_data,
    output logic [7:0]       filling_pop,
    input  logic [7:0]       miss_room,
    output logic [7:0]       miss_push,
    output isa::miss_t [MISS_PUSHES-1:0] miss_item,
    input  logic [7:0]       score_room,
    output logic [7:0]       score_push,
    output isa::score_t [SCORE_PORTS-1:0] score_item,
    input  logic [7:0]       partial_room,
    output logic [7:0]       partial_push,
    output isa::partial_t    partial_item,
    input  logic [7:0]       reads_room,
    output logic [7:0]       reads_push,
    output isa::access_t     reads_item,
    input  logic [7:0]       reading_room,
    output logic [7:0]       reading_push,
    output isa::reading_t    reading_item,
    input  logic [7:0]       done_room,
    output logic [7:0]       done_push,
    output isa::done_t       done_item,
    // What is decided in this cycle, for the data path.
    output isa::word_t       pass,
    output logic             scoring,
    output isa::word_t       beats,
    output logic [LINES-1:0] begins,                        // lines that begin with their next operand
    output logic [LINES-1:0] fetched,                       // lines that get a bank's vector
    output logic [LINES-1:0][7:0] sender,                   // that bank
    output logic [BANKS-1:0] granted,
    output isa::word_t [BANKS-1:0] bank_head,
    output isa::word_t [BANKS-1:0] bank_token,
    output logic             took,                          // a line takes up a column or a row segment
    output isa::word_t       took_line,
    output isa::word_t       took_head,
    output isa::word_t       took_column,
    output isa::word_t       took_place,
    output isa::word_t       took_at,
    output isa::word_t [SCORE_PORTS-1:0] leaves_line,       // of each score; the first: of the partial row
    output isa::word_t [SCORE_PORTS-1:0] leaves_at          // the score's place in its row's list
);
  localparam int PA = $clog2(PASSES), RA = $clog2(ROWS), IA = $clog2(INDEX), LA = LINES > 1 ? $clog2(LINES) : 1;
  localparam int SA = $clog2(SEGMENT + 1), BA = BANKS > 1 ? $clog2(BANKS) : 1;
  localparam int FA = PSUM_BANKS > 1 ? $clog2(PSUM_BANKS) : 1;
  localparam int VALUE_BANKS = BANKS < V_BANKS ? BANKS : V_BANKS;
  localparam int VALUE_BYTES = BANK_BYTES < V_PORT_BYTES ? BANK_BYTES : V_PORT_BYTES;
  typedef enum logic [1:0] {NOTHING, SCORES, VALUES} phase_t;
  typedef logic [LINES-1:0] lines_t;
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  typedef struct packed {
    isa::word_t share, place;
    logic [7:0] head;
    isa::word_t first, left;  // sparse scores from `first` on
    logic [15:0] next;  // outputs to the next one with sparse scores
  } output_t;
  localparam int OF_OUTPUT = 8 + 2 * isa::W + 16;
  logic [OF_OUTPUT-1:0] outputs_of[ROWS];
  isa::word_t firsts[ROWS];
  logic [47:0] brings[PASSES];  // of a token that the decoder brings
  isa::word_t index[INDEX], listed[INDEX];
  isa::word_t filled[ROWS];
  logic ready[ROWS];

  phase_t phase, phase_n;
  isa::word_t number, number_n, columns, columns_n, window_end, limit;
  isa::word_t stop, entry_stop, piece_stop;  // the share of the output behind the command's last
  logic enters, whole, unready;
  logic [BA-1:0] key_bank;
  isa::operands_there_t [1:0] there, known;
  isa::operands_there_t slot;
  // The pass in hand, the one whose values are worked off, the next of each phase; where its outputs begin; the next output
  // with sparse scores.
  isa::passes_row_t one, held, valued, scored_next, valued_next, first;
  output_t ahead, entry, behind, output_n;
  isa::word_t entry_share, behind_ahead, behind_entry;
  isa::word_t k, q, entries, owner;

  // Which lines compute, and have finished; let their result leave then; have asked for their next operand, have it, as
  // the last of its row; have entries left to fetch.
  lines_t busy, ended, leaves, waits, here, final_one, final_n, more, more_n;
  // Of each line: the column or segment it fetches for, its next entry, its next operand, what it computes on.
  typedef struct packed {
    isa::word_t    head;
    isa::word_t    column;
    logic [RA-1:0] place;    // the segment's, or that of the column's row 0
    logic [IA-1:0] last;     // its last entry
    logic [SA-1:0] entries;
  } work_t;
  typedef struct packed {
    isa::word_t    column;
    logic [RA-1:0] place;
    logic [SA-1:0] entries;
  } operand_t;
  work_t work[LINES], new_work;
  logic [IA-1:0] at[LINES], at_n[LINES];
  operand_t next[LINES], next_n[LINES], result[LINES], result_n[LINES];
  isa::word_t done_at[LINES], done_at_n[LINES], row[LINES], token[LINES], now;
  // What they do in this cycle.
  lines_t mine, due, wants, puts, offers, goes, idle, sent, arrives, empty, hungry, fetches, asked, gets, free, takes, working;
  lines_t [BANKS-1:0] asks, asks_first;
  logic computing, offered, finished, some_left;
  logic [SCORE_PORTS-1:0][LA-1:0] leaving;
  logic [MISS_PUSHES-1:0][LA-1:0] asking;
  logic [BANKS-1:0][LA-1:0] sending;
  logic [LA-1:0] taking;
  logic [LINES-1:0][BA-1:0] its_bank;
  // What a bank has left to do: Q sent and written, K read and written, V sent; and reads of a segment's scores.
  isa::word_t q_left[BANKS], k_left[BANKS], v_left[BANKS], reads_left;
  isa::word_t q_wait[BANKS], k_wait[BANKS];  // with what the decoder brings in this cycle
  isa::word_t nth_head, brought, turn, till_kept, v_cycles[BANKS];
  isa::word_t bank_words, heads_rest, key_words;
  logic [15:0] words_brought, rest_brought, key_brought;
  logic loading, loading_n, said, mute, fits;
  logic [BANKS-1:0] can_send, is_brought;
  lines_t [PSUM_BANKS-1:0] puts_to;
  logic [7:0] room, gone, taken, sends[BANKS];
  isa::word_t fill[SCORE_PORTS];

  // The lines above the lowest of some.
  function automatic lines_t above(input lines_t some);
    above = some << 1;
    for (int step = 1; step < LINES; step = 2 * step) above = above | above << step;
  endfunction

  // Rows of the heads before one, of at most 256.
  function automatic isa::word_t rows_before(input logic [7:0] head, input isa::word_t rows_of_each);
    isa::word_t part[8];
    for (int b = 0; b < 8; b++) part[b] = head[b] ? isa::W'(rows_of_each << b) : '0;
    for (int step = 1; step < 8; step = 2 * step) for (int b = 0; b < 8; b = b + 2 * step) part[b] = part[b] + part[b+step];
    rows_before = part[0];
  endfunction

  always_comb begin
    operands_pop = {7'd0, operands_valid != 0};
    softmaxed_pop = {7'd0, softmaxed_valid != 0};
    window_pop = {7'd0, window_valid != 0};
    filling_pop = {7'd0, filling_valid != 0};
    loading_n = filling_valid != 0 ? filling_data.on[0] : loading;
    vector_pop = {7'd0, vector_valid != 0};
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
    // A token is written: each head's vector into the bank (token + head) modulo BANKS.
    {words_brought, rest_brought, key_brought} = brings[PA'(operands_data.number)];
    bank_words = isa::W'(words_brought);
    heads_rest = isa::W'(rest_brought);
    key_words = isa::W'(key_brought);
    for (int b = 0; b < BANKS; b++) begin
      nth_head = (isa::W'(b + BANKS) - isa::W'(isa::W'(operands_data.tokens - 1'b1) % isa::W'(BANKS))) % isa::W'(BANKS);
      brought = bank_words + (nth_head < heads_rest ? key_words : '0);
      if (operands_valid == 0) brought = '0;
      is_brought[b] = operands_valid != 0 && (bank_words != 0 || nth_head < heads_rest);
      q_wait[b] = q_left[b] + (operands_data.kind != 0 ? brought : '0);
      k_wait[b] = k_left[b] + (operands_data.kind == 0 ? brought : '0);
    end

    command_pop = {7'd0, phase == NOTHING && command_valid != 0};
    phase_n = phase;
    number_n = number;
    if (command_pop != 0) begin
      phase_n  = command_data.phase == 0 ? SCORES : VALUES;
      number_n = command_data.number;
    end
    pass = number_n;
    first = passes[0];
    enters = command_pop != 0 && command_data.phase != 0 && command_data.begin_ == 0;
    one = held;
    if (command_pop != 0) one = command_data.phase == 0 ? scored_next : enters ? valued_next : valued;
    scoring = phase_n == SCORES;
    beats = isa::W'(scoring ? one.beats : one.value_beats);
    // Of V's banks, while loads are on their way, every other cycle a word of one, of all in turn, is kept for them.
    for (int b = 0; b < BANKS; b++) begin
      till_kept = isa::W'(2 * b) >= turn ? isa::W'(2 * b) - turn : isa::W'(2 * b + 2 * VALUE_BANKS) - turn;
      v_cycles[b] = isa::W'(one.value_words)
          + (loading_n ? isa::W'(one.kept) + isa::W'(till_kept <= isa::W'(one.kept_rest)) : '0);
      can_send[b] = scoring ? q_left[b] == 0 && !(is_brought[b] && operands_data.kind != 0) : v_left[b] == 0 && !(loading_n && till_kept == 0);
    end
    slot = known[number_n[0]];
    q = one.forward != 0 && slot.number == number_n ? slot.q : '0;
    k = slot.number == number_n ? slot.k : '0;
    mine = phase_n == NOTHING ? '0 : ~({LINES{1'b1}} << one.sparser_lines);
    arrives = vector_valid != 0 ? lines_t'(1) << vector_data.line : '0;
  end

  // Results leave.
  assign due = ended;
  assign wants = mine & busy & due & leaves;
  assign room = scoring ? score_room : {7'd0, partial_room != 0};
  // A bank of the partial-sum memory takes one score a cycle, the lowest line's.
  always_comb begin
    puts = '0;
    for (int p = 0; p < PSUM_BANKS; p++) begin
      for (int n = 0; n < LINES; n++) begin
        puts_to[p][n] = wants[n] && FA'(isa::W'(result[n].place) % isa::W'(PSUM_BANKS)) == FA'(p);
      end
      puts = puts | (puts_to[p] & ~above(puts_to[p]));
    end
  end
  assign offers = scoring ? puts : wants;
  arbiter #(.LINES(LINES), .MOST(SCORE_PORTS)) results (
      .wants(offers), .room, .granted(goes), .count(gone), .line(leaving));
  always_comb begin
    // As a bank takes one, no two of them are of one row.
    for (int m = 0; m < SCORE_PORTS; m++) begin
      score_item[m].place = isa::W'(result[leaving[m]].place);
      score_item[m].column = result[leaving[m]].column;
      fill[m] = filled[result[leaving[m]].place] + 1'b1;
      leaves_at[m] = firsts[result[leaving[m]].place] + filled[result[leaving[m]].place];
      leaves_line[m] = isa::W'(leaving[m]);
    end
    score_push = scoring ? gone : '0;
    partial_push = scoring ? '0 : gone;
    partial_item.place = score_item[0].place;
    partial_item.rows = isa::W'(1);
    partial_item.scores = isa::W'(result[leaving[0]].entries);
  end

  // Next operands are computed on.
  assign idle = ~busy | (mine & due & (~leaves | goes));
  assign begins = mine & idle & (here | arrives);
  assign computing = (mine & (begins | (busy & ~due))) != 0;

  // The ones after them are asked for: of a bank, or of the decoder.
  assign empty = begins | ~(here | waits);
  assign hungry = mine & empty & more;
  always_comb begin
    for (int n = 0; n < LINES; n++) begin
      row[n] = index[at[n]];
      token[n] = scoring ? isa::W'(one.row0) + row[n] : listed[at[n]];
      its_bank[n] = scoring ? BA'(isa::W'(token[n] + work[n].head) % isa::W'(BANKS)) : BA'(token[n] % isa::W'(VALUE_BANKS));
      sent[n] = !scoring || token[n] < q;
      for (int b = 0; b < BANKS; b++) asks[b][n] = hungry[n] && sent[n] && its_bank[n] == BA'(b);
      fetches[n] = hungry[n] && !sent[n] && one.forward == 0;
    end
  end

  // A bank sends the vector that the lowest line asks for, to all that ask for it.
  for (genvar b = 0; b < BANKS; b++) begin : banks
    arbiter #(.LINES(LINES), .MOST(1)) bank (
        .wants(asks[b]), .room({7'd0, can_send[b]}), .granted(asks_first[b]), .count(sends[b]), .line(sending[b]));
  end
  always_comb begin
    for (int b = 0; b < BANKS; b++) begin
      granted[b] = sends[b] != 0;
      bank_head[b] = work[sending[b]].head;
      bank_token[b] = token[sending[b]];
    end
    for (int n = 0; n < LINES; n++) begin
      sender[n] = 8'(its_bank[n]);
      fetched[n] = 1'b0;
      for (int b = 0; b < BANKS; b++) begin
        if (asks[b][n] && can_send[b] && (asks_first[b][n] || (bank_head[b] == work[n].head && bank_token[b] == token[n])))
          fetched[n] = 1'b1;
      end
    end
  end

  arbiter #(.LINES(LINES), .MOST(MISS_PUSHES)) misses (
      .wants(fetches), .room(miss_room), .granted(asked), .count(miss_push), .line(asking));
  always_comb begin
    for (int m = 0; m < MISS_PUSHES; m++) begin
      miss_item[m].number = number_n;
      miss_item[m].row = row[asking[m]];
      miss_item[m].head = work[asking[m]].head;
      miss_item[m].line = isa::W'(asking[m]);
    end
  end
  assign gets = fetched | asked;

  // The next column or row segment is taken up.
  always_comb begin
    columns_n = command_pop != 0 ? isa::W'(one.sparse_columns) : columns;
    entry_stop = isa::W'(valued_next.first_share) + command_data.end_;
    piece_stop = isa::W'(valued.first_share) + command_data.end_;
    entry_share = isa::W'(valued_next.first_share) + isa::W'(valued_next.skip_sparse);
    output_n = enters ? entry : ahead;
    owner = output_n.place;
    entries = output_n.left < isa::W'(SEGMENT) ? output_n.left : isa::W'(SEGMENT);
    whole = output_n.left <= isa::W'(SEGMENT);
    unready = enters ? !ready[RA'(entry.place)] : !ready[RA'(ahead.place)];
    if (scoring) some_left = columns_n != 0;
    else some_left = enters ? entry.share < entry_stop : ahead.share < (command_pop != 0 ? piece_stop : stop);
    behind_ahead = ahead.share + isa::W'(ahead.next);
    behind_entry = entry.share + isa::W'(entry.next);
    behind = {behind_ahead, ahead.place + isa::W'(ahead.next), outputs_of[RA'(behind_ahead)]};
    if (enters) behind = {behind_entry, entry.place + isa::W'(entry.next), outputs_of[RA'(behind_entry)]};
    fits = 1'b0;
    key_bank = BA'(isa::W'(column_data.head + column_data.column) % isa::W'(BANKS));
    if (scoring) begin
      fits = k_left[key_bank] == 0 && !(is_brought[key_bank] && operands_data.kind == 0);
      offered = column_valid != 0 && column_data.column < k && fits;
      took_head = column_data.head;
      took_place = isa::W'(one.first_row) + rows_before(column_data.head[7:0], isa::W'(one.rows));
      took_at = column_data.first;
      entries = column_data.count;
    end else begin
      offered = owner < limit && (!unready || (softmaxed_valid != 0 && softmaxed_data.place == owner));
      took_head = isa::W'(output_n.head);
      took_place = owner;
      took_at = output_n.first;
    end
    // The buffer of V is told before the first row is taken up.
    mute = phase_n == VALUES && some_left && !said && reading_room == 0;
    offered = offered && !mute && some_left && (scoring || (reads_left == 0 && reads_room != 0));
    reads_item.cycles = (isa::W'(entries * isa::W'(3)) + isa::W'(PSUM_PORT_BYTES - 1)) / isa::W'(PSUM_PORT_BYTES);
    took_column = column_data.column;
    new_work.head = took_head;
    new_work.column = took_column;
    new_work.place = RA'(took_place);
    new_work.last = IA'(took_at + entries - 1'b1);
    new_work.entries = SA'(entries);
  end
  arbiter #(.LINES(LINES), .MOST(1)) taker (
      .wants(free), .room({7'd0, offered}), .granted(takes), .count(taken), .line(taking));
  assign free = mine & empty & ~more;
  assign took = taken != 0;
  assign took_line = isa::W'(taking);
  assign column_pop = scoring ? taken : '0;
  assign reads_push = scoring ? '0 : taken;

  // What lines hold then.
  always_comb begin
    at_n = at;
    next_n = next;
    result_n = result;
    done_at_n = done_at;
    final_n = final_one;
    more_n = more | takes;
    for (int n = 0; n < LINES; n++) begin
      if (begins[n]) begin
        result_n[n]  = next[n];
        done_at_n[n] = now + beats;
      end
      if (gets[n]) begin
        next_n[n].column  = work[n].column;
        next_n[n].place   = scoring ? work[n].place + RA'(row[n]) : work[n].place;
        next_n[n].entries = work[n].entries;
        final_n[n] = at[n] == work[n].last;
        more_n[n] = at[n] != work[n].last;
        at_n[n] = at[n] + 1'b1;
      end
    end
    if (took) at_n[taking] = IA'(took_at);
  end

  assign working = mine & (~idle | begins | ~empty | more | takes);
  assign finished = phase_n != NOTHING && !some_left && working == 0;
  assign done_item.number = 1;
  assign done_push = {7'd0, finished && done_room != 0 && (!said || reading_room != 0)};
  assign reading_push = {7'd0, said ? done_push != 0 : phase_n == VALUES && some_left && !mute};
  assign reading_item.more = said ? -isa::W'(VALUE_BANKS * VALUE_BYTES) : isa::W'(VALUE_BANKS * VALUE_BYTES);
  always_comb begin
    status = wants != goes ? isa::BLOCKED : isa::STARVED;
    if (computing || took || gets != 0 || goes != 0) status = isa::BUSY;
    if (finished) status = done_push != 0 ? isa::BUSY : isa::BLOCKED;
    if (mute) status = isa::BLOCKED;
    if (phase_n == NOTHING) status = isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (passes_we) begin
      passes[PA'(passes_address)] <= passes_data;
      brings[PA'(passes_address)] <= {passes_data.bank_words, passes_data.heads_rest, passes_data.key_words};
    end
    if (index_we) index[IA'(index_address)] <= index_data.row;
    if (rows_we) begin
      outputs_of[RA'(rows_address)] <= {rows_data.head, isa::W'(rows_data.first), isa::W'(rows_data.sparse),
                                        rows_data.next_sparse};
      firsts[RA'(rows_address)] <= isa::W'(rows_data.first);
      filled[RA'(rows_address)] <= '0;
      ready[RA'(rows_address)]  <= 1'b0;
    end else begin
      for (int m = 0; m < SCORE_PORTS; m++) begin
        if (8'(m) < score_push) filled[RA'(score_item[m].place)] <= fill[m];
      end
      if (softmaxed_valid != 0) ready[RA'(softmaxed_data.place)] <= 1'b1;
    end
    for (int m = 0; m < SCORE_PORTS; m++) begin
      if (8'(m) < score_push) listed[IA'(leaves_at[m])] <= score_item[m].column;
    end
    phase <= rst || done_push != 0 ? NOTHING : phase_n;
    number <= number_n;
    columns <= columns_n - isa::W'(took);
    held <= one;
    if (command_pop != 0) stop <= enters ? entry_stop : piece_stop;
    if (rst) begin
      scored_next <= first.sparse_columns != 0 ? first : passes[PA'(first.next_sparse)];
      valued_next <= first.sparse_columns != 0 ? first : passes[PA'(first.next_sparse)];
    end else begin
      if (command_pop != 0 && command_data.phase == 0) scored_next <= passes[PA'(scored_next.next_sparse)];
      if (enters) begin
        valued <= valued_next;
        valued_next <= passes[PA'(valued_next.next_sparse)];
      end
    end
    entry <= {entry_share, isa::W'(valued_next.first_row) + isa::W'(valued_next.skip_sparse),
              outputs_of[RA'(entry_share)]};
    ahead <= output_n;
    if (took && !scoring) begin
      if (whole) ahead <= behind;
      else begin
        ahead.first <= output_n.first + isa::W'(SEGMENT);
        ahead.left  <= output_n.left - isa::W'(SEGMENT);
      end
    end
    there <= rst ? '0 : known;
    window_end <= rst ? '0 : limit;

    now <= rst ? '0 : now + 1'b1;
    for (int b = 0; b < BANKS; b++) begin
      if (rst) q_left[b] <= '0;
      else if (scoring && granted[b]) q_left[b] <= isa::W'(one.key_words) - 1'b1;
      else q_left[b] <= q_wait[b] != 0 ? q_wait[b] - 1'b1 : '0;
      if (rst) v_left[b] <= '0;
      else if (!scoring && granted[b]) v_left[b] <= v_cycles[b] - 1'b1;
      else v_left[b] <= v_left[b] != 0 ? v_left[b] - 1'b1 : '0;
      if (rst) k_left[b] <= '0;
      else if (column_pop != 0 && BA'(b) == key_bank)
        k_left[b] <= isa::W'(one.key_words) - 1'b1;
      else k_left[b] <= k_wait[b] != 0 ? k_wait[b] - 1'b1 : '0;
    end
    loading <= !rst && loading_n;
    said <= !rst && (reading_push != 0 ? !said : said);
    turn <= rst || turn == isa::W'(2 * VALUE_BANKS - 1) ? '0 : turn + 1'b1;
    if (rst) reads_left <= '0;
    else if (reads_push != 0) reads_left <= reads_item.cycles - 1'b1;
    else if (reads_left != 0) reads_left <= reads_left - 1'b1;
    busy <= rst ? '0 : ~idle | begins;
    for (int n = 0; n < LINES; n++) ended[n] <= begins[n] ? beats == 1 : ended[n] || done_at[n] == now + 1'b1;
    leaves <= (leaves & ~begins) | (scoring ? begins : begins & final_one);
    here <= rst ? '0 : fetched | ((here | arrives) & ~begins);
    waits <= rst ? '0 : asked | (waits & ~arrives);
    final_one <= final_n;
    more <= rst ? '0 : more_n;
    at <= at_n;
    next <= next_n;
    result <= result_n;
    done_at <= done_at_n;
    if (took) work[taking] <= new_work;
  end
endmodule

// The sparser engine's control: MAC lines that work off what polarization left over, each line on its own.
// Scores (K-stationary): a line takes a column of the CSC index, keeps its K, and has the Qs of the column's rows sent
// to it one after another: forwarded by a bank of the denser engine's Q buffer, or fetched through the decoder. Values
// (output-stationary): a line takes a segment of an output row and has the Vs of its columns sent in the same way.
// A line fetches the next vector, and takes up the next column or row, while it computes on the last. Where lines want
// the same thing in a cycle (a result port, a bank, a column), the lower line goes first.
module sparser_engine #(
    parameter int LINES       = 64,
    parameter int MACS        = 8,
    parameter int BANKS       = 4,
    parameter int SCORE_PORTS = 8,
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
    input  logic [7:0]       miss_room,
    output logic [7:0]       miss_push,
    output isa::miss_t [MISS_PUSHES-1:0] miss_item,
    input  logic [7:0]       score_room,
    output logic [7:0]       score_push,
    output isa::score_t [SCORE_PORTS-1:0] score_item,
    input  logic [7:0]       partial_room,
    output logic [7:0]       partial_push,
    output isa::partial_t    partial_item,
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
  localparam int PA = $clog2(PASSES), RA = $clog2(ROWS), IA = $clog2(INDEX);
  typedef enum logic [1:0] {NOTHING, SCORES, VALUES} phase_t;
  typedef enum logic [1:0] {NOWHERE, ASKED, HERE} where_t;
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  logic [isa::rows_row_bits-1:0] rows[ROWS];
  isa::word_t index[INDEX], listed[INDEX];
  isa::word_t filled[ROWS];
  logic [ROWS-1:0] ready, next_ready;

  // Of each line: the column or row it fetches for, its next operand, what it computes.
  isa::word_t head[LINES], column[LINES], place[LINES], at[LINES], left[LINES], entries[LINES];
  isa::word_t head_n[LINES], column_n[LINES], place_n[LINES], at_n[LINES], left_n[LINES], entries_n[LINES];
  where_t where_is[LINES], where_n[LINES];
  isa::word_t operand_place[LINES], operand_column[LINES], operand_entries[LINES];
  isa::word_t operand_place_n[LINES], operand_column_n[LINES], operand_entries_n[LINES];
  logic operand_last[LINES], operand_last_n[LINES];
  logic busy[LINES], busy_n[LINES], leaves[LINES], leaves_n[LINES];
  isa::clock_t done_at[LINES], done_at_n[LINES];
  isa::word_t result_place[LINES], result_column[LINES], result_entries[LINES];
  isa::word_t result_place_n[LINES], result_column_n[LINES], result_entries_n[LINES];

  phase_t phase, phase_n;
  isa::word_t number, number_n, segments, segments_n, next_row, next_row_n, row_at, row_at_n, window_end, limit;
  isa::operands_there_t [1:0] there, known;
  isa::operands_there_t slot;
  isa::clock_t now;
  isa::passes_row_t one;
  isa::rows_row_t first, last, row;
  isa::word_t k, q, features, token, some, eligible;
  logic takes, forwarded, working, computing, full;
  logic [7:0] ports;
  isa::word_t fill[SCORE_PORTS];
  logic [7:0] bank;

  always_comb begin
    operands_pop = {7'd0, operands_valid != 0};
    softmaxed_pop = {7'd0, softmaxed_valid != 0};
    window_pop = {7'd0, window_valid != 0};
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
    next_ready = ready;
    if (softmaxed_valid != 0) next_ready[RA'(softmaxed_data.place)] = 1'b1;
    limit = window_valid != 0 ? window_data.end_ : window_end;

    command_pop = {7'd0, phase == NOTHING && command_valid != 0};
    phase_n = phase;
    number_n = number;
    segments_n = segments;
    next_row_n = next_row;
    row_at_n = row_at;
    if (command_pop != 0) begin
      phase_n  = command_data.phase == 0 ? SCORES : VALUES;
      number_n = command_data.number;
    end
    pass = number_n;
    one = passes[PA'(number_n)];
    first = rows[RA'(one.first_row + command_data.begin_)];
    last = rows[RA'(one.first_row + command_data.end_)];
    if (command_pop != 0) begin
      segments_n = phase_n == SCORES ? one.sparse_columns : last.preceding - first.preceding;
      if (phase_n == VALUES) next_row_n = one.first_row + command_data.begin_;
    end
    scoring = phase_n == SCORES;
    features = scoring ? one.dim : one.value_dim;
    beats = (features + isa::W'(MACS - 1)) / isa::W'(MACS);
    slot = known[number_n[0]];
    q = one.forward != 0 && slot.number == number_n ? slot.q : '0;
    k = slot.number == number_n ? slot.k : '0;

    ports = scoring ? 8'(SCORE_PORTS) : 8'd1;
    score_push = '0;
    score_item = '0;
    partial_push = '0;
    partial_item = '0;
    miss_push = '0;
    miss_item = '0;
    column_pop = '0;
    takes = 1'b1;
    begins = '0;
    fetched = '0;
    sender = '0;
    {took_line, took_head, took_column, took_place, took_at} = '0;
    leaves_line = '0;
    working = 1'b0;
    computing = 1'b0;
    full = 1'b0;
    granted = '0;
    token = '0;
    forwarded = 1'b0;
    bank = '0;
    some = '0;
    row = '0;
    eligible = '0;
    for (int b = 0; b < BANKS; b++) begin
      bank_head[b]  = '0;
      bank_token[b] = '0;
    end
    for (int n = 0; n < SCORE_PORTS; n++) begin
      leaves_at[n] = '0;
      fill[n] = '0;
    end
    for (int n = 0; n < LINES; n++) begin
      head_n[n] = head[n];
      column_n[n] = column[n];
      place_n[n] = place[n];
      at_n[n] = at[n];
      left_n[n] = left[n];
      entries_n[n] = entries[n];
      where_n[n] = vector_valid != 0 && vector_data.line == isa::W'(n) ? HERE : where_is[n];
      operand_place_n[n] = operand_place[n];
      operand_column_n[n] = operand_column[n];
      operand_entries_n[n] = operand_entries[n];
      operand_last_n[n] = operand_last[n];
      busy_n[n] = busy[n];
      leaves_n[n] = leaves[n];
      done_at_n[n] = done_at[n];
      result_place_n[n] = result_place[n];
      result_column_n[n] = result_column[n];
      result_entries_n[n] = result_entries[n];
      if (phase_n != NOTHING && isa::W'(n) < one.sparser_lines) begin
        // A result leaves.
        if (busy[n] && done_at[n] <= now) begin
          if (!leaves[n]) busy_n[n] = 1'b0;
          else if (ports != 0 && (scoring ? score_room > score_push : partial_room != 0)) begin
            row = rows[RA'(result_place[n])];
            if (scoring) begin
              some = filled[RA'(result_place[n])];
              for (int m = 0; m < SCORE_PORTS; m++) begin
                if (8'(m) < score_push && score_item[m].place == result_place[n]) some = some + 1'b1;
              end
              for (int m = 0; m < SCORE_PORTS; m++) begin
                if (8'(m) == score_push) begin
                  score_item[m].place = result_place[n];
                  score_item[m].column = result_column[n];
                  leaves_at[m] = row.first + some;
                  leaves_line[m] = isa::W'(n);
                  fill[m] = some + 1'b1;
                end
              end
              score_push = score_push + 8'd1;
            end else begin
              partial_push = 8'd1;
              leaves_line[0] = isa::W'(n);
              partial_item.place = result_place[n];
              partial_item.rows = isa::W'(1);
              partial_item.scores = result_entries[n];
            end
            ports = ports - 8'd1;
            busy_n[n] = 1'b0;
          end else full = 1'b1;
        end
        // The next operand is computed on.
        if (!busy_n[n] && where_n[n] == HERE) begin
          busy_n[n] = 1'b1;
          begins[n] = 1'b1;
          done_at_n[n] = now + 32'(beats);
          where_n[n] = NOWHERE;
          result_place_n[n] = operand_place[n];
          result_column_n[n] = operand_column[n];
          result_entries_n[n] = operand_entries[n];
          leaves_n[n] = scoring || operand_last[n];
        end
        // The one after it is asked for.
        if (where_n[n] == NOWHERE && left[n] != 0) begin
          if (scoring) begin
            token = one.row0 + index[IA'(at[n])];
            operand_place_n[n] = one.first_row + isa::W'(head[n] * one.rows) + index[IA'(at[n])];
            operand_column_n[n] = column[n];
            forwarded = token < q;
          end else begin
            token = listed[IA'(at[n])];
            operand_place_n[n] = place[n];
            operand_column_n[n] = token;
            forwarded = 1'b1;
          end
          row = rows[RA'(operand_place_n[n])];
          bank = 8'(token % isa::W'(BANKS));
          if (forwarded) begin
            for (int b = 0; b < BANKS; b++) begin
              if (8'(b) == bank && (!granted[b] || (bank_head[b] == row.head && bank_token[b] == token))) begin
                granted[b] = 1'b1;
                bank_head[b] = row.head;
                bank_token[b] = token;
                where_n[n] = HERE;
                fetched[n] = 1'b1;
                sender[n] = bank;
              end
            end
          end else if (miss_push < miss_room) begin
            for (int m = 0; m < MISS_PUSHES; m++) begin
              if (8'(m) == miss_push) begin
                miss_item[m].number = number_n;
                miss_item[m].row = index[IA'(at[n])];
                miss_item[m].head = head[n];
                miss_item[m].line = isa::W'(n);
              end
            end
            miss_push  = miss_push + 8'd1;
            where_n[n] = ASKED;
          end
          if (where_n[n] != NOWHERE) begin
            at_n[n] = at[n] + 1'b1;
            left_n[n] = left[n] - 1'b1;
            operand_last_n[n] = left[n] == 1;
            operand_entries_n[n] = entries[n];
          end
        end
        // The next column or row segment is taken up.
        if (left_n[n] == 0 && where_n[n] == NOWHERE && segments_n != 0 && takes) begin
          row = rows[RA'(next_row_n)];
          eligible = row.following;
          row = rows[RA'(eligible)];
          if (scoring) begin
            if (column_valid != 0 && column_data.column < k) begin
              head_n[n] = column_data.head;
              column_n[n] = column_data.column;
              at_n[n] = column_data.first;
              left_n[n] = column_data.count;
              column_pop = 8'd1;
              takes = 1'b0;
            end
          end else if (next_ready[RA'(eligible)] && eligible < limit) begin
            some = row.sparse - row_at_n;
            if (some > isa::W'(SEGMENT)) some = isa::W'(SEGMENT);
            place_n[n] = eligible;
            at_n[n] = row.first + row_at_n;
            left_n[n] = some;
            entries_n[n] = some;
            row_at_n = row_at_n + some;
            next_row_n = eligible;
            if (row_at_n == row.sparse) begin
              next_row_n = eligible + 1'b1;
              row_at_n   = '0;
            end
            takes = 1'b0;
          end
          if (!takes) begin
            segments_n = segments_n - 1'b1;
            took_line = isa::W'(n);
            took_head = head_n[n];
            took_column = column_n[n];
            took_place = place_n[n];
            took_at = at_n[n];
          end
        end
        computing = computing || (busy_n[n] && done_at_n[n] > now);
        working = working || busy_n[n] || where_n[n] != NOWHERE || left_n[n] != 0;
      end
    end
    took = !takes;
    done_item.number = 1;
    done_push = {7'd0, phase_n != NOTHING && segments_n == 0 && !working && done_room != 0};
    status = full ? isa::BLOCKED : isa::STARVED;
    if (computing || took || begins != 0 || fetched != 0 || miss_push != 0 || score_push != 0 || partial_push != 0)
      status = isa::BUSY;
    if (segments_n == 0 && !working) status = done_room != 0 ? isa::BUSY : isa::BLOCKED;
    if (phase_n == NOTHING) status = isa::IDLE;
    if (done_push != 0) phase_n = NOTHING;
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (index_we) index[IA'(index_address)] <= index_data.row;
    if (rows_we) begin
      rows[RA'(rows_address)]   <= rows_data;
      filled[RA'(rows_address)] <= '0;
    end else begin
      for (int n = 0; n < SCORE_PORTS; n++) begin
        if (8'(n) < score_push) filled[RA'(score_item[n].place)] <= fill[n];
      end
    end
    for (int n = 0; n < SCORE_PORTS; n++) begin
      if (8'(n) < score_push) listed[IA'(leaves_at[n])] <= score_item[n].column;
    end
    ready <= next_ready;
    if (rows_we) ready[RA'(rows_address)] <= 1'b0;
    now <= rst ? '0 : now + 1'b1;
    for (int n = 0; n < LINES; n++) begin
      head[n] <= head_n[n];
      column[n] <= column_n[n];
      place[n] <= place_n[n];
      at[n] <= at_n[n];
      left[n] <= rst ? '0 : left_n[n];
      entries[n] <= entries_n[n];
      where_is[n] <= rst ? NOWHERE : where_n[n];
      operand_place[n] <= operand_place_n[n];
      operand_column[n] <= operand_column_n[n];
      operand_entries[n] <= operand_entries_n[n];
      operand_last[n] <= operand_last_n[n];
      busy[n] <= !rst && busy_n[n];
      leaves[n] <= leaves_n[n];
      done_at[n] <= done_at_n[n];
      result_place[n] <= result_place_n[n];
      result_column[n] <= result_column_n[n];
      result_entries[n] <= result_entries_n[n];
    end
    phase <= rst ? NOTHING : phase_n;
    number <= number_n;
    segments <= segments_n;
    next_row <= next_row_n;
    row_at <= rst ? '0 : row_at_n;
    there <= rst ? '0 : known;
    window_end <= rst ? '0 : limit;
  end
endmodule

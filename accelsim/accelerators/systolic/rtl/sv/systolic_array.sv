// The control of a systolic array: parts of streams come, folds are loaded, stream and drain, one behind the other. The
// array has a time of its own: where what must leave finds no room nothing moves, and that time stands still. In a
// cycle of it: what is due leaves, the stream that has ended gives its operands back, the next fold's stream begins, and
// the next stationary operand is loaded. How long a stream and a load last is a word of the command's row in `frees`, for
// the folds of all rows and for the last one; here only what the one before may add to it is found.
module systolic_array #(
    parameter int ROWS     = 4,
    parameter int COLUMNS  = 3,
    parameter int DATAFLOW = 0,  // what stays in the PEs: 0 outputs, 1 weights, 2 inputs
    parameter int OVERLAP  = 1,
    parameter int PSUM_HOP = 1,
    parameter int AHEAD    = 4,
    parameter int FREES    = 64
) (
    input  logic                   clk,
    input  logic                   rst,
    output isa::status_t           status,
    input  logic                   frees_we,
    input  isa::word_t             frees_address,
    input  isa::frees_row_t        frees_data,
    input  logic [7:0]             command_valid,
    input  isa::part_t             command_data,
    output logic [7:0]             command_pop,
    input  logic [7:0]             out_room,
    output logic [7:0]             out_push,
    output isa::encoded_t         out_item,
    input  logic [7:0]             scores_room,
    output logic [7:0]             scores_push,
    output isa::block_t            scores_item,
    input  logic [7:0]             release_weight_room,
    output logic [7:0]             release_weight_push,
    output isa::release_t          release_weight_item,
    input  logic [7:0]             release_act_room,
    output logic [7:0]             release_act_push,
    output isa::release_t          release_act_item,
    input  logic [7:0]             done_room,
    output logic [7:0]             done_push,
    output isa::done_t             done_item,
    // For the data path: whether anything moves in this cycle; a fold's stream begins, of so many beats, the first one in
    // `lead` cycles (none: at once) and then one every `beat` cycles.
    output logic                   moves,
    output logic                   starts,
    output logic                   at_once,
    output isa::word_t             lead,
    output isa::word_t             beats,
    output isa::word_t             beat,
    output logic                   swaps,       // it begins with the stationary operand that was loaded, if one does
    output logic                   clears,      // its outputs begin with zero
    output logic                   drains,      // its outputs leave the PEs behind it
    output logic                   adds,        // partial sums of an earlier fold are added
    output logic                   keeps,       // sums stay in the accumulators at the bottom; else they leave
    output logic                   loads,       // a stationary operand is loaded: rows that stay empty, one a cycle,
    output isa::word_t             load_empty,
    output isa::word_t             load_rows,   // and those that do not, one in so many cycles
    output isa::word_t             load_beat
);
  localparam bit STATIONARY = DATAFLOW != 0;
  localparam bit SHADOW = OVERLAP != 0;
  localparam int TAIL = (STATIONARY ? PSUM_HOP : 2) * (ROWS - 1) + COLUMNS - 1;  // from a stream's end to its last output
  localparam int ITEMS = 2 + COLUMNS + (1 + PSUM_HOP) * ROWS;
  localparam int AB = $clog2(AHEAD + 1), IB = $clog2(ITEMS + 1), FA = FREES > 1 ? $clog2(FREES) : 1;
  localparam isa::word_t ALL = isa::W'(ROWS);
  localparam isa::word_t BEHIND = isa::W'(SHADOW ? (PSUM_HOP - 1) * (ROWS - 1) : 0);
  typedef struct packed {
    isa::word_t left;     // rows whose fold has not begun
    isa::word_t to_load;  // rows that the loader has not passed
    isa::word_t columns;
    isa::word_t stream;
    logic       first;
    logic       last;
    logic       adds;
    logic [1:0] to;
    isa::word_t passes;
    isa::word_t row;
  } coming_t;
  typedef struct packed {
    logic [1:0] to;
    logic       ends;
    isa::word_t elements;
    isa::word_t passes;
    isa::word_t row;
    isa::word_t rows;
    isa::word_t columns;
  } leaving_t;
  logic [isa::frees_row_bits-1:0] frees[FREES];
  isa::frees_row_t told, next_told, load_told, free;  // of the oldest part, of the one behind it
  coming_t parts[AHEAD], view[AHEAD];  // the oldest first
  coming_t part, loading, incoming;
  leaving_t leaving[ITEMS];
  leaving_t item, foremost, next_item;
  logic [AB-1:0] held, now_held, seen, next_seen;
  logic [IB-1:0] oldest, next_oldest, newest, under_way, now_under_way;
  isa::word_t number, head;  // the command whose stream ends next, and that of the oldest part
  isa::word_t begun;         // rows of it whose fold has begun
  isa::word_t end_left, loaded_left, load_from, next_load_from, drained_left, satisfied;
  isa::word_t rows_now, cycles, spare, reads, waits, excess, lasts;
  logic [TAIL:0] on_way;     // the ends of streams, as far as their last outputs have come
  logic ending;              // a stream has ended in this cycle of the array's time
  logic loaded, now_loaded, streaming, now_streaming, ends, opened, now_opened;
  logic left_already, ended_already;  // in an earlier cycle of the same time
  logic takes_first, takes_later, waiting, port_free, takes, due, leaves_now, stuck, ended, ends_now, caught, alone, begins, final_fold;
  logic advances, load_final, incoming_next, last_next, some_begun;

  function automatic isa::word_t less_one(input isa::word_t a);  // but not below 0
    less_one = a == 0 ? '0 : a - 1'b1;
  endfunction

  always_comb begin
    // Parts come as long as there is room, whatever else happens.
    incoming.left = command_data.rows;
    incoming.to_load = command_data.rows;
    incoming.columns = command_data.columns;
    incoming.stream = command_data.stream;
    incoming.first = command_data.first[0];
    incoming.last = command_data.last[0];
    incoming.adds = command_data.adds[0];
    incoming.to = command_data.to[1:0];
    incoming.passes = command_data.passes;
    incoming.row = command_data.row;
    takes_first = command_valid != 0 && held < AB'(AHEAD);
    view = parts;
    for (int n = 0; n < AHEAD; n++) if (takes_first && held == AB'(n)) view[n] = incoming;
    part = view[0];

    // What is due leaves, and the stream that has ended gives back what it was the last to read.
    item = TAIL > 0 ? foremost : leaving[oldest];
    ending = (streaming && end_left == 0) || ended_already;
    due = (TAIL > 0 ? on_way[TAIL>0?TAIL-1:0] : ending) && !left_already;
    stuck = due && ((item.ends && done_room == 0) || (item.to == 2'd1 && out_room == 0)
        || (item.to == 2'd2 && scores_room == 0));
    leaves_now = due && !stuck;
    next_oldest = !leaves_now ? oldest : oldest == IB'(ITEMS - 1) ? '0 : oldest + 1'b1;
    out_push = {7'd0, leaves_now && item.to == 2'd1};
    out_item.elements = item.elements;
    out_item.passes = item.passes;
    scores_push = {7'd0, leaves_now && item.to == 2'd2};
    scores_item.row = item.row;
    scores_item.rows = item.rows;
    scores_item.columns = item.columns;
    done_push = {7'd0, leaves_now && item.ends};
    done_item.number = 1;
    ended = streaming && end_left == 0;
    caught = ended && ends && (release_weight_room == 0 || release_act_room == 0);
    ends_now = ended && !caught;
    free = frees[FA'(number)];
    release_weight_push = {7'd0, ends_now && ends};
    release_weight_item.bytes = free.weight;
    release_weight_item.read_bytes = free.weight_read;
    release_act_push = {7'd0, ends_now && ends};
    release_act_item.bytes = free.act;
    release_act_item.read_bytes = free.act_read;
    moves = !stuck && !caught;

    // The next fold's stream begins.
    now_streaming = streaming && !ends_now;
    now_under_way = under_way - IB'(leaves_now);
    alone = SHADOW || (!now_streaming && now_under_way == 0);
    begins = STATIONARY && part.first;
    starts = moves && !now_streaming && (held != 0 || takes_first)
        && (begins ? loaded && loaded_left == 0 : !part.first || alone);
    final_fold = some_begun ? last_next : told.folds == 1;
    rows_now = final_fold ? part.left : ALL;
    cycles = final_fold ? told.last_cycles : told.cycles;
    spare = final_fold ? told.last_spare : told.spare;
    reads = final_fold ? told.last_reads : told.reads;
    beat = final_fold ? told.last_beat : told.beat;
    beats = part.stream;
    // Outputs of the fold before are at the bottom of the columns as long; or an operand takes the top edge's port.
    if (STATIONARY) waits = loaded && !begins ? loaded_left : '0;
    else waits = SHADOW && part.last ? drained_left : '0;
    excess = waits > spare ? waits - spare : '0;
    lasts = cycles + excess;
    at_once = waits <= spare && (final_fold ? told.last_lead == 0 : told.lead == 0);
    lead = (final_fold ? told.last_lead : told.lead) + excess;
    swaps = STATIONARY && held != 0 && parts[0].first && loaded && loaded_left == 0 && (!streaming || end_left == 0);
    clears = part.first;
    drains = part.last;
    adds = part.adds || some_begun;
    next_item.to = (STATIONARY ? final_fold : part.last) ? part.to : 2'd0;
    keeps = next_item.to == 2'd0;
    next_item.ends = final_fold;
    next_item.elements = final_fold ? told.last_elements : told.elements;
    next_item.passes = part.passes;
    next_item.row = part.row + (STATIONARY ? '0 : begun);
    next_item.rows = DATAFLOW == 0 ? rows_now : DATAFLOW == 1 ? part.stream : part.columns;
    next_item.columns = DATAFLOW == 2 ? part.stream : part.columns;
    now_loaded = loaded && !(starts && begins);
    now_opened = starts ? !part.last : opened;
    satisfied = reads != 0 ? waits + reads : '0;  // when the top edge has read what the fold's outputs leave with
    next_load_from = load_from;
    if (starts) begin
      next_load_from = begins ? BEHIND : load_from;
      if (satisfied > next_load_from) next_load_from = satisfied;
    end
    port_free = starts ? reads == 0 && (begins ? BEHIND == 0 : load_from == 0) : load_from == 0;
    if (starts) view[0].left = part.left - ALL;
    advances = starts && final_fold;
    takes_later = moves && !takes_first && command_valid != 0 && advances;
    takes = takes_first || takes_later;
    command_pop = {7'd0, takes};
    if (advances) begin
      for (int n = 0; n + 1 < AHEAD; n++) view[n] = view[n+1];
      view[AHEAD-1] = incoming;
    end
    now_held = held + AB'(takes) - AB'(advances);
    now_streaming = now_streaming || starts;
    now_under_way = now_under_way + IB'(starts);

    // The next stationary operand is loaded: of the first part that begins a fold behind those whose operand is there or
    // on its way. Parts are counted here as before one of them advances.
    next_seen = held;
    loading = incoming;
    for (int n = AHEAD - 1; n >= 0; n--) begin
      if (AB'(n) >= seen && AB'(n) < held && parts[n].first) begin
        next_seen = AB'(n);
        loading = parts[n];
      end
    end
    load_told = frees[FA'(head+isa::W'(next_seen))];
    incoming_next = takes && incoming.first;
    waiting = next_seen < held || incoming_next;
    if (!waiting) next_seen = held + AB'(takes);
    alone = SHADOW || (!now_streaming && now_under_way == 0);
    loads = STATIONARY && moves && !now_loaded && waiting && port_free && alone;
    load_final = loading.to_load <= ALL;
    load_empty = load_final ? load_told.last_empty : load_told.load_empty;
    load_rows = load_final ? load_told.last_rows : ALL;
    load_beat = load_told.load_beat;
    for (int n = 0; n < AHEAD; n++) if (loads && next_seen == AB'(n + advances)) view[n].to_load = loading.to_load - ALL;

    if (!moves) status = isa::BLOCKED;
    else if (now_streaming || now_under_way != 0 || loads) status = isa::BUSY;
    else if (STATIONARY && (now_loaded ? loaded_left != 0 : waiting && !port_free)) status = isa::BUSY;
    else status = now_opened ? isa::STARVED : isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (frees_we) frees[FA'(frees_address)] <= frees_data;
    foremost <= leaving[next_oldest];
    if (rst) begin
      told <= frees[0];
      next_told <= frees[FA'(1)];
      held <= '0;
      seen <= '0;
      oldest <= '0;
      newest <= '0;
      under_way <= '0;
      number <= '0;
      head <= '0;
      begun <= '0;
      some_begun <= 1'b0;
      load_from <= '0;
      drained_left <= '0;
      loaded <= 1'b0;
      streaming <= 1'b0;
      opened <= 1'b0;
      left_already <= 1'b0;
      ended_already <= 1'b0;
      on_way <= '0;
    end else begin
      parts <= view;
      held <= now_held;
      under_way <= now_under_way;
      streaming <= now_streaming;
      left_already <= !moves && (left_already || leaves_now);
      ended_already <= !moves && (ended_already || ends_now);
      oldest <= next_oldest;
      if (ends_now && ends) number <= number + 1'b1;
      if (moves) begin
        seen <= next_seen + AB'(loads && load_final) - AB'(advances);
        on_way <= (TAIL + 1)'({on_way, ending});
        loaded <= now_loaded || loads;
        if (loads) loaded_left <= (load_final ? load_told.last_load : load_told.load) - 1'b1;
        else loaded_left <= less_one(loaded_left);
        load_from <= less_one(next_load_from);
        opened <= now_opened;
        if (starts) begin
          leaving[newest] <= next_item;
          newest <= newest == IB'(ITEMS - 1) ? '0 : newest + 1'b1;
          ends <= final_fold;
          begun <= final_fold ? '0 : begun + ALL;
          some_begun <= !final_fold;
          last_next <= part.left <= isa::W'(2 * ROWS);
        end
        if (advances) begin
          head <= head + 1'b1;
          told <= next_told;
          next_told <= frees[FA'(head+isa::W'(2))];
        end
        end_left <= starts ? lasts - 1'b1 : less_one(end_left);
        if (starts && part.last) drained_left <= lasts + ALL - 1'b1;
        else drained_left <= less_one(drained_left);
      end
    end
  end
endmodule

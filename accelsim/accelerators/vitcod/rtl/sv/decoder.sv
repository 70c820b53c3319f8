// The decoder lines: the auto-encoder's second half, h' compressed heads of Q and K back to h, in front of the engines.
// Tokens stream from the activation buffer into the operand buffers; single vectors that the sparser engine did not
// find in the denser engine's Q buffer are fetched one by one, and go first.
module decoder #(
    parameter int QUEUE  = 32,
    parameter int Q_FROM = 0,  // 1: single vectors come with the ask
    parameter int PASSES = 16
) (
    input  logic             clk,
    input  logic             rst,
    output isa::status_t     status,
    input  logic             passes_we,
    input  isa::word_t       passes_address,
    input  isa::passes_row_t passes_data,
    input  logic [7:0]       command_valid,
    input  isa::decode_t     command_data,
    output logic [7:0]       command_pop,
    input  logic [7:0]       miss_valid,
    input  isa::miss_t       miss_data,
    output logic [7:0]       miss_pop,
    input  logic [7:0]       denser_room,
    output logic [7:0]       denser_push,
    output isa::operands_t   denser_item,
    input  logic [7:0]       sparser_room,
    output logic [7:0]       sparser_push,
    output isa::operands_t   sparser_item,
    input  logic [7:0]       vector_room,
    output logic [7:0]       vector_push,
    output isa::line_t     vector_item,
    input  logic [7:0]       done_room,
    output logic [7:0]       done_push,
    output isa::done_t       done_item,
    input  logic [7:0]       reading_room,
    output logic [7:0]       reading_push,
    output isa::reading_t    reading_item,
    // For the data path: a token or a single vector is begun.
    output logic             begins,
    output logic             single,
    output logic             kind,                          // 0: K, 1: Q
    output isa::word_t       token_begun,
    output isa::word_t       head,
    output isa::word_t       pass,
    output isa::word_t       heads,
    output isa::word_t       dim,
    output isa::word_t       encoded
);
  localparam int PA = $clog2(PASSES), QA = QUEUE > 1 ? $clog2(QUEUE) : 1;
  typedef enum logic [1:0] {NOTHING, TOKEN, VECTOR} work_t;
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  logic [isa::decode_bits-1:0] todo[QUEUE];
  logic [7:0] oldest, held, next_oldest, next_held, newest;
  isa::word_t token, arrived_pass, arrived, line, next_token, next_pass, next_arrived, next_line;
  logic any_arrived, next_any;
  work_t busy, next_busy;
  isa::word_t left, next_left;  // cycles that the work in hand still takes, this one included
  isa::decode_t job, second, following;
  isa::passes_row_t asked, working;
  isa::word_t rate, next_rate, row_asked;
  logic [7:0] after;
  logic arrives, there, there_now, ended, last, none, empty, free, over, stuck, tokens, changes, mute;

  function automatic logic [7:0] wrap(input logic [7:0] slot);
    wrap = slot >= 8'(QUEUE) ? slot - 8'(QUEUE) : slot;
  endfunction

  // Whether the Q that is asked for is there, when so much has arrived.
  function automatic logic reaches(input isa::word_t number, input isa::word_t tokens_there);
    reaches = miss_data.number < number || (miss_data.number == number && row_asked < tokens_there);
  endfunction

  always_comb begin
    newest = wrap(oldest + held);
    after = wrap(oldest + 8'd1);
    command_pop = {7'd0, command_valid != 0 && held < 8'(QUEUE)};
    arrives = command_pop != 0 && command_data.kind != 0;
    next_any = any_arrived || arrives;
    next_pass = arrives ? command_data.number : arrived_pass;
    next_arrived = arrives ? command_data.first + command_data.tokens : arrived;
    // A command that is taken in this cycle may be the one that is worked on in this cycle.
    job = held == 0 ? command_data : todo[QA'(oldest)];
    second = held <= 1 ? command_data : todo[QA'(after)];
    asked = passes[PA'(miss_data.number)];
    row_asked = isa::W'(asked.row0) + miss_data.row;
    there = any_arrived && reaches(arrived_pass, arrived);
    there_now = reaches(command_data.number, command_data.first + command_data.tokens);

    // The work in hand ends.
    vector_item.line = line;
    denser_item.number = job.number;
    denser_item.kind = job.kind;
    denser_item.tokens = job.first + token + 1'b1;
    sparser_item = denser_item;
    done_item.number = 1;
    last = token + 1'b1 == job.tokens;
    none = token == job.tokens;
    ended = busy != NOTHING && (left >> 1) == 0;
    vector_push = {7'd0, ended && busy == VECTOR && vector_room != 0};
    denser_push = {7'd0, ended && busy == TOKEN && denser_room != 0 && sparser_room != 0 && !(last && done_room == 0)};
    sparser_push = denser_push;
    empty = busy == NOTHING || vector_push != 0 || denser_push != 0;
    free = empty;

    // A command is done.
    over = free && (held != 0 || command_pop != 0) && (job.kind == 2 || (denser_push != 0 ? last : none));
    done_push = {7'd0, over && done_room != 0};
    next_oldest = done_push != 0 ? after : oldest;
    next_held = held + command_pop - done_push;
    next_token = done_push != 0 ? '0 : token + isa::W'(denser_push);
    following = done_push != 0 ? second : job;
    tokens = held + command_pop > done_push && following.kind < 2;
    working = passes[PA'(following.number)];
    stuck = (ended && !free) || (over && done_room == 0);
    if (over && done_room == 0) free = 1'b0;

    // The next one begins, as soon as the buffer knows what is read.
    next_busy = empty ? NOTHING : busy;
    next_line = line;
    begins = 1'b0;
    single = 1'b0;
    miss_pop = '0;
    next_rate = free ? '0 : rate;
    changes = free && rate != 0;
    if (free && miss_valid != 0 && (Q_FROM != 0 || (arrives ? there_now : there))) begin
      begins = 1'b1;
      single = 1'b1;
      next_rate = Q_FROM != 0 ? '0 : isa::W'(asked.vector_rate);
      changes = (Q_FROM != 0 ? '0 : isa::W'(asked.vector_rate)) != rate;
    end else if (free && tokens) begin
      begins = 1'b1;
      next_rate = isa::W'(working.token_rate);
      changes = isa::W'(working.token_rate) != rate;
    end
    reading_item.more = next_rate - rate;
    reading_push = {7'd0, changes && reading_room != 0};
    mute = begins && changes && reading_room == 0;
    if (changes && reading_room == 0) next_rate = rate;
    if (mute) begin
      begins = 1'b0;
      single = 1'b0;
      stuck = 1'b1;
    end
    if (single) begin
      miss_pop = 8'd1;
      next_busy = VECTOR;
      next_line = miss_data.line;
    end else if (begins) next_busy = TOKEN;
    next_left = (left >> 1) != 0 ? left - 1'b1 : '0;
    if (begins) next_left = isa::W'(single ? asked.vector_cycles : working.token_cycles);
    status = miss_valid != 0 ? isa::STARVED : isa::IDLE;
    if (next_busy != NOTHING || held + command_pop != done_push) status = isa::BUSY;
    if (stuck) status = isa::BLOCKED;
    kind = single || following.kind != 0;
    token_begun = single ? isa::W'(asked.row0) + miss_data.row : following.first + next_token;
    head = miss_data.head;
    pass = single ? miss_data.number : following.number;
    heads = isa::W'(working.heads);
    dim = isa::W'(single ? asked.dim : working.dim);
    encoded = isa::W'(single ? asked.encoded : working.encoded);
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (command_pop != 0) todo[QA'(newest)] <= command_data;
    if (rst) begin
      oldest <= '0;
      held <= '0;
      token <= '0;
      any_arrived <= 1'b0;
      busy <= NOTHING;
    end else begin
      oldest <= next_oldest;
      held <= next_held;
      token <= next_token;
      any_arrived <= next_any;
      busy <= next_busy;
    end
    rate <= rst ? '0 : next_rate;
    arrived_pass <= next_pass;
    arrived <= next_arrived;
    line <= next_line;
    left <= next_left;
  end
endmodule

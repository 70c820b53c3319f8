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
  isa::clock_t now, ready_at, next_ready_at;
  isa::decode_t job, following;
  isa::passes_row_t asked, working;
  isa::word_t rate, next_rate;
  logic stuck, mute;

  function automatic logic [7:0] wrap(input logic [7:0] slot);
    wrap = slot >= 8'(QUEUE) ? slot - 8'(QUEUE) : slot;
  endfunction

  // A command that is taken in this cycle may be the one that is worked on in this cycle.
  function automatic isa::decode_t entry(input logic [7:0] slot);
    entry = command_pop != 0 && slot == newest ? command_data : todo[QA'(slot)];
  endfunction

  always_comb begin
    newest = wrap(oldest + held);
    command_pop = {7'd0, command_valid != 0 && held < 8'(QUEUE)};
    next_held = held + command_pop;
    next_pass = arrived_pass;
    next_arrived = arrived;
    next_any = any_arrived;
    if (command_pop != 0 && command_data.kind != 0) begin
      next_any = 1'b1;
      next_pass = command_data.number;
      next_arrived = command_data.first + command_data.tokens;
    end
    next_oldest = oldest;
    next_token = token;
    next_busy = busy;
    next_line = line;
    next_ready_at = ready_at;
    vector_push = '0;
    denser_push = '0;
    done_push = '0;
    miss_pop = '0;
    stuck = 1'b0;
    job = entry(oldest);
    vector_item.line = line;
    denser_item.number = job.number;
    denser_item.kind = job.kind;
    denser_item.tokens = job.first + token + 1'b1;
    sparser_item = denser_item;
    done_item.number = 1;

    if (busy != NOTHING && now >= ready_at) begin
      if (busy == VECTOR) begin
        if (vector_room == 0) stuck = 1'b1;
        else vector_push = 8'd1;
      end else begin
        if (denser_room == 0 || sparser_room == 0 || (token + 1'b1 == job.tokens && done_room == 0)) stuck = 1'b1;
        else begin
          denser_push = 8'd1;
          next_token  = token + 1'b1;
        end
      end
      if (!stuck) next_busy = NOTHING;
    end
    sparser_push = denser_push;

    if (!stuck && next_held != 0 && next_busy == NOTHING && (job.kind == 2 || next_token == job.tokens)) begin
      if (done_room == 0) stuck = 1'b1;
      else begin
        done_push   = 8'd1;
        next_oldest = wrap(oldest + 8'd1);
        next_held   = next_held - 8'd1;
        next_token  = '0;
      end
    end

    asked = passes[PA'(miss_data.number)];
    following = entry(next_oldest);
    working = passes[PA'(following.number)];
    begins = 1'b0;
    single = 1'b0;
    next_rate = rate;
    reading_push = '0;
    mute = 1'b0;
    if (!stuck && next_busy == NOTHING) next_rate = '0;
    if (!stuck && next_busy == NOTHING && miss_valid != 0 && (Q_FROM != 0 || (next_any
        && (miss_data.number < next_pass
            || (miss_data.number == next_pass && asked.row0 + miss_data.row < next_arrived))))) begin
      miss_pop = 8'd1;
      next_busy = VECTOR;
      begins = 1'b1;
      single = 1'b1;
      next_line = miss_data.line;
      next_rate = Q_FROM != 0 ? '0 : asked.vector_rate;
    end else if (!stuck && next_busy == NOTHING && next_held != 0 && following.kind < 2) begin
      next_busy = TOKEN;
      begins = 1'b1;
      next_rate = working.token_rate;
    end
    reading_item.more = next_rate - rate;
    if (next_rate != rate) begin
      reading_push = {7'd0, reading_room != 0};
      mute = begins && reading_room == 0;
      if (reading_room == 0) next_rate = rate;
    end
    if (mute) begin
      next_busy = NOTHING;
      next_line = line;
      miss_pop = '0;
      begins = 1'b0;
      single = 1'b0;
      stuck = 1'b1;
    end
    status = miss_valid != 0 ? isa::STARVED : isa::IDLE;
    if (next_busy != NOTHING || next_held != 0) status = isa::BUSY;
    if (stuck) status = isa::BLOCKED;
    kind = single || following.kind != 0;
    token_begun = single ? asked.row0 + miss_data.row : following.first + next_token;
    head = miss_data.head;
    pass = single ? miss_data.number : following.number;
    heads = working.heads;
    dim = single ? asked.dim : working.dim;
    encoded = single ? asked.encoded : working.encoded;
    if (begins) next_ready_at = now + 32'(single ? asked.vector_cycles : working.token_cycles);
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (command_pop != 0) todo[QA'(newest)] <= command_data;
    now <= rst ? '0 : now + 1'b1;
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
    ready_at <= next_ready_at;
  end
endmodule

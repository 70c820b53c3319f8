// The control of the softmax unit: lanes take blocks of scores, rows that are complete go through the exponentials (mode
// max) and the divider, and leave or are told. Times are cycle numbers; sizes are multiplied and divided in the cycle in
// which a block is taken, as in the model.
module row_softmax #(
    parameter int LANES           = 16,
    parameter int MODE            = 0,  // 0: a static bound, 1: the rows' own maxima
    parameter int EXP_CYCLES      = 4,
    parameter int DIVIDE_CYCLES   = 16,
    parameter int DIVIDE_INTERVAL = 1,
    parameter int AHEAD           = 64,
    parameter int SEEN            = 64  // rows of a tile
) (
    input  logic           clk,
    input  logic           rst,
    output isa::status_t   status,
    input  logic           seen_we,
    input  isa::word_t     seen_address,
    input  isa::seen_row_t seen_data,
    input  logic [7:0]     command_valid,
    input  isa::scoring_t  command_data,
    output logic [7:0]     command_pop,
    input  logic [7:0]     scores_valid,
    input  isa::block_t    scores_data,
    output logic [7:0]     scores_pop,
    input  logic [7:0]     out_room,
    output logic [7:0]     out_push,
    output isa::bytes_t    out_item,
    input  logic [7:0]     done_room,
    output logic [7:0]     done_push,
    output isa::done_t     done_item
);
  localparam int SA = SEEN > 1 ? $clog2(SEEN) : 1, LA = AHEAD > 1 ? $clog2(AHEAD) : 1, LB = $clog2(AHEAD + 1);
  typedef struct packed {
    isa::word_t rows;
    isa::word_t columns;
  } complete_t;
  typedef struct packed {
    isa::clock_t at;
    isa::word_t  rows;
    isa::word_t  bytes;
  } leaving_t;
  isa::word_t seen[SEEN];         // scores of each row of the tile, at a block's first row; zero when time begins
  complete_t complete[SEEN];      // rows whose exponentials are to come
  leaving_t leaving[AHEAD];
  leaving_t item, next_item;
  complete_t whole;
  isa::clock_t now, free_at, next_free_at, divider_free_at, start;
  isa::word_t rows, columns, missing, now_rows, now_columns, now_missing, ready, bytes, work, taken;
  logic [1:0] kind, now_kind;
  logic [LA-1:0] oldest, newest;
  logic [LB-1:0] under_way, now_under_way;
  logic [SA-1:0] first, last, blocks;
  logic active, now_active, due, leaves, blocked, free, exponentials, fetches, takes, filled, completes, goes;

  function automatic logic [SA-1:0] following(input logic [SA-1:0] place);
    following = place == SA'(SEEN - 1) ? '0 : place + 1'b1;
  endfunction

  always_comb begin
    item = leaving[oldest];
    due = under_way != 0 && item.at <= now;
    leaves = due && (item.bytes == 0 || out_room != 0) && (item.rows == 0 || done_room != 0);
    blocked = due && !leaves;
    out_push = {7'd0, leaves && item.bytes != 0};
    out_item.bytes = item.bytes;
    done_push = {7'd0, leaves && item.rows != 0};
    done_item.number = item.rows;
    now_under_way = under_way - LB'(leaves);

    takes = !active && command_valid != 0;
    command_pop = {7'd0, takes};
    now_active = active || takes;
    now_kind = takes ? command_data.kind[1:0] : kind;
    now_rows = takes ? command_data.rows : rows;
    now_columns = takes ? command_data.columns : columns;
    now_missing = takes ? command_data.rows * command_data.columns : missing;

    free = free_at <= now && now_under_way < LB'(AHEAD);
    whole = complete[first];
    exponentials = free && blocks != 0;
    fetches = free && !exponentials && now_active && now_kind == 2'd2;
    filled = free && !exponentials && now_active && now_kind != 2'd2 && scores_valid != 0;
    scores_pop = {7'd0, filled};
    ready = '0;  // rows whose exponentials are all done with this work
    bytes = '0;
    work = '0;
    taken = seen[SA'(scores_data.row)] + scores_data.columns;
    completes = filled && now_kind == 2'd0 && taken == now_columns;
    if (exponentials) begin
      ready = whole.rows;
      work = whole.rows * whole.columns;
    end else if (fetches) begin
      ready = now_rows;
      bytes = now_missing;
      work = MODE != 0 ? now_missing << 1 : now_missing;
      now_missing = '0;
    end else if (filled) begin
      work = scores_data.rows * scores_data.columns;
      now_missing = now_missing - work;
      if (now_kind == 2'd1) bytes = work << 1;
      else if (completes && MODE == 0) ready = scores_data.rows;
    end
    goes = exponentials || fetches || filled;
    next_free_at = now + (32'(work) + 32'(LANES - 1)) / 32'(LANES);
    start = next_free_at + 32'(EXP_CYCLES);
    if (start < divider_free_at) start = divider_free_at;
    next_item.rows = ready;
    next_item.bytes = bytes;
    next_item.at = ready == 0 ? next_free_at : start + (32'(ready) - 32'd1) * 32'(DIVIDE_INTERVAL) + 32'(DIVIDE_CYCLES);

    if (leaves || takes || goes || free_at > now || (under_way != 0 && !due)) status = isa::BUSY;
    else if (blocked) status = isa::BLOCKED;
    else status = now_active ? isa::STARVED : isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (seen_we) seen[SA'(seen_address)] <= seen_data.scores;
    else if (filled && now_kind == 2'd0) seen[SA'(scores_data.row)] <= completes ? '0 : taken;
    if (rst) begin
      now <= '0;
      free_at <= '0;
      divider_free_at <= '0;
      active <= 1'b0;
      oldest <= '0;
      newest <= '0;
      under_way <= '0;
      first <= '0;
      last <= '0;
      blocks <= '0;
    end else begin
      now <= now + 32'd1;
      active <= now_active && !(goes && now_missing == 0);
      kind <= now_kind;
      rows <= now_rows;
      columns <= now_columns;
      missing <= now_missing;
      if (goes) free_at <= next_free_at;
      if (leaves) oldest <= oldest == LA'(AHEAD - 1) ? '0 : oldest + 1'b1;
      if (goes && (ready != 0 || bytes != 0)) begin
        leaving[newest] <= next_item;
        newest <= newest == LA'(AHEAD - 1) ? '0 : newest + 1'b1;
        under_way <= now_under_way + 1'b1;
        if (ready != 0) divider_free_at <= start + 32'(ready) * 32'(DIVIDE_INTERVAL);
      end else under_way <= now_under_way;
      if (exponentials) first <= following(first);
      if (completes && MODE != 0) begin
        complete[last] <= {scores_data.rows, now_columns};
        last <= following(last);
      end
      blocks <= blocks - SA'(exponentials) + SA'(completes && MODE != 0);
    end
  end
endmodule

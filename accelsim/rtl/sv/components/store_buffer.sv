// The output buffer's control: takes what units have made as far as there is room, asks for its stores in the order of
// their list when all bytes of one are there, reads them through the ports that results leave, and tells when a store is
// where it goes: in DRAM, in the buffer that the next layer reads, or in both.
// A row of the list without bytes ends it; its last word is the bytes of all its segments.
module store_buffer #(
    parameter int CAPACITY_BYTES = 18432,
    parameter int BANKS          = 2,
    parameter int PORT_BYTES     = 64,
    parameter int STORES         = 64,
    parameter int RESULTS_PORTS  = 2,
    parameter int KEEP_PORTS     = 1,  // of these there may be none
    parameter int KEPT_PORTS     = 1,
    localparam int RESULTS       = RESULTS_PORTS > 1 ? RESULTS_PORTS : 1,
    localparam int KEEPS         = KEEP_PORTS > 1 ? KEEP_PORTS : 1,
    localparam int KEPTS         = KEPT_PORTS > 1 ? KEPT_PORTS : 1
) (
    input  logic                             clk,
    input  logic                             rst,
    output isa::status_t                     status,
    input  logic                             stores_we,
    input  isa::word_t                       stores_address,
    input  isa::stores_row_t                 stores_data,
    input  logic          [RESULTS-1:0][7:0] results_valid,
    input  isa::bytes_t   [RESULTS-1:0]      results_data,
    output logic          [RESULTS-1:0][7:0] results_pop,
    input  logic          [7:0]              request_room,
    output logic          [7:0]              request_push,
    output isa::tile_t                       request_item,
    input  logic          [7:0]              written_valid,
    input  isa::bytes_t                      written_data,
    output logic          [7:0]              written_pop,
    input  logic          [  KEEPS-1:0][7:0] keep_room,
    output logic          [  KEEPS-1:0][7:0] keep_push,
    output isa::keeping_t [  KEEPS-1:0]      keep_item,
    input  logic          [  KEPTS-1:0][7:0] kept_valid,
    input  isa::bytes_t   [  KEPTS-1:0]      kept_data,
    output logic          [  KEPTS-1:0][7:0] kept_pop,
    input  logic          [7:0]              done_room,
    output logic          [7:0]              done_push,
    output isa::done_t                       done_item
);
  localparam int SA = STORES > 1 ? $clog2(STORES) : 1;
  localparam int RB = $clog2(BANKS * PORT_BYTES + 1);
  localparam logic [RB-1:0] WIDTH = RB'(BANKS * PORT_BYTES);
  localparam isa::word_t CAPACITY = isa::W'(CAPACITY_BYTES);
  localparam isa::word_t TO_DRAM = isa::W'(0);
  localparam isa::word_t KEPT = isa::W'(1);
  localparam isa::word_t BOTH = isa::W'(2);
  typedef struct packed {
    logic [SA-1:0] next_store;
    logic [SA-1:0] acknowledged;
    isa::word_t missing;    // bytes of that one not yet in DRAM
    isa::word_t gathered;   // bytes here that no store has been asked for
    isa::word_t unwritten;  // bytes of results that have been taken and are not yet written
    isa::word_t unread;     // bytes of stores asked for that are not yet read
    isa::word_t under_way;  // bytes of stores asked for that are not yet where they go
    isa::word_t held;
  } state_t;
  state_t state, s;
  logic [isa::stores_row_bits-1:0] stores[STORES];
  isa::stores_row_t waits, store;
  isa::word_t gone, waits_for;
  logic [RB-1:0] room;
  logic moved, blocked, moves, here, stays, goes;

  function automatic isa::word_t less(input isa::word_t a, input isa::word_t b);  // a - b, but not below 0
    less = a > b ? a - b : '0;
  endfunction

  always_comb begin
    s = state;
    {moved, blocked} = '0;
    {results_pop, request_push, written_pop, keep_push, kept_pop, done_push} = '0;
    done_item.number = 1;
    moves = s.unwritten != 0 || s.unread != 0;

    // The oldest store is where it goes, or some of its bytes are.
    waits = stores[s.acknowledged];
    waits_for = KEEP_PORTS != 0 ? waits.fence : TO_DRAM;
    here = KEEP_PORTS != 0 && kept_valid[0] != 0;
    gone = s.under_way - s.unread;  // bytes that have been read and are not yet there
    if (waits_for == KEPT) begin
      if (here && done_room != 0 && kept_data[0].bytes <= gone) begin
        kept_pop[0] = 8'd1;
        done_push = 8'd1;
        s.under_way = s.under_way - kept_data[0].bytes;
        s.held = s.held - kept_data[0].bytes;
        s.acknowledged = s.acknowledged + 1'b1;
        moved = 1'b1;
      end
    end else if (written_valid != 0 && written_data.bytes <= gone) begin
      if (s.missing == 0) s.missing = waits.size;
      if (written_data.bytes < s.missing || (done_room != 0 && (here || waits_for == TO_DRAM))) begin
        written_pop = 8'd1;
        s.missing = s.missing - written_data.bytes;
        s.under_way = s.under_way - written_data.bytes;
        s.held = s.held - written_data.bytes;
        moved = 1'b1;
        if (s.missing == 0) begin
          kept_pop[0] = {7'd0, waits_for == BOTH};
          done_push = 8'd1;
          s.acknowledged = s.acknowledged + 1'b1;
        end
      end
    end

    // Results are written.
    room = s.unwritten < isa::W'(WIDTH) ? WIDTH - RB'(s.unwritten) : '0;
    s.unwritten = less(s.unwritten, isa::W'(WIDTH));
    for (int n = 0; n < RESULTS; n++) begin
      if (results_valid[n] != 0 && room != 0) begin
        if (s.held + results_data[n].bytes <= CAPACITY) begin
          results_pop[n] = 8'd1;
          s.held = s.held + results_data[n].bytes;
          s.gathered = s.gathered + results_data[n].bytes;
          s.unwritten = s.unwritten + less(results_data[n].bytes, isa::W'(room));
          room = results_data[n].bytes < isa::W'(room) ? room - RB'(results_data[n].bytes) : '0;
          moved = 1'b1;
        end else blocked = 1'b1;
      end
    end

    // The next store, when all of it is written.
    store = stores[s.next_store];
    stays = KEEP_PORTS != 0 && store.fence != TO_DRAM;
    goes = KEEP_PORTS == 0 || store.fence != KEPT;
    request_item.address = store.address;
    request_item.bytes = store.bytes;
    request_item.segments = store.segments;
    request_item.pitch = store.pitch;
    request_item.write = 1;
    for (int n = 0; n < KEEPS; n++) begin
      keep_item[n].bytes = store.bytes;
      keep_item[n].segments = store.segments;
    end
    if (store.size != 0 && s.gathered - s.unwritten >= store.size) begin
      if ((stays && keep_room[0] == 0) || (goes && request_room == 0)) blocked = 1'b1;
      else begin
        keep_push[0] = {7'd0, stays};
        request_push = {7'd0, goes};
        s.gathered = s.gathered - store.size;
        s.unread = s.unread + store.size;
        s.under_way = s.under_way + store.size;
        s.next_store = s.next_store + 1'b1;
        moved = 1'b1;
      end
    end

    // What is left of the ports reads stores.
    s.unread = less(s.unread, isa::W'(room));
    status = moved || moves || s.unwritten != 0 || s.unread != 0 ? isa::BUSY
        : blocked ? isa::BLOCKED : s.held != 0 ? isa::STARVED : isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (stores_we) stores[SA'(stores_address)] <= stores_data;
    state <= s;
    if (rst) begin
      state <= '0;
      state.unwritten <= isa::W'(WIDTH);  // as in the simulator, whose first cycle passes as one in which the ports are busy
    end
  end
endmodule

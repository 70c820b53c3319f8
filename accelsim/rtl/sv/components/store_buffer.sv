// The output buffer's control: takes what units have made as far as there is room, asks for its stores in the order of
// their list when all bytes of one are there, reads them through the ports that results leave, and tells when a store is
// where it goes: in DRAM, in the buffer that the next layer reads, or in both.
// A row of the list without bytes ends it; its last word is the bytes of all its segments.
// What there would be if any of the results that wait were taken is found side by side, and chosen in the end.
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
  localparam int SB = isa::W + 3;
  localparam int SETS = 1 << RESULTS;  // of results that may be taken in a cycle
  typedef logic signed [SB-1:0] signed_t;
  localparam signed_t WIDTH = SB'(BANKS * PORT_BYTES);
  localparam signed_t CAPACITY = SB'(CAPACITY_BYTES);
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
    signed_t    space;
  } state_t;
  state_t state, s;
  logic [isa::stores_row_bits-1:0] stores[STORES];
  isa::stores_row_t waits, store, waits_next, store_next;  // as the list's memory has put them out; those behind them
  isa::word_t waits_for, missing, left;
  signed_t sums[SETS], behind[SETS], spare[SETS], freed_spare[SETS], gathers[SETS], unread[SETS], asked_unread[SETS];
  signed_t gone, freed, store_bytes;
  logic [SETS-1:0] some_room, fits, freed_fits, enough;
  logic [RESULTS-1:0] taken;
  logic moved, blocked, moves, here, stays, goes, acknowledges, written_all, asks, requests;

  function automatic signed_t extended(input isa::word_t bytes);
    extended = signed_t'({3'b0, bytes});
  endfunction

  function automatic isa::word_t positive(input signed_t bytes);  // or 0
    positive = bytes[SB-1] ? '0 : isa::W'(bytes);
  endfunction

  always_comb begin
    s = state;
    {results_pop, request_push, written_pop, keep_push, kept_pop, done_push} = '0;
    done_item.number = 1;
    moves = state.unwritten != 0 || state.unread != 0;

    // The oldest store is where it goes, or some of its bytes are, which have been read.
    waits_next = stores[rst ? '0 : SA'(state.acknowledged + 1'b1)];
    waits_for = KEEP_PORTS != 0 ? waits.fence : TO_DRAM;
    here = KEEP_PORTS != 0 && kept_valid[0] != 0;
    freed = extended(waits_for == KEPT ? kept_data[0].bytes : written_data.bytes);
    gone = extended(state.under_way) - extended(state.unread) - freed;
    missing = state.missing == 0 ? waits.size : state.missing;
    left = missing - written_data.bytes;
    written_all = waits_for == KEPT || left == 0;
    if (waits_for == KEPT) acknowledges = here && done_room != 0 && !gone[SB-1];
    else
      acknowledges = written_valid != 0 && !gone[SB-1]
          && (written_data.bytes < missing || (done_room != 0 && (here || waits_for == TO_DRAM)));
    if (acknowledges) begin
      if (waits_for != KEPT) s.missing = left;
      written_pop = {7'd0, waits_for != KEPT};
      kept_pop[0] = {7'd0, waits_for == KEPT || (written_all && waits_for == BOTH)};
      done_push = {7'd0, written_all};
      if (written_all) s.acknowledged = state.acknowledged + 1'b1;
    end

    // For each set of results: what is not yet written then (below 0: room of the ports that is left), the space that is
    // left, and whether the next store is all there.
    store_next = stores[rst ? '0 : SA'(state.next_store + 1'b1)];
    store_bytes = extended(store.size);
    for (int m = 0; m < SETS; m++) begin
      sums[m] = '0;
      for (int n = 0; n < RESULTS; n++) if (m[n]) sums[m] = sums[m] + extended(results_data[n].bytes);
      behind[m] = extended(state.unwritten) - WIDTH + sums[m];
      some_room[m] = behind[m][SB-1];
      spare[m] = state.space - sums[m];
      freed_spare[m] = state.space + freed - sums[m];
      fits[m] = !spare[m][SB-1];
      freed_fits[m] = !freed_spare[m][SB-1];
      gathers[m] = extended(state.gathered) - store_bytes + sums[m];
      enough[m] = !gathers[m][SB-1];
      unread[m] = extended(state.unread) + (some_room[m] ? behind[m] : '0);
      asked_unread[m] = extended(state.unread) + store_bytes + (some_room[m] ? behind[m] : '0);
    end

    // Results are taken, one after the other.
    taken = '0;
    blocked = 1'b0;
    for (int n = 0; n < RESULTS; n++) begin
      if (results_valid[n] != 0 && some_room[taken]) begin
        if (acknowledges ? freed_fits[taken|RESULTS'(1<<n)] : fits[taken|RESULTS'(1<<n)]) begin
          taken[n] = 1'b1;
          results_pop[n] = 8'd1;
        end else blocked = 1'b1;
      end
    end
    s.unwritten = positive(behind[taken]);

    // The next store, when all of it is written: what is here and written in the end does not depend on what is taken.
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
    asks = store.size != 0 && enough[taken]
        && extended(state.gathered) - extended(state.unwritten) + WIDTH >= store_bytes;
    requests = asks && !((stays && keep_room[0] == 0) || (goes && request_room == 0));
    if (requests) begin
      keep_push[0] = {7'd0, stays};
      request_push = {7'd0, goes};
      s.next_store = state.next_store + 1'b1;
    end
    blocked = blocked || (asks && !requests);
    s.gathered = isa::W'(requests ? gathers[taken] : extended(state.gathered) + sums[taken]);
    s.under_way = isa::W'((acknowledges ? extended(state.under_way) - freed : extended(state.under_way))
        + (requests ? store_bytes : '0));
    s.space = acknowledges ? freed_spare[taken] : spare[taken];

    // What is left of the ports reads stores.
    s.unread = positive(requests ? asked_unread[taken] : unread[taken]);
    moved = acknowledges || taken != 0 || requests;
    status = moved || moves ? isa::BUSY
        : blocked ? isa::BLOCKED : state.space != CAPACITY ? isa::STARVED : isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (stores_we) stores[SA'(stores_address)] <= stores_data;
    state <= s;
    if (acknowledges && written_all) waits <= waits_next;
    if (requests) store <= store_next;
    if (rst) begin
      waits <= stores_we && stores_address == 0 ? stores_data : waits_next;
      store <= stores_we && stores_address == 0 ? stores_data : store_next;
      state <= '0;
      state.space <= CAPACITY;
      state.unwritten <= isa::W'(WIDTH);  // as in the simulator, whose first cycle passes as one in which the ports are busy
    end
  end
endmodule

// Fetches single queries from DRAM for the sparser engine, each token once while it is held: asks wait in a ring, and are
// answered in their order. In a cycle: bytes that have arrived are written, the oldest ask whose vector is there is
// handed on, a new ask is taken.
module query_fetcher #(
    parameter int CAPACITY_BYTES = 4096,
    parameter int PLACES         = 64,
    parameter int PORT_BYTES     = 256,
    parameter int QUERIES        = 16
) (
    input  logic              clk,
    input  logic              rst,
    output isa::status_t      status,
    input  logic              queries_we,
    input  isa::word_t        queries_address,
    input  isa::queries_row_t queries_data,
    input  logic [7:0]        ask_valid,
    input  isa::miss_t        ask_data,
    output logic [7:0]        ask_pop,
    input  logic [7:0]        found_room,
    output logic [7:0]        found_push,
    output isa::miss_t        found_item,
    input  logic [7:0]        request_room,
    output logic [7:0]        request_push,
    output isa::tile_t        request_item,
    input  logic [7:0]        fill_valid,
    input  isa::bytes_t       fill_data,
    output logic [7:0]        fill_pop
);
  localparam int QA = QUERIES > 1 ? $clog2(QUERIES) : 1, PA = $clog2(PLACES);
  localparam logic [PA:0] READ = 2;  // asks handed on whose vectors the decoder may still read
  typedef logic [31:0] wide_t;
  typedef struct packed {
    isa::miss_t ask;
    wide_t nth;
    isa::word_t bytes;
  } ask_t;
  logic [isa::queries_row_bits-1:0] queries[QUERIES];
  ask_t asks[PLACES];
  isa::word_t missing[PLACES];
  ask_t one, mine;
  isa::queries_row_t place;
  logic [PA-1:0] oldest, next_oldest, owner, arriving, leaving, slot, last;
  logic [PA:0] held, next_held, sent, next_sent;
  wide_t fetches_begun, arrived, next_arrived, bytes, next_bytes;
  isa::clock_t now, written_at, next_written_at;
  logic waits, there, owned, shared, taken, fetched, stopped, moved;
  isa::word_t size;

  function automatic logic [PA-1:0] around(input logic [PA:0] at);
    around = PA'(at >= (PA + 1)'(PLACES) ? at - (PA + 1)'(PLACES) : at);
  endfunction

  always_comb begin
    // Bytes that have arrived are written.
    fill_pop = {7'd0, fill_valid != 0 && now >= written_at};
    next_written_at = written_at;
    next_arrived = arrived;
    if (fill_pop != 0) begin
      next_written_at = now + (32'(fill_data.bytes) + PORT_BYTES - 1) / PORT_BYTES;
      if (missing[arriving] == fill_data.bytes) next_arrived = arrived + 1;
    end
    moved = fill_valid != 0;

    // The first ask that was not handed on yet.
    stopped = 1'b0;
    one = asks[around((PA + 1)'(oldest) + sent)];
    waits = sent < held && one.nth + 1 == next_arrived && now + 1 < next_written_at;
    there = sent < held && one.nth < next_arrived && !waits;
    found_push = {7'd0, there && found_room != 0};
    found_item = one.ask;
    next_oldest = oldest;
    next_held = held;
    next_sent = sent;
    next_bytes = bytes;
    if (found_push != 0) begin
      moved = 1'b1;
      if (sent == READ) begin
        next_bytes = bytes - 32'(asks[oldest].bytes);
        next_oldest = around((PA + 1)'(oldest) + 1'b1);
        next_held = held - 1'b1;
      end else next_sent = sent + 1'b1;
    end else if (there) stopped = 1'b1;

    // A new ask: for what the youngest of those for the same token brings, or for a fetch of its own.
    place = queries[QA'(ask_data.number)];
    shared = place.head_pitch == 0;
    owned = 1'b0;
    owner = '0;
    for (int n = 0; n < PLACES; n++) begin
      last = around((PA + 1)'(next_oldest) + (PA + 1)'(n));
      if ((PA + 1)'(n) < next_held && asks[last].bytes != 0 && asks[last].ask.number == ask_data.number
          && asks[last].ask.row == ask_data.row && (shared || asks[last].ask.head == ask_data.head)) begin
        owned = 1'b1;
        owner = last;
      end
    end
    slot = around((PA + 1)'(next_oldest) + next_held);
    taken = ask_valid != 0 && next_held < (PA + 1)'(PLACES);
    fetched = taken && !owned && next_bytes + 32'(place.bytes) <= CAPACITY_BYTES;
    request_push = {7'd0, fetched && request_room != 0};
    request_item.address = place.address
        + isa::address_t'(ask_data.row) * isa::address_t'(place.token_pitch)
        + isa::address_t'(ask_data.head) * isa::address_t'(place.head_pitch);
    request_item.bytes = place.bytes;
    request_item.segments = 1;
    request_item.pitch = place.bytes;
    request_item.write = 0;
    if (fetched && request_room == 0) stopped = 1'b1;
    size = owned ? asks[owner].bytes : place.bytes;
    taken = taken && (owned || request_push != 0);
    ask_pop = {7'd0, taken};
    mine.ask = ask_data;
    mine.nth = owned ? asks[owner].nth : fetches_begun;
    mine.bytes = size;
    if (request_push != 0) next_bytes = next_bytes + 32'(size);
    if (taken) next_held = next_held + 1'b1;
    moved = moved || taken || waits;

    if (moved) status = isa::BUSY;
    else if (stopped) status = isa::BLOCKED;
    else status = next_sent < next_held ? isa::STARVED : isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (queries_we) queries[QA'(queries_address)] <= queries_data;
    now <= rst ? '0 : now + 1'b1;
    if (rst) begin
      oldest <= '0;
      held <= '0;
      sent <= '0;
      fetches_begun <= '0;
      arrived <= '0;
      bytes <= '0;
      written_at <= '0;
      arriving <= '0;
      leaving <= '0;
    end else begin
      oldest <= next_oldest;
      held <= next_held;
      sent <= next_sent;
      arrived <= next_arrived;
      bytes <= next_bytes;
      written_at <= next_written_at;
      if (fill_pop != 0) missing[arriving] <= missing[arriving] - fill_data.bytes;
      if (next_arrived != arrived) arriving <= around((PA + 1)'(arriving) + 1'b1);
      if (taken) begin
        if (owned) asks[owner].bytes <= '0;
        asks[slot] <= mine;
      end
      if (request_push != 0) begin
        missing[leaving] <= size;
        leaving <= around((PA + 1)'(leaving) + 1'b1);
        fetches_begun <= fetches_begun + 1;
      end
    end
  end
endmodule

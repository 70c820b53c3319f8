// The DMA engine: cuts tiles into bursts, one a cycle, and gives a finished one's bytes back to its stream. A stream keeps
// its turn until its tile is cut up; then the first one that has a tile is next.
module dma #(
    parameter int BURST_BYTES   = 1024,
    parameter int OUTSTANDING   = 32,
    parameter int TILE_PORTS    = 5,
    parameter int ARRIVED_PORTS = 5
) (
    input  logic                               clk,
    input  logic                               rst,
    output isa::status_t                       status,
    input  logic        [   TILE_PORTS-1:0][7:0] tile_valid,
    input  isa::tile_t  [   TILE_PORTS-1:0]      tile_data,
    output logic        [   TILE_PORTS-1:0][7:0] tile_pop,
    input  logic        [7:0]                  request_room,
    output logic        [7:0]                  request_push,
    output isa::request_t                      request_item,
    input  logic        [7:0]                  reply_valid,
    input  isa::reply_t                        reply_data,
    output logic        [7:0]                  reply_pop,
    input  logic        [ARRIVED_PORTS-1:0][7:0] arrived_room,
    output logic        [ARRIVED_PORTS-1:0][7:0] arrived_push,
    output isa::bytes_t [ARRIVED_PORTS-1:0]      arrived_item
);
  localparam int SA = ARRIVED_PORTS > 1 ? $clog2(ARRIVED_PORTS) : 1;
  localparam int OB = $clog2(OUTSTANDING + 1);
  localparam isa::word_t LONGEST = isa::W'(BURST_BYTES);
  isa::tile_t tile, t;  // the one that is cut up: its address is that of the next burst, its segments those left
  isa::address_t segment_at, next_segment_at;
  isa::word_t left, next_left;  // bytes of the segment
  logic [SA-1:0] stream, next_stream;
  logic [OB-1:0] under_way, next_under_way;
  isa::word_t size;
  logic moved, blocked, ends;

  always_comb begin
    t = tile;
    next_segment_at = segment_at;
    next_left = left;
    next_stream = stream;
    next_under_way = under_way;
    {tile_pop, request_push, reply_pop, arrived_push} = '0;
    {moved, blocked} = '0;

    // A finished burst goes to its stream.
    for (int n = 0; n < ARRIVED_PORTS; n++) arrived_item[n].bytes = reply_data.bytes;
    if (reply_valid != 0) begin
      if (arrived_room[SA'(reply_data.stream)] != 0) begin
        arrived_push[SA'(reply_data.stream)] = 8'd1;
        reply_pop = 8'd1;
        next_under_way = next_under_way - 1'b1;
        moved = 1'b1;
      end else blocked = 1'b1;
    end

    // The next tile.
    if (t.segments == 0) begin
      for (int n = TILE_PORTS - 1; n >= 0; n--) begin
        if (tile_valid[n] != 0) begin
          tile_pop = '0;
          tile_pop[n] = 8'd1;
          next_stream = SA'(n);
          t = tile_data[n];
        end
      end
      next_segment_at = t.address;
      next_left = t.bytes;
    end

    // Its next burst.
    ends = next_left <= LONGEST;
    size = ends ? next_left : LONGEST;
    request_item.address = t.address;
    request_item.bytes = size;
    request_item.write = t.write;
    request_item.stream = isa::W'(next_stream);
    if (t.segments != 0) begin
      if (next_under_way < OB'(OUTSTANDING) && request_room != 0) begin
        request_push = 8'd1;
        next_under_way = next_under_way + 1'b1;
        moved = 1'b1;
        if (ends) begin
          t.segments = t.segments - 1'b1;
          next_segment_at = next_segment_at + isa::address_t'(t.pitch);
          t.address = next_segment_at;
          next_left = t.bytes;
        end else begin
          t.address = t.address + isa::address_t'(LONGEST);
          next_left = next_left - LONGEST;
        end
      end else if (request_room == 0) blocked = 1'b1;
    end
    status = moved ? isa::BUSY : blocked ? isa::BLOCKED : next_under_way != 0 ? isa::STARVED : isa::IDLE;
  end

  always_ff @(posedge clk) begin
    tile <= t;
    segment_at <= next_segment_at;
    left <= next_left;
    stream <= next_stream;
    under_way <= next_under_way;
    if (rst) begin
      tile.segments <= '0;
      under_way <= '0;
    end
  end
endmodule

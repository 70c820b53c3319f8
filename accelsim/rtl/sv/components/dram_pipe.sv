// DRAM seen as a pipe: a latency, and channels that each move so many bytes a cycle. It stands in for a memory in
// co-simulation and is no part of a chip. A burst is spread over the channels by address, INTERLEAVE_BYTES at a time, and
// each channel's bus is reserved burst after burst; replies come in order.
module dram_pipe #(
    parameter int LATENCY          = 72,
    parameter int CHANNELS         = 4,
    parameter int BYTES_PER_CYCLE  = 16,
    parameter int INTERLEAVE_BYTES = 64,
    parameter int WINDOW           = 32
) (
    input  logic          clk,
    input  logic          rst,
    output isa::status_t  status,
    input  logic [7:0]    request_valid,
    input  isa::request_t request_data,
    output logic [7:0]    request_pop,
    input  logic [7:0]    reply_room,
    output logic [7:0]    reply_push,
    output isa::reply_t   reply_item
);
  localparam int WA = WINDOW > 1 ? $clog2(WINDOW) : 1;
  localparam int CA = CHANNELS > 1 ? $clog2(CHANNELS) : 1;
  typedef logic [31:0] wide_t;
  typedef struct packed {
    isa::reply_t reply;
    isa::clock_t done_at;
  } slot_t;
  slot_t flight[WINDOW];
  wide_t oldest, in_flight, next_in_flight;
  isa::clock_t free_at[CHANNELS], next_free_at[CHANNELS];
  isa::clock_t now, last_done_at, next_last_done_at;
  wide_t first, last, size, channel, begin_at;
  logic blocked;

  function automatic wide_t wrap(input wide_t slot);
    wrap = slot >= 32'(WINDOW) ? slot - 32'(WINDOW) : slot;
  endfunction

  always_comb begin
    next_in_flight = in_flight;
    {request_pop, reply_push, blocked} = '0;

    // The oldest burst is done.
    reply_item = flight[WA'(oldest)].reply;
    if (in_flight != 0 && now >= flight[WA'(oldest)].done_at) begin
      if (reply_room != 0) begin
        reply_push = 8'd1;
        next_in_flight = in_flight - 1;
      end else blocked = 1'b1;
    end

    // The next one: of each channel it touches, the blocks there, of which its ends may cut two.
    next_free_at = free_at;
    next_last_done_at = last_done_at;
    first = 32'(request_data.address) / INTERLEAVE_BYTES;
    last = (32'(request_data.address) + 32'(request_data.bytes) - 1) / INTERLEAVE_BYTES;
    {size, channel, begin_at} = '0;
    if (next_in_flight < 32'(WINDOW) && request_valid != 0) begin
      request_pop = 8'd1;
      for (int n = 0; n < CHANNELS; n++) begin
        if (32'(n) <= last - first) begin
          size = ((last - first - 32'(n)) / CHANNELS + 1) * INTERLEAVE_BYTES;
          if (n == 0) size = size - 32'(request_data.address) % INTERLEAVE_BYTES;
          if ((last - first - 32'(n)) % CHANNELS == 0)
            size = size - ((last + 1) * INTERLEAVE_BYTES - 32'(request_data.address) - 32'(request_data.bytes));
          channel = (first + 32'(n)) % CHANNELS;
          begin_at = now + 32'(LATENCY);
          if (free_at[CA'(channel)] > begin_at) begin_at = free_at[CA'(channel)];
          next_free_at[CA'(channel)] = begin_at + (size + BYTES_PER_CYCLE - 1) / BYTES_PER_CYCLE;
          if (next_free_at[CA'(channel)] > next_last_done_at) next_last_done_at = next_free_at[CA'(channel)];
        end
      end
    end
    if (request_pop != 0) next_in_flight = next_in_flight + 1;
    status = blocked ? isa::BLOCKED : next_in_flight != 0 ? isa::BUSY : isa::IDLE;
  end

  always_ff @(posedge clk) begin
    now <= rst ? '0 : now + 1'b1;
    in_flight <= rst ? '0 : next_in_flight;
    oldest <= rst ? '0 : reply_push != 0 ? wrap(oldest + 1) : oldest;
    last_done_at <= rst ? '0 : next_last_done_at;
    if (request_pop != 0)
      flight[WA'(wrap(oldest + in_flight))] <= {request_data.stream, request_data.bytes, next_last_done_at};
    for (int n = 0; n < CHANNELS; n++) free_at[n] <= rst ? '0 : next_free_at[n];
  end
endmodule

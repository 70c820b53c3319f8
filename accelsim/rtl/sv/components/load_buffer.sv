// A global buffer's control: walks its list of loads, asks for each as soon as there is room for all of it and its fence is
// lifted, counts what arrives through the ports that readers leave, and tells when a load is complete. What another buffer
// hands on is written before it, where room is reserved.
// A row of the list without bytes ends it; its last word is the bytes of all its segments.
module load_buffer #(
    parameter int CAPACITY_BYTES = 54272,
    parameter int BANKS          = 4,
    parameter int PORT_BYTES     = 64,
    parameter int OUTSTANDING    = 4,
    parameter int OVERLAP        = 1,
    parameter int LOADS          = 64,
    parameter int READING_PORTS  = 1,  // of these there may be none
    parameter int FILLING_PORTS  = 1,
    parameter int KEEP_PORTS     = 1,
    parameter int KEPT_PORTS     = 1,
    localparam int READINGS      = READING_PORTS > 1 ? READING_PORTS : 1,
    localparam int FILLINGS      = FILLING_PORTS > 1 ? FILLING_PORTS : 1,
    localparam int KEEPS         = KEEP_PORTS > 1 ? KEEP_PORTS : 1,
    localparam int KEPTS         = KEPT_PORTS > 1 ? KEPT_PORTS : 1
) (
    input  logic                              clk,
    input  logic                              rst,
    output isa::status_t                      status,
    input  logic                              loads_we,
    input  isa::word_t                        loads_address,
    input  isa::loads_row_t                   loads_data,
    input  logic          [7:0]               request_room,
    output logic          [7:0]               request_push,
    output isa::tile_t                        request_item,
    input  logic          [7:0]               fill_valid,
    input  isa::bytes_t                       fill_data,
    output logic          [7:0]               fill_pop,
    input  logic          [7:0]               done_room,
    output logic          [7:0]               done_push,
    output isa::done_t                        done_item,
    input  logic          [7:0]               release_valid,
    input  isa::release_t                     release_data,
    output logic          [7:0]               release_pop,
    input  logic          [7:0]               command_valid,
    input  isa::grant_t                       command_data,
    output logic          [7:0]               command_pop,
    input  logic          [READINGS-1:0][7:0] reading_valid,
    input  isa::reading_t [READINGS-1:0]      reading_data,
    output logic          [READINGS-1:0][7:0] reading_pop,
    input  logic          [FILLINGS-1:0][7:0] filling_room,
    output logic          [FILLINGS-1:0][7:0] filling_push,
    output isa::filling_t [FILLINGS-1:0]      filling_item,
    input  logic          [   KEEPS-1:0][7:0] keep_valid,
    input  isa::keeping_t [   KEEPS-1:0]      keep_data,
    output logic          [   KEEPS-1:0][7:0] keep_pop,
    input  logic          [   KEPTS-1:0][7:0] kept_room,
    output logic          [   KEPTS-1:0][7:0] kept_push,
    output isa::bytes_t   [   KEPTS-1:0]      kept_item
);
  localparam int LA = LOADS > 1 ? $clog2(LOADS) : 1;
  localparam int FA = OUTSTANDING > 1 ? $clog2(OUTSTANDING) : 1;
  localparam int FB = $clog2(OUTSTANDING + 1);
  localparam int RB = $clog2(2 * READINGS * BANKS * PORT_BYTES + 1) + 1;  // of bytes a cycle: readers may ask for more
  localparam logic signed [RB-1:0] WIDTH = RB'(BANKS * PORT_BYTES);
  localparam logic signed [RB-1:0] LEAST = RB'((PORT_BYTES + 1) / 2);  // a word of one bank, every other cycle
  localparam isa::word_t PORT = isa::W'(PORT_BYTES);
  localparam isa::word_t CAPACITY = isa::W'(CAPACITY_BYTES);
  typedef logic signed [isa::W-1:0] signed_t;
  typedef logic signed [RB-1:0] rate_t;
  typedef struct packed {
    logic [LA-1:0] next_load;
    logic [FA-1:0] oldest;
    logic [FB-1:0] in_flight;
    rate_t      taken;      // bytes a cycle that readers take
    isa::word_t unwritten;  // bytes that have been taken and are not yet written
    isa::word_t keeping;    // bytes handed on that are there when they are
    isa::word_t reserved;
    isa::word_t held;
    isa::word_t fences;
    logic       ending;     // the oldest load is there when they are
    logic       said;
  } state_t;
  state_t state, s;
  logic [isa::loads_row_bits-1:0] loads[LOADS];
  isa::loads_row_t load;
  isa::word_t flight[OUTSTANDING];  // bytes missing of each load on its way
  isa::word_t missing, size, words, granted;
  rate_t left, room;
  logic [FA-1:0] arrives, leaves;
  logic moved, blocked, writes, told, keeps;

  function automatic logic [FA-1:0] wrap(input logic [FB:0] slot);
    wrap = slot >= (FB + 1)'(OUTSTANDING) ? FA'(slot - (FB + 1)'(OUTSTANDING)) : FA'(slot);
  endfunction

  function automatic isa::word_t less(input isa::word_t a, input isa::word_t b);  // a - b, but not below 0
    less = a > b ? a - b : '0;
  endfunction

  always_comb begin
    s = state;
    {moved, blocked, told} = '0;
    {request_push, fill_pop, done_push, release_pop, command_pop, reading_pop, filling_push, keep_pop, kept_push} = '0;
    done_item.number = 1;

    // What is given back, reserved, and read.
    if (release_valid != 0) begin
      release_pop = 8'd1;
      s.held = s.held - release_data.bytes;
      moved = 1'b1;
    end
    granted = s.held - command_data.bytes;
    if (command_valid != 0) begin
      if (signed_t'(granted) <= signed_t'(CAPACITY)) begin
        command_pop = 8'd1;
        s.held = granted;
        s.fences = s.fences + command_data.fences;
        if (command_data.bytes[isa::W-1]) s.reserved = s.reserved - command_data.bytes;
        moved = 1'b1;
      end else blocked = 1'b1;
    end
    for (int n = 0; n < READINGS; n++) begin
      if (reading_valid[n] != 0) begin
        reading_pop[n] = 8'd1;
        s.taken = s.taken + RB'(reading_data[n].more);
        moved = 1'b1;
      end
    end

    // What the ports that are left write: first what has been taken.
    left = WIDTH - s.taken > LEAST ? WIDTH - s.taken : LEAST;
    writes = s.unwritten != 0;
    room = s.unwritten < isa::W'(left) ? left - RB'(s.unwritten) : '0;
    s.unwritten = less(s.unwritten, isa::W'(left));
    keeps = KEEP_PORTS != 0 && keep_valid[0] != 0;
    arrives = s.oldest;
    missing = flight[arrives];
    size = fill_data.bytes;
    words = '0;
    for (int n = 0; n < KEPTS; n++) kept_item[n].bytes = s.keeping;
    if (s.unwritten == 0) begin
      if (s.ending) begin
        if (done_room != 0) {told, moved} = 2'b11;
        else blocked = 1'b1;
      end else if (s.keeping != 0) begin
        if (kept_room[0] != 0) begin
          kept_push[0] = 8'd1;
          s.keeping = '0;
          moved = 1'b1;
        end else blocked = 1'b1;
      end else if (room != 0 && keeps) begin
        size = isa::W'(keep_data[0].bytes * keep_data[0].segments);
        if (size <= s.reserved) begin
          words = isa::W'(keep_data[0].segments * ((keep_data[0].bytes + PORT - 1'b1) / PORT));
          keep_pop[0] = 8'd1;
          s.unwritten = less(isa::W'(words * PORT), isa::W'(room));
          s.reserved = s.reserved - size;
          kept_item[0].bytes = size;
          if (s.unwritten == 0 && kept_room[0] != 0) kept_push[0] = 8'd1;
          else s.keeping = size;
          moved = 1'b1;
        end else blocked = 1'b1;
      end else if (room != 0 && fill_valid != 0) begin
        if (missing > size || size > isa::W'(room) || done_room != 0) begin
          fill_pop = 8'd1;
          s.unwritten = less(size, isa::W'(room));
          s.ending = missing == size;
          told = s.ending && s.unwritten == 0;
          moved = 1'b1;
        end else blocked = 1'b1;
      end
    end
    if (told) begin
      done_push = 8'd1;
      s.oldest = wrap((FB + 1)'(s.oldest) + 1'b1);
      s.in_flight = s.in_flight - 1'b1;
      s.ending = 1'b0;
    end

    // The next load.
    load = loads[s.next_load];
    leaves = wrap((FB + 1)'(s.oldest) + (FB + 1)'(s.in_flight));
    request_item.address = load.address;
    request_item.bytes = load.bytes;
    request_item.segments = load.segments;
    request_item.pitch = load.pitch;
    request_item.write = '0;
    if (load.size != 0 && s.in_flight < FB'(OUTSTANDING) && load.fence <= s.fences
        && signed_t'(s.held) <= (OVERLAP != 0 ? signed_t'(CAPACITY - load.size) : signed_t'(0))) begin
      if (request_room != 0) begin
        request_push = 8'd1;
        s.in_flight = s.in_flight + 1'b1;
        s.held = s.held + load.size;
        s.next_load = s.next_load + 1'b1;
        moved = 1'b1;
      end else blocked = 1'b1;
    end
    for (int n = 0; n < FILLINGS; n++) filling_item[n].on = isa::W'(s.in_flight != 0);
    if (s.said != (s.in_flight != 0) && filling_room[0] != 0) begin
      filling_push[0] = 8'd1;
      s.said = s.in_flight != 0;
    end
    status = moved || writes || s.unwritten != 0 ? isa::BUSY
        : blocked ? isa::BLOCKED : s.in_flight != 0 ? isa::STARVED : isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (loads_we) loads[LA'(loads_address)] <= loads_data;
    if (fill_pop != 0) flight[arrives] <= missing - fill_data.bytes;
    if (request_push != 0) flight[leaves] <= load.size;
    state <= s;
    if (rst) begin
      state <= '0;
      state.unwritten <= isa::W'(WIDTH);  // as in the simulator, whose first cycle passes as one in which the ports are busy
    end
  end
endmodule

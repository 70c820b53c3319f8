// A global buffer's control: walks its list of loads, asks for each as soon as there is room for all of it and its fence is
// lifted, counts what arrives through the ports that readers leave, and tells when a load is complete. What another buffer
// hands on is written before it, where room is reserved.
// A row of the list without bytes ends it; its last word is the bytes of all its segments.
// What can happen in a cycle is found side by side, with and without what the sequencer grants and with the ports as wide
// as readers leave them or as narrow as they may get, and chosen in the end.
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
  localparam int SB = isa::W + 2;
  typedef logic signed [RB-1:0] rate_t;
  typedef logic signed [SB-1:0] signed_t;
  localparam rate_t WIDTH = RB'(BANKS * PORT_BYTES);
  localparam rate_t LEAST = RB'((PORT_BYTES + 1) / 2);  // a word of one bank, every other cycle
  localparam isa::word_t PORT = isa::W'(PORT_BYTES);
  localparam signed_t CAPACITY = SB'(CAPACITY_BYTES);
  typedef struct packed {
    logic [LA-1:0] next_load;
    logic [FA-1:0] oldest;
    logic [FB-1:0] in_flight;
    rate_t      taken;      // bytes a cycle that readers take
    isa::word_t unwritten;  // bytes that have been taken and are not yet written
    isa::word_t keeping;    // bytes handed on that are there when they are
    isa::word_t reserved;
    signed_t    space;      // bytes that are not allocated
    isa::word_t fences;
    logic       ending;     // the oldest load is there when they are
    logic       said;
  } state_t;
  state_t state, s;
  logic [isa::loads_row_bits-1:0] loads[LOADS];
  isa::loads_row_t load, following;  // the next descriptor, as the list's memory has put it out, and the one behind it
  isa::word_t flight[OUTSTANDING];  // bytes missing of each load on its way
  isa::word_t missing, kept_bytes, words, reserves;
  signed_t released, asked, spare, granted_spare, fits_in, granted_fits_in, rest, granted_rest;
  signed_t wide, wide_less, narrow, wide_filled, narrow_filled, behind, filled, keeps_behind, load_bytes;
  rate_t more;
  logic [FA-1:0] arrives, leaves;
  logic granted, fits, lifted, crowded, clear, some_room, over, moved, blocked, writes, told, keeps, asks, under_way;

  function automatic logic [FA-1:0] wrap(input logic [FB:0] slot);
    wrap = slot >= (FB + 1)'(OUTSTANDING) ? FA'(slot - (FB + 1)'(OUTSTANDING)) : FA'(slot);
  endfunction

  function automatic signed_t sum3(input signed_t a, input signed_t b, input signed_t c);
    sum3 = (a ^ b ^ c) + (((a & b) | (a & c) | (b & c)) << 1);
  endfunction

  function automatic signed_t sum4(input signed_t a, input signed_t b, input signed_t c, input signed_t d);
    sum4 = sum3(a ^ b ^ c, ((a & b) | (a & c) | (b & c)) << 1, d);
  endfunction

  function automatic signed_t sum5(input signed_t a, input signed_t b, input signed_t c, input signed_t d,
                                   input signed_t e);
    sum5 = sum4(a ^ b ^ c, ((a & b) | (a & c) | (b & c)) << 1, d, e);
  endfunction

  function automatic signed_t extended(input isa::word_t bytes);  // what may be below 0
    extended = {{2{bytes[isa::W-1]}}, bytes};
  endfunction

  always_comb begin
    s = state;
    {moved, blocked, told} = '0;
    {request_push, fill_pop, done_push, command_pop, reading_pop, filling_push, keep_pop, kept_push} = '0;
    done_item.number = 1;
    following = loads[rst ? '0 : LA'(state.next_load + 1'b1)];
    load_bytes = signed_t'({2'b0, load.size});

    // What is given back and reserved, and whether the next load has room: with what is granted, and without it.
    release_pop = {7'd0, release_valid != 0};
    released = release_valid != 0 ? extended(release_data.bytes) : '0;
    asked = OVERLAP != 0 ? ~load_bytes : ~CAPACITY;  // less one
    spare = state.space + released;
    granted_spare = sum3(state.space, released, extended(command_data.bytes));
    fits_in = sum4(state.space, released, asked, SB'(1));
    granted_fits_in = sum5(state.space, released, extended(command_data.bytes), asked, SB'(1));
    rest = OVERLAP != 0 ? fits_in : spare - load_bytes;
    granted_rest = OVERLAP != 0 ? granted_fits_in : granted_spare - load_bytes;
    granted = command_valid != 0 && !granted_spare[SB-1];
    fits = granted ? !granted_fits_in[SB-1] : !fits_in[SB-1];
    lifted = load.fence <= state.fences || (granted && load.fence <= state.fences + command_data.fences);
    reserves = granted && command_data.bytes[isa::W-1] ? state.reserved - command_data.bytes : state.reserved;
    s.reserved = reserves;
    command_pop = {7'd0, granted};
    if (granted) s.fences = state.fences + command_data.fences;
    moved = release_valid != 0 || granted;
    blocked = command_valid != 0 && !granted;

    // What readers take, and what the ports that are left write: first what has been taken. Below 0 there is room for
    // so many bytes more.
    more = '0;
    for (int n = 0; n < READINGS; n++) begin
      reading_pop[n] = {7'd0, reading_valid[n] != 0};
      more = more + (reading_valid[n] != 0 ? RB'(reading_data[n].more) : '0);
      moved = moved || reading_valid[n] != 0;
    end
    s.taken = state.taken + more;
    crowded = WIDTH - LEAST - state.taken <= more;
    writes = state.unwritten != 0;
    wide = sum3(signed_t'({2'b0, state.unwritten}), SB'(state.taken) - SB'(WIDTH), SB'(more));
    wide_less = sum4(signed_t'({2'b0, state.unwritten}), SB'(state.taken) - SB'(WIDTH), SB'(more), '1);
    narrow = signed_t'({2'b0, state.unwritten}) - SB'(LEAST);
    wide_filled = sum4(signed_t'({2'b0, state.unwritten}), SB'(state.taken) - SB'(WIDTH), SB'(more),
                       signed_t'({2'b0, fill_data.bytes}));
    narrow_filled = sum3(signed_t'({2'b0, state.unwritten}), -SB'(LEAST), signed_t'({2'b0, fill_data.bytes}));
    behind = crowded ? narrow : wide;
    filled = crowded ? narrow_filled : wide_filled;
    clear = crowded ? state.unwritten <= isa::W'(LEAST) : wide_less[SB-1];
    some_room = behind[SB-1];
    over = crowded ? narrow_filled > 0 : wide_filled > 0;
    s.unwritten = clear ? '0 : isa::W'(behind);
    keeps = KEEP_PORTS != 0 && keep_valid[0] != 0;
    arrives = state.oldest;
    missing = flight[arrives];
    kept_bytes = isa::W'(keep_data[0].bytes * keep_data[0].segments);
    words = isa::W'(keep_data[0].segments * ((keep_data[0].bytes + PORT - 1'b1) / PORT));
    keeps_behind = signed_t'({2'b0, isa::W'(words * PORT)}) + behind;
    for (int n = 0; n < KEPTS; n++) kept_item[n].bytes = state.keeping;
    if (clear) begin
      if (state.ending) begin
        if (done_room != 0) {told, moved} = 2'b11;
        else blocked = 1'b1;
      end else if (state.keeping != 0 && kept_room[0] != 0) begin
        kept_push[0] = 8'd1;
        s.keeping = '0;
        moved = 1'b1;
      end else if (some_room && state.keeping == 0 && keeps) begin
        if (kept_bytes <= reserves) begin
          keep_pop[0] = 8'd1;
          s.unwritten = keeps_behind > 0 ? isa::W'(keeps_behind) : '0;
          s.reserved = reserves - kept_bytes;
          kept_item[0].bytes = kept_bytes;
          if (keeps_behind <= 0 && kept_room[0] != 0) kept_push[0] = 8'd1;
          else s.keeping = kept_bytes;
          moved = 1'b1;
        end else blocked = 1'b1;
      end else if (some_room && fill_valid != 0) begin
        if (missing > fill_data.bytes || over || done_room != 0) begin
          fill_pop = 8'd1;
          s.unwritten = over ? isa::W'(filled) : '0;
          s.ending = missing == fill_data.bytes;
          told = s.ending && !over;
          moved = 1'b1;
        end else blocked = 1'b1;
      end else if (state.keeping != 0) blocked = 1'b1;
    end
    if (told) begin
      done_push = 8'd1;
      s.oldest = wrap((FB + 1)'(state.oldest) + 1'b1);
      s.ending = 1'b0;
    end

    // The next load.
    leaves = wrap((FB + 1)'(state.oldest) + (FB + 1)'(state.in_flight));
    request_item.address = load.address;
    request_item.bytes = load.bytes;
    request_item.segments = load.segments;
    request_item.pitch = load.pitch;
    request_item.write = '0;
    asks = load.size != 0 && (state.in_flight < FB'(OUTSTANDING) || told) && lifted && fits;
    if (asks && request_room != 0) begin
      request_push = 8'd1;
      s.next_load = state.next_load + 1'b1;
      moved = 1'b1;
    end
    blocked = blocked || (asks && request_room == 0);
    if (request_push != 0) s.space = granted ? granted_rest : rest;
    else s.space = granted ? granted_spare : spare;
    s.in_flight = state.in_flight + FB'(request_push != 0) - FB'(told);
    under_way = request_push != 0 || (told ? state.in_flight > FB'(1) : state.in_flight != 0);
    for (int n = 0; n < FILLINGS; n++) filling_item[n].on = isa::W'(under_way);
    if (state.said != under_way && filling_room[0] != 0) begin
      filling_push[0] = 8'd1;
      s.said = under_way;
    end
    status = moved || writes ? isa::BUSY : blocked ? isa::BLOCKED : under_way ? isa::STARVED : isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (loads_we) loads[LA'(loads_address)] <= loads_data;
    if (fill_pop != 0) flight[arrives] <= missing - fill_data.bytes;
    if (request_push != 0) flight[leaves] <= load.size;
    state <= s;
    if (request_push != 0) load <= following;
    if (rst) begin
      load <= loads_we && loads_address == 0 ? loads_data : following;
      state <= '0;
      state.space <= CAPACITY;
      state.unwritten <= isa::W'(WIDTH);  // as in the simulator, whose first cycle passes as one in which the ports are busy
    end
  end
endmodule

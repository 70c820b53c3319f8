// A global buffer's memory, which DRAM fills: the bytes of a load, which are there for nobody before it is complete, then
// go row by row to their places. Readers ask in a cycle and have it in the next: WIDES ports read WIDE bytes that lie side
// by side, BLOCKS others BLOCK bytes, and VECTORS others of attention VECTOR bytes. How many words of how many banks that takes is in the control's time alone.
module values_load_buffer #(
    parameter int BYTES       = 1024,  // powers of two, as LOADS and STAGED are
    parameter int LOADS       = 4,
    parameter int STAGED      = 1024,  // bytes that have arrived, of loads that are not complete
    parameter int BURST_BYTES = 64,
    parameter int WIDES       = 2,
    parameter int WIDE        = 8,
    parameter int BLOCKS      = 4,
    parameter int BLOCK       = 1,
    parameter int VECTORS     = 1,
    parameter int VECTOR      = 1
) (
    input  logic                                clk,
    input  logic                                rst,
    // Of each load: {bytes from so many rows to the next as many, how many, bytes, bytes from a row to the next, bytes of
    // a row, place of the first}.
    input  logic                                places_we,
    input  logic [31:0]                         places_address,
    input  logic [191:0]                        places_data,
    // What arrives, and that a load is complete.
    input  logic                                arrives,
    input  logic [31:0]                         size,
    input  logic [BURST_BYTES-1:0][7:0]         value,
    input  logic                                complete,
    // Readers.
    input  logic [WIDES-1:0]                    wide_read,
    input  logic [WIDES-1:0][31:0]              wide_at,
    output logic [WIDES-1:0][WIDE-1:0][7:0]     wide_value,
    input  logic [BLOCKS-1:0]                   block_read,
    input  logic [BLOCKS-1:0][31:0]             block_at,
    output logic [BLOCKS-1:0][BLOCK-1:0][7:0]   block_value,
    input  logic [VECTORS-1:0]                  vector_read,
    input  logic [VECTORS-1:0][31:0]            vector_at,
    output logic [VECTORS-1:0][VECTOR-1:0][7:0] vector_value
);
  localparam int AA = $clog2(BYTES), SA = $clog2(STAGED), LA = $clog2(LOADS);
  typedef struct packed {
    logic [31:0] apart;
    logic [31:0] many;
    logic [31:0] bytes;
    logic [31:0] pitch;
    logic [31:0] row;
    logic [31:0] first;
  } place_t;
  typedef logic [AA-1:0] address_t;
  logic [7:0] bytes[BYTES], staged[STAGED];
  place_t places[LOADS], place;
  logic [LA-1:0] number;
  logic [SA-1:0] newest, oldest;
  logic completes;
  assign place = places[number];

  always_ff @(posedge clk) begin
    if (places_we) places[LA'(places_address)] <= places_data;
    completes <= complete && !rst;
    if (arrives) begin
      newest <= newest + SA'(size);
      for (int n = 0; n < BURST_BYTES; n++) if (32'(n) < size) staged[SA'(32'(newest) + n)] <= value[n];
    end
    if (completes && !rst) begin
      number <= number + 1'b1;
      oldest <= oldest + SA'(place.bytes);
      for (int n = 0; n < int'(place.bytes); n++)
        bytes[address_t'(
            place.first + n / place.row % place.many * place.pitch + n / place.row / place.many * place.apart + n % place.row
        )] <= staged[SA'(32'(oldest) + n)];
    end
    /*verilator unroll_disable*/
    for (int n = 0; n < WIDES; n++) begin
      if (wide_read[n]) for (int i = 0; i < WIDE; i++) wide_value[n][i] <= bytes[address_t'(wide_at[n] + i)];
    end
    /*verilator unroll_disable*/
    for (int n = 0; n < BLOCKS; n++) begin
      if (block_read[n]) for (int i = 0; i < BLOCK; i++) block_value[n][i] <= bytes[address_t'(block_at[n] + i)];
    end
    /*verilator unroll_disable*/
    for (int n = 0; n < VECTORS; n++) begin
      if (vector_read[n]) for (int i = 0; i < VECTOR; i++) vector_value[n][i] <= bytes[address_t'(vector_at[n] + i)];
    end
    if (rst) {number, newest, oldest} <= '0;
  end
endmodule

// A scratchpad: words of WIDTH bits in PARTS x SIDES x TOKENS places, of which one in each part is written a cycle, and
// READS ports, each of which reads SLICE bits of a word. What a port asks for in a cycle is there in the next, and stays
// until it asks again. Parts are heads; sides are the two halves of a double buffer.
module scratchpad #(
    parameter int WIDTH  = 32,
    parameter int SLICE  = 16,
    parameter int STRIDE = SLICE,  // bits from a slice to the next
    parameter int PARTS  = 1,
    parameter int SIDES  = 1,
    parameter int TOKENS = 8,      // a power of two
    parameter int READS  = 1,
    parameter int TA     = $clog2(TOKENS),
    parameter int HA     = PARTS > 1 ? $clog2(PARTS) : 1,
    parameter int NA     = WIDTH > STRIDE ? $clog2(WIDTH / STRIDE) : 1
) (
    input  logic                           clk,
    input  logic [PARTS-1:0]               we,
    input  logic [TA:0]                    address,  // side, token
    input  logic [PARTS-1:0][WIDTH-1:0]    data,
    input  logic [READS-1:0]               read,
    input  logic [READS-1:0][HA+TA:0]      at,       // part, side, token
    input  logic [NA-1:0]                  slice,    // the same of every word
    output logic [READS-1:0][SLICE-1:0]    value
);
  localparam int DEPTH = PARTS * SIDES * TOKENS, PLACE = DEPTH > 1 ? $clog2(DEPTH) : 1;
  logic [WIDTH-1:0] words[DEPTH];

  function automatic logic [PLACE-1:0] place(input logic [HA-1:0] part, input logic [TA:0] spot);
    place = PLACE'((32'(part) * SIDES + 32'(SIDES > 1 && spot[TA])) * TOKENS + 32'(spot[TA-1:0]));
  endfunction

  always_ff @(posedge clk) begin
    for (int p = 0; p < PARTS; p++) if (we[p]) words[place(HA'(p), address)] <= data[p];
    for (int n = 0; n < READS; n++) begin
      if (read[n]) value[n] <= words[place(at[n][TA+1+:HA], at[n][TA:0])][32'(slice)*STRIDE+:SLICE];
    end
  end
endmodule

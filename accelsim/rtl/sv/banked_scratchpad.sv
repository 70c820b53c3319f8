// A scratchpad in banks, interleaved by token: each sends one vector a cycle; who gets it is arbitrated outside. A bank
// must be asked only for its own tokens, those whose number modulo BANKS is the bank's; with SKEW their number plus that
// of the part, so that the parts of a token lie in neighbouring banks. Parts and sides are those of scratchpad.sv.
module banked_scratchpad #(
    parameter int WIDTH  = 32,
    parameter int BANKS  = 2,
    parameter int PARTS  = 2,
    parameter int SIDES  = 1,
    parameter int TOKENS = 4,
    parameter int SKEW   = 0,
    parameter int TA     = $clog2(TOKENS),
    parameter int HA     = PARTS > 1 ? $clog2(PARTS) : 1
) (
    input  logic                        clk,
    input  logic [PARTS-1:0]            we,
    input  logic [TA:0]                 address,  // side, token
    input  logic [PARTS-1:0][WIDTH-1:0] data,
    input  logic [BANKS-1:0]            read,
    input  logic [BANKS-1:0][HA+TA:0]   at,       // part, side, token
    output logic [BANKS-1:0][WIDTH-1:0] value
);
  localparam int PER = (TOKENS + BANKS - 1) / BANKS;  // tokens of a part's side in a bank
  localparam int DEPTH = PARTS * SIDES * PER, PLACE = DEPTH > 1 ? $clog2(DEPTH) : 1;

  function automatic logic [PLACE-1:0] place(input logic [HA-1:0] part, input logic [TA:0] spot);
    place = PLACE'((32'(part) * SIDES + 32'(SIDES > 1 && spot[TA])) * PER + 32'(spot[TA-1:0]) / BANKS);
  endfunction

  for (genvar b = 0; b < BANKS; b++) begin : g_bank
    logic [WIDTH-1:0] words[DEPTH];
    always_ff @(posedge clk) begin
      for (int p = 0; p < PARTS; p++) begin
        if (we[p] && (32'(address[TA-1:0]) + SKEW * p) % BANKS == b) words[place(HA'(p), address)] <= data[p];
      end
      if (read[b]) value[b] <= words[place(at[b][TA+1+:HA], at[b][TA:0])];
    end
  end
endmodule

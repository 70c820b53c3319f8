// A scratchpad in banks, interleaved by token: each sends one vector a cycle. Who gets it is the sparser engine's
// arbitration. A bank must be asked only for its own tokens, those whose number modulo BANKS is the bank's.
module banked_scratchpad #(
    parameter int WIDTH  = 32,
    parameter int BANKS  = 2,
    parameter int HEADS  = 2,
    parameter int TOKENS = 4,
    parameter int HA     = HEADS > 1 ? $clog2(HEADS) : 1,
    parameter int TA     = $clog2(TOKENS)
) (
    input  logic                        clk,
    input  logic                        we,
    input  logic [HA+TA-1:0]            address,  // head, token
    input  logic [WIDTH-1:0]            data,
    input  logic [BANKS-1:0]            read,
    input  logic [BANKS-1:0][HA+TA-1:0] at,
    output logic [BANKS-1:0][WIDTH-1:0] value
);
  localparam int PER = (TOKENS + BANKS - 1) / BANKS;  // tokens of a head in a bank
  localparam int PA = PER > 1 ? $clog2(PER) : 1;

  function automatic logic [HA+PA-1:0] word(input logic [HA+TA-1:0] place);
    word = {place[TA+:HA], PA'(32'(place[TA-1:0]) / BANKS)};
  endfunction

  for (genvar b = 0; b < BANKS; b++) begin : g_bank
    logic [WIDTH-1:0] words[1<<(HA+PA)];
    always_ff @(posedge clk) begin
      if (we && 32'(address[TA-1:0]) % BANKS == b) words[word(address)] <= data;
      if (read[b]) value[b] <= words[word(at[b])];
    end
  end
endmodule

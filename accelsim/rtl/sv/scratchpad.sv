// A scratchpad: words of WIDTH bits, one of them written a cycle, and READS ports, each of which reads a slice of SLICE
// bits. What a port asks for in a cycle is there in the next, and stays until it asks again.
module scratchpad #(
    parameter int WIDTH = 32,
    parameter int SLICE = 16,
    parameter int DEPTH = 8,
    parameter int READS = 1,
    parameter int AT    = $clog2(DEPTH)
) (
    input  logic                        clk,
    input  logic                        we,
    input  logic [AT-1:0]               address,
    input  logic [WIDTH-1:0]            data,
    input  logic [READS-1:0]            read,
    input  logic [READS-1:0][AT-1:0]    at,
    input  logic [7:0]                  slice,  // the same of every word
    output logic [READS-1:0][SLICE-1:0] value
);
  logic [WIDTH-1:0] words[DEPTH];
  always_ff @(posedge clk) begin
    if (we) words[address] <= data;
    for (int n = 0; n < READS; n++) if (read[n]) value[n] <= words[at[n]][32'(slice)*SLICE+:SLICE];
  end
endmodule

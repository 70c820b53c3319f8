// Pops up to MOST items in the cycles in which its stored pattern, over and over, is open.
module stored_sink #(
    parameter     FILE  = "",
    parameter int COUNT = 1,
    parameter int MOST  = 1
) (
    input  logic        run,
    input  logic [31:0] cycle,
    input  logic [7:0]  valid,
    output logic [7:0]  pop
);
  logic [3:0] open[COUNT];
  initial $readmemh(FILE, open);
  assign pop = !run || open[cycle%COUNT] == 0 ? 8'd0 : valid < 8'(MOST) ? valid : 8'(MOST);
endmodule

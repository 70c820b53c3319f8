// Writes the rows of a stored table through its load port, one a cycle, from the first cycle on.
module table_loader #(
    parameter     FILE  = "",
    parameter int ROWS  = 1,
    parameter int WIDTH = 32
) (
    input  logic             clk,
    output logic             we,
    output logic [31:0]      address,
    output logic [WIDTH-1:0] data
);
  logic [WIDTH-1:0] rows[ROWS+1];
  logic [31:0] next = '0;
  initial if (ROWS > 0) $readmemh(FILE, rows, 0, ROWS - 1);
  assign we = next < ROWS;
  assign address = next;
  assign data = we ? rows[next] : '0;
  always_ff @(posedge clk) if (we) next <= next + 1;
endmodule

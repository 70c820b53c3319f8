// Pushes stored items in order, each in its cycle or as soon after it as there is room, up to MOST a cycle.
// A stored row is the cycle (the low word), then the item's fields.
module stored_source #(
    parameter     FILE  = "",
    parameter int COUNT = 1,
    parameter int WORDS = 1,
    parameter int MOST  = 1
) (
    input  logic                     clk,
    input  logic                     run,
    input  logic [31:0]              cycle,
    input  logic [7:0]               room,
    output logic [7:0]               push,
    output logic [32*WORDS*MOST-1:0] item
);
  logic [32*WORDS+31:0] script[COUNT+1];
  logic [32*WORDS+31:0] row;
  logic [31:0] sent = '0;
  initial if (COUNT > 0) $readmemh(FILE, script, 0, COUNT - 1);
  always_comb begin
    push = '0;
    item = '0;
    row  = '0;
    for (int n = 0; n < MOST; n++) begin
      row = script[sent+n < COUNT ? sent + n : COUNT];
      if (run && push == 8'(n) && push < room && sent + n < COUNT && row[31:0] <= cycle) begin
        item[32*WORDS*n+:32*WORDS] = row[32+:32*WORDS];
        push = push + 8'd1;
      end
    end
  end
  always_ff @(posedge clk) if (run) sent <= sent + 32'(push);
endmodule

// Compares every item pushed into a channel, its cycle and its fields, with the stored ones, and shows the first that
// differs. A stored row is the cycle (the low word), then the item's fields.
module stored_monitor #(
    parameter     FILE  = "",
    parameter     NAME  = "",
    parameter int COUNT = 1,
    parameter int WORDS = 1,
    parameter int MOST  = 1
) (
    input  logic                     clk,
    input  logic                     run,
    input  logic [31:0]              cycle,
    input  logic [7:0]               push,
    input  logic [32*WORDS*MOST-1:0] item,
    output logic [31:0]              wrong  // items that differ, and stored ones that have not come
);
  logic [32*WORDS+31:0] expected[COUNT+1];
  logic [31:0] seen = '0, differ = '0, differ_n;
  initial if (COUNT > 0) $readmemh(FILE, expected, 0, COUNT - 1);
  assign wrong = differ + (seen < COUNT ? COUNT - seen : '0);

  function automatic logic differs(input int n);
    differs = seen + n >= COUNT || expected[seen+n] != {item[32*WORDS*n+:32*WORDS], cycle};
  endfunction

  always_comb begin
    differ_n = differ;
    for (int n = 0; n < MOST; n++) if (8'(n) < push && differs(n)) differ_n = differ_n + 1;
  end

  always_ff @(posedge clk) begin
    if (run) begin
      for (int n = 0; n < MOST; n++) begin
        if (8'(n) < push && differs(n) && differ == 0) begin
          $display("%s: cycle %0d, item %0d is %h, expected %h", NAME, cycle, seen + n,
                   {item[32*WORDS*n+:32*WORDS], cycle}, seen + n < COUNT ? expected[seen+n] : '0);
        end
      end
      seen   <= seen + 32'(push);
      differ <= differ_n;
    end
  end
endmodule

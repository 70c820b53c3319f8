// Grants what several lines want in a cycle to the lowest of them: to as many as there is room for, at most MOST.
module arbiter #(
    parameter int LINES = 64,
    parameter int MOST  = 8,
    localparam int LA = LINES > 1 ? $clog2(LINES) : 1
) (
    input  logic [LINES-1:0]        wants,
    input  logic [7:0]              room,
    output logic [LINES-1:0]        granted,
    output logic [7:0]              count,
    output logic [MOST-1:0][LA-1:0] line     // the numbers of those granted, in order
);
  // The lines whose number has bit b.
  typedef logic [LA-1:0][LINES-1:0] numbers_t;
  function automatic numbers_t numbers();
    for (int b = 0; b < LA; b++) for (int n = 0; n < LINES; n++) numbers[b][n] = n[b];
  endfunction
  localparam numbers_t NUMBERED = numbers();
  logic [LINES-1:0] left, lowest;

  always_comb begin
    left = wants;
    lowest = '0;
    granted = '0;
    count = '0;
    line = '0;
    for (int m = 0; m < MOST; m++) begin
      if (left != 0 && 8'(m) < room) begin
        lowest = left & (~left + 1'b1);
        for (int b = 0; b < LA; b++) line[m][b] = |(lowest & NUMBERED[b]);
        granted = granted | lowest;
        left = left & ~lowest;
        count = 8'(m + 1);
      end
    end
  end
endmodule

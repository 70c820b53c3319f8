// Grants what several lines want in a cycle to the lowest of them: to as many as there is room for, at most MOST.
// Of all lines at once it is found how many up to each want the same: in blocks of two, of four and so on, as sets of the
// lines that are more than 0, more than 1, ...
module arbiter #(
    parameter int LINES = 64,
    parameter int MOST  = 8,
    localparam int LA = LINES > 1 ? $clog2(LINES) : 1
) (
    input  logic [LINES-1:0]        wants,
    input  logic [7:0]              room,
    output logic [LINES-1:0]        granted,
    output logic [7:0]              count,
    output logic [MOST-1:0][LA-1:0] line     // the numbers of the lowest, in order, whether there is room for them or not
);
  // The lines whose number has bit b.
  typedef logic [LINES-1:0] lines_t;
  typedef lines_t [LA-1:0] numbers_t;
  function automatic numbers_t numbers();
    for (int b = 0; b < LA; b++) for (int n = 0; n < LINES; n++) numbers[b][n] = n[b];
  endfunction
  localparam numbers_t NUMBERED = numbers();
  localparam int TREE = 1 << $clog2(MOST + 1);
  function automatic lines_t any(input lines_t [TREE-1:0] sets);
    for (int step = 1; step < TREE; step = 2 * step) begin
      for (int i = 0; i < TREE; i = i + 2 * step) sets[i] = sets[i] | sets[i+step];
    end
    any = sets[0];
  endfunction
  lines_t [MOST-1:0] more, lower, nth;  // more than m of the block up to the line, and of the block below it; the m-th
  lines_t [TREE-1:0] ways;
  lines_t ends;

  always_comb begin
    more = '0;
    more[0] = wants;
    ends = '1;  // the last lines of the blocks below
    for (int s = 0; s < LA; s++) begin
      for (int m = 0; m < MOST; m++) begin
        lower[m] = (more[m] & ends & ~NUMBERED[s]) << 1;
        for (int k = 0; k < s; k++) lower[m] = lower[m] | lower[m] << (1 << k);
      end
      for (int m = MOST - 1; m >= 0; m--) begin
        ways = '0;
        ways[0] = more[m];
        ways[1] = lower[m];
        for (int i = 0; i < m; i++) ways[i+2>TREE-1?0:i+2] = more[i] & lower[m-1-i];
        more[m] = any(ways);
      end
      ends = ends & NUMBERED[s];
    end
    ways = '0;
    count = '0;
    for (int m = 0; m < MOST; m++) begin
      nth[m] = wants & ~(more[m] << 1) & (m == 0 ? '1 : more[m>0?m-1:0] << 1);
      for (int b = 0; b < LA; b++) line[m][b] = |(nth[m] & NUMBERED[b]);
      ways[m] = 8'(m) < room ? nth[m] : '0;
      if (8'(m) < room && more[m][LINES-1]) count = 8'(m + 1);
    end
    granted = any(ways);
  end
endmodule

// Grants what several lines want in a cycle to the lowest of them: to as many as there is room for, at most MOST.
// Of each line it is found at once how many below it want the same, as a thermometer: sums of two halves, of halves of
// these, and so on.
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
  typedef logic [LA-1:0][LINES-1:0] numbers_t;
  function automatic numbers_t numbers();
    for (int b = 0; b < LA; b++) for (int n = 0; n < LINES; n++) numbers[b][n] = n[b];
  endfunction
  localparam numbers_t NUMBERED = numbers();
  // Bit m: there are more than m of them.
  typedef logic [MOST-1:0] some_t;
  function automatic some_t sum(input some_t a, input some_t b);
    logic [MOST:0] ways;  // so many of one, the rest of the other
    for (int m = 0; m < MOST; m++) begin
      ways = '0;
      for (int i = 0; i <= m + 1; i++) ways[i] = (i == 0 || a[i>0?i-1:0]) && (i > m || b[i>m?0:m-i]);
      sum[m] = |ways;
    end
  endfunction
  logic [MOST-1:0][LINES-1:0] nth;  // the lowest line, the next one, ...
  some_t [LINES:0] below;
  some_t free;

  // In step s a line knows of those from the last multiple of 2^s on, itself the last.
  some_t [LA:0][LINES-1:0] known;
  always_comb begin
    for (int n = 0; n < LINES; n++) known[0][n] = some_t'(wants[n]);
    for (int s = 0; s < LA; s++) begin
      for (int n = 0; n < LINES; n++) begin
        known[s+1][n] = 1'(n >> s) ? sum(known[s][n], known[s][1'(n>>s)?(n>>s<<s)-1:0]) : known[s][n];
      end
    end
    below[0] = '0;
    for (int n = 0; n < LINES; n++) below[n+1] = known[LA][n];
    for (int m = 0; m < MOST; m++) free[m] = 8'(m) < room;
    for (int n = 0; n < LINES; n++) begin
      granted[n] = wants[n] && ((~below[n] & {below[n][MOST-1:0] << 1 | some_t'(1)}) & free) != 0;
      for (int m = 0; m < MOST; m++) nth[m][n] = wants[n] && !below[n][m] && (m == 0 || below[n][m>0?m-1:0]);
    end
    for (int m = 0; m < MOST; m++) for (int b = 0; b < LA; b++) line[m][b] = |(nth[m] & NUMBERED[b]);
    count = '0;
    for (int m = 0; m < MOST; m++) if (below[LINES][m] && free[m]) count = 8'(m + 1);
  end
endmodule

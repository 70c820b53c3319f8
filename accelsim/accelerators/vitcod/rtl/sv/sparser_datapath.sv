// The sparser engine's data: MAC lines, each with the vector it computes on and the next one, the K it keeps and the
// next one, the probabilities of its row segment, and its accumulators. It does what the control decides two cycles
// later: in the first cycle it asks the scratchpads, in the second it takes what they sent, and lines compute.
module sparser_datapath #(
    parameter int LINES       = 2,
    parameter int MACS        = 2,
    parameter int FEATURES    = 2,  // of a word in the scratchpads, a multiple of MACS
    parameter int BANKS       = 2,
    parameter int SEGMENT     = 2,
    parameter int SCORE_PORTS = 2,
    parameter int HA          = 1,
    parameter int VA          = 1,  // bits of a head of the layer
    parameter int TA          = 2,
    parameter int IA          = 4   // bits of an entry's address
) (
    input  logic                               clk,
    input  logic                               rst,
    // Of the pass that is worked on, a cycle after the control decides: its layout, and its side of the double buffers.
    input  isa::layout_row_t                   layout,
    input  logic                               side,
    // What the control decides.
    input  logic                               scoring,
    input  isa::word_t                         beats,
    input  logic [LINES-1:0]                   begins,       // lines that begin with their next operand
    input  logic [LINES-1:0]                   fetched,      // lines that get a bank's vector
    input  logic [LINES-1:0][7:0]              bank,         // which
    input  logic [BANKS-1:0]                   granted,
    input  isa::word_t [BANKS-1:0]             granted_head,
    input  isa::word_t [BANKS-1:0]             granted_token,
    input  logic                               takes,        // a line takes up a column or a row segment
    input  isa::word_t                         takes_line,
    input  isa::word_t                         takes_head,
    input  isa::word_t                         takes_column,
    input  isa::word_t                         takes_place,
    input  isa::word_t                         takes_at,
    input  isa::word_t [SCORE_PORTS-1:0]       leaves_line,  // of each score; the first of them of a partial row
    input  isa::word_t [SCORE_PORTS-1:0]       leaves_at,    // its place in the row's list
    input  logic                               arrives,      // a vector comes back from the decoder
    input  isa::word_t                         arrives_line,
    input  logic [FEATURES*8-1:0]              vector,       // two cycles later
    // Scratchpads.
    output logic                               k_read,
    output logic [HA+TA:0]                     k_at,
    input  logic [FEATURES*8-1:0]              k_value,
    output logic [BANKS-1:0]                   q_read,
    output logic [BANKS-1:0][HA+TA:0]          q_at,
    output logic [BANKS-1:0]                   v_read,
    output logic [BANKS-1:0][VA+TA:0]          v_at,
    input  logic [BANKS-1:0][FEATURES*8-1:0]   q_value,
    input  logic [BANKS-1:0][FEATURES*8-1:0]   v_value,
    output logic                               score_read,
    output logic [IA-1:0]                      score_at,
    input  logic [SEGMENT-1:0][15:0]           score_value,  // exponentials
    output isa::word_t                         reciprocal_at,
    input  logic [31:0]                        reciprocal_value,
    // Results.
    output logic [SCORE_PORTS-1:0][31:0]       scores,
    output logic [SCORE_PORTS-1:0][IA-1:0]     scores_at,
    output logic                               probable,     // a segment's probabilities are taken up
    output isa::word_t                         probable_place,
    output logic [SEGMENT-1:0][7:0]            probability,
    input  logic                               leaves,       // a partial row
    output logic [FEATURES*32-1:0]             row
);
  localparam int SETS = FEATURES / MACS, GA = SETS > 1 ? $clog2(SETS) : 1, LA = LINES > 1 ? $clog2(LINES) : 1;
  localparam int EA = SEGMENT > 1 ? $clog2(SEGMENT) : 1, BA = BANKS > 1 ? $clog2(BANKS) : 1;
  localparam int SUMS = LINES * SETS > 1 ? $clog2(LINES * SETS) : 1;

  // The first cycle.
  logic [LINES-1:0] begins1, fetched1;
  logic [LINES-1:0][7:0] bank1;
  isa::word_t beats1, line1, head1, column1, place1, arrives_line1;
  logic scoring1, takes1, arrives1, leaves1;
  isa::word_t [SCORE_PORTS-1:0] leaves_line1, leaves_at1;
  logic [BANKS-1:0] granted1;
  isa::word_t [BANKS-1:0] granted_head1, granted_token1;
  isa::word_t at1;

  // The second.
  logic [LINES-1:0] begins2, fetched2;
  logic [LINES-1:0][7:0] bank2;
  isa::word_t beats2, line2, arrives_line2;
  logic scoring2, takes2, arrives2, leaves2;
  isa::word_t [SCORE_PORTS-1:0] leaves_line2;

  // Of each line: its next vector and what belongs to it, and what it computes on.
  logic [FEATURES*8-1:0] next[LINES], held[LINES], next_k[LINES], held_k[LINES];
  logic [7:0] next_p[LINES], held_p[LINES], p[LINES];
  logic next_first[LINES], held_first[LINES], first[LINES], fresh[LINES], valid[LINES], arriving[LINES];
  logic [SEGMENT*8-1:0] segment[LINES];
  logic [EA-1:0] entry[LINES];
  logic running[LINES];
  logic [GA-1:0] beat[LINES], set[LINES];
  logic [MACS*8-1:0] stream[LINES], k[LINES];
  logic [MACS*32-1:0] sums[LINES*SETS];
  logic [MACS*32-1:0] sum[LINES], accumulated[LINES];
  logic [31:0] score[LINES];

  always_comb begin
    k_read = takes1 && scoring1;
    k_at = {HA'(head1), side, TA'(column1)};
    q_read = scoring1 ? granted1 : '0;
    v_read = scoring1 ? '0 : granted1;
    for (int b = 0; b < BANKS; b++) begin
      q_at[b] = {HA'(granted_head1[b]), side, TA'(granted_token1[b])};
      v_at[b] = {VA'(layout.head0 + granted_head1[b]), 1'b0, TA'(granted_token1[b])};
    end
    score_read = takes1 && !scoring1;
    score_at = IA'(at1);
    reciprocal_at = place1;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      {takes1, arrives1, leaves1, takes2, arrives2, leaves2} <= '0;
      {begins1, fetched1, begins2, fetched2} <= '0;
      granted1 <= '0;
    end else begin
      {takes1, arrives1, leaves1} <= {takes, arrives, leaves};
      {takes2, arrives2, leaves2} <= {takes1, arrives1, leaves1};
      {begins1, fetched1} <= {begins, fetched};
      {begins2, fetched2} <= {begins1, fetched1};
      granted1 <= granted;
    end
    scoring1 <= scoring;
    beats1 <= beats;
    bank1 <= bank;
    granted_head1 <= granted_head;
    granted_token1 <= granted_token;
    line1 <= takes_line;
    head1 <= takes_head;
    column1 <= takes_column;
    place1 <= takes_place;
    at1 <= takes_at;
    leaves_line1 <= leaves_line;
    leaves_at1 <= leaves_at;
    arrives_line1 <= arrives_line;
    scoring2 <= scoring1;
    beats2 <= beats1;
    bank2 <= bank1;
    line2 <= line1;
    probable_place <= place1;
    leaves_line2 <= leaves_line1;
    for (int m = 0; m < SCORE_PORTS; m++) scores_at[m] <= IA'(leaves_at1[m]);
    arrives_line2 <= arrives_line1;
  end

  for (genvar n = 0; n < SEGMENT; n++) begin : g_entry
    normalise normalise (
        .exponential(score_value[n]),
        .reciprocal (reciprocal_value),
        .probability(probability[n])
    );
  end
  assign probable = takes2 && !scoring2;

  // A loop that is not unrolled makes no other hardware, but a far smaller simulator.
  always_comb begin
    /*verilator unroll_disable*/
    for (int n = 0; n < LINES; n++) begin
      arriving[n] = arrives2 && arrives_line2 == isa::W'(n);
      valid[n] = begins2[n] || running[n];
      first[n] = scoring2 ? begins2[n] : begins2[n] ? next_first[n] : held_first[n];
      p[n] = begins2[n] ? next_p[n] : held_p[n];
      set[n] = begins2[n] ? '0 : beat[n];
      if (!begins2[n]) begin
        stream[n] = held[n][32'(beat[n])*MACS*8+:MACS*8];
        k[n] = held_k[n][32'(beat[n])*MACS*8+:MACS*8];
      end else begin
        stream[n] = arriving[n] ? vector[MACS*8-1:0] : next[n][MACS*8-1:0];
        k[n] = next_k[n][MACS*8-1:0];
      end
      accumulated[n] = sums[SUMS'(n*SETS+32'(set[n]))];
    end
  end

  for (genvar n = 0; n < LINES; n++) begin : g_line
    mac_line #(
        .MACS(MACS)
    ) line (
        .clk,
        .rst,
        .valid      (valid[n]),
        .first      (first[n]),
        .values     (!scoring2),
        .stream     (stream[n]),
        .held       (k[n]),
        .probability(p[n]),
        .accumulated(accumulated[n]),
        .sums       (sum[n]),
        .score      (score[n])
    );
  end

  always_ff @(posedge clk) begin
    /*verilator unroll_disable*/
    for (int n = 0; n < LINES; n++) begin
      if (valid[n]) begin
        if (!scoring2) sums[SUMS'(n*SETS+32'(set[n]))] <= sum[n];
        beat[n] <= set[n] + 1'b1;
        running[n] <= isa::W'(set[n]) + 1'b1 != beats2;
      end
      if (rst) running[n] <= 1'b0;
      if (begins2[n]) begin
        held[n] <= arriving[n] ? vector : next[n];
        held_k[n] <= next_k[n];
        held_p[n] <= next_p[n];
        held_first[n] <= next_first[n];
      end
      if (fetched2[n]) begin
        next[n] <= scoring2 ? q_value[BA'(bank2[n])] : v_value[BA'(bank2[n])];
        next_p[n] <= segment[n][32'(entry[n])*8+:8];
        next_first[n] <= fresh[n];
        entry[n] <= entry[n] + 1'b1;
        fresh[n] <= 1'b0;
      end else if (arriving[n]) begin
        next[n] <= vector;
      end
    end
    if (takes2) begin
      if (scoring2) next_k[LA'(line2)] <= k_value;
      else segment[LA'(line2)] <= probability;
      entry[LA'(line2)] <= '0;
      fresh[LA'(line2)] <= 1'b1;
    end
  end

  always_comb begin
    for (int m = 0; m < SCORE_PORTS; m++) scores[m] = score[LA'(leaves_line2[m])];
    row = '0;
    if (leaves2) begin
      for (int s = 0; s < SETS; s++) row[s*MACS*32+:MACS*32] = sums[SUMS'(32'(leaves_line2[0])*SETS+s)];
    end
  end
endmodule

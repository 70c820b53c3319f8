// The denser engine's data: MAC lines, the K each keeps, its accumulators and their shadows. It does what the control
// decides two cycles later: in the first cycle it asks the scratchpads, in the second it computes on what they sent.
// Scores: line n works on column n modulo the tile's columns and on row n divided by them, of the rows at once. Values:
// line n works on row n of the tile; as a tile leaves, accumulators and shadows change places.
module denser_datapath #(
    parameter int LINES    = 2,
    parameter int MACS     = 2,
    parameter int FEATURES = 2,  // of a word in the scratchpads, a multiple of MACS
    parameter int PORTS    = 2,  // rows x heads whose Q is broadcast at once
    parameter int HA       = 1,
    parameter int VA       = 1,  // bits of a head of the layer
    parameter int TA       = 2,
    parameter int DENSE    = 4,
    parameter int ROWS     = 8,
    parameter int SA       = 4,  // bits of a score's address
    parameter int SETS     = FEATURES / MACS,
    parameter int GA       = SETS > 1 ? $clog2(SETS) : 1
) (
    input  logic                          clk,
    input  logic                          rst,
    input  logic                          dense_we,
    input  isa::word_t                    dense_address,
    input  isa::dense_row_t               dense_data,
    input  logic                          places_we,
    input  isa::word_t                    places_address,
    input  isa::places_row_t              places_data,
    // Of the pass that is worked on, a cycle after the control decides: its layout, and its side of the double buffers.
    input  isa::layout_row_t              layout,
    input  logic                          side,
    // What the control begins.
    input  logic                          load,
    input  isa::word_t                    load_first,
    input  isa::word_t                    load_count,
    input  logic                          stream,
    input  isa::word_t                    stream_token,
    input  isa::word_t                    stream_rows,
    input  isa::word_t                    stream_beats,
    input  logic                          tile,
    input  isa::word_t                    tile_place,
    input  isa::word_t                    tile_share,      // where its dense columns are found
    input  isa::word_t                    tile_rows,
    input  isa::word_t                    tile_count,
    input  isa::word_t                    tile_beats,
    input  logic                          leaves,          // the tile of rows
    // Scratchpads.
    output logic                          k_read,
    output logic [HA+TA:0]                k_at,
    input  logic [FEATURES*8-1:0]         k_value,
    output logic [PORTS-1:0]              q_read,
    output logic [PORTS-1:0][HA+TA:0]     q_at,
    output logic [GA-1:0]                 q_slice,
    input  logic [PORTS-1:0][MACS*8-1:0]  q_value,
    output logic                          v_read,
    output logic [VA+TA:0]                v_at,
    output logic [GA-1:0]                 v_slice,
    input  logic [MACS*8-1:0]             v_value,
    output logic [LINES-1:0]              score_read,
    output logic [LINES-1:0][SA-1:0]      score_at,
    input  logic [LINES-1:0][15:0]        score_value,      // exponentials
    output logic                          reciprocal_read,
    output isa::word_t                    reciprocal_at,
    input  logic [LINES-1:0][31:0]        reciprocal_value,
    // Results.
    output logic [LINES-1:0][31:0]        scores,
    output logic                          probable,         // a column's probabilities are used from this cycle on
    output logic [LINES-1:0][7:0]         probability,
    input  logic                          take,             // the merge takes a row of the shadows
    input  isa::word_t                    taken,
    output logic [FEATURES*32-1:0]        row
);
  localparam int DA = $clog2(DENSE), RA = $clog2(ROWS), PA = PORTS > 1 ? $clog2(PORTS) : 1;
  localparam int LA = LINES > 1 ? $clog2(LINES) : 1, SUMS = $clog2(LINES * 2 * SETS);
  typedef struct packed {
    isa::word_t column;
    isa::word_t head;
  } column_t;
  logic [2*isa::W-1:0] columns[DENSE];
  logic [isa::places_row_bits-1:0] places[ROWS];

  // The first cycle.
  logic loading, streaming, tiling, tile_first, leaving;
  isa::word_t first, count, nth, token, rows, beats, beat, place, share, column;
  logic [SA-1:0] base, address;
  column_t key, oldest, value;
  isa::places_row_t here;
  logic [HA-1:0] first_head, last_head;  // of the tile, and the last counted from it
  logic [PORTS-1:0][TA-1:0] port_row, port_row_n;
  logic [PORTS-1:0][HA-1:0] port_head, port_head_n;
  logic [LINES-1:0][LA-1:0] line_column, line_column_n;
  logic [LINES-1:0][LA:0] line_row, line_row_n;
  logic [LINES-1:0][PA-1:0] line_port;

  // The second cycle.
  logic k_here, scoring, valuing, begins, bank;
  logic [LA-1:0] k_nth;
  isa::word_t rows_here;
  logic [GA-1:0] set;
  logic [FEATURES*8-1:0] keys[LINES];
  logic [MACS*32-1:0] sums[LINES*2*SETS];
  logic valid[LINES];
  logic [MACS*8-1:0] sent[LINES], k[LINES];
  logic [MACS*32-1:0] sum[LINES], accumulated[LINES];

  function automatic logic [SUMS-1:0] slot(input int line, input logic half, input int group);
    slot = SUMS'((line * 2 + 32'(half)) * SETS + group);
  endfunction

  // Which row and head of Q each port sends, and which column and row each line works on, for a tile of columns.
  always_comb begin
    oldest = columns[DA'(first)];
    key = columns[DA'(first+count-1'b1)];
    last_head = HA'(key.head - oldest.head);
    key = columns[DA'(first+nth)];
    port_row_n = port_row;
    port_head_n = port_head;
    line_column_n = line_column;
    line_row_n = line_row;
    if (loading && nth == 0) begin
      port_row_n[0]  = '0;
      port_head_n[0] = '0;
      for (int p = 1; p < PORTS; p++) begin
        port_row_n[p]  = port_row_n[p-1] + TA'(port_head_n[p-1] == last_head);
        port_head_n[p] = port_head_n[p-1] == last_head ? '0 : port_head_n[p-1] + 1'b1;
      end
      line_column_n[0] = '0;
      line_row_n[0] = '0;
      for (int n = 1; n < LINES; n++) begin
        line_column_n[n] = isa::W'(line_column_n[n-1]) + 1'b1 == count ? '0 : line_column_n[n-1] + 1'b1;
        line_row_n[n] = line_row_n[n-1] + (LA + 1)'(isa::W'(line_column_n[n-1]) + 1'b1 == count);
      end
    end
  end

  // What the scratchpads are asked for.
  always_comb begin
    k_read = loading;
    k_at = {HA'(key.head), side, TA'(key.column)};
    q_slice = GA'(beat);
    for (int p = 0; p < PORTS; p++) begin
      q_read[p] = streaming && isa::W'(port_row[p]) < rows;
      q_at[p] = {first_head + port_head[p], side, TA'(token) + port_row[p]};
    end
    here = places[RA'(share)];
    value = columns[DA'(here.first_dense+column)];
    v_read = tiling;
    v_at = {VA'(layout.head0 + value.head), 1'b0, TA'(value.column)};
    v_slice = GA'(beat);
    address = tile_first ? SA'(here.dense_at) : base;
    for (int n = 0; n < LINES; n++) begin
      score_read[n] = tiling && beat == 0 && isa::W'(n) < rows;
      score_at[n] = address + SA'(n);
    end
    reciprocal_read = tiling && tile_first && beat == 0;
    reciprocal_at = place;
  end

  always_ff @(posedge clk) begin
    if (dense_we) columns[DA'(dense_address)] <= {isa::W'(dense_data.column), isa::W'(dense_data.head)};
    if (places_we) places[RA'(places_address)] <= places_data;
    if (rst) begin
      loading <= 1'b0;
      streaming <= 1'b0;
      tiling <= 1'b0;
      leaving <= 1'b0;
    end else begin
      leaving <= leaves;
      if (load) begin
        loading <= 1'b1;
        first <= load_first;
        count <= load_count;
        nth <= '0;
      end else if (loading) begin
        loading <= nth + 1'b1 != count;
        nth <= nth + 1'b1;
      end
      if (stream) begin
        streaming <= 1'b1;
        tiling <= 1'b0;
        token <= stream_token;
        rows <= stream_rows;
        beats <= stream_beats;
        beat <= '0;
      end else if (tile) begin
        tiling <= 1'b1;
        streaming <= 1'b0;
        tile_first <= 1'b1;
        place <= tile_place;
        share <= tile_share;
        rows <= tile_rows;
        count <= tile_count;
        beats <= tile_beats;
        beat <= '0;
        column <= '0;
      end else if (beat + 1'b1 != beats) begin
        beat <= beat + 1'b1;
      end else begin
        streaming <= 1'b0;
        if (tiling) begin
          beat <= '0;
          column <= column + 1'b1;
          tile_first <= 1'b0;
          base <= address + SA'(layout.rows);
          tiling <= column + 1'b1 != count;
        end
      end
    end
    if (loading) begin
      first_head <= HA'(oldest.head);
      for (int n = 0; n < LINES; n++) begin
        if (isa::W'(line_column_n[n]) == nth) begin
          line_port[n] <= PA'(32'(line_row_n[n]) * (32'(last_head) + 1) + 32'(key.head - oldest.head));
        end
      end
    end
    port_row <= port_row_n;
    port_head <= port_head_n;
    line_column <= line_column_n;
    line_row <= line_row_n;

    k_here <= loading && !rst;
    k_nth <= LA'(nth);
    scoring <= streaming && !rst;
    valuing <= tiling && !rst;
    begins <= streaming ? beat == 0 : tile_first;
    set <= GA'(beat);
    rows_here <= rows;
    bank <= !rst && (bank ^ leaving);
    // A loop that is not unrolled makes no other hardware, but a far smaller simulator.
    /*verilator unroll_disable*/
    for (int n = 0; n < LINES; n++) begin
      if (k_here && line_column[n] == k_nth) keys[n] <= k_value;
      if (valuing && valid[n]) sums[slot(n, bank, 32'(set))] <= sum[n];
    end
  end

  always_comb begin
    /*verilator unroll_disable*/
    for (int n = 0; n < LINES; n++) begin
      valid[n] = scoring ? isa::W'(line_row[n]) < rows_here : valuing && isa::W'(n) < rows_here;
      sent[n] = valuing ? v_value : q_value[line_port[n]];
      k[n] = keys[n][32'(set)*MACS*8+:MACS*8];
      accumulated[n] = sums[slot(n, bank, 32'(set))];
    end
  end

  for (genvar n = 0; n < LINES; n++) begin : g_line
    normalise normalise (
        .exponential(score_value[n]),
        .reciprocal (reciprocal_value[n]),
        .probability(probability[n])
    );
    mac_line #(
        .MACS(MACS)
    ) line (
        .clk,
        .rst,
        .valid      (valid[n]),
        .first      (begins),
        .values     (valuing),
        .stream     (sent[n]),
        .held       (k[n]),
        .probability(probability[n]),
        .accumulated(accumulated[n]),
        .sums       (sum[n]),
        .score      (scores[n])
    );
  end

  assign probable = valuing && set == 0;
  always_comb begin
    row = '0;
    if (take) begin
      for (int s = 0; s < SETS; s++) row[s*MACS*32+:MACS*32] = sums[slot(32'(taken), !bank, s)];
    end
  end
endmodule

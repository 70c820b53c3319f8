// The data path of an array in which outputs stay (OS): operands of both edges through their skew registers, the PEs, and
// at the bottom of each column its outputs, the lowest row's first. All of it is in step with the control: the last
// output of a fold is there in the cycle in which its item leaves.
module output_array #(
    parameter int ROWS    = 4,
    parameter int COLUMNS = 3,
    parameter int SHADOW  = 1,
    parameter int STREAMS = 4  // rows of the table that says where operands lie
) (
    input  logic                     clk,
    input  logic                     rst,
    input  logic                     streams_we,
    input  logic [31:0]              streams_address,
    input  logic [63:0]              streams_data,
    input  logic                     moves,
    input  logic                     starts,
    input  logic                     at_once,
    input  isa::word_t               lead,
    input  isa::word_t               beats,
    input  isa::word_t               beat,
    input  logic                     clears,
    input  logic                     drains,
    output logic [31:0]              left_at,
    input  logic [ROWS-1:0][7:0]     left_value,
    output logic [31:0]              top_at,
    input  logic [COLUMNS-1:0][7:0]  top_value,
    output logic [COLUMNS-1:0]       valid,
    output logic [COLUMNS-1:0][31:0] outputs
);
  logic enters, first, last, clearing, draining;
  logic clears_now, drains_now;
  logic [ROWS-1:0][7:0] skewed_left;
  logic [COLUMNS-1:0][7:0] skewed_top;
  logic [2:0] marks[ROWS];  // a beat, the first of a fold, the last, on their way down the edge
  logic [ROWS-1:0] draining_rows;
  assign clears_now = starts ? clears : clearing;
  assign drains_now = starts ? drains : draining;

  stream_feeder feeder (.clk, .rst, .moves, .starts, .at_once, .lead, .beats, .beat, .enters, .first, .last);
  operand_pointer #(
      .FOLDS(STREAMS)
  ) left_pointer (
      .clk,
      .rst,
      .we     (streams_we),
      .address(streams_address),
      .data   (streams_data[31:0]),
      .taken  (enters),
      .last,
      .place  (left_at)
  );
  operand_pointer #(
      .FOLDS(STREAMS)
  ) top_pointer (
      .clk,
      .rst,
      .we     (streams_we),
      .address(streams_address),
      .data   (streams_data[63:32]),
      .taken  (enters),
      .last,
      .place  (top_at)
  );
  // What is there between two beats goes along and is not added.
  skew #(.LANES(ROWS)) left_skew (.clk, .moves, .straight(left_value), .skewed(skewed_left));
  skew #(.LANES(COLUMNS)) top_skew (.clk, .moves, .straight(top_value), .skewed(skewed_top));

  assign marks[0] = {last && drains_now, first && clears_now, enters};
  for (genvar r = 1; r < ROWS; r++) begin : g_mark
    logic [2:0] later;
    assign marks[r] = later;
    always_ff @(posedge clk) begin
      if (rst) later <= '0;
      else if (moves) later <= marks[r-1];
    end
  end

  // A column drains from the cycle on that is behind the last product of its lowest row: that row as often as there are
  // rows, the one above it once less, and so on.
  always_ff @(posedge clk) begin
    if (rst) draining_rows <= '0;
    else if (moves) draining_rows <= marks[ROWS-1][2] ? '1 : draining_rows << 1;
    if (moves && starts) begin
      clearing <= clears;
      draining <= drains;
    end
  end

  for (genvar r = 0; r < ROWS; r++) begin : g_row
    logic [COLUMNS:0] beat_here, first_here, last_here, drain_here;
    logic [COLUMNS:0][7:0] across;
    logic [COLUMNS-1:0][7:0] down;
    logic [COLUMNS-1:0][31:0] below;
    assign {last_here[0], first_here[0], beat_here[0]} = marks[r];
    assign drain_here[0] = draining_rows[r];
    assign across[0] = skewed_left[r];
    for (genvar c = 0; c < COLUMNS; c++) begin : g_column
      logic [7:0] top;
      logic [31:0] above;
      if (r == 0) begin : g_top
        assign top = skewed_top[c];
        assign above = '0;
      end else begin : g_inside
        assign top = g_row[r-1].down[c];
        assign above = g_row[r-1].below[c];
      end
      output_pe #(
          .SHADOW(SHADOW)
      ) pe (
          .clk,
          .rst,
          .moves,
          .valid      (beat_here[c]),
          .first      (first_here[c]),
          .last       (last_here[c]),
          .drain      (drain_here[c]),
          .left       (across[c]),
          .top,
          .above,
          .valid_right(beat_here[c+1]),
          .first_right(first_here[c+1]),
          .last_right (last_here[c+1]),
          .drain_right(drain_here[c+1]),
          .right      (across[c+1]),
          .bottom     (down[c]),
          .below      (below[c])
      );
    end
  end
  assign valid = g_row[ROWS-1].drain_here[COLUMNS-1:0];
  assign outputs = g_row[ROWS-1].below;
  wire unused_below = &{1'b0, g_row[ROWS-1].down};
endmodule

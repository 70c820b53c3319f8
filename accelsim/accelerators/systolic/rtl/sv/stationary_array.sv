// The data path of an array in which an operand stays (WS, IS): the other one's beats through the skew registers of the
// left edge, operands to be held through those of the top edge, the PEs, and the accumulators at the bottom of each
// column. All of it is in step with the control: the last output of a fold is there in the cycle in which its item
// leaves.
module stationary_array #(
    parameter int ROWS         = 4,
    parameter int COLUMNS      = 3,
    parameter int SHADOW       = 1,
    parameter int HOP          = 1,
    parameter int ACCUMULATORS = 16,  // words of a column, a power of two
    parameter int STREAMS      = 4,   // rows of the tables that say where operands lie
    parameter int HOLDS        = 4
) (
    input  logic                     clk,
    input  logic                     rst,
    input  logic                     streams_we,
    input  logic [31:0]              streams_address,
    input  logic [31:0]              streams_data,
    input  logic                     holds_we,
    input  logic [31:0]              holds_address,
    input  logic [31:0]              holds_data,
    input  logic                     moves,
    input  logic                     starts,
    input  logic                     at_once,
    input  isa::word_t               lead,
    input  isa::word_t               beats,
    input  isa::word_t               beat,
    input  logic                     swaps,
    input  logic                     adds,
    input  logic                     keeps,
    input  logic                     loads,
    input  isa::word_t               load_empty,
    input  isa::word_t               load_rows,
    input  isa::word_t               load_beat,
    output logic [31:0]              left_at,
    input  logic [ROWS-1:0][7:0]     left_value,
    output logic [31:0]              top_at,
    input  logic [COLUMNS-1:0][7:0]  top_value,
    output logic [COLUMNS-1:0]       valid,
    output logic [COLUMNS-1:0][31:0] outputs
);
  localparam int WB = $clog2(ACCUMULATORS), DOWN = HOP * (ROWS - 1);
  typedef struct packed {
    logic keeps;
    logic adds;
    logic first;
    logic beat;
  } mark_t;
  logic enters, first, last, adding, keeping;
  logic [ROWS-1:0][7:0] skewed_left;
  logic [COLUMNS-1:0][7:0] straight_top, skewed_top;
  logic [DOWN:0] swapping;     // on their way down the edge
  mark_t marks[DOWN+1];
  isa::word_t empty, words, pause, every, now_empty, now_words, now_pause;
  logic some, now_some, whole, word_enters, down, held_last;
  logic [ROWS-1:0] reached, now_reached, loading_rows;  // rows that the first word of a load has reached
  logic [WB-1:0] next_place, now_place;

  stream_feeder feeder (.clk, .rst, .moves, .starts, .at_once, .lead, .beats, .beat, .enters, .first, .last);
  operand_pointer #(
      .FOLDS(STREAMS)
  ) left_pointer (
      .clk,
      .rst,
      .we     (streams_we),
      .address(streams_address),
      .data   (streams_data),
      .taken  (enters),
      .last,
      .place  (left_at)
  );
  // What is there between two beats goes along, and no mark with it.
  skew #(.LANES(ROWS), .STEP(HOP)) left_skew (.clk, .moves, .straight(left_value), .skewed(skewed_left));

  // The marks of a beat go down the edge with it.
  assign marks[0] = {starts ? keeps : keeping, starts ? adds : adding, first, enters};
  assign swapping[0] = swaps;
  for (genvar n = 1; n <= DOWN; n++) begin : g_mark
    mark_t later;
    logic swaps_later;
    assign marks[n] = later;
    assign swapping[n] = swaps_later;
    always_ff @(posedge clk) begin
      if (rst) later.beat <= 1'b0;
      else if (moves) later.beat <= marks[n-1].beat;
      if (moves) {later.keeps, later.adds, later.first} <= {marks[n-1].keeps, marks[n-1].adds, marks[n-1].first};
      if (rst) swaps_later <= 1'b0;
      else if (moves) swaps_later <= swapping[n-1];
    end
  end

  // The rows that stay empty are the lowest ones: they come first, one a cycle, and then the words of the others. A word
  // goes down as others come behind it, and reaches its row with the last one.
  always_comb begin
    now_some = loads || some;
    now_empty = loads ? load_empty : empty;
    now_words = loads ? load_rows : words;
    now_pause = loads ? load_beat - 1'b1 : pause;
    whole = loads ? load_empty == 0 : empty == 0;
    word_enters = moves && now_some && whole && (loads ? load_beat == 1 : pause == 0);
    down = word_enters || (moves && now_some && !whole);
    held_last = word_enters && (loads ? load_rows == 1 : words == 1);
    now_reached = loads ? ROWS'(1) : reached;
    loading_rows = down ? now_reached : '0;
  end
  operand_pointer #(
      .FOLDS(HOLDS)
  ) top_pointer (
      .clk,
      .rst,
      .we     (holds_we),
      .address(holds_address),
      .data   (holds_data),
      .taken  (word_enters),
      .last   (held_last),
      .place  (top_at)
  );
  assign straight_top = word_enters ? top_value : '0;
  skew #(.LANES(COLUMNS)) top_skew (.clk, .moves, .straight(straight_top), .skewed(skewed_top));

  always_ff @(posedge clk) begin
    if (rst) some <= 1'b0;
    else if (moves) some <= now_some && !held_last;
    if (moves) begin
      if (starts) {keeping, adding} <= {keeps, adds};
      if (loads) every <= load_beat;
      empty <= whole ? '0 : now_empty - 1'b1;
      words <= now_words - isa::W'(word_enters);
      if (!whole) pause <= now_pause;
      else if (word_enters) pause <= (loads ? load_beat : every) - 1'b1;
      else pause <= now_pause - 1'b1;
      reached <= down ? ROWS'({now_reached, 1'b1}) : now_reached;
      next_place <= marks[DOWN].beat ? now_place + 1'b1 : now_place;
    end
  end
  assign now_place = marks[DOWN].beat && marks[DOWN].first ? '0 : next_place;

  for (genvar r = 0; r < ROWS; r++) begin : g_row
    logic [COLUMNS:0] swap_here, load_here;
    logic [COLUMNS:0][7:0] across;
    logic [COLUMNS-1:0][7:0] held;
    logic [COLUMNS-1:0][31:0] below;
    assign swap_here[0] = swapping[HOP*r];
    assign load_here[0] = loading_rows[r];
    assign across[0] = skewed_left[r];
    for (genvar c = 0; c < COLUMNS; c++) begin : g_column
      logic [7:0] top;
      logic [31:0] above;
      if (r == 0) begin : g_top
        assign top = skewed_top[c];
        assign above = '0;
      end else begin : g_inside
        assign top = g_row[r-1].held[c];
        assign above = g_row[r-1].below[c];
      end
      stationary_pe #(
          .SHADOW(SHADOW),
          .HOP   (r == ROWS - 1 ? 1 : HOP)
      ) pe (
          .clk,
          .moves,
          .swap      (swap_here[c]),
          .load      (load_here[c]),
          .left      (across[c]),
          .top,
          .above,
          .swap_right(swap_here[c+1]),
          .load_right(load_here[c+1]),
          .right     (across[c+1]),
          .bottom    (held[c]),
          .below     (below[c])
      );
    end
  end

  wire unused_held = &{1'b0, g_row[ROWS-1].held};

  // The marks of the bottom row go on along the columns.
  for (genvar c = 0; c < COLUMNS; c++) begin : g_bottom
    logic comes, adds_here, keeps_here;
    logic [WB-1:0] place;
    if (c == 0) begin : g_first
      assign {keeps_here, adds_here, comes} = {marks[DOWN].keeps, marks[DOWN].adds, marks[DOWN].beat};
      assign place = now_place;
    end else begin : g_next
      always_ff @(posedge clk) begin
        if (rst) comes <= 1'b0;
        else if (moves) comes <= g_bottom[c-1].comes;
        if (moves) begin
          adds_here <= g_bottom[c-1].adds_here;
          keeps_here <= g_bottom[c-1].keeps_here;
          place <= g_bottom[c-1].place;
        end
      end
    end
    accumulator #(
        .WORDS(ACCUMULATORS)
    ) sums (
        .clk,
        .rst,
        .moves,
        .comes,
        .adds (adds_here),
        .keeps(keeps_here),
        .slot (place),
        .sum  (g_row[ROWS-1].below[c]),
        .valid(valid[c]),
        .total(outputs[c])
    );
  end
endmodule

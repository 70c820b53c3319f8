// The vector unit's data: lanes that requantise, look up, add, and normalise; of rows that are normalised their sums, a
// pipeline of reciprocal roots, and what a row is normalised with. It does what the control begins in t in windows of
// LANES elements, of which slot s, from 0, is the cycle t + 1 + s. Of what the array leaves a window goes a slot. A command
// ends with a window a slot in its last ones; before, from slot 0 on, a sweep over its rows takes the sums of elements and
// of squares, a window a slot. A window's words are asked for in its slot's cycle; its
// values are there nine cycles later. Rows are as long as the lanes are many, or longer, so that one ends a cycle.
// A mean over rows takes the first window of each, then the second of each: values are those of the last row.
module vector_unit_datapath #(
    parameter int LANES    = 4,
    parameter int ITEMS    = 4,
    parameter int COMMANDS = 4,
    parameter int ROWS     = 4,   // of a command
    parameter int FEATURES = 12,  // bits of a row's features
    parameter int BITS     = 3,   // of a root and of a quotient a stage
    parameter int WORD     = LANES > 1 ? 1 << $clog2(LANES) : 2,  // features of a word of gains, or of offsets
    parameter int JOB      = 230 + FEATURES  // bits of a job
) (
    input  logic                           clk,
    input  logic                           rst,
    // What is done with each item of the array, and with each command: see job_t.
    input  logic                           items_we,
    input  logic [31:0]                    items_address,
    input  logic [JOB-1:0]                 items_data,
    input  logic                           commands_we,
    input  logic [31:0]                    commands_address,
    input  logic [JOB-1:0]                 commands_data,
    // What the control begins.
    input  logic                           begins,
    input  logic                           tiled,
    input  isa::word_t                     cycles,
    // The memories it reads: what is asked for in a cycle is there in the next. Sums: {shift, multiplier, sum}.
    output logic [1:0]                     act_read,
    output logic [1:0][31:0]               act_at,
    input  logic [1:0][LANES-1:0][7:0]     act_value,
    output logic                           sum_read,
    output logic [31:0]                    sum_at,
    input  logic [LANES-1:0][53:0]         sum_value,
    output logic                           gain_read,
    output logic [1:0][31:0]               gain_at,
    input  logic [1:0][WORD*16-1:0]        gain_value,
    output logic                           offset_read,
    output logic [1:0][31:0]               offset_at,
    input  logic [1:0][WORD*34-1:0]        offset_value,
    output logic                           table_read,
    output logic [31:0]                    table_at,
    input  logic [255:0][7:0]              table_value,
    // The values of a window.
    output logic [7:0]                     values_push,
    output logic [(LANES+3)/4*32-1:0]      values_item
);
  localparam int RA = ROWS > 1 ? $clog2(ROWS) : 1, OA = $clog2(WORD), LB = $clog2(LANES + 1);
  localparam int IA = ITEMS > 1 ? $clog2(ITEMS) : 1, CA = COMMANDS > 1 ? $clog2(COMMANDS) : 1;
  localparam int RIGHT = FEATURES + 18, WIDE = RIGHT + 10, SUMS = FEATURES + 16, TOTAL = FEATURES + 8;
  localparam int GROUP = 8, GROUPS = (LANES + GROUP - 1) / GROUP, PART = 20;  // bits of a group's squares
  localparam int FEW = 11;  // and of its elements
  typedef enum logic [1:0] {SCALED, SQUARED, NORMALISED, MULTIPLIED} by_t;  // what the first multiplier has on its right
  typedef struct packed {
    logic means;         // rows are summed up: features is how many there are, second how many words each has
    logic looks;         // values go through the table
    logic adds;          // what the first multiplier leaves is added at the end
    logic gains;         // the second multiplies by gains, and adds offsets
    logic other;         // it has the second operand,
    logic summed;        // or the array's sum and its scale
    by_t  by;
    logic centred;       // a row's mean is taken away
    logic squares;       // rows are normalised
  } does_t;
  typedef struct packed {
    logic [15:0] multiplier;
    logic [5:0]  shift;
  } scale_t;
  typedef struct packed {
    logic [47:0]         epsilon;
    scale_t              down;      // of the second multiplier
    scale_t              scale;     // of the first
    does_t               does;
    logic [FEATURES-1:0] features;
    logic [31:0]         constants; // first gain and offset
    logic [31:0]         second;    // first word of the second operand, or of the array's sums
    logic [31:0]         first;     // of the operand
    logic [7:0]          entries;   // its table
    logic [7:0]          last;      // elements of the last window
    logic [15:0]         windows;
  } job_t;
  // A window on its way.
  typedef struct packed {
    logic                values;    // it is one whose values leave
    logic                counts;    // or one of the sweep for sums
    logic                opens;     // the first of its sweep, or of a mean's sums
    logic                ends;      // a row ends in it
    logic [RA-1:0]       row;       // of the first element
    logic [LB-1:0]       wide;      // elements
    logic [31:0]         constants;
    logic [31:0]         sums;
    by_t                 by;
    does_t               does;
    scale_t              scale;
    scale_t              down;
    logic [7:0]          entries;
    logic [FEATURES-1:0] features;
    logic [47:0]         epsilon;
  } window_t;

  logic [JOB-1:0] items[ITEMS], commands[COMMANDS];
  logic [IA-1:0] item, item_n;
  logic [CA-1:0] command, command_n;
  job_t job, next, next_item, next_command;
  window_t window[0:9];
  logic running, sweeping, ended, goes;
  isa::word_t left;
  logic [15:0] nth, column, below;  // a window; of a mean the word of a row, and the one that is read
  logic [FEATURES:0] at, reach;
  logic [LB-1:0] bound;  // elements of the first row
  logic [RA-1:0] row;
  logic [LANES-1:0] later0, later1, later2, later3;  // lanes whose elements are of the next row

  // The window of this cycle.
  always_comb begin
    next = tiled ? next_command : next_item;
    item_n = item + IA'(begins && !tiled);
    command_n = command + CA'(begins && tiled);
    ended = nth + 16'd1 == job.windows;
    reach = at + (FEATURES + 1)'(job.does.means ? 1 : LANES);
    goes = running && (sweeping || left == 0);
    window[0] = '0;
    window[0].ends = reach >= {1'b0, job.features};
    window[0].counts = running && sweeping;
    window[0].values = goes && !sweeping && (!job.does.means || window[0].ends);
    window[0].opens = job.does.means ? at == 0 : nth == 0;
    bound = window[0].ends ? LB'(job.features - FEATURES'(at)) : LB'(LANES);
    later0 = {LANES{1'b1}} << bound;
    window[0].row = row;
    window[0].wide = ended ? LB'(job.last) : LB'(LANES);
    window[0].constants = job.constants + 32'(at);
    window[0].sums = job.second + 32'(nth);
    window[0].by = sweeping ? SQUARED : job.does.by;
    window[0].does = job.does;
    window[0].scale = job.scale;
    window[0].down = job.down;
    window[0].entries = job.entries;
    window[0].features = job.features;
    window[0].epsilon = job.epsilon;
    act_read[0] = goes;
    act_read[1] = window[0].values && !job.does.summed && !job.does.means;
    act_at[0] = job.first + 32'(job.does.means ? below : nth);
    act_at[1] = job.second + 32'(nth);
  end

  always_ff @(posedge clk) begin
    if (items_we) items[IA'(items_address)] <= items_data;
    if (commands_we) commands[CA'(commands_address)] <= commands_data;
    next_item <= items[item_n];
    next_command <= commands[command_n];
    item <= rst ? '0 : item_n;
    command <= rst ? '0 : command_n;
    if (rst) begin
      running <= 1'b0;
    end else if (begins) begin
      job <= next;
      running <= next.windows != 0;
      sweeping <= next.does.squares;
      left <= tiled ? cycles - isa::W'(next.windows) : '0;
      nth <= '0;
      at <= '0;
      row <= '0;
      column <= '0;
      below <= '0;
    end else if (running) begin
      if (left != 0) left <= left - 1'b1;
      if (goes) begin
        nth <= ended ? '0 : nth + 1'b1;
        at <= ended ? '0 : window[0].ends ? reach - {1'b0, job.features} : reach;
        row <= ended ? '0 : window[0].ends ? row + 1'b1 : row;
        below <= window[0].ends ? column + 1'b1 : below + job.second[15:0];
        if (window[0].ends) column <= column + 1'b1;
        if (ended) sweeping <= 1'b0;
        if (ended && !sweeping) running <= 1'b0;
      end
    end
    for (int n = 0; n < 9; n++) window[n+1] <= window[n];
    {later1, later2, later3} <= {later0, later1, later2};
    if (rst) for (int n = 0; n < 9; n++) {window[n+1].counts, window[n+1].values} <= '0;
  end

  // What rows are normalised with: the row of the window's first element and the next one.
  logic there;
  logic [RA-1:0] there_row;
  logic signed [RIGHT-1:0] there_factor, factors[ROWS], factor[2];
  logic signed [WIDE-1:0] there_addend, addends[ROWS], addend[2], half;
  logic [5:0] there_shift, shifts[ROWS], shift[2], job_shift;
  always_ff @(posedge clk) begin
    if (there) begin
      factors[there_row] <= there_factor;
      addends[there_row] <= there_addend;
      shifts[there_row]  <= there_shift;
    end
    factor[0] <= factors[window[0].row];
    factor[1] <= factors[window[0].row+RA'(1)];
    addend[0] <= addends[window[2].row];
    addend[1] <= addends[window[2].row+RA'(1)];
    shift[0] <= shifts[window[2].row];
    shift[1] <= shifts[window[2].row+RA'(1)];
  end

  // Constants of the second multiplier: gains and sums in the fourth cycle, offsets in the sixth.
  logic [OA-1:0] gain_offset, offset_offset;
  logic [WORD*32-1:0] gains_n;
  logic [WORD*68-1:0] offsets_n;
  logic [WORD*16-1:0] gains;
  logic [WORD*34-1:0] offsets;
  always_comb begin
    gain_offset = window[3].constants[OA-1:0];
    offset_offset = window[5].constants[OA-1:0];
    gains_n = {gain_value[1], gain_value[0]};
    offsets_n = {offset_value[1], offset_value[0]};
    for (int n = OA - 1; n >= 0; n--) begin
      if (gain_offset[n]) gains_n = gains_n >> (16 << n);
      if (offset_offset[n]) offsets_n = offsets_n >> (34 << n);
    end
    gain_read = window[2].values && window[2].does.gains;
    offset_read = window[4].values && window[4].does.gains;
    for (int n = 0; n < 2; n++) begin
      gain_at[n] = (window[2].constants >> OA) + 32'(n);
      offset_at[n] = (window[4].constants >> OA) + 32'(n);
    end
    sum_read = window[3].values && window[3].does.summed;
    sum_at = window[3].sums;
    // A shift by more bits than there are leaves 0, as one by all of them does.
    job_shift = window[3].scale.shift > 6'(WIDE - 1) ? 6'(WIDE - 1) : window[3].scale.shift;
    half = $signed((WIDE'(1) << job_shift) >> 1);
    table_at = 32'(window[7].entries);
  end
  always_ff @(posedge clk) begin
    gains <= gains_n[WORD*16-1:0];
    offsets <= offsets_n[WORD*34-1:0];
  end
  // The table stays until another is asked for.
  logic [7:0] entries;
  logic known;
  assign table_read = window[7].values && window[7].does.looks && (!known || entries != window[7].entries);
  always_ff @(posedge clk) begin
    if (rst) known <= 1'b0;
    else if (table_read) known <= 1'b1;
    if (table_read) entries <= window[7].entries;
  end

  // The lanes.
  logic [LANES-1:0][7:0] second2, second3, second4, value;
  logic signed [7:0] element[LANES];
  logic signed [15:0] square[LANES];
  always_ff @(posedge clk) {second2, second3, second4} <= {act_value[1], second2, second3};
  for (genvar n = 0; n < LANES; n++) begin : g_lane
    logic signed [RIGHT-1:0] right;
    logic signed [16:0] multiplier;
    always_comb begin
      right = RIGHT'(window[1].scale.multiplier);
      case (window[1].by)
        SQUARED: right = RIGHT'($signed(act_value[0][n]));
        NORMALISED: right = factor[later1[n]];
        MULTIPLIED: right = RIGHT'($signed(act_value[1][n]));
        default: right = RIGHT'(window[1].scale.multiplier);
      endcase
      multiplier = {1'b0, window[4].down.multiplier};
      if (window[4].does.summed) multiplier = {1'b0, sum_value[n][47:32]};
      if (window[4].does.gains) multiplier = 17'($signed(gains[16*n+:16]));
    end
    vector_lane #(
        .FEATURES(FEATURES)
    ) lane (
        .clk,
        .left      (act_value[0][n]),
        .right,
        .element   (element[n]),
        .square    (square[n]),
        .addend    (window[3].by == NORMALISED ? addend[later3[n]] : half),
        .shift     (window[3].by == NORMALISED ? shift[later3[n]] : job_shift),
        .sums_up   (window[3].does.means && !window[3].opens),
        .summed    (window[4].does.summed),
        .other     (window[4].does.other),
        .sum       (sum_value[n][31:0]),
        .second    (second4[n]),
        .multiplier,
        .down      (window[4].does.summed ? sum_value[n][53:48] : window[4].down.shift),
        .offsets   (window[6].does.gains),
        .offset    (offsets[34*n+:34]),
        .adds      (window[7].does.adds),
        .looks     (window[8].does.looks),
        .entries   (table_value),
        .value     (value[n])
    );
  end
  always_comb begin
    values_push = {7'd0, window[9].values};
    values_item = '0;
    for (int n = 0; n < LANES; n++) if (LB'(n) < window[9].wide) values_item[8*n+:8] = value[n];
  end

  // Sums of rows: of a group of lanes, of all lanes, of all windows; of the row that ends and of the one after it.
  logic signed [FEW-1:0] fews[2][GROUPS], fews_n[2][GROUPS];
  logic signed [PART-1:0] parts[2][GROUPS], parts_n[2][GROUPS];
  logic signed [SUMS-1:0] some[2], some_n[2], running_squares, squares, squares6;
  logic signed [TOTAL-1:0] few[2], few_n[2], running_total, total, total6;
  logic done6;
  logic [RA-1:0] row6;
  logic [FEATURES-1:0] features6;
  logic [47:0] epsilon6;
  always_comb begin
    for (int s = 0; s < 2; s++) begin
      for (int g = 0; g < GROUPS; g++) begin
        fews_n[s][g] = '0;
        parts_n[s][g] = '0;
        for (int n = GROUP * g; n < GROUP * (g + 1); n++) begin
          if (n < LANES && later3[n] == (s == 1)) begin
            fews_n[s][g] = fews_n[s][g] + FEW'(element[n]);
            parts_n[s][g] = parts_n[s][g] + PART'(square[n]);
          end
        end
      end
      few_n[s] = '0;
      some_n[s] = '0;
      for (int g = 0; g < GROUPS; g++) begin
        few_n[s] = few_n[s] + TOTAL'(fews[s][g]);
        some_n[s] = some_n[s] + SUMS'(parts[s][g]);
      end
    end
    total = (window[5].opens ? '0 : running_total) + few[0];
    squares = (window[5].opens ? '0 : running_squares) + some[0];
  end
  always_ff @(posedge clk) begin
    fews <= fews_n;
    parts <= parts_n;
    few <= few_n;
    some <= some_n;
    if (window[5].counts) begin
      running_total <= window[5].ends ? few[1] : total;
      running_squares <= window[5].ends ? some[1] : squares;
    end
    total6 <= window[5].does.centred ? total : '0;
    squares6 <= squares;
    row6 <= window[5].row;
    features6 <= window[5].features;
    epsilon6 <= window[5].epsilon;
    done6 <= window[5].counts && window[5].ends && !rst;
  end

  reciprocal_root #(
      .FEATURES(FEATURES),
      .BITS    (BITS),
      .ROWS    (ROWS)
  ) roots (
      .clk,
      .rst,
      .valid    (done6),
      .row      (row6),
      .squares  (squares6),
      .total    (total6),
      .features (features6),
      .epsilon  (epsilon6),
      .there,
      .there_row,
      .factor   (there_factor),
      .addend   (there_addend),
      .shift    (there_shift)
  );
endmodule

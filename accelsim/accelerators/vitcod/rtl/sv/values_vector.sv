// The vector unit's data path with the memories it reads as they are: operands and a norm's constants lie in the activation
// buffer byte by byte. The residual operand of a step of the array lies there as a tile; of a norm's constants all gains
// come first, of 16 bits, then all offsets, which are shifted as far as what they are added to.
module values_vector #(
    parameter int LANES    = 4,
    parameter int ITEMS    = 4,   // powers of two, as COMMANDS, NORMS and TABLES are
    parameter int COMMANDS = 4,
    parameter int NORMS    = 2,
    parameter int TABLES   = 2,
    parameter int ROWS     = 4,
    parameter int FEATURES = 12,
    parameter int BITS     = 3,
    parameter int WORD     = LANES > 1 ? 1 << $clog2(LANES) : 2,
    parameter int JOB      = 230 + FEATURES,
    parameter int BLOCKS   = 2 * LANES + 4 * WORD
) (
    input  logic                       clk,
    input  logic                       rst,
    input  logic                       items_we,
    input  logic [31:0]                items_address,
    input  logic [JOB-1:0]             items_data,
    input  logic                       commands_we,
    input  logic [31:0]                commands_address,
    input  logic [JOB-1:0]             commands_data,
    // Of each item {bytes from a row of its residual operand to the next, its columns, the first byte}.
    input  logic                       residuals_we,
    input  logic [31:0]                residuals_address,
    input  logic [95:0]                residuals_data,
    // Of each norm {shift, features, the first byte}.
    input  logic                       norms_we,
    input  logic [31:0]                norms_address,
    input  logic [95:0]                norms_data,
    input  logic                       entries_we,
    input  logic [31:0]                entries_address,
    input  logic [2047:0]              entries_data,
    input  logic                       begins,
    input  logic                       tiled,
    input  isa::word_t                 cycles,
    output logic                       sum_read,
    output logic [31:0]                sum_at,
    input  logic [LANES-1:0][53:0]     sum_value,
    // The activation buffer.
    output logic [BLOCKS-1:0]          block_read,
    output logic [BLOCKS-1:0][31:0]    block_at,
    input  logic [BLOCKS-1:0][1:0][7:0] block_value,
    output logic                       comes,
    output logic [LANES-1:0][7:0]      window
);
  localparam int IA = $clog2(ITEMS), NA = $clog2(NORMS), TA = $clog2(TABLES), SPACE = FEATURES + 1;
  localparam int GAIN = 2 * LANES, OFFSET = GAIN + 2 * WORD, OUT = (LANES + 3) / 4 * 32;
  typedef struct packed {
    logic [31:0] pitch;
    logic [31:0] columns;
    logic [31:0] first;
  } place_t;
  typedef struct packed {
    logic [31:0] shift;
    logic [31:0] features;
    logic [31:0] first;
  } norm_t;
  place_t residuals[ITEMS], residual;
  norm_t norms[NORMS], gain_norm, offset_norm;
  logic [2047:0] tables[TABLES];
  logic [IA-1:0] item;
  logic of_item;
  logic [1:0] act_read;
  logic [1:0][31:0] act_at, gain_at, offset_at;
  logic [1:0][LANES-1:0][7:0] act_value;
  logic gain_read, offset_read, table_read;
  logic [1:0][WORD*16-1:0] gain_value;
  logic [1:0][WORD*34-1:0] offset_value;
  logic [31:0] table_at, element, feature;
  logic [255:0][7:0] table_value;
  logic [5:0] shift;
  logic [7:0] values_push;
  logic [OUT-1:0] values_item;

  always_comb begin
    element = '0;
    feature = '0;
    block_at = '0;
    /*verilator unroll_disable*/
    for (int n = 0; n < LANES; n++) begin
      block_read[n] = act_read[0];
      block_read[LANES+n] = act_read[1];
      element = act_at[0] * LANES + n;
      if (act_read[0])
        block_at[n] = of_item
            ? residual.first + element / residual.columns * residual.pitch + element % residual.columns : element;
      block_at[LANES+n] = act_at[1] * LANES + n;
      act_value[0][n] = block_value[n][0];
      act_value[1][n] = block_value[LANES+n][0];
    end
    gain_norm = norms[NA'(gain_at[0] * WORD >> SPACE)];
    offset_norm = norms[NA'(offset_at[0] * WORD >> SPACE)];
    /*verilator unroll_disable*/
    for (int n = 0; n < 2 * WORD; n++) begin
      block_read[GAIN+n] = gain_read;
      block_read[OFFSET+n] = offset_read;
      if (gain_read) begin
        feature = 32'(SPACE'(gain_at[0] * WORD + n)) % gain_norm.features;
        block_at[GAIN+n] = gain_norm.first + 2 * feature;
      end
      if (offset_read) begin
        feature = 32'(SPACE'(offset_at[0] * WORD + n)) % offset_norm.features;
        block_at[OFFSET+n] = offset_norm.first + 2 * (offset_norm.features + feature);
      end
      gain_value[n/WORD][n%WORD*16+:16] = block_value[GAIN+n];
      offset_value[n/WORD][n%WORD*34+:34] =
          (34'($signed(block_value[OFFSET+n])) << shift) + ((34'd1 << shift) >> 1);
    end
    comes = values_push != 0;
    window = values_item[8*LANES-1:0];
  end

  always_ff @(posedge clk) begin
    if (residuals_we) residuals[IA'(residuals_address)] <= residuals_data;
    if (norms_we) norms[NA'(norms_address)] <= norms_data;
    if (entries_we) tables[TA'(entries_address)] <= entries_data;
    if (begins) of_item <= !tiled;
    if (begins && !tiled) begin
      residual <= residuals[item];
      item <= item + 1'b1;
    end
    if (offset_read) shift <= 6'(offset_norm.shift);
    if (table_read) table_value <= tables[TA'(table_at)];
    if (rst) item <= '0;
  end

  vector_unit_datapath #(
      .LANES   (LANES),
      .ITEMS   (ITEMS),
      .COMMANDS(COMMANDS),
      .ROWS    (ROWS),
      .FEATURES(FEATURES),
      .BITS    (BITS)
  ) data (
      .clk,
      .rst,
      .items_we,
      .items_address,
      .items_data,
      .commands_we,
      .commands_address,
      .commands_data,
      .begins,
      .tiled,
      .cycles,
      .act_read,
      .act_at,
      .act_value,
      .sum_read,
      .sum_at,
      .sum_value,
      .gain_read,
      .gain_at,
      .gain_value,
      .offset_read,
      .offset_at,
      .offset_value,
      .table_read,
      .table_at,
      .table_value,
      .values_push,
      .values_item
  );
endmodule

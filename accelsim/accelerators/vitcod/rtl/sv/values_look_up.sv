// An activation of attention's outputs, as a row leaves the merge: a look-up in the vector unit's table, of which there is
// a copy. Rows come layer after layer, of each as many as a list says, with the number of its table, or all ones.
module values_look_up #(
    parameter int FEATURES = 4,  // of a row
    parameter int TABLES   = 2,  // powers of two, as LAYERS is
    parameter int LAYERS   = 2
) (
    input  logic                     clk,
    input  logic                     rst,
    input  logic                     looks_we,
    input  logic [31:0]              looks_address,
    input  logic [63:0]              looks_data,
    input  logic                     entries_we,
    input  logic [31:0]              entries_address,
    input  logic [2047:0]            entries_data,
    input  logic                     comes,
    input  logic [FEATURES-1:0][7:0] row,
    output logic [FEATURES-1:0][7:0] looked
);
  localparam int LA = $clog2(LAYERS), TA = $clog2(TABLES);
  typedef struct packed {
    logic [31:0] entries;
    logic [31:0] rows;
  } look_t;
  look_t looks[LAYERS], look;
  logic [255:0][7:0] tables[TABLES], entries;
  logic [LA-1:0] layer;
  logic [31:0] came;

  always_comb begin
    look = looks[layer];
    entries = tables[TA'(look.entries)];
    looked = row;
    if (!(&look.entries)) for (int n = 0; n < FEATURES; n++) looked[n] = entries[row[n]^8'h80];
  end

  always_ff @(posedge clk) begin
    if (looks_we) looks[LA'(looks_address)] <= looks_data;
    if (entries_we) tables[TA'(entries_address)] <= entries_data;
    if (rst) begin
      layer <= '0;
      came <= '0;
    end else if (comes) begin
      came <= came + 1 == look.rows ? '0 : came + 1;
      if (came + 1 == look.rows) layer <= layer + 1'b1;
    end
  end
endmodule

// The output merge's data: the places of the window, and a requantiser a feature. It does what the control decides two
// cycles later.
module merge_datapath #(
    parameter int FEATURES = 2,
    parameter int PLACES   = 2
) (
    input  logic                     clk,
    input  logic                     rst,
    input  logic [15:0]              multiplier,
    input  logic [5:0]               shift,
    // What the control decides.
    input  logic                     takes_dense,
    input  isa::word_t               dense_place,
    input  isa::word_t               dense_line,      // row of the denser engine's tile
    input  logic                     dense_first,     // its place holds nothing yet
    input  logic                     takes_sparse,
    input  isa::word_t               sparse_place,
    input  logic                     sparse_first,
    input  logic                     leaves,
    input  isa::word_t               leaves_place,
    // The parts, two cycles later.
    output logic                     dense_take,
    output isa::word_t               dense_taken,
    input  logic [FEATURES*32-1:0]   dense_row,
    input  logic [FEATURES*32-1:0]   sparse_row,
    // A finished row.
    output logic                     finished,
    output isa::word_t               finished_place,
    output logic [FEATURES*32-1:0]   sums,
    output logic [FEATURES*8-1:0]    values
);
  localparam int PA = PLACES > 1 ? $clog2(PLACES) : 1;
  logic [FEATURES*32-1:0] held[PLACES];
  logic takes_dense1, takes_sparse1, leaves1, takes_dense2, takes_sparse2, leaves2;
  logic dense_first1, sparse_first1, dense_first2, sparse_first2;
  isa::word_t dense_place1, dense_line1, sparse_place1, leaves_place1;
  isa::word_t dense_place2, dense_line2, sparse_place2, leaves_place2;
  logic [FEATURES*32-1:0] dense_sum, sparse_sum;

  function automatic logic [PA-1:0] slot(input isa::word_t place);
    slot = PA'(place % isa::W'(PLACES));
  endfunction

  function automatic logic [FEATURES*32-1:0] add(input logic [FEATURES*32-1:0] a, input logic [FEATURES*32-1:0] b);
    for (int f = 0; f < FEATURES; f++) add[32*f+:32] = a[32*f+:32] + b[32*f+:32];
  endfunction

  assign dense_take = takes_dense2;
  assign dense_taken = dense_line2;
  assign finished = leaves2;
  assign finished_place = leaves_place2;

  always_comb begin
    dense_sum = '0;
    sparse_sum = '0;
    sums = '0;
    if (takes_dense2) dense_sum = dense_first2 ? dense_row : add(held[slot(dense_place2)], dense_row);
    if (takes_sparse2) begin
      if (takes_dense2 && dense_place2 == sparse_place2) sparse_sum = add(dense_sum, sparse_row);
      else sparse_sum = sparse_first2 ? sparse_row : add(held[slot(sparse_place2)], sparse_row);
    end
    if (leaves2) begin
      if (takes_sparse2 && sparse_place2 == leaves_place2) sums = sparse_sum;
      else if (takes_dense2 && dense_place2 == leaves_place2) sums = dense_sum;
      else sums = held[slot(leaves_place2)];
    end
  end

  for (genvar f = 0; f < FEATURES; f++) begin : g_feature
    requantise requantise (
        .sum(sums[32*f+:32]),
        .multiplier,
        .shift,
        .value(values[8*f+:8])
    );
  end

  always_ff @(posedge clk) begin
    {takes_dense1, takes_sparse1, leaves1} <= rst ? '0 : {takes_dense, takes_sparse, leaves};
    {takes_dense2, takes_sparse2, leaves2} <= rst ? '0 : {takes_dense1, takes_sparse1, leaves1};
    {dense_first1, sparse_first1} <= {dense_first, sparse_first};
    {dense_first2, sparse_first2} <= {dense_first1, sparse_first1};
    {dense_place1, dense_line1, sparse_place1, leaves_place1} <= {dense_place, dense_line, sparse_place, leaves_place};
    {dense_place2, dense_line2, sparse_place2, leaves_place2} <= {dense_place1, dense_line1, sparse_place1, leaves_place1};
    if (takes_dense2) held[slot(dense_place2)] <= dense_sum;
    if (takes_sparse2) held[slot(sparse_place2)] <= sparse_sum;
  end
endmodule

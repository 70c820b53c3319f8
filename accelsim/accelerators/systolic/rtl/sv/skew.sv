// The skew registers of an edge: lane n comes n x STEP cycles later.
module skew #(
    parameter int LANES = 4,
    parameter int WIDTH = 8,
    parameter int STEP  = 1
) (
    input  logic                        clk,
    input  logic                        moves,
    input  logic [LANES-1:0][WIDTH-1:0] straight,
    output logic [LANES-1:0][WIDTH-1:0] skewed
);
  assign skewed[0] = straight[0];
  for (genvar n = 1; n < LANES; n++) begin : g_lane
    logic [n*STEP-1:0][WIDTH-1:0] later;
    assign skewed[n] = later[n*STEP-1];
    always_ff @(posedge clk) begin
      if (moves) begin
        later[0] <= straight[n];
        for (int k = 1; k < n * STEP; k++) later[k] <= later[k-1];
      end
    end
  end
endmodule

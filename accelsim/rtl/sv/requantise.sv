// A sum back to 8 bits: (sum * multiplier + half) >> shift, clamped.
module requantise (
    input  logic signed [31:0] sum,
    input  logic [15:0]        multiplier,
    input  logic [5:0]         shift,
    output logic [7:0]         value
);
  logic signed [63:0] product, half, scaled;
  always_comb begin
    product = 64'(sum) * $signed({48'd0, multiplier});
    half = (64'sd1 << shift) >> 1;
    scaled = (product + half) >>> shift;
    value = scaled[7:0];
    if (scaled > 64'sd127) value = 8'd127;
    if (scaled < -64'sd128) value = 8'h80;
  end
endmodule

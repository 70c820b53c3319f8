// The exponential of a score, base 2, in fixed point:
//   t = (s * multiplier) >> shift       the score in octaves, 6 bits after the point
//   u = max(bound - t, 0)               how far below the bound
//   e = 2^(-u/64) with 15 bits: a table of the fraction, shifted by the whole octaves; 0 from 16 octaves on
module exponential (
    input  logic signed [31:0] score,
    input  logic [15:0]        multiplier,
    input  logic [5:0]         shift,
    input  logic signed [47:0] bound,
    output logic [15:0]        value
);
  localparam logic [64*16-1:0] EXP2 = {
      16'd16562, 16'd16743, 16'd16925, 16'd17109, 16'd17296, 16'd17484, 16'd17674, 16'd17867,
      16'd18061, 16'd18258, 16'd18457, 16'd18658, 16'd18861, 16'd19066, 16'd19274, 16'd19484,
      16'd19696, 16'd19911, 16'd20127, 16'd20347, 16'd20568, 16'd20792, 16'd21019, 16'd21247,
      16'd21479, 16'd21713, 16'd21949, 16'd22188, 16'd22430, 16'd22674, 16'd22921, 16'd23170,
      16'd23423, 16'd23678, 16'd23936, 16'd24196, 16'd24460, 16'd24726, 16'd24995, 16'd25268,
      16'd25543, 16'd25821, 16'd26102, 16'd26386, 16'd26674, 16'd26964, 16'd27258, 16'd27554,
      16'd27855, 16'd28158, 16'd28464, 16'd28774, 16'd29088, 16'd29405, 16'd29725, 16'd30048,
      16'd30376, 16'd30706, 16'd31041, 16'd31379, 16'd31720, 16'd32066, 16'd32415, 16'd32768
  };
  logic signed [47:0] product, octaves, below;
  logic [15:0] fraction;

  always_comb begin
    product = 48'(score) * $signed({32'd0, multiplier});
    octaves = product >>> shift;
    below = bound - octaves;
    if (below < 0) below = '0;
    fraction = EXP2[{below[5:0], 4'd0}+:16];
    value = below >= 48'sd1024 ? '0 : fraction >> below[9:6];
  end
endmodule

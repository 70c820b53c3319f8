// A lane of the vector unit: two multipliers, each with an addend and a shift behind it, and a look-up. The first brings a
// residual operand to the scale of the outputs, multiplies operands, and normalises (x times n / sigma, less the mean's);
// squares and elements of a row's sums leave behind it; for a mean what it leaves is its addend again. The second
// requantises what the first or the array has left, or gives it gain and offset. What belongs to a value comes in the
// cycle in which it is used; its value is there in the ninth.
module vector_lane #(
    parameter int FEATURES = 12,             // bits of a row's features
    parameter int RIGHT    = FEATURES + 18,  // of the first multiplier's right operand: n times a reciprocal root
    parameter int WIDE     = RIGHT + 10
) (
    input  logic                    clk,
    // First cycle (numbers are of the cycles behind the one in which the words are asked for).
    input  logic signed [7:0]       left,
    input  logic signed [RIGHT-1:0] right,
    // Third.
    output logic signed [7:0]       element,     // what a row's sums count
    output logic signed [15:0]      square,
    input  logic signed [WIDE-1:0]  addend,
    input  logic [5:0]              shift,
    input  logic                    sums_up,     // what was left for the window before is added instead
    // Fourth.
    input  logic                    summed,      // the second multiplies the array's sum,
    input  logic                    other,       // the second operand, or else what the first has left
    input  logic signed [31:0]      sum,
    input  logic signed [7:0]       second,
    input  logic signed [16:0]      multiplier,
    input  logic [5:0]              down,
    // Sixth.
    input  logic                    offsets,     // an offset is added, else a half
    input  logic signed [33:0]      offset,
    // Seventh.
    input  logic                    adds,        // what the first has left is added
    // Eighth.
    input  logic                    looks,
    input  logic [255:0][7:0]       entries,
    output logic [7:0]              value
);
  localparam int SCALED = 26;  // bits of what the first leaves
  localparam logic [5:0] MOST = 6'd49;  // a shift by more bits leaves 0, as this one does
  logic signed [7:0] left2, left3;
  logic signed [RIGHT-1:0] right2;
  logic signed [RIGHT+7:0] product3;
  logic signed [WIDE-1:0] added3;
  logic signed [SCALED-1:0] scaled4, scaled5, scaled6, scaled7;
  logic signed [31:0] wide5;
  logic signed [16:0] narrow5;
  logic [5:0] down5, down6;
  logic signed [48:0] product6;
  logic signed [49:0] plus6, value7;
  logic signed [27:0] total7;
  logic beyond7;
  logic [7:0] clamped8;

  always_comb begin
    element = left3;
    square = product3[15:0];
    added3 = WIDE'(product3) + (sums_up ? WIDE'(scaled4) : addend);
    plus6 = offsets ? 50'(offset) : 50'((50'd1 << (down6 > MOST ? MOST : down6)) >> 1);

    // What does not fit into so many bits stays beyond a byte whatever is added.
    beyond7 = value7[49:25] != '0 && value7[49:25] != '1;
    total7 = $signed({{2{value7[25]}}, value7[25:0]}) + (adds ? 28'(scaled7) : '0);
  end

  always_ff @(posedge clk) begin
    left2 <= left;
    left3 <= left2;
    right2 <= right;
    product3 <= (RIGHT + 8)'(right2) * (RIGHT + 8)'(left2);
    scaled4 <= SCALED'(added3 >>> shift);
    wide5 <= summed ? sum : other ? 32'(second) : 32'(scaled4);
    narrow5 <= multiplier;
    down5 <= down;
    down6 <= down5;
    product6 <= 49'(wide5) * 49'(narrow5);
    value7 <= (50'(product6) + plus6) >>> (down6 > MOST ? MOST : down6);
    {scaled5, scaled6, scaled7} <= {scaled4, scaled5, scaled6};
    clamped8 <= total7[7:0];
    if (total7 > 28'sd127) clamped8 <= 8'd127;
    if (total7 < -28'sd128) clamped8 <= 8'h80;
    if (beyond7) clamped8 <= value7[49] ? 8'h80 : 8'd127;
    value <= looks ? entries[clamped8^8'h80] : clamped8;
  end
endmodule

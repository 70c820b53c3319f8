// A score's probability, 0 to 127: its exponential times its row's reciprocal, rounded.
module normalise (
    input  logic [15:0] exponential,
    input  logic [31:0] reciprocal,
    output logic [7:0]  probability
);
  logic [47:0] product;
  always_comb begin
    product = 48'(exponential) * 48'(reciprocal) + 48'h800000;
    probability = product[31:24];
  end
endmodule

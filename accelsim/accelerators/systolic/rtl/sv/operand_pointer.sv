// Where the next word of operands lies, and of each fold where its first one does. A memory is asked a cycle ahead: what
// `place` says in a cycle is there in the next, when it can be taken.
module operand_pointer #(
    parameter int FOLDS = 4
) (
    input  logic        clk,
    input  logic        rst,
    input  logic        we,
    input  logic [31:0] address,
    input  logic [31:0] data,
    input  logic        taken,  // the word that is there
    input  logic        last,   // and it is the fold's last one
    output logic [31:0] place
);
  localparam int FB = $clog2(FOLDS);  // of two at least
  logic [31:0] firsts[FOLDS];
  logic [31:0] at;
  logic [FB-1:0] fold;  // the one after that whose words are taken

  always_comb begin
    if (rst) place = firsts[0];
    else if (taken) place = last ? firsts[fold] : at + 32'd1;
    else place = at;
  end

  always_ff @(posedge clk) begin
    if (we) firsts[FB'(address)] <= data;
    at <= place;
    if (rst) fold <= FB'(1);
    else if (taken && last) fold <= fold + 1'b1;
  end
endmodule

// The way from the output buffer to the activation buffer, for results that the next layer reads.
module hand_over (
    // verilator lint_off UNUSEDSIGNAL
    input  logic          clk,  // it keeps nothing: its register is the channel behind it
    input  logic          rst,
    // verilator lint_on UNUSEDSIGNAL
    output isa::status_t  status,
    input  logic [7:0]    keep_valid,
    input  isa::keeping_t keep_data,
    output logic [7:0]    keep_pop,
    input  logic [7:0]    out_room,
    output logic [7:0]    out_push,
    output isa::keeping_t out_item
);
  logic passes;
  assign passes = keep_valid != 0 && out_room != 0;
  assign keep_pop = {7'd0, passes};
  assign out_push = {7'd0, passes};
  assign out_item = keep_data;
  assign status = keep_valid == 0 ? isa::IDLE : out_room == 0 ? isa::BLOCKED : isa::BUSY;
endmodule

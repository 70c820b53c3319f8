// What is around `attention_datapath` where it stands alone: the activation buffer with K and Q as they are stored, V in
// two scratchpads, for ports of their own, and the outputs. All are loaded before the first cycle.
module attention_memories #(
    parameter int MACS        = 2,
    parameter int FEATURES    = 2,
    parameter int BANKS       = 2,
    parameter int V_BANKS     = 2,
    parameter int ALL         = 2,
    parameter int PORT_BYTES  = 4,
    parameter int TOKENS      = 4,  // a power of two
    parameter int ROWS        = 8,
    parameter int STORED      = 4,
    parameter int VA          = ALL > 1 ? $clog2(ALL) : 1,
    parameter int TA          = $clog2(TOKENS),
    parameter int RA          = $clog2(ROWS),
    parameter int WINDOWS     = STORED + PORT_BYTES,
    parameter int NA          = $clog2(WINDOWS),
    parameter int SLICES      = FEATURES > MACS ? $clog2(FEATURES / MACS) : 1
) (
    input  logic                             clk,
    input  logic                             tokens_we,
    input  logic [TA:0]                      tokens_address,  // K or Q, token
    input  logic [STORED*8-1:0]              tokens_data,
    input  logic                             v_we,
    input  logic [VA+TA-1:0]                 v_address,       // head of the layer, token
    input  logic [FEATURES*8-1:0]            v_data,
    // As `attention_datapath` reads them.
    input  logic                             tokens_read,
    input  logic [TA+1:0]                    tokens_at,
    input  logic [NA-1:0]                    tokens_offset,
    output logic [PORT_BYTES*8-1:0]          tokens_window,
    input  logic                             v_read,
    input  logic [VA+TA:0]                   v_at,
    input  logic [SLICES-1:0]                v_slice,
    output logic [MACS*8-1:0]                v_value,
    input  logic [BANKS-1:0]                 v_banks_read,
    input  logic [BANKS-1:0][VA+TA:0]        v_banks_at,
    output logic [BANKS-1:0][FEATURES*8-1:0] v_banks_value,
    // The outputs as they leave, and read a row at a time.
    input  logic                             rows_come,
    input  isa::word_t                       rows_place,
    input  logic [FEATURES*8-1:0]            rows_values,
    input  logic                             output_read,
    input  logic [RA-1:0]                    output_at,
    output logic [FEATURES*8-1:0]            output_value
);
  localparam int VECTOR = FEATURES * 8, VALUE_BANKS = BANKS < V_BANKS ? BANKS : V_BANKS;
  scratchpad #(
      .WIDTH(WINDOWS * 8), .SLICE(PORT_BYTES * 8), .STRIDE(8), .SIDES(2), .TOKENS(TOKENS)
  ) tokens_buffer (
      .clk,
      .we(tokens_we),
      .address(tokens_address),
      .data((WINDOWS * 8)'(tokens_data)),
      .read(tokens_read),
      .at(tokens_at),
      .slice(tokens_offset),
      .value(tokens_window)
  );

  logic [ALL-1:0] v_writes;
  always_comb begin
    for (int h = 0; h < ALL; h++) v_writes[h] = v_we && v_address[TA+:VA] == VA'(h);
  end
  scratchpad #(
      .WIDTH(VECTOR), .SLICE(MACS * 8), .PARTS(ALL), .TOKENS(TOKENS)
  ) v_buffer (
      .clk,
      .we(v_writes),
      .address({1'b0, v_address[TA-1:0]}),
      .data({ALL{v_data}}),
      .read(v_read),
      .at(v_at),
      .slice(v_slice),
      .value(v_value)
  );
  banked_scratchpad #(
      .WIDTH(VECTOR), .BANKS(VALUE_BANKS), .PARTS(ALL), .TOKENS(TOKENS)
  ) v_banks (
      .clk,
      .we(v_writes),
      .address({1'b0, v_address[TA-1:0]}),
      .data({ALL{v_data}}),
      .read(v_banks_read[VALUE_BANKS-1:0]),
      .at(v_banks_at[VALUE_BANKS-1:0]),
      .value(v_banks_value[VALUE_BANKS-1:0])
  );
  if (VALUE_BANKS < BANKS) begin : g_no_values
    assign v_banks_value[BANKS-1:VALUE_BANKS] = '0;
  end

  scratchpad #(
      .WIDTH(VECTOR), .SLICE(VECTOR), .TOKENS(1 << RA)
  ) output_buffer (
      .clk,
      .we(rows_come),
      .address({1'b0, RA'(rows_place)}),
      .data(rows_values),
      .read(output_read),
      .at({2'b0, output_at}),
      .slice('0),
      .value(output_value)
  );
endmodule

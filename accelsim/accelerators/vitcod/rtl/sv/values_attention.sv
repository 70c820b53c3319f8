// Between `attention_datapath` and the buffers: where K, Q and V of the passes in work lie. The data path names a token,
// a head of the layer and a byte; a table says of each pass where those that are not there would begin, so that nothing
// is subtracted. Addresses count modulo the buffers' sizes.
module values_attention #(
    parameter int PASSES      = 2,  // a power of two
    parameter int BANKS       = 2,
    parameter int VALUE_BANKS = 2,
    parameter int MACS        = 2,
    parameter int FEATURES    = 2,
    parameter int PORT_BYTES  = 4,
    parameter int TA          = 2,
    parameter int VA          = 1,
    parameter int NA          = 4,
    parameter int SLICES      = 1
) (
    input  logic                                   clk,
    // Of a pass: K, Q, bytes from a token of them to the next; V, bytes from a head of it to the next, from a token.
    input  logic                                   attended_we,
    input  logic [31:0]                            attended_address,
    input  logic [191:0]                           attended_data,
    // What the control decides.
    input  logic                                   decoder_begins,
    input  logic                                   decoder_kind,
    input  isa::word_t                             decoder_pass,
    input  isa::word_t                             denser_pass,
    input  isa::word_t                             sparser_pass,
    // What the data path reads.
    input  logic [TA+1:0]                          tokens_at,
    input  logic [NA-1:0]                          tokens_offset,
    output logic [PORT_BYTES*8-1:0]                tokens_window,
    input  logic                                   v_read,
    input  logic [VA+TA:0]                         v_at,
    input  logic [SLICES-1:0]                      v_slice,
    output logic [MACS*8-1:0]                      v_value,
    input  logic [BANKS-1:0]                       v_banks_read,
    input  logic [BANKS-1:0][VA+TA:0]              v_banks_at,
    output logic [BANKS-1:0][FEATURES*8-1:0]       v_banks_value,
    // The buffers.
    output logic [31:0]                            act_at,
    input  logic [PORT_BYTES-1:0][7:0]             act_value,
    output logic [VALUE_BANKS:0]                   weight_read,
    output logic [VALUE_BANKS:0][31:0]             weight_at,
    input  logic [VALUE_BANKS:0][FEATURES-1:0][7:0] weight_value
);
  localparam int PA = $clog2(PASSES);
  typedef struct packed {
    logic [31:0] v_token;
    logic [31:0] v_head;
    logic [31:0] v;
    logic [31:0] token;
    logic [31:0] q;
    logic [31:0] k;
  } attended_t;
  attended_t attended[PASSES], decoding, denser, sparser;
  logic kind;

  always_ff @(posedge clk) begin
    if (attended_we) attended[PA'(attended_address)] <= attended_data;
    if (decoder_begins) begin
      decoding <= attended[PA'(decoder_pass)];
      kind <= decoder_kind;
    end
    denser <= attended[PA'(denser_pass)];
    sparser <= attended[PA'(sparser_pass)];
  end

  assign act_at = (kind ? decoding.q : decoding.k) + 32'(tokens_at[TA-1:0]) * decoding.token + 32'(tokens_offset);
  assign tokens_window = act_value;
  assign v_value = weight_value[0][MACS-1:0];
  always_comb begin
    weight_read[0] = v_read;
    weight_at[0] = denser.v + 32'(v_at[TA+1+:VA]) * denser.v_head + 32'(v_at[TA-1:0]) * denser.v_token + 32'(v_slice) * MACS;
    v_banks_value = '0;
    for (int b = 0; b < VALUE_BANKS; b++) begin
      weight_read[b+1] = v_banks_read[b];
      weight_at[b+1] = sparser.v + 32'(v_banks_at[b][TA+1+:VA]) * sparser.v_head
          + 32'(v_banks_at[b][TA-1:0]) * sparser.v_token;
      v_banks_value[b] = weight_value[b+1];
    end
  end
endmodule

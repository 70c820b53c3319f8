// The data path of the attention core: operand buffers, the data of both engines, of the softmax unit and of the merge,
// and the channels' data. It does what the control decides two cycles later: nothing that is decided depends on a value.
// The activation buffer, which is outside as V's is, holds the tokens of Q and K as they are stored; the decoder fills the
// operand buffers with them, which have two sides: a pass with an even number uses the one, the next pass the other. Q
// stands in two scratchpads, for ports of their own: the denser engine's broadcast and the banks of the sparser engine.
module attention_datapath #(
    parameter int LINES         = 2,
    parameter int MACS          = 2,
    parameter int FEATURES      = 2,
    parameter int PORTS         = 2,
    parameter int BANKS         = 2,
    parameter int SEGMENT       = 2,
    parameter int SCORE_PORTS   = 2,
    parameter int LANES         = 1,
    parameter int MODE          = 0,
    parameter int EXP_CYCLES    = 2,
    parameter int DIVIDE_CYCLES = 2,
    parameter int PLACES        = 2,
    parameter int HEADS         = 2,   // of a pass
    parameter int ALL           = 2,   // heads of a layer
    parameter int LAYERS        = 1,
    parameter int ENCODED       = 1,   // most compressed heads
    parameter int DECODER_LINES = 2,
    parameter int DECODER_MACS  = 2,
    parameter int PORT_BYTES    = 4,   // of the activation buffer
    parameter int TOKENS        = 4,   // a power of two
    parameter int PASSES        = 2,
    parameter int DENSE         = 4,
    parameter int ROWS          = 8,
    parameter int SCORES        = 32,
    parameter int KEPT          = 1,
    parameter int ENTRIES       = 16,
    parameter int SCORES_DEPTH  = 2,
    parameter int SCORES_POPS   = 1,
    parameter int SCORE_DEPTH   = 2,
    parameter int SCORE_POPS    = 1,
    parameter int PARTIAL_DEPTH = 2,
    parameter int VECTOR_DEPTH  = 2,
    parameter int STORED        = (ALL > ENCODED ? ALL : ENCODED) * FEATURES,  // bytes of a token in the activation buffer
    parameter int HA            = HEADS > 1 ? $clog2(HEADS) : 1,
    parameter int VA            = ALL > 1 ? $clog2(ALL) : 1,
    parameter int TA            = $clog2(TOKENS),
    parameter int WINDOWS       = STORED + PORT_BYTES,
    parameter int NA            = $clog2(WINDOWS),
    parameter int SLICES        = FEATURES > MACS ? $clog2(FEATURES / MACS) : 1
) (
    input  logic                                clk,
    input  logic                                rst,
    // The activation buffer: K or Q, token, and from which byte on.
    output logic                                tokens_read,
    output logic [TA+1:0]                       tokens_at,
    output logic [NA-1:0]                       tokens_offset,
    input  logic [PORT_BYTES*8-1:0]             tokens_window,
    // V: head of the layer, token; a slice for the denser engine, vectors of the sparser engine's banks.
    output logic                                v_read,
    output logic [VA+TA:0]                      v_at,
    output logic [SLICES-1:0]                   v_slice,
    input  logic [MACS*8-1:0]                   v_value,
    output logic [BANKS-1:0]                    v_banks_read,
    output logic [BANKS-1:0][VA+TA:0]           v_banks_at,
    input  logic [BANKS-1:0][FEATURES*8-1:0]    v_banks_value,
    // What is loaded: the decoder's weights, tables, and the layers' constants.
    input  logic                                decode_we,
    input  logic [31:0]                         decode_address,
    input  logic [ENCODED*8+53:0]               decode_data,
    input  logic                                layout_we,
    input  isa::word_t                          layout_address,
    input  isa::layout_row_t                    layout_data,
    input  logic                                dense_we,
    input  isa::word_t                          dense_address,
    input  isa::dense_row_t                     dense_data,
    input  logic                                places_we,
    input  isa::word_t                          places_address,
    input  isa::places_row_t                    places_data,
    input  logic                                kept_we,
    input  logic [31:0]                         kept_address,
    input  logic [31:0]                         kept_data,
    input  logic                                scaling_we,
    input  isa::word_t                          scaling_address,
    input  isa::scaling_t                       scaling_data,
    // What the control decides.
    input  isa::word_t                          denser_pass,
    input  logic                                denser_load,
    input  isa::word_t                          denser_load_first,
    input  isa::word_t                          denser_load_count,
    input  logic                                denser_stream,
    input  isa::word_t                          denser_stream_token,
    input  isa::word_t                          denser_stream_rows,
    input  isa::word_t                          denser_stream_beats,
    input  logic                                denser_tile,
    input  isa::word_t                          denser_tile_place,
    input  isa::word_t                          denser_tile_share,
    input  isa::word_t                          denser_tile_rows,
    input  isa::word_t                          denser_tile_count,
    input  isa::word_t                          denser_tile_beats,
    input  isa::word_t                          sparser_pass,
    input  logic                                sparser_scoring,
    input  isa::word_t                          sparser_beats,
    input  logic [LINES-1:0]                    sparser_begins,
    input  logic [LINES-1:0]                    sparser_fetched,
    input  logic [LINES-1:0][7:0]               sparser_sender,
    input  logic [BANKS-1:0]                    sparser_granted,
    input  isa::word_t [BANKS-1:0]              sparser_bank_head,
    input  isa::word_t [BANKS-1:0]              sparser_bank_token,
    input  logic                                sparser_took,
    input  isa::word_t                          sparser_took_line,
    input  isa::word_t                          sparser_took_head,
    input  isa::word_t                          sparser_took_column,
    input  isa::word_t                          sparser_took_place,
    input  isa::word_t                          sparser_took_at,
    input  isa::word_t [SCORE_PORTS-1:0]        sparser_leaves_line,
    input  isa::word_t [SCORE_PORTS-1:0]        sparser_leaves_at,
    input  isa::word_t                          softmax_pass,
    input  logic [LANES-1:0]                    softmax_taken,
    input  isa::word_t [LANES-1:0]              softmax_place,
    input  logic [LANES-1:0]                    softmax_dense,
    input  logic [LANES-1:0][7:0]               softmax_which,
    input  isa::word_t [LANES-1:0]              softmax_element,
    input  logic [LANES-1:0][31:0]              softmax_dense_at,
    input  isa::word_t [LANES-1:0]              softmax_exp_place,
    input  isa::word_t [LANES-1:0]              softmax_exp_first,
    input  isa::word_t [LANES-1:0]              softmax_exp_count,
    input  logic                                softmax_divides,
    input  isa::word_t                          softmax_divides_place,
    input  logic                                merge_take_d,
    input  isa::word_t                          merge_place_d,
    input  isa::word_t                          merge_line_d,
    input  logic                                merge_first_d,
    input  logic                                merge_take_s,
    input  isa::word_t                          merge_place_s,
    input  logic                                merge_first_s,
    input  logic                                merge_leaves,
    input  isa::word_t                          merge_leaves_place,
    input  logic                                decoder_begins,
    input  logic                                decoder_single,
    input  logic                                decoder_kind,
    input  isa::word_t                          decoder_token_begun,
    input  isa::word_t                          decoder_head,
    input  isa::word_t                          decoder_pass,
    input  isa::word_t                          decoder_heads,
    input  isa::word_t                          decoder_dim,
    input  isa::word_t                          decoder_encoded,
    // What moves through the channels between them.
    input  logic [7:0]                          denser_scores_push,
    input  logic [7:0]                          denser_scores_pop,
    input  logic [7:0]                          denser_partial_push,
    input  logic [7:0]                          sparser_score_push,
    input  logic [7:0]                          sparser_score_pop,
    input  logic [7:0]                          sparser_partial_push,
    input  logic [7:0]                          sparser_partial_pop,
    input  logic [7:0]                          decoder_vector_push,
    input  logic [7:0]                          decoder_vector_pop,
    input  isa::word_t                          decoder_vector_line,
    // What an observer sees of it: how many values of each kind there are in this cycle, and the values.
    output logic [7:0]                          restored_push,
    output logic                                restored_kind,
    output logic [TA-1:0]                       restored_token,
    output logic [HEADS-1:0][FEATURES*8-1:0]    restored_item,
    output logic [7:0]                          single_push,
    output logic [FEATURES*8-1:0]               single_item,
    output logic [7:0]                          dense_scores_push,
    output logic [LINES-1:0][31:0]              dense_scores_item,
    output logic [7:0]                          sparse_scores_push,
    output logic [SCORE_PORTS-1:0][31:0]        sparse_scores_item,
    output logic [7:0]                          dense_probabilities_push,
    output logic [LINES-1:0][7:0]               dense_probabilities_item,
    output logic [7:0]                          sparse_probabilities_push,
    output isa::word_t                          sparse_probabilities_place,
    output logic [SEGMENT-1:0][7:0]             sparse_probabilities_item,
    output logic [7:0]                          rows_push,
    output isa::word_t                          rows_place,
    output logic [FEATURES-1:0][31:0]           rows_sums,
    output logic [FEATURES-1:0][7:0]            rows_values,
    output logic [7:0]                          slips_push  // a channel's data and its control are apart
);
  localparam int SA = $clog2(SCORES), IA = $clog2(ENTRIES);
  localparam int VECTOR = FEATURES * 8, ROW = FEATURES * 32, SCORE = 32 + IA;
  // The layer that is worked on: its last pass is done before the next layer's first tokens are decoded.
  localparam int LA = LAYERS > 1 ? $clog2(LAYERS) : 1;
  isa::scaling_t scalings[LAYERS], scaling;
  logic [LA-1:0] layer;
  assign scaling = scalings[layer];

  // The passes that the units work on, as their data paths need them.
  localparam int NUMBER = PASSES > 1 ? $clog2(PASSES) : 1;
  logic [isa::layout_row_bits-1:0] layouts[PASSES];
  isa::word_t denser_pass1, sparser_pass1, softmax_pass1, softmax_pass2;
  isa::layout_row_t decoding;
  logic side, side1;  // that tokens are decoded for, a cycle later and two
  always_ff @(posedge clk) begin
    if (scaling_we) scalings[LA'(scaling_address)] <= scaling_data;
    if (decoder_begins) layer <= LA'(decoding.layer);
    if (layout_we) layouts[NUMBER'(layout_address)] <= layout_data;
    denser_pass1 <= denser_pass;
    sparser_pass1 <= sparser_pass;
    softmax_pass1 <= softmax_pass;
    softmax_pass2 <= softmax_pass1;
    if (decoder_begins && !decoder_single) side <= decoder_pass[0];
    side1 <= side;
  end
  assign decoding = layouts[NUMBER'(decoder_pass)];

  // Tokens as they are stored, and the decoder.
  logic writes, writes_kind;
  logic [TA-1:0] writes_token;
  logic [HEADS-1:0] writes_heads, writes_k, writes_q;
  logic [HEADS-1:0][FEATURES*8-1:0] writes_data;
  logic [FEATURES*8-1:0] single, vector;
  assign writes_k = writes && !writes_kind ? writes_heads : '0;
  assign writes_q = writes && writes_kind ? writes_heads : '0;
  decoder_datapath #(
      .LINES(DECODER_LINES), .MACS(DECODER_MACS), .PORT_BYTES(PORT_BYTES), .FEATURES(FEATURES), .HEADS(HEADS),
      .ALL(ALL), .LAYERS(LAYERS), .ENCODED(ENCODED), .TA(TA), .WINDOWS(WINDOWS)
  ) decoder (
      .clk, .rst, .decode_we, .decode_address, .decode_data,
      .begins(decoder_begins),
      .single(decoder_single),
      .kind(decoder_kind),
      .token(decoder_token_begun),
      .head(decoder_head),
      .head0(decoding.head0),
      .layer(decoding.layer),
      .heads(decoder_heads),
      .dim(decoder_dim),
      .encoded(decoder_encoded),
      .read(tokens_read),
      .at(tokens_at),
      .offset(tokens_offset),
      .window(tokens_window),
      .writes,
      .writes_kind,
      .writes_token,
      .writes_heads,
      .writes_data,
      .vector(single)
  );

  logic k_dense_read, k_sparse_read;
  logic [HA+TA:0] k_dense_at, k_sparse_at;
  logic [1:0][VECTOR-1:0] k_value;
  scratchpad #(
      .WIDTH(VECTOR), .SLICE(VECTOR), .PARTS(HEADS), .SIDES(2), .TOKENS(TOKENS), .READS(2)
  ) k_buffer (
      .clk,
      .we(writes_k),
      .address({side1, writes_token}),
      .data(writes_data),
      .read({k_sparse_read, k_dense_read}),
      .at({k_sparse_at, k_dense_at}),
      .slice('0),
      .value(k_value)
  );

  logic [PORTS-1:0] q_read;
  logic [PORTS-1:0][HA+TA:0] q_at;
  logic [SLICES-1:0] q_slice;
  logic [PORTS-1:0][MACS*8-1:0] q_value;
  scratchpad #(
      .WIDTH(VECTOR), .SLICE(MACS * 8), .PARTS(HEADS), .SIDES(2), .TOKENS(TOKENS), .READS(PORTS)
  ) q_buffer (
      .clk,
      .we(writes_q),
      .address({side1, writes_token}),
      .data(writes_data),
      .read(q_read),
      .at(q_at),
      .slice(q_slice),
      .value(q_value)
  );

  logic [BANKS-1:0] q_banks_read;
  logic [BANKS-1:0][HA+TA:0] q_banks_at;
  logic [BANKS-1:0][VECTOR-1:0] q_banks_value;
  banked_scratchpad #(
      .WIDTH(VECTOR), .BANKS(BANKS), .PARTS(HEADS), .SIDES(2), .TOKENS(TOKENS), .SKEW(1)
  ) q_banks (
      .clk,
      .we(writes_q),
      .address({side1, writes_token}),
      .data(writes_data),
      .read(q_banks_read),
      .at(q_banks_at),
      .value(q_banks_value)
  );

  // Pushes and pops, two cycles later.
  localparam int MOVES = 7;
  logic [MOVES-1:0][7:0] moves, moves1, moves2;
  assign moves = {
    denser_scores_push, denser_scores_pop, sparser_score_push, sparser_score_pop, sparser_partial_push,
    sparser_partial_pop, decoder_vector_push
  };
  logic [7:0] vector_pop1, vector_pop2;
  always_ff @(posedge clk) begin
    moves1 <= rst ? '0 : moves;
    moves2 <= rst ? '0 : moves1;
    vector_pop1 <= rst ? '0 : decoder_vector_pop;
    vector_pop2 <= rst ? '0 : vector_pop1;
  end
  logic [7:0] scores_push, scores_pop, score_push, score_pop, partial_push, partial_pop, vector_push;
  assign {scores_push, scores_pop, score_push, score_pop, partial_push, partial_pop, vector_push} = moves2;

  logic [LINES-1:0][31:0] scores;
  logic [SCORES_POPS-1:0][LINES-1:0][31:0] scores_value;
  logic [SCORE_PORTS-1:0][31:0] score;
  logic [SCORE_PORTS-1:0][IA-1:0] score_at;
  logic [SCORE_PORTS-1:0][SCORE-1:0] score_in;
  logic [SCORE_POPS-1:0][SCORE-1:0] score_out;
  logic [SCORE_POPS-1:0][31:0] score_value;
  logic [SCORE_POPS-1:0][IA-1:0] score_value_at;
  logic [ROW-1:0] dense_row, sparse_row, sparse_part;
  logic [7:0] scores_room, score_room, partial_room, vector_room, scores_valid, score_valid, partial_valid, vector_valid;
  always_comb begin
    for (int n = 0; n < SCORE_PORTS; n++) score_in[n] = {score_at[n], score[n]};
    for (int n = 0; n < SCORE_POPS; n++) {score_value_at[n], score_value[n]} = score_out[n];
  end
  channel #(
      .WIDTH (LINES * 32),
      .DEPTH (SCORES_DEPTH),
      .PUSHES(1),
      .POPS  (SCORES_POPS)
  ) scores_channel (
      .clk, .rst, .push(scores_push), .item(scores), .room(scores_room), .valid(scores_valid), .data(scores_value),
      .pop(scores_pop)
  );
  channel #(
      .WIDTH (SCORE),
      .DEPTH (SCORE_DEPTH),
      .PUSHES(SCORE_PORTS),
      .POPS  (SCORE_POPS)
  ) score_channel (
      .clk, .rst, .push(score_push), .item(score_in), .room(score_room), .valid(score_valid), .data(score_out),
      .pop(score_pop)
  );
  channel #(
      .WIDTH(ROW),
      .DEPTH(PARTIAL_DEPTH)
  ) partial_channel (
      .clk, .rst, .push(partial_push), .item(sparse_part), .room(partial_room), .valid(partial_valid),
      .data(sparse_row), .pop(partial_pop)
  );
  channel #(
      .WIDTH(VECTOR),
      .DEPTH(VECTOR_DEPTH)
  ) vector_channel (
      .clk, .rst, .push(vector_push), .item(single), .room(vector_room), .valid(vector_valid), .data(vector),
      .pop(vector_pop2)
  );
  assign slips_push = {
    7'd0,
    scores_push > scores_room || scores_pop > scores_valid || score_push > score_room || score_pop > score_valid
    || partial_push > partial_room || partial_pop > partial_valid || vector_push > vector_room
    || vector_pop2 > vector_valid
  };

  logic [LINES-1:0] dense_read;
  logic [LINES-1:0][SA-1:0] dense_at;
  logic [LINES-1:0][15:0] dense_value;
  logic dense_reciprocal_read, sparse_read, dense_take, dense_probable, sparse_probable, finished;
  isa::word_t dense_reciprocal_at, sparse_reciprocal_at, dense_taken;
  logic [LINES-1:0][31:0] dense_reciprocal;
  logic [IA-1:0] sparse_at;
  logic [SEGMENT-1:0][15:0] sparse_value;
  logic [31:0] sparse_reciprocal;
  logic [ROW-1:0] sums;
  logic [VECTOR-1:0] values;

  denser_datapath #(
      .LINES(LINES), .MACS(MACS), .FEATURES(FEATURES), .PORTS(PORTS), .HA(HA), .VA(VA), .TA(TA), .DENSE(DENSE),
      .ROWS(ROWS), .SA(SA)
  ) denser (
      .clk, .rst, .dense_we, .dense_address, .dense_data, .places_we, .places_address, .places_data,
      .layout(layouts[NUMBER'(denser_pass1)]),
      .side(denser_pass1[0]),
      .load(denser_load),
      .load_first(denser_load_first),
      .load_count(denser_load_count),
      .stream(denser_stream),
      .stream_token(denser_stream_token),
      .stream_rows(denser_stream_rows),
      .stream_beats(denser_stream_beats),
      .tile(denser_tile),
      .tile_place(denser_tile_place),
      .tile_share(denser_tile_share),
      .tile_rows(denser_tile_rows),
      .tile_count(denser_tile_count),
      .tile_beats(denser_tile_beats),
      .leaves(denser_partial_push != 0),
      .k_read(k_dense_read),
      .k_at(k_dense_at),
      .k_value(k_value[0]),
      .q_read,
      .q_at,
      .q_slice,
      .q_value,
      .v_read,
      .v_at,
      .v_slice,
      .v_value,
      .score_read(dense_read),
      .score_at(dense_at),
      .score_value(dense_value),
      .reciprocal_read(dense_reciprocal_read),
      .reciprocal_at(dense_reciprocal_at),
      .reciprocal_value(dense_reciprocal),
      .scores,
      .probable(dense_probable),
      .probability(dense_probabilities_item),
      .take(dense_take),
      .taken(dense_taken),
      .row(dense_row)
  );

  sparser_datapath #(
      .LINES(LINES), .MACS(MACS), .FEATURES(FEATURES), .BANKS(BANKS), .SEGMENT(SEGMENT), .SCORE_PORTS(SCORE_PORTS),
      .HA(HA), .VA(VA), .TA(TA), .IA(IA)
  ) sparser (
      .clk, .rst,
      .layout(layouts[NUMBER'(sparser_pass1)]),
      .side(sparser_pass1[0]),
      .scoring(sparser_scoring),
      .beats(sparser_beats),
      .begins(sparser_begins),
      .fetched(sparser_fetched),
      .bank(sparser_sender),
      .granted(sparser_granted),
      .granted_head(sparser_bank_head),
      .granted_token(sparser_bank_token),
      .takes(sparser_took),
      .takes_line(sparser_took_line),
      .takes_head(sparser_took_head),
      .takes_column(sparser_took_column),
      .takes_place(sparser_took_place),
      .takes_at(sparser_took_at),
      .leaves_line(sparser_leaves_line),
      .leaves_at(sparser_leaves_at),
      .arrives(decoder_vector_pop != 0),
      .arrives_line(decoder_vector_line),
      .vector,
      .k_read(k_sparse_read),
      .k_at(k_sparse_at),
      .k_value(k_value[1]),
      .q_read(q_banks_read),
      .q_at(q_banks_at),
      .v_read(v_banks_read),
      .v_at(v_banks_at),
      .q_value(q_banks_value),
      .v_value(v_banks_value),
      .score_read(sparse_read),
      .score_at(sparse_at),
      .score_value(sparse_value),
      .reciprocal_at(sparse_reciprocal_at),
      .reciprocal_value(sparse_reciprocal),
      .scores(score),
      .scores_at(score_at),
      .probable(sparse_probable),
      .probable_place(sparse_probabilities_place),
      .probability(sparse_probabilities_item),
      .leaves(sparser_partial_push != 0),
      .row(sparse_part)
  );

  softmax_datapath #(
      .LINES(LINES), .LANES(LANES), .MODE(MODE), .EXP_CYCLES(EXP_CYCLES), .DIVIDE_CYCLES(DIVIDE_CYCLES),
      .SCORES_POPS(SCORES_POPS), .SCORE_POPS(SCORE_POPS), .SEGMENT(SEGMENT), .ROWS(ROWS), .SCORES(SCORES),
      .KEPT(KEPT), .ENTRIES(ENTRIES)
  ) softmax (
      .clk, .rst, .places_we, .places_address, .places_data, .kept_we, .kept_address, .kept_data,
      .multiplier(scaling.multiplier),
      .shift(scaling.shift),
      .bound(scaling.bound),
      .layout(layouts[NUMBER'(softmax_pass2)]),
      .taken(softmax_taken),
      .place(softmax_place),
      .dense(softmax_dense),
      .item(softmax_which),
      .element(softmax_element),
      .dense_at(softmax_dense_at),
      .exp_place(softmax_exp_place),
      .exp_first(softmax_exp_first),
      .exp_count(softmax_exp_count),
      .divides(softmax_divides),
      .divides_place(softmax_divides_place),
      .scores_value,
      .score_value,
      .score_at(score_value_at),
      .denser_read(dense_read),
      .denser_at(dense_at),
      .denser_value(dense_value),
      .denser_reciprocal_read(dense_reciprocal_read),
      .denser_reciprocal_at(dense_reciprocal_at),
      .denser_reciprocal(dense_reciprocal),
      .sparser_read(sparse_read),
      .sparser_at(sparse_at),
      .sparser_value(sparse_value),
      .sparser_reciprocal_at(sparse_reciprocal_at),
      .sparser_reciprocal(sparse_reciprocal)
  );

  merge_datapath #(
      .FEATURES(FEATURES),
      .PLACES(PLACES)
  ) merge (
      .clk, .rst,
      .multiplier(scaling.out_multiplier),
      .shift(scaling.out_shift),
      .takes_dense(merge_take_d),
      .dense_place(merge_place_d),
      .dense_line(merge_line_d),
      .dense_first(merge_first_d),
      .takes_sparse(merge_take_s),
      .sparse_place(merge_place_s),
      .sparse_first(merge_first_s),
      .leaves(merge_leaves),
      .leaves_place(merge_leaves_place),
      .dense_take,
      .dense_taken,
      .dense_row,
      .sparse_row,
      .finished,
      .finished_place(rows_place),
      .sums,
      .values
  );

  assign restored_push = writes ? 8'($countones(writes_heads)) : '0;
  assign restored_kind = writes_kind;
  assign restored_token = writes_token;
  assign restored_item = writes_data;
  assign single_push = vector_push;
  assign single_item = single;
  assign dense_scores_push = scores_push;
  assign dense_scores_item = scores;
  assign sparse_scores_push = score_push;
  assign sparse_scores_item = score;
  assign dense_probabilities_push = {7'd0, dense_probable};
  assign sparse_probabilities_push = {7'd0, sparse_probable};
  assign rows_push = {7'd0, finished};
  assign rows_sums = sums;
  assign rows_values = values;
endmodule

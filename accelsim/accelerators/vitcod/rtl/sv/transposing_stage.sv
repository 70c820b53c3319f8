// The transposing stage between activation buffer and MAC array: two words for each token of a step. One is filled, token
// by token, as fast as the ports of the buffer deliver (one word of each bank a cycle, but every other one of one bank is
// kept for what arrives); of the other a feature of all tokens is handed out a cycle. It reads ahead: the next steps of a
// tile, and the first ones of the tile whose command waits. What is asked for in a cycle is there in the next; a feature
// that is handed out in t is there in t + 2.
module transposing_stage #(
    parameter int SIDE       = 4,  // tokens of a step at most
    parameter int BANKS      = 2,
    parameter int PORT_BYTES = 8,
    parameter int TILES      = 4,
    parameter int CA         = PORT_BYTES > 1 ? $clog2(PORT_BYTES) : 1
) (
    input  logic                              clk,
    input  logic                              rst,
    // The first word of a tile's activations.
    input  logic                              tiles_we,
    input  logic [31:0]                       tiles_address,
    input  logic [31:0]                       tiles_data,
    // The command that is the next, and whether it is taken up.
    input  logic                              waits,
    input  isa::gemm_t                        next,
    input  logic                              taken,
    // The activation buffer.
    output logic [BANKS-1:0]                  read,
    output logic [BANKS-1:0][31:0]            at,
    input  logic [BANKS-1:0][PORT_BYTES*8-1:0] value,
    // Whether the word is there that comes next; a feature of it is handed out, its place, and whether the word ends with
    // it.
    output logic                              there,
    input  logic                              hands,
    input  logic [CA-1:0]                     column,
    input  logic                              ends,
    output logic [SIDE-1:0][7:0]              features
);
  localparam int TA = TILES > 1 ? $clog2(TILES) : 1, SA = SIDE > 1 ? $clog2(SIDE) : 1;
  typedef struct packed {
    logic        active;
    isa::word_t  tokens;         // of the tile
    isa::word_t  features;
    isa::word_t  step_tokens;
    isa::word_t  step_features;
    isa::word_t  added;
    isa::word_t  row;            // the step's first token
    isa::word_t  feature;        // and feature
    isa::word_t  token;          // whose word is read, counted in the step
    isa::word_t  word;
    logic [31:0] beside;         // words of the residual operand that are still to be read with the step
    logic [31:0] pitch;          // words of a token
    logic [31:0] first;          // the step's first word
    logic [31:0] address;
    logic        slot;
  } fill_t;
  typedef struct packed {
    logic          valid;
    logic          last;   // of the step's tokens
    logic          slot;
    logic [SA-1:0] token;
  } write_t;
  logic [31:0] tiles[TILES];
  logic [PORT_BYTES*8-1:0] even_words[SIDE], odd_words[SIDE];
  fill_t state, s;
  write_t [BANKS-1:0] writes, arriving;
  isa::word_t number, rows, wide;
  logic [1:0] free, next_free, whole, next_whole;
  logic phase, ahead, takes, stepped;
  logic hand_slot;
  logic [2:1] slot;
  logic [2:1][CA-1:0] place;

  function automatic isa::word_t least(input isa::word_t a, input isa::word_t b);
    least = a < b ? a : b;
  endfunction

  always_comb begin
    s = state;
    next_free = free;
    read = '0;
    at = '0;
    writes = '0;
    rows = '0;
    wide = '0;
    stepped = 1'b0;
    for (int n = 0; n < BANKS; n++) begin
      rows = least(s.step_tokens, s.tokens - s.row);
      wide = least(s.step_features, s.features - s.feature);
      stepped = 1'b0;
      if (s.active && (n + 1 < BANKS || phase)) begin
        if (s.beside != 0) begin
          s.beside = s.beside - 1'b1;
          stepped = s.beside == 0;
        end else if (next_free[s.slot]) begin
          read[n] = 1'b1;
          at[n] = s.address;
          writes[n].valid = 1'b1;
          writes[n].slot = s.slot;
          writes[n].token = SA'(s.token);
          writes[n].last = s.token + 1'b1 == rows;
          s.token = s.token + 1'b1;
          s.address = s.address + s.pitch;
          if (writes[n].last) begin
            next_free[s.slot] = 1'b0;
            s.slot = !s.slot;
            s.token = '0;
            s.word = s.word + 1'b1;
            s.address = s.first + 32'(s.word);
            if (32'(s.word) == s.pitch) begin
              s.beside = s.added == 0 ? '0 : 32'(rows) * ((32'(wide) * 32'(s.added) + PORT_BYTES - 1) / PORT_BYTES);
              stepped = s.beside == 0;
            end
          end
        end
      end
      if (stepped) begin
        s.word = '0;
        s.feature = s.feature + wide;
        if (s.feature == s.features) begin
          s.feature = '0;
          s.row = s.row + rows;
          s.first = s.first + 32'(rows) * s.pitch;
          s.active = s.row != s.tokens;
        end
        s.address = s.first;
      end
    end

    // The tile that waits. All that goes with the tile before is read when this one is taken up: its steps are that long.
    takes = !s.active && waits && !ahead;
    if (takes) begin
      s.active = 1'b1;
      s.tokens = next.tokens;
      s.features = next.features;
      s.step_tokens = next.step_tokens;
      s.step_features = next.step_features;
      s.added = next.added;
      s.row = '0;
      s.feature = '0;
      s.token = '0;
      s.word = '0;
      s.beside = '0;
      s.pitch = (32'(next.depth) + PORT_BYTES - 1) / PORT_BYTES;
      s.first = tiles[TA'(number)];
      s.address = s.first;
    end

    // A word that is asked for in this cycle is there when it is handed out.
    next_whole = whole;
    for (int n = 0; n < BANKS; n++) if (writes[n].valid && writes[n].last) next_whole[writes[n].slot] = 1'b1;
    there = next_whole[hand_slot];
    for (int n = 0; n < SIDE; n++) features[n] = slot[2] ? odd_words[n][8*place[2]+:8] : even_words[n][8*place[2]+:8];
  end

  always_ff @(posedge clk) begin
    if (tiles_we) tiles[TA'(tiles_address)] <= tiles_data;
    for (int n = 0; n < BANKS; n++) begin
      if (arriving[n].valid && !arriving[n].slot) even_words[arriving[n].token] <= value[n];
      if (arriving[n].valid && arriving[n].slot) odd_words[arriving[n].token] <= value[n];
    end
    slot <= {slot[1], hand_slot};
    place <= {place[1], column};
    phase <= !phase && !rst;
    if (rst) begin
      state.active <= 1'b0;
      state.slot <= 1'b0;
      arriving <= '0;
      number <= '0;
      ahead <= 1'b0;
      hand_slot <= 1'b0;
      free <= '1;
      whole <= '0;
    end else begin
      state <= s;
      arriving <= writes;
      if (takes) number <= number + 1'b1;
      ahead <= (ahead || takes) && !taken;
      free  <= next_free;
      whole <= next_whole;
      if (hands && ends) begin
        hand_slot <= !hand_slot;
        free[hand_slot] <= 1'b1;
        whole[hand_slot] <= 1'b0;
      end
    end
  end
endmodule

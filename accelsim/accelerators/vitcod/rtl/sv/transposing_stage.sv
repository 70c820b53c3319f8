// The transposing stage between activation buffer and MAC array: two words for each token of a step. One is filled, token
// by token, as fast as the ports of the buffer deliver (one word of each bank a cycle, but every other one of one bank is
// kept for what arrives); of the other a feature of all tokens is handed out a cycle. It reads ahead: the next steps of a
// tile, and the first ones of the tile whose command waits. What is asked for in a cycle is there in the next; a feature
// that is handed out in t is there in t + 2.
// A token's activations lie in runs: a row of a matrix in one, a window of a convolution in one for each of its lines.
// They are read run by run, from the words they lie in, and each port turns what it delivers to where it belongs. What is
// beyond a picture's border is read like the rest, and counts as zero.
module transposing_stage #(
    parameter int SIDE       = 4,  // tokens of a step at most
    parameter int BANKS      = 2,
    parameter int PORT_BYTES = 8,
    parameter int TILES      = 4,
    parameter int CA         = PORT_BYTES > 1 ? $clog2(PORT_BYTES) : 1
) (
    input  logic                              clk,
    input  logic                              rst,
    // Where a tile's activations lie.
    input  logic                              tiles_we,
    input  logic [31:0]                       tiles_address,
    input  isa::lies_t                        tiles_data,
    // The command that is the next, and whether it is taken up.
    input  logic                              waits,
    input  isa::gemm_t                        next,
    input  logic                              taken,
    // The activation buffer.
    output logic [BANKS-1:0]                  read,
    output logic [BANKS-1:0][31:0]            at,
    input  logic [BANKS-1:0][PORT_BYTES*8-1:0] value,
    // Whether the word is there that comes next, and which is its last feature; one is handed out, its place, and whether
    // the word ends with it.
    output logic                              there,
    output logic [CA-1:0]                     last_column,
    input  logic                              hands,
    input  logic [CA-1:0]                     column,
    input  logic                              ends,
    output logic [SIDE-1:0][7:0]              features
);
  localparam int TA = TILES > 1 ? $clog2(TILES) : 1, SA = SIDE > 1 ? $clog2(SIDE) : 1;
  localparam int NA = $clog2(PORT_BYTES + 1);
  typedef logic [NA-1:0] bytes_t;  // of a word, or all of them
  typedef struct packed {
    logic [31:0] word;
    bytes_t      offset;
  } place_t;
  typedef struct packed {  // a token: where its part of a word of the stage begins; its first run in the picture
    place_t      at;
    logic [31:0] x;        // bytes from the line's first one
    logic [31:0] y;        // lines
    logic [31:0] columns;  // windows that are left in the row, with this one
    logic [31:0] rows;     // rows of windows that are left in the picture
  } token_t;
  typedef struct packed {
    place_t      at;
    logic [31:0] run;
    logic [31:0] column;  // the byte in the run
  } spot_t;
  typedef struct packed {
    logic        active;
    isa::lies_t  lies;
    isa::word_t  tokens;         // of the tile
    isa::word_t  features;
    isa::word_t  step_tokens;
    isa::word_t  step_features;
    isa::word_t  depth;
    isa::word_t  added;
    isa::word_t  row;            // the step's first token
    isa::word_t  feature;        // and feature
    isa::word_t  token;          // which is read, counted in the step
    isa::word_t  left;           // of the depth, with what this word of the stage takes
    bytes_t      filled;         // of the token's word
    logic [31:0] beside;         // words of the residual operand that are still to be read with the step
    token_t      first;          // the step's first token
    token_t      below;          // the one behind its last
    token_t      here;           // the one that is read
    place_t      front;          // what the next word takes of the first token begins here
    spot_t       begins;         // what this word takes begins here, in all tokens
    spot_t       now;            // what is read next
    logic        slot;
  } fill_t;
  typedef struct packed {
    logic          valid;
    logic          last;   // of the step's tokens
    logic          slot;
    logic [SA-1:0] token;
    bytes_t        from;   // of the buffer's word these bytes on
    bytes_t        to;     // become these of the stage's
    bytes_t        many;
    bytes_t        low;    // the ones before are beyond the border
    bytes_t        high;   // and so are these and those behind
  } write_t;
  isa::lies_t tiles[TILES];
  logic [PORT_BYTES*8-1:0] even_words[SIDE], odd_words[SIDE];
  fill_t state, s;
  write_t [BANKS-1:0] writes, arriving;
  logic [BANKS-1:0][PORT_BYTES*8-1:0] turned, covers, words;
  isa::word_t number, rows, wide;
  logic [31:0] x, behind, y;
  logic [1:0] free, next_free, whole, next_whole;
  bytes_t [1:0] size, next_size;  // features of the words
  logic phase, ahead, takes, stepped, full;
  logic hand_slot;
  logic [2:1] slot;
  logic [2:1][CA-1:0] place;
  bytes_t many, room;

  function automatic isa::word_t least(input isa::word_t a, input isa::word_t b);
    least = a < b ? a : b;
  endfunction

  function automatic bytes_t smaller(input bytes_t a, input logic [31:0] b);  // the smaller one
    smaller = 32'(a) < b ? a : bytes_t'(b);
  endfunction

  function automatic place_t moved(input place_t a, input logic [31:0] words_on, input bytes_t bytes_on);
    logic [NA:0] offset;
    logic carry;
    offset = {1'b0, a.offset} + {1'b0, bytes_on};
    carry = offset >= (NA + 1)'(PORT_BYTES);
    moved.word = a.word + words_on + 32'(carry);
    moved.offset = bytes_t'(carry ? offset - (NA + 1)'(PORT_BYTES) : offset);
  endfunction

  // The token behind: in the same row of windows, the first one of the next row, or of the next picture.
  function automatic token_t onward(input token_t a, input isa::lies_t lies);
    onward = a;
    if (a.columns != 1) begin
      onward.at = moved(a.at, lies.token_words, bytes_t'(lies.token_bytes));
      onward.x = a.x + lies.x_step;
      onward.columns = a.columns - 32'd1;
    end else begin
      onward.at = moved(a.at, lies.line_words, bytes_t'(lies.line_bytes));
      onward.x = lies.x_first;
      onward.columns = lies.out;
      onward.y = a.rows != 1 ? a.y + lies.y_step : lies.y_first;
      onward.rows = a.rows != 1 ? a.rows - 32'd1 : lies.out;
    end
  endfunction

  // A step begins with the first word of its first token.
  function automatic fill_t begun(input fill_t a);
    begun = a;
    begun.token = '0;
    begun.filled = '0;
    begun.beside = '0;
    begun.left = a.depth;
    begun.here = a.first;
    begun.begins.at = a.first.at;
    begun.begins.run = a.lies.begin_run;
    begun.begins.column = a.lies.begin_byte;
    begun.now = begun.begins;
  endfunction

  always_comb begin
    s = state;
    next_free = free;
    next_size = size;
    read = '0;
    at = '0;
    writes = '0;
    rows = '0;
    wide = '0;
    x = '0;
    y = '0;
    behind = '0;
    many = '0;
    room = '0;
    full = 1'b0;
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
          // As much as the run, the buffer's word and the stage's have in common.
          room = smaller(bytes_t'(s.lies.chunk), 32'(s.left)) - s.filled;
          many = smaller(bytes_t'(PORT_BYTES) - s.now.at.offset, s.lies.run - s.now.column);
          many = smaller(many, 32'(room));
          full = many == room;
          x = s.here.x + s.now.column;
          y = s.here.y + s.now.run;
          behind = s.lies.width - x;
          read[n] = 1'b1;
          at[n] = s.now.at.word;
          writes[n].valid = 1'b1;
          writes[n].slot = s.slot;
          writes[n].token = SA'(s.token);
          writes[n].from = s.now.at.offset;
          writes[n].to = s.filled;
          writes[n].many = many;
          writes[n].low = x[31] ? smaller(many, -x) : '0;
          writes[n].high = behind[31] || y >= s.lies.height ? '0 : smaller(many, behind);
          writes[n].last = full && s.token + 1'b1 == rows;
          s.filled = s.filled + many;
          s.now.at = moved(s.now.at, '0, many);
          s.now.column = s.now.column + 32'(many);
          if (s.now.column == s.lies.run) begin
            s.now.at = moved(s.now.at, s.lies.gap_words, bytes_t'(s.lies.gap_bytes));
            s.now.column = '0;
            s.now.run = s.now.run + 32'd1;
          end
          if (full) begin
            if (s.token == 0) s.front = s.now.at;
            s.here = onward(s.here, s.lies);
            s.token = s.token + 1'b1;
            if (writes[n].last) begin
              next_free[s.slot] = 1'b0;
              next_size[s.slot] = s.filled;
              s.slot = !s.slot;
              s.token = '0;
              if (s.left == s.depth) s.below = s.here;
              s.left = s.left - least(s.left, isa::W'(s.lies.chunk));
              s.begins = s.now;
              s.here = s.first;
              s.here.at = s.front;
              if (s.left == 0) begin
                s.beside = s.added == 0 ? '0 : 32'(rows) * ((32'(wide) * 32'(s.added) + PORT_BYTES - 1) / PORT_BYTES);
                stepped = s.beside == 0;
              end
            end
            s.filled = '0;
            s.now = s.begins;
            s.now.at = s.here.at;
          end
        end
      end
      if (stepped) begin
        s.feature = s.feature + wide;
        if (s.feature == s.features) begin
          s.feature = '0;
          s.row = s.row + rows;
          s.first = s.below;
          s.active = s.row != s.tokens;
        end
        s = begun(s);
      end
    end

    // The tile that waits. All that goes with the tile before is read when this one is taken up: its steps are that long.
    takes = !s.active && waits && !ahead;
    if (takes) begin
      s.active = 1'b1;
      s.lies = tiles[TA'(number)];
      s.tokens = next.tokens;
      s.features = next.features;
      s.step_tokens = next.step_tokens;
      s.step_features = next.step_features;
      s.depth = next.depth;
      s.added = next.added;
      s.row = '0;
      s.feature = '0;
      s.first.at.word = s.lies.at_words;
      s.first.at.offset = bytes_t'(s.lies.at_bytes);
      s.first.x = s.lies.x;
      s.first.y = s.lies.y;
      s.first.columns = s.lies.columns;
      s.first.rows = s.lies.rows;
      s = begun(s);
    end

    // A word that is asked for in this cycle is there when it is handed out.
    next_whole = whole;
    for (int n = 0; n < BANKS; n++) if (writes[n].valid && writes[n].last) next_whole[writes[n].slot] = 1'b1;
    there = next_whole[hand_slot];
    last_column = CA'(next_size[hand_slot] - 1'b1);
    for (int n = 0; n < SIDE; n++) features[n] = slot[2] ? odd_words[n][8*place[2]+:8] : even_words[n][8*place[2]+:8];
  end

  // What arrives is turned to its place; several ports may bring parts of one word.
  for (genvar n = 0; n < BANKS; n++) begin : g_port
    bytes_t by;
    logic [PORT_BYTES*8-1:0] kept;
    always_comb begin
      by = arriving[n].from - arriving[n].to;
      if (arriving[n].from < arriving[n].to) by = by + bytes_t'(PORT_BYTES);
      for (int i = 0; i < PORT_BYTES; i++) begin
        covers[n][8*i+:8] = {8{i >= int'(arriving[n].to) && i < int'(arriving[n].to) + int'(arriving[n].many)}};
        kept[8*i+:8] = {8{i >= int'(arriving[n].to) + int'(arriving[n].low)
            && i < int'(arriving[n].to) + int'(arriving[n].high)}};
      end
      turned[n] = (PORT_BYTES * 8)'({value[n], value[n]} >> {by, 3'd0}) & kept & covers[n];
    end
  end
  always_comb begin
    for (int n = 0; n < BANKS; n++) begin
      words[n] = arriving[n].slot ? odd_words[arriving[n].token] : even_words[arriving[n].token];
      for (int m = 0; m < BANKS; m++)
        if (arriving[m].valid && arriving[m].slot == arriving[n].slot && arriving[m].token == arriving[n].token)
          words[n] = words[n] & ~covers[m] | turned[m];
    end
  end

  always_ff @(posedge clk) begin
    if (tiles_we) tiles[TA'(tiles_address)] <= tiles_data;
    for (int n = 0; n < BANKS; n++) begin
      if (arriving[n].valid && !arriving[n].slot) even_words[arriving[n].token] <= words[n];
      if (arriving[n].valid && arriving[n].slot) odd_words[arriving[n].token] <= words[n];
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
      size  <= next_size;
      whole <= next_whole;
      if (hands && ends) begin
        hand_slot <= !hand_slot;
        free[hand_slot] <= 1'b1;
        whole[hand_slot] <= 1'b0;
      end
    end
  end
endmodule

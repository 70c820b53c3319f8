// Where the words of the activation buffer lie that go into the transposing stage: in a cycle of one piece of the depth,
// which lies side by side in a token's run, for as many tokens as the buffer has banks. It waits for nothing that it reads,
// and runs ahead as far as there is room. Pieces follow one another, and of each the tokens of a step, all of them: a
// tile's lanes go on by as many tokens as there are, each by itself, and the pieces are the same for all.
// A command that waits is prepared while the tile before is in work: a lane a cycle.
module place_generator #(
    parameter int SIDE       = 4,   // tokens of a step at most
    parameter int BANKS      = 2,
    parameter int PORT_BYTES = 8,
    parameter int TILES      = 4,
    parameter int ADDRESS    = 32,  // bits of a word's place
    parameter int NA         = $clog2(PORT_BYTES + 1),
    parameter int GA         = SIDE > BANKS ? $clog2((SIDE + BANKS - 1) / BANKS) : 1
) (
    input  logic                           clk,
    input  logic                           rst,
    // Where a tile's activations lie.
    input  logic                           tiles_we,
    input  logic [31:0]                    tiles_address,
    input  isa::lies_t                     tiles_data,
    // The command that is the next, and whether it is taken up.
    input  logic                           waits,
    input  isa::gemm_t                     next,
    input  logic                           taken,
    // A group: of which lanes there are tokens, which group of the step's tokens, the piece's bytes in the stage's word, whether it
    // is the last group of this word; or of a residual operand's words, which are read and go nowhere.
    input  logic                           room,
    output logic                           valid,
    output logic [BANKS-1:0]               lanes,
    output logic [GA-1:0]                  number,
    output logic [NA-1:0]                  from,
    output logic [NA-1:0]                  behind,
    output logic                           slot,
    output logic                           last,
    output logic                           beside,
    // Of each lane the word it begins in and the byte there, whether it goes on in the next word; of the piece's bytes
    // the ones before `low`, and those from `high` on, are beyond the picture's border.
    output logic [BANKS-1:0][ADDRESS-1:0]  word,
    output logic [BANKS-1:0][NA-1:0]       offset,
    output logic [BANKS-1:0]               two,
    output logic [BANKS-1:0][NA-1:0]       low,
    output logic [BANKS-1:0][NA-1:0]       high
);
  localparam int TA = TILES > 1 ? $clog2(TILES) : 1, TW = $clog2(SIDE + BANKS + 1), YW = 16;
  localparam int PREPARES = BANKS > 2 ? BANKS - 2 : 1, PW = $clog2(PREPARES + 2);
  typedef logic [NA-1:0] bytes_t;
  typedef logic [TW-1:0] tokens_t;
  typedef struct packed {
    logic [ADDRESS-1:0] word;
    bytes_t             offset;
  } place_t;
  typedef struct packed {  // a token: where it begins, and where that is in the picture
    place_t        at;
    isa::word_t    x;  // bytes from the line's first one
    logic [YW-1:0] y;  // lines
  } lane_t;
  typedef lane_t [BANKS-1:0] group_t;
  typedef struct packed {  // from a token to one behind it; `line`: where, from x = `wraps` on, a row of windows ends between
    place_t             token;
    place_t             line;
    isa::word_t         x;
    isa::word_t         wraps;
    logic [1:0][YW-1:0] y;
  } steps_t;
  typedef struct packed {
    isa::word_t    width;
    logic [YW-1:0] height;
    logic [YW-1:0] ends;  // y behind the last row of windows
  } picture_t;
  typedef struct packed {  // of a tile
    picture_t   picture;
    steps_t     group;   // to the token as many on as there are lanes
    place_t     pitch;   // from a run to the one below
    isa::word_t run;
    bytes_t     chunk;
    isa::word_t step_tokens;
    isa::word_t step_features;
    isa::word_t features;
    logic       added;
  } tile_t;
  typedef struct packed {
    isa::word_t    run_left;
    bytes_t        room;   // of the stage's word
    isa::word_t    left;   // of the depth, behind this word
    place_t        at;     // from the first piece on
    place_t        below;  // the run below
    isa::word_t    column;
    isa::word_t    behind; // from here to the end of a line
    logic [YW-1:0] line;
    bytes_t        from;
  } piece_t;
  typedef struct packed {
    tile_t      tile;
    piece_t     begins;
    group_t     first;
    tokens_t    rows;       // tokens of the step
    isa::word_t rows_left;  // behind them
  } work_t;
  isa::lies_t tiles[TILES], row;
  work_t ahead_of, prepared, work, renewed;
  group_t at, on, behind_step;
  piece_t piece, onward;
  lane_t walked, walking, begun;
  steps_t each, told;
  picture_t picture;
  isa::word_t wide, features_left, bytes_left;
  logic [31:0] taken_up;
  logic [PW-1:0] prepares;
  tokens_t tokens_left;
  bytes_t many, fits;
  logic held, ahead, takes, complete, active, goes, starts, run_ends, word_ends, group_ends, column_ends;
  logic pieces_end, step_ends, tile_ends, residual;

  function automatic place_t sum(input place_t a, input place_t b);
    logic [NA:0] bytes, less;
    bytes = {1'b0, a.offset} + {1'b0, b.offset};
    less = bytes - (NA + 1)'(PORT_BYTES);
    sum.offset = bytes_t'(less[NA] ? bytes : less);
    sum.word = a.word + b.word + ADDRESS'(!less[NA]);
  endfunction

  function automatic place_t place(input logic [31:0] words, input logic [31:0] bytes);
    place.word = ADDRESS'(words);
    place.offset = bytes_t'(bytes);
  endfunction

  // A token some windows on. Behind a picture's last row comes the first one of the next picture.
  function automatic lane_t moved(input lane_t a, input picture_t t, input steps_t by);
    isa::word_t past;
    logic [1:0][YW-1:0] down, over;
    logic beyond;
    past = a.x - by.wraps;
    beyond = !past[isa::W-1];
    moved.at = sum(a.at, beyond ? by.line : by.token);
    moved.x = a.x + by.x - (beyond ? t.width : '0);
    for (int n = 0; n < 2; n++) begin
      down[n] = a.y + by.y[n];
      over[n] = down[n] - t.ends;
      if (!over[n][YW-1]) down[n] = down[n] - t.height;
    end
    moved.y = down[beyond];
  endfunction

  // The command that waits: its first token, and from it the ones beside.
  always_comb begin
    row = tiles[TA'(taken_up)];
    takes = waits && !ahead && !held;
    prepared = ahead_of;
    begun = '{at: place(row.at_words, row.at_bytes), x: isa::W'(row.x), y: YW'(row.y)};
    told = '{
        token: place(row.token_words, row.token_bytes), line: place(row.line_words, row.line_bytes),
        x: isa::W'(row.x_step), wraps: isa::W'(row.x_last), y: {YW'(row.y_step), YW'(0)}};
    picture = '{width: isa::W'(row.width), height: YW'(row.height), ends: YW'(row.y_end)};
    walked = takes ? moved(begun, picture, told) : moved(walking, ahead_of.tile.picture, each);
    for (int n = 2; n < BANKS; n++) if (prepares == PW'(n - 1)) prepared.first[n] = walked;
    if (prepares == PW'(1)) begin
      prepared.rows = tokens_t'(ahead_of.tile.step_tokens);
      prepared.rows_left = ahead_of.rows_left - ahead_of.tile.step_tokens;
      if (ahead_of.rows_left <= ahead_of.tile.step_tokens) begin
        prepared.rows = tokens_t'(ahead_of.rows_left);
        prepared.rows_left = '0;
      end
      prepared.begins.run_left = ahead_of.tile.run - ahead_of.begins.column;
      prepared.begins.behind = ahead_of.tile.picture.width - ahead_of.begins.column;
      prepared.begins.room = ahead_of.tile.chunk;
      prepared.begins.left = ahead_of.begins.left - isa::W'(ahead_of.tile.chunk);
      if (ahead_of.begins.left <= isa::W'(ahead_of.tile.chunk)) begin
        prepared.begins.room = bytes_t'(ahead_of.begins.left);
        prepared.begins.left = '0;
      end
    end
    complete = held && prepares >= PW'(PREPARES);
  end

  // The group that is the next, and what follows.
  always_comb begin
    valid = active;
    goes = active && room;
    fits = piece.run_left < isa::W'(piece.room) ? bytes_t'(piece.run_left) : piece.room;
    run_ends = piece.run_left <= isa::W'(piece.room);
    word_ends = piece.run_left >= isa::W'(piece.room);
    group_ends = tokens_left <= tokens_t'(BANKS);
    pieces_end = word_ends && piece.left == 0;
    wide = features_left < work.tile.step_features ? features_left : work.tile.step_features;
    column_ends = features_left <= work.tile.step_features;
    step_ends = group_ends && (residual ? bytes_left <= isa::W'(PORT_BYTES) : pieces_end && !work.tile.added);
    tile_ends = step_ends && column_ends && work.rows_left == 0;
    starts = complete && (!active || goes && tile_ends);

    many = fits;
    onward = piece;
    onward.from = piece.from + many;
    onward.room = piece.room - many;
    if (word_ends) begin
      onward.from = '0;
      onward.room = piece.left < isa::W'(work.tile.chunk) ? bytes_t'(piece.left) : work.tile.chunk;
      onward.left = piece.left < isa::W'(work.tile.chunk) ? '0 : piece.left - isa::W'(work.tile.chunk);
    end
    if (run_ends) begin
      onward.run_left = work.tile.run;
      onward.at = piece.below;
      onward.below = sum(piece.below, work.tile.pitch);
      onward.column = '0;
      onward.behind = work.tile.picture.width;
      onward.line = piece.line + 1'b1;
    end else begin
      onward.run_left = piece.run_left - isa::W'(many);
      onward.at = sum(piece.at, place('0, 32'(many)));
      onward.column = piece.column + isa::W'(many);
      onward.behind = piece.behind - isa::W'(many);
    end

    for (int n = 0; n < BANKS; n++)
      on[n] = moved(at[n], work.tile.picture, work.tile.group);
    behind_step = on;  // the tokens behind those of this group
    for (int n = 0; n < BANKS; n++)
      for (int m = 1; m < BANKS; m++)
        if (tokens_left == tokens_t'(m)) behind_step[n] = n + m < BANKS ? at[(n+m)%BANKS] : on[(n+m)%BANKS];
    renewed = work;
    if (step_ends && column_ends) begin
      renewed.first = behind_step;
      renewed.rows = tokens_t'(work.rows_left <= work.tile.step_tokens ? work.rows_left : work.tile.step_tokens);
      renewed.rows_left = work.rows_left <= work.tile.step_tokens ? '0 : work.rows_left - work.tile.step_tokens;
    end
  end

  // Where its pieces lie.
  always_comb begin
    from = piece.from;
    behind = piece.from + many;
    last = word_ends && group_ends && !residual;
    beside = residual;
    for (int n = 0; n < BANKS; n++) begin
      place_t here;
      isa::word_t x, rest;
      logic [YW-1:0] y;
      lanes[n] = tokens_left > tokens_t'(n);
      here = sum(at[n].at, piece.at);
      word[n] = here.word;
      offset[n] = here.offset;
      two[n] = {1'b0, here.offset} + {1'b0, many} > (NA + 1)'(PORT_BYTES);
      x = at[n].x + piece.column;
      rest = piece.behind - at[n].x;
      y = at[n].y + piece.line;
      low[n] = !x[isa::W-1] ? '0 : x < isa::W'(0) - isa::W'(PORT_BYTES) ? bytes_t'(PORT_BYTES) : -bytes_t'(x);
      high[n] = rest[isa::W-1] || y >= work.tile.picture.height ? '0 : rest > isa::W'(PORT_BYTES) ? bytes_t'(PORT_BYTES) : bytes_t'(rest);
    end
  end

  always_ff @(posedge clk) begin
    if (tiles_we) tiles[TA'(tiles_address)] <= tiles_data;
    if (takes) begin
      ahead_of.tile <= '{
          picture: picture,
          group: '{
              token: place(row.far_words, row.far_bytes), line: place(row.wrap_words, row.wrap_bytes),
              x: isa::W'(row.x_far), wraps: isa::W'(row.x_wrap), y: {YW'(row.y_wrap), YW'(row.y_far)}},
          pitch: place(row.pitch_words, row.pitch_bytes), run: isa::W'(row.run), chunk: bytes_t'(row.chunk),
          step_tokens: next.step_tokens, step_features: next.step_features, features: next.features,
          added: next.added != 0};
      ahead_of.begins <= '{
          run_left: '0, room: '0, left: next.depth, at: '0, below: place(row.below_words, row.below_bytes),
          column: isa::W'(row.begin_byte), behind: '0, line: YW'(row.begin_run), from: '0};
      ahead_of.first[0] <= begun;
      if (BANKS > 1) ahead_of.first[BANKS>1?1:0] <= walked;
      ahead_of.rows_left <= next.tokens;
      walking <= walked;
      each <= told;
      prepares <= PW'(1);
      taken_up <= taken_up + 1'b1;
    end else if (held && prepares <= PW'(PREPARES)) begin
      ahead_of <= prepared;
      walking <= walked;
      prepares <= prepares + 1'b1;
    end
    if (goes) begin
      tokens_left <= tokens_left - tokens_t'(BANKS);
      number <= number + 1'b1;
      at <= on;
      if (group_ends) begin
        work <= renewed;
        tokens_left <= renewed.rows;
        number <= '0;
        at <= renewed.first;
        if (residual) bytes_left <= bytes_left - isa::W'(PORT_BYTES);
        else begin
          piece <= onward;
          slot <= slot ^ word_ends;
          bytes_left <= wide;
          residual <= pieces_end && work.tile.added;
        end
        if (step_ends) begin
          piece <= work.begins;
          residual <= 1'b0;
          features_left <= column_ends ? work.tile.features : features_left - work.tile.step_features;
        end
      end
    end
    if (starts) begin
      work <= prepared;
      piece <= prepared.begins;
      at <= prepared.first;
      number <= '0;
      tokens_left <= prepared.rows;
      features_left <= prepared.tile.features;
      residual <= 1'b0;
    end
    if (rst) begin
      active <= 1'b0;
      held <= 1'b0;
      ahead <= 1'b0;
      taken_up <= '0;
      slot <= 1'b0;
    end else begin
      active <= starts || active && !(goes && tile_ends);
      held <= takes || held && !starts;
      ahead <= (ahead || takes) && !taken;
    end
  end
endmodule

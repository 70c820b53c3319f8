// The transposing stage between activation buffer and MAC array: two words for each token of a step. One is filled, token
// by token, as fast as the ports of the buffer deliver (one word of each bank a cycle, but every other one of one bank is
// kept for what arrives); of the other a feature of all tokens is handed out a cycle. It reads ahead: the next steps of a
// tile, and the first ones of the tile whose command waits; `place_generator` says where, some cycles before. What is
// asked for in a cycle is there in the next; a feature that is handed out in t is there in t + 2.
// A token's activations lie in runs: a row of a matrix in one, a window of a convolution in one for each of its lines.
// They are read from the words they lie in, and each port turns what it delivers to where it belongs. What is beyond a
// picture's border is read like the rest, and counts as zero.
module transposing_stage #(
    parameter int SIDE       = 4,  // tokens of a step at most
    parameter int BANKS      = 2,
    parameter int PORT_BYTES = 8,
    parameter int TILES      = 4,
    parameter int ADDRESS    = 32,  // bits of a word's place
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
  localparam int SA = SIDE > 1 ? $clog2(SIDE) : 1, NA = $clog2(PORT_BYTES + 1);
  localparam int HELD = 3, HA = $clog2(HELD + 1), PLACES = 4 * BANKS;
  localparam int LA = BANKS > 1 ? $clog2(BANKS) : 1, GA = SIDE > BANKS ? $clog2((SIDE + BANKS - 1) / BANKS) : 1;
  typedef logic [NA-1:0] bytes_t;  // of a word, or all of them
  typedef logic [BANKS:1] count_t;  // bit n: n or more
  typedef struct packed {
    logic [ADDRESS-1:0] word;
    bytes_t             offset;
    bytes_t             low;
    bytes_t             high;
  } lane_t;
  typedef struct packed {
    logic [GA-1:0]           number;  // of so many tokens as there are banks
    bytes_t                  from;
    bytes_t                  behind;
    logic                    slot;
    logic                    last;
    logic                    beside;
    lane_t [BANKS-1:0]       lanes;
    logic [BANKS-1:0][1:0]   reads;  // that are left: of the word a piece begins in, and of the next one
  } group_t;
  typedef struct packed {
    logic          valid;
    logic          slot;
    logic [LA-1:0] lane;
    logic [GA-1:0] group;
    bytes_t        offset;  // the piece begins with this byte of its first word
    logic          second;  // and this is the other
    bytes_t        from;    // bytes of the stage's word
    bytes_t        behind;
    bytes_t        low;     // the piece's bytes before are beyond the border
    bytes_t        high;    // and so are these and those behind
  } write_t;
  logic [PORT_BYTES*8-1:0] even_words[SIDE], odd_words[SIDE];
  group_t [HELD-1:0] held, kept, next_held;
  group_t made;
  logic [HA-1:0] count, left;
  logic [BANKS-1:0] made_lanes, made_two;
  logic [BANKS-1:0][ADDRESS-1:0] made_word;
  logic [BANKS-1:0][NA-1:0] made_offset, made_low, made_high;
  write_t [BANKS-1:0] writes, arriving;
  logic [BANKS-1:0][PORT_BYTES*8-1:0] turned;
  logic [BANKS-1:0][PORT_BYTES-1:0] covers;
  // Of a lane: what bytes come, of which of its tokens, into which of its words.
  logic [BANKS-1:0][PORT_BYTES*8-1:0] comes_to;
  logic [BANKS-1:0][PORT_BYTES-1:0] covered;
  logic [BANKS-1:0][GA-1:0] group;
  logic [BANKS-1:0] odd;
  logic [PLACES-1:0] wanted, granted;
  count_t [PLACES-1:0] earlier;
  logic [BANKS-1:0][PLACES-1:0] chosen;
  logic [1:0] open, done, free, next_free, whole, next_whole;
  bytes_t [1:0] size, next_size;  // features of the words
  logic phase, comes, apart;
  logic hand_slot;
  logic [2:1] slot;
  logic [2:1][CA-1:0] place;

  place_generator #(
      .SIDE      (SIDE),
      .BANKS     (BANKS),
      .PORT_BYTES(PORT_BYTES),
      .TILES     (TILES),
      .ADDRESS   (ADDRESS)
  ) places (
      .clk,
      .rst,
      .tiles_we,
      .tiles_address,
      .tiles_data,
      .waits,
      .next,
      .taken,
      .room  (count < HA'(HELD)),
      .valid (comes),
      .lanes (made_lanes),
      .number(made.number),
      .from  (made.from),
      .behind(made.behind),
      .slot  (made.slot),
      .last  (made.last),
      .beside(made.beside),
      .word  (made_word),
      .offset(made_offset),
      .two   (made_two),
      .low   (made_low),
      .high  (made_high)
  );

  always_comb begin
    for (int n = 0; n < BANKS; n++) begin
      made.lanes[n] = '{made_word[n], made_offset[n], made_low[n], made_high[n]};
      made.reads[n] = {made_lanes[n] && made_two[n] && !made.beside, made_lanes[n]};
    end
  end

  function automatic count_t sum(input count_t a, input count_t b);
    sum = a | b;
    for (int n = 1; n <= BANKS; n++) for (int m = 1; m < n; m++) sum[n] |= a[m] && b[n-m];
  endfunction

  // Of the two oldest groups as many words are read as there are ports, in their order.
  always_comb begin
    apart = (held[0].number != held[1].number || held[0].slot != held[1].slot) && !held[0].beside && !held[1].beside;
    open[0] = count != 0 && (held[0].beside || free[held[0].slot]);
    open[1] = open[0] && count > 1 && (held[1].beside || free[held[1].slot]);
    for (int n = 0; n < PLACES; n++) begin
      wanted[n] = open[n/(2*BANKS)] && held[n/(2*BANKS)].reads[n/2%BANKS][n%2];
      if (n >= 2 * BANKS && apart && held[0].reads[n/2%BANKS] != 0) wanted[n] = 1'b0;  // a lane writes one word
    end
    earlier = '0;
    for (int n = 1; n < PLACES; n++) earlier[n][1] = wanted[n-1];
    for (int distance = 1; distance < PLACES; distance = 2 * distance)
      for (int n = PLACES - 1; n >= distance; n--) earlier[n] = sum(earlier[n], earlier[n-distance]);
    granted = '0;
    for (int m = 0; m < BANKS; m++) begin
      for (int n = 0; n < PLACES; n++)
        chosen[m][n] = wanted[n] && !earlier[n][m+1] && (m == 0 || earlier[n][m>0?m:1]) && (m + 1 < BANKS || phase);
      granted |= chosen[m];
    end
    kept = held;
    for (int n = 0; n < 2; n++) begin
      kept[n].reads = held[n].reads & ~granted[2*BANKS*n+:2*BANKS];
      done[n] = open[n] && kept[n].reads == '0;
    end
  end

  always_comb begin
    read = '0;
    at = '0;
    writes = '0;
    for (int m = 0; m < BANKS; m++) begin
      logic [ADDRESS-1:0] word;
      word = '0;
      for (int n = 0; n < PLACES; n++) begin
        if (chosen[m][n]) begin
          word |= held[n/(2*BANKS)].lanes[n/2%BANKS].word + ADDRESS'(n % 2);
          read[m] |= !held[n/(2*BANKS)].beside;
          writes[m].lane |= LA'(n / 2 % BANKS);
          writes[m].slot |= held[n/(2*BANKS)].slot;
          writes[m].group |= held[n/(2*BANKS)].number;
          writes[m].offset |= held[n/(2*BANKS)].lanes[n/2%BANKS].offset;
          writes[m].second |= n % 2 == 1;
          writes[m].from |= held[n/(2*BANKS)].from;
          writes[m].behind |= held[n/(2*BANKS)].behind;
          writes[m].low |= held[n/(2*BANKS)].lanes[n/2%BANKS].low;
          writes[m].high |= held[n/(2*BANKS)].lanes[n/2%BANKS].high;
        end
      end
      at[m] = 32'(word);
      writes[m].valid = read[m];
    end
  end

  // What is left of the groups, and the one that comes.
  always_comb begin
    next_held = kept;
    left = count;
    for (int n = 0; n < 2; n++)
      if (done[n]) begin
        for (int m = 0; m + 1 < HELD; m++) next_held[m] = next_held[m+1];
        left = left - 1'b1;
      end
    for (int n = 0; n < HELD; n++) if (left == HA'(n)) next_held[n] = made;
    next_free = free;
    next_whole = whole;
    next_size = size;
    for (int n = 0; n < 2; n++)
      if (done[n] && held[n].last) begin
        next_free[held[n].slot] = 1'b0;
        next_whole[held[n].slot] = 1'b1;
        next_size[held[n].slot] = held[n].behind;
      end
    // A word that is asked for in this cycle is there when it is handed out.
    there = next_whole[hand_slot];
    last_column = CA'(next_size[hand_slot] - 1'b1);
    for (int n = 0; n < SIDE; n++) features[n] = slot[2] ? odd_words[n][8*place[2]+:8] : even_words[n][8*place[2]+:8];
  end

  // What arrives is turned to its place; several ports may bring parts of one word.
  for (genvar n = 0; n < BANKS; n++) begin : g_port
    bytes_t by;
    logic [NA:0] cut, first, beyond;
    logic [PORT_BYTES*8-1:0] counts;
    always_comb begin
      by = arriving[n].offset - arriving[n].from;
      if (arriving[n].offset < arriving[n].from) by = by + bytes_t'(PORT_BYTES);
      cut = {1'b0, arriving[n].from} + (NA + 1)'(PORT_BYTES) - {1'b0, arriving[n].offset};  // where the second word begins
      first = {1'b0, arriving[n].from} + {1'b0, arriving[n].low};
      beyond = {1'b0, arriving[n].from} + {1'b0, arriving[n].high};
      for (int i = 0; i < PORT_BYTES; i++) begin
        covers[n][i] = i >= int'(arriving[n].from) && i < int'(arriving[n].behind)
            && (i >= int'(cut)) == arriving[n].second;
        counts[8*i+:8] = {8{covers[n][i] && i >= int'(first) && i < int'(beyond)}};
      end
      turned[n] = (PORT_BYTES * 8)'({value[n], value[n]} >> {by, 3'd0}) & counts;
    end
  end
  // What of it is a lane's, whose tokens are as many apart as there are banks, goes to one word of one of them.
  always_comb begin
    {covered, comes_to, group, odd} = '0;
    for (int n = 0; n < BANKS; n++) begin
      for (int m = 0; m < BANKS; m++) begin
        if (arriving[m].valid && arriving[m].lane == LA'(n)) begin
          covered[n] |= covers[m];
          comes_to[n] |= turned[m];
          group[n] |= arriving[m].group;
          odd[n] |= arriving[m].slot;
        end
      end
    end
  end
  always_ff @(posedge clk) begin
    for (int n = 0; n < BANKS; n++) begin
      for (int i = 0; i < PORT_BYTES; i++) begin
        if (covered[n][i] && !odd[n]) even_words[SA'(group[n]*BANKS+n)][8*i+:8] <= comes_to[n][8*i+:8];
        if (covered[n][i] && odd[n]) odd_words[SA'(group[n]*BANKS+n)][8*i+:8] <= comes_to[n][8*i+:8];
      end
    end
  end

  always_ff @(posedge clk) begin
    slot <= {slot[1], hand_slot};
    place <= {place[1], column};
    phase <= !phase && !rst;
    held <= next_held;
    if (rst) begin
      arriving <= '0;
      count <= '0;
      hand_slot <= 1'b0;
      free <= '1;
      whole <= '0;
    end else begin
      arriving <= writes;
      count <= left + HA'(comes && count < HA'(HELD));
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

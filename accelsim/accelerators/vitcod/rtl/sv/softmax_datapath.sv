// The softmax unit's data: the score buffer, an exponential a lane, row sums, the divider and the reciprocals. It does
// what the control decides two cycles later. The score buffer has a part for each engine: dense scores column by column,
// sparse scores in the rows' lists. MODE 0 keeps exponentials there; MODE 1 keeps scores until the row's maximum is
// known and their exponentials take their places. A dense score that the mask prunes has the exponential 0.
module softmax_datapath #(
    parameter int LINES         = 2,  // of the denser engine: scores of an item
    parameter int LANES         = 1,
    parameter int MODE          = 0,
    parameter int EXP_CYCLES    = 2,
    parameter int DIVIDE_CYCLES = 2,
    parameter int SCORES_POPS   = 1,
    parameter int SCORE_POPS    = 1,
    parameter int SEGMENT       = 2,
    parameter int ROWS          = 8,
    parameter int SCORES        = 32,  // dense scores of a pass
    parameter int KEPT          = 1,   // words that say which dense scores of the layer the mask keeps
    parameter int ENTRIES       = 16,   // sparse scores
    parameter int SA            = $clog2(SCORES),
    parameter int IA            = $clog2(ENTRIES)
) (
    input  logic                                   clk,
    input  logic                                   rst,
    input  logic                                   places_we,
    input  isa::word_t                             places_address,
    input  isa::places_row_t                       places_data,
    input  logic                                   kept_we,
    input  logic [31:0]                            kept_address,
    input  logic [31:0]                            kept_data,      // of 32 dense scores, whether the mask keeps them
    input  logic [15:0]                            multiplier,
    input  logic [5:0]                             shift,
    input  logic signed [47:0]                     bound,
    input  isa::layout_row_t                       layout,         // of the pass whose scores are taken, with them
    // What the control decides.
    input  logic [LANES-1:0]                       taken,          // lanes that take a score
    input  isa::word_t [LANES-1:0]                 place,
    input  logic [LANES-1:0]                       dense,          // whether it is the denser engine's
    input  logic [LANES-1:0][7:0]                  item,           // which of its items
    input  isa::word_t [LANES-1:0]                 element,        // and which score of the item
    input  logic [LANES-1:0][31:0]                 dense_at,       // its place in the score buffer
    input  isa::word_t [LANES-1:0]                 exp_place,      // MODE 1: rows whose scores are exponentiated,
    input  isa::word_t [LANES-1:0]                 exp_first,      // from which on,
    input  isa::word_t [LANES-1:0]                 exp_count,      // how many
    input  logic                                   divides,        // a reciprocal begins
    input  isa::word_t                             divides_place,
    // The engines' scores, two cycles later.
    input  logic [SCORES_POPS-1:0][LINES-1:0][31:0] scores_value,
    input  logic [SCORE_POPS-1:0][31:0]            score_value,
    input  logic [SCORE_POPS-1:0][IA-1:0]          score_at,
    // What the engines read.
    input  logic [LINES-1:0]                       denser_read,
    input  logic [LINES-1:0][SA-1:0]               denser_at,
    output logic [LINES-1:0][15:0]                 denser_value,
    input  logic                                   denser_reciprocal_read,
    input  isa::word_t                             denser_reciprocal_at,
    output logic [LINES-1:0][31:0]                 denser_reciprocal,
    input  logic                                   sparser_read,
    input  logic [IA-1:0]                          sparser_at,
    output logic [SEGMENT-1:0][15:0]               sparser_value,
    input  isa::word_t                             sparser_reciprocal_at,
    output logic [31:0]                            sparser_reciprocal
);
  localparam int RA = $clog2(ROWS), LA = LINES > 1 ? $clog2(LINES) : 1, WORD = MODE == 0 ? 16 : 32;
  localparam int KA = KEPT > 1 ? $clog2(KEPT) : 1;
  typedef struct packed {
    logic          valid;
    isa::word_t    place;
    logic          dense;
    logic [31:0]   at;
    logic [15:0]   value;
  } exponential_t;

  logic [isa::places_row_bits-1:0] places[ROWS];
  logic [31:0] kept[KEPT];
  logic [WORD-1:0] dense_scores[SCORES], sparse_scores[ENTRIES];
  logic [30:0] total[ROWS];
  logic signed [31:0] highest[ROWS];
  logic [31:0] reciprocals[ROWS];

  logic [LANES-1:0] taken1, taken2, dense1, dense2;
  isa::word_t [LANES-1:0] place1, place2, element1, element2;
  logic [LANES-1:0][7:0] item1, item2;
  logic [LANES-1:0][31:0] dense_at1, dense_at2;
  isa::word_t [LANES-1:0] exp_place2, exp_first2, exp_count2;  // they come a cycle later
  logic divides1, divides2;
  isa::word_t divides_place1, divides_place2;

  always_ff @(posedge clk) begin
    if (rst) begin
      {taken1, taken2} <= '0;
      exp_count2 <= '0;
      {divides1, divides2} <= '0;
    end else begin
      {taken1, taken2} <= {taken, taken1};
      exp_count2 <= exp_count;
      {divides1, divides2} <= {divides, divides1};
    end
    {place1, place2} <= {place, place1};
    {dense1, dense2} <= {dense, dense1};
    {item1, item2} <= {item, item1};
    {element1, element2} <= {element, element1};
    {dense_at1, dense_at2} <= {dense_at, dense_at1};
    exp_place2 <= exp_place;
    exp_first2 <= exp_first;
    {divides_place1, divides_place2} <= {divides_place, divides_place1};
  end

  // The scores taken in this cycle, and their rows' maxima with them.
  logic signed [31:0] score[LANES], peak[LANES];
  logic [31:0] at[LANES];
  logic keep[LANES];

  always_comb begin
    for (int n = 0; n < LANES; n++) begin
      score[n] = '0;
      at[n] = dense2[n] ? dense_at2[n] : 32'(score_at[n<SCORE_POPS?n:0]);
      keep[n] = !dense2[n] || kept[KA'(32'(layout.kept)+(dense_at2[n]>>5))][dense_at2[n][4:0]];
      peak[n] = highest[RA'(place2[n])];
      if (taken2[n]) begin
        if (!dense2[n]) score[n] = $signed(score_value[n<SCORE_POPS?n:0]);
        for (int i = 0; i < SCORES_POPS; i++) begin
          if (dense2[n] && item2[n] == 8'(i)) score[n] = $signed(scores_value[i][LA'(element2[n])]);
        end
        for (int m = 0; m <= n; m++) begin
          if (taken2[m] && keep[m] && place2[m] == place2[n] && score[m] > peak[n]) peak[n] = score[m];
        end
      end
    end
  end

  // The scores whose exponential begins: those taken, or those of complete rows.
  logic signed [31:0] argument[LANES];
  logic signed [47:0] limit[LANES];
  logic masked[LANES];
  logic [15:0] value[LANES];
  exponential_t begun[LANES], ended[LANES];

  isa::word_t nth;
  isa::places_row_t row;
  logic signed [47:0] top;

  always_comb begin
    row = '0;
    top = '0;
    nth = '0;
    for (int n = 0; n < LANES; n++) begin
      if (MODE == 0) begin
        begun[n] = '{valid: taken2[n], place: place2[n], dense: dense2[n], at: at[n], value: '0};
        argument[n] = score[n];
        limit[n] = bound;
        masked[n] = !keep[n];
      end else begin
        begun[n] = '0;
        nth = isa::W'(n);
        for (int i = 0; i < LANES; i++) begin
          if (!begun[n].valid && nth < exp_count2[i]) begin
            begun[n].valid = 1'b1;
            begun[n].place = exp_place2[i];
            nth = nth + exp_first2[i];
          end else if (!begun[n].valid) nth = nth - exp_count2[i];
        end
        row = places[RA'(begun[n].place)];
        begun[n].dense = nth < row.dense;
        if (begun[n].dense) begun[n].at = 32'(row.dense_at) + 32'(nth) * 32'(layout.rows);
        else begun[n].at = 32'(row.first) + 32'(nth) - 32'(row.dense);
        masked[n] = begun[n].dense && !kept[KA'(32'(layout.kept)+(begun[n].at>>5))][begun[n].at[4:0]];
        argument[n] = '0;
        if (begun[n].valid && begun[n].dense) argument[n] = $signed(32'(dense_scores[SA'(begun[n].at)]));
        else if (begun[n].valid) argument[n] = $signed(32'(sparse_scores[IA'(begun[n].at)]));
        top = 48'(highest[RA'(begun[n].place)]) * $signed({32'd0, multiplier});
        limit[n] = top >>> shift;
      end
    end
  end

  for (genvar n = 0; n < LANES; n++) begin : g_lane
    exponential exponential (
        .score(argument[n]),
        .multiplier,
        .shift,
        .bound(limit[n]),
        .value(value[n])
    );
    // The pipeline's registers; a synthesis tool may move them into the exponential.
    exponential_t stages[EXP_CYCLES];
    always_comb begin
      stages[0] = begun[n];
      stages[0].value = masked[n] ? '0 : value[n];
    end
    for (genvar c = 1; c < EXP_CYCLES; c++) begin : g_stage
      always_ff @(posedge clk) begin
        stages[c] <= stages[c-1];
        if (rst) stages[c].valid <= 1'b0;
      end
    end
    assign ended[n] = stages[EXP_CYCLES-1];
  end

  // Row sums.
  logic [30:0] grown[LANES];
  always_comb begin
    for (int n = 0; n < LANES; n++) begin
      grown[n] = total[RA'(ended[n].place)];
      for (int m = 0; m <= n; m++) begin
        if (ended[m].valid && ended[m].place == ended[n].place) grown[n] = grown[n] + 31'(ended[m].value);
      end
    end
  end

  always_ff @(posedge clk) begin
    if (kept_we) kept[KA'(kept_address)] <= kept_data;
    if (places_we) begin
      places[RA'(places_address)]  <= places_data;
      total[RA'(places_address)]   <= '0;
      highest[RA'(places_address)] <= 32'sh80000000;
    end else begin
      for (int n = 0; n < LANES; n++) begin
        if (taken2[n]) highest[RA'(place2[n])] <= peak[n];
        if (ended[n].valid) total[RA'(ended[n].place)] <= grown[n];
      end
    end
    for (int n = 0; n < LANES; n++) begin
      if (MODE == 1 && taken2[n]) begin
        if (dense2[n]) dense_scores[SA'(at[n])] <= WORD'(score[n]);
        else sparse_scores[IA'(at[n])] <= WORD'(score[n]);
      end
      if (ended[n].valid) begin
        if (ended[n].dense) dense_scores[SA'(ended[n].at)] <= WORD'(ended[n].value);
        else sparse_scores[IA'(ended[n].at)] <= WORD'(ended[n].value);
      end
    end
  end

  // The divider; its last register is the memory of reciprocals.
  logic [31:0] quotient;
  isa::word_t dividing_place[DIVIDE_CYCLES];
  logic dividing[DIVIDE_CYCLES];
  reciprocal #(
      .STAGES(DIVIDE_CYCLES)
  ) divider (
      .clk,
      .sum  (total[RA'(divides_place2)]),
      .value(quotient)
  );
  assign dividing[0] = divides2;
  assign dividing_place[0] = divides_place2;
  for (genvar c = 1; c < DIVIDE_CYCLES; c++) begin : g_divide
    always_ff @(posedge clk) begin
      dividing[c] <= dividing[c-1] && !rst;
      dividing_place[c] <= dividing_place[c-1];
    end
  end

  always_ff @(posedge clk) begin
    if (dividing[DIVIDE_CYCLES-1]) reciprocals[RA'(dividing_place[DIVIDE_CYCLES-1])] <= quotient;
    for (int n = 0; n < LINES; n++) begin
      if (denser_read[n]) denser_value[n] <= dense_scores[denser_at[n]][15:0];
      if (denser_reciprocal_read) denser_reciprocal[n] <= reciprocals[RA'(denser_reciprocal_at+isa::W'(n))];
    end
    if (sparser_read) begin
      for (int n = 0; n < SEGMENT; n++) sparser_value[n] <= sparse_scores[sparser_at+IA'(n)][15:0];
      sparser_reciprocal <= reciprocals[RA'(sparser_reciprocal_at)];
    end
  end
endmodule

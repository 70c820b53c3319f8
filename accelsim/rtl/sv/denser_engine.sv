// The denser engine's control: MAC lines that work on the global tokens' columns as a dense block, in lockstep.
// Scores (K-stationary): a tile of columns is loaded, one K a cycle, then the rows stream by. Values (output-
// stationary): each line keeps one output row, the Vs of the global tokens stream by.
// A cycle is a chain of up to STEPS steps: finish a row or tile, skip heads without dense columns, finish the phase, take
// up the next command, skip again, begin.
module denser_engine #(
    parameter int LINES        = 64,
    parameter int MACS         = 8,
    parameter int Q_PORT_BYTES = 256,
    parameter int PASSES       = 16,
    parameter int DENSE        = 256,
    parameter int ROWS         = 1024,
    parameter int STEPS        = 6
) (
    input  logic             clk,
    input  logic             rst,
    output isa::status_t     status,
    input  logic             passes_we,
    input  isa::word_t       passes_address,
    input  isa::passes_row_t passes_data,
    input  logic             dense_we,
    input  isa::word_t       dense_address,
    input  isa::dense_row_t  dense_data,
    input  logic             rows_we,
    input  isa::word_t       rows_address,
    input  isa::rows_row_t   rows_data,
    input  logic [7:0]       command_valid,
    input  isa::pass_t    command_data,
    output logic [7:0]       command_pop,
    input  logic [7:0]       operands_valid,
    input  isa::operands_t   operands_data,
    output logic [7:0]       operands_pop,
    input  logic [7:0]       softmaxed_valid,
    input  isa::ready_t  softmaxed_data,
    output logic [7:0]       softmaxed_pop,
    input  logic [7:0]       window_valid,
    input  isa::window_t     window_data,
    output logic [7:0]       window_pop,
    input  logic [7:0]       scores_room,
    output logic [7:0]       scores_push,
    output isa::scores_t     scores_item,
    input  logic [7:0]       partial_room,
    output logic [7:0]       partial_push,
    output isa::partial_t    partial_item,
    input  logic [7:0]       done_room,
    output logic [7:0]       done_push,
    output isa::done_t       done_item,
    // What begins in this cycle, for the data path: a tile of columns, a group of rows of it, a tile of rows.
    output isa::word_t       pass,
    output logic             load,
    output isa::word_t       load_first,
    output isa::word_t       load_count,
    output logic             stream,
    output isa::word_t       stream_token,
    output isa::word_t       stream_rows,
    output isa::word_t       stream_beats,
    output logic             tile,
    output isa::word_t       tile_place,
    output isa::word_t       tile_rows,
    output isa::word_t       tile_count,
    output isa::word_t       tile_beats
);
  localparam int PA = $clog2(PASSES), RA = $clog2(ROWS), DA = $clog2(DENSE);
  typedef enum logic [1:0] {NOTHING, SCORES, VALUES} phase_t;
  typedef struct packed {
    phase_t      phase;
    logic        streaming;
    logic        loading;    // K vectors are being loaded into the lines
    isa::word_t  number;
    isa::word_t  item;
    isa::word_t  last;
    isa::word_t  row;
    isa::word_t  size;
    isa::word_t  group;
    isa::clock_t ready_at;
  } state_t;
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  logic [isa::dense_row_bits-1:0] columns[DENSE];
  isa::word_t dense_of[ROWS], next_dense[ROWS];
  logic [ROWS-1:0] ready, next_ready;
  state_t state, s;
  isa::operands_there_t [1:0] there, known;
  isa::operands_there_t slot;
  isa::word_t window_end, limit;
  isa::clock_t now;
  isa::passes_row_t one;
  isa::dense_row_t first, last;
  isa::word_t beats, needed, place, count, most, heads;
  logic halt, all_ready;

  always_comb begin
    operands_pop = {7'd0, operands_valid != 0};
    softmaxed_pop = {7'd0, softmaxed_valid != 0};
    window_pop = {7'd0, window_valid != 0};
    known = there;
    if (operands_valid != 0) begin
      slot = there[operands_data.number[0]];
      if (slot.number != operands_data.number) begin
        slot.number = operands_data.number;
        slot.k = '0;
        slot.q = '0;
      end
      if (operands_data.kind == 0) slot.k = operands_data.tokens;
      else slot.q = operands_data.tokens;
      known[operands_data.number[0]] = slot;
    end
    next_ready = ready;
    if (softmaxed_valid != 0) next_ready[RA'(softmaxed_data.place)] = 1'b1;
    limit = window_valid != 0 ? window_data.end_ : window_end;

    s = state;
    command_pop = '0;
    scores_push = '0;
    scores_item = '0;
    partial_push = '0;
    partial_item = '0;
    done_push = '0;
    done_item.number = 1;
    {load, load_first, load_count} = '0;
    {stream, stream_token, stream_rows, stream_beats} = '0;
    {tile, tile_place, tile_rows, tile_count, tile_beats} = '0;
    halt = 1'b0;
    status = isa::BUSY;
    one = '0;
    first = '0;
    last = '0;
    beats = '0;
    needed = '0;
    place = '0;
    count = '0;
    most = '0;
    heads = '0;
    all_ready = 1'b0;
    slot = '0;
    for (int step = 0; step < STEPS; step++) begin
      if (!halt && s.phase == NOTHING) begin
        if (command_valid == 0 || command_pop != 0) begin
          halt = 1'b1;
          status = command_pop != 0 ? isa::BUSY : isa::IDLE;  // one command a cycle
        end else begin
          command_pop = 8'd1;
          one = passes[PA'(command_data.number)];
          s.phase = command_data.phase == 0 ? SCORES : VALUES;
          s.number = command_data.number;
          s.row = '0;
          s.size = '0;
          s.streaming = 1'b0;
          s.loading = 1'b0;
          s.item = command_data.phase == 0 ? '0 : command_data.begin_;
          s.last = command_data.phase == 0 ? one.dense : command_data.end_;
        end
      end
      one = passes[PA'(s.number)];
      slot = known[s.number[0]];
      if (halt) begin
      end else if (s.item == s.last) begin
        if (done_room == 0 || done_push != 0) begin
          halt = 1'b1;
          status = done_push != 0 ? isa::BUSY : isa::BLOCKED;  // one notice a cycle
        end else begin
          done_push = 8'd1;
          s.phase = NOTHING;
        end
      end else if (s.phase == SCORES) begin
        if (s.size == 0) begin
          most = one.dense - s.item;
          if (one.denser_lines < most) most = one.denser_lines;
          needed = '0;
          /*verilator unroll_disable*/
          for (int n = 0; n < LINES; n++) begin
            last = columns[DA'(one.first_dense + s.item + isa::W'(n))];
            if (isa::W'(n) < most && last.column > needed) needed = last.column;
          end
          if (slot.number != s.number || slot.k <= needed) begin
            halt = 1'b1;
            status = isa::STARVED;
          end else begin
            first = columns[DA'(one.first_dense + s.item)];
            last = columns[DA'(one.first_dense + s.item + most - 1'b1)];
            heads = last.head - first.head + 1'b1;
            s.size = most;
            s.row = '0;
            s.loading = 1'b1;
            s.streaming = 1'b1;
            s.ready_at = now + 32'(most);
            load = 1'b1;
            load_first = one.first_dense + s.item;
            load_count = most;
            s.group = one.denser_lines / most;
            if (isa::W'(Q_PORT_BYTES / MACS) / heads < s.group) s.group = isa::W'(Q_PORT_BYTES / MACS) / heads;
            if (s.group == 0) s.group = 1;
          end
        end
        if (!halt && s.streaming) begin
          if (now < s.ready_at) halt = 1'b1;
          else if (s.loading) begin
            s.loading = 1'b0;
            s.streaming = 1'b0;
          end else if (scores_room == 0) begin
            halt = 1'b1;
            status = isa::BLOCKED;
          end else begin
            most = one.rows - s.row;
            if (s.group < most) most = s.group;
            scores_push = 8'd1;
            scores_item.row = s.row;
            scores_item.rows = most;
            scores_item.first = one.first_dense + s.item;
            scores_item.count = s.size;
            s.row = s.row + most;
            s.streaming = 1'b0;
          end
        end
        if (!halt) begin
          if (s.row == one.rows) begin
            s.item = s.item + s.size;
            s.size = '0;
          end else begin
            most = one.rows - s.row;
            if (s.group < most) most = s.group;
            if (slot.number != s.number || slot.q < one.row0 + s.row + most) begin
              halt = 1'b1;
              status = isa::STARVED;
            end else begin
              beats = (one.dim + isa::W'(MACS - 1)) / isa::W'(MACS);
              s.streaming = 1'b1;
              s.ready_at = now + 32'(beats);
              stream = 1'b1;
              stream_token = one.row0 + s.row;
              stream_rows = most;
              stream_beats = beats;
            end
          end
        end
      end else begin
        place = one.first_row + s.item;
        count = dense_of[RA'(place)];
        if (count == 0) begin
          s.item = next_dense[RA'(place)] - one.first_row;
          if (s.item > s.last) s.item = s.last;
        end else if (s.size == 0) begin
          most = one.rows - s.item % one.rows;
          if (s.last - s.item < most) most = s.last - s.item;
          if (one.tile_rows < most) most = one.tile_rows;
          all_ready = 1'b1;
          /*verilator unroll_disable*/
          for (int n = 0; n < LINES; n++) begin
            if (isa::W'(n) < most && !next_ready[RA'(place + isa::W'(n))]) all_ready = 1'b0;
          end
          if (place + most > limit || !all_ready) begin
            halt = 1'b1;
            status = isa::STARVED;
          end else begin
            beats = (one.value_dim + isa::W'(MACS - 1)) / isa::W'(MACS);
            s.size = most;
            s.ready_at = now + 32'(isa::W'(count * beats));
            tile = 1'b1;
            tile_place = place;
            tile_rows = most;
            tile_count = count;
            tile_beats = beats;
          end
        end
        if (!halt && count != 0) begin
          if (now < s.ready_at) halt = 1'b1;
          else if (partial_room == 0) begin
            halt = 1'b1;
            status = isa::BLOCKED;
          end else begin
            partial_push = 8'd1;
            partial_item.place = place;
            partial_item.rows = s.size;
            partial_item.scores = count;
            s.item = s.item + s.size;
            s.size = '0;
          end
        end
      end
    end
    pass = s.number;
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (dense_we) columns[DA'(dense_address)] <= dense_data;
    if (rows_we) begin
      dense_of[RA'(rows_address)]   <= rows_data.dense;
      next_dense[RA'(rows_address)] <= rows_data.next_dense;
    end
    now <= rst ? '0 : now + 1'b1;
    ready <= next_ready;
    if (rows_we) ready[RA'(rows_address)] <= 1'b0;
    if (rst) begin
      state.phase <= NOTHING;
      there <= '0;
      window_end <= '0;
    end else begin
      state <= s;
      there <= known;
      window_end <= limit;
    end
  end
endmodule

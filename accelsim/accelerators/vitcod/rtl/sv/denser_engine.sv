// The denser engine's control: MAC lines that work on the global tokens' columns as a dense block, in lockstep.
// Scores (K-stationary): a tile of columns is loaded, one K a cycle, then the rows stream by. Values (output-
// stationary): each line keeps one output row, the Vs of the global tokens stream by.
// In a cycle: what was begun is finished, heads without dense columns are passed over, the phase is done, the next command
// is taken up, and work begins.
module denser_engine #(
    parameter int LINES        = 64,
    parameter int MACS         = 8,
    parameter int Q_PORT_BYTES = 256,
    parameter int BANKS        = 4,
    parameter int BANK_BYTES   = 64,
    parameter int V_BANKS      = 4,
    parameter int V_PORT_BYTES = 64,
    parameter int ROW_VALUES   = 128,
    parameter int PSUM_BANKS   = 8,
    parameter int PSUM_PORT_BYTES = 32,
    parameter int INDEX_BANKS  = 8,
    parameter int INDEX_PORT_BYTES = 8,
    parameter int PASSES       = 16,
    parameter int DENSE        = 256,
    parameter int ROWS         = 1024
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
    input  logic [7:0]       reads_room,
    output logic [7:0]       reads_push,
    output isa::access_t     reads_item,
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
    output isa::word_t       tile_share,   // the first output's share in this block of keys
    output isa::word_t       tile_rows,
    output isa::word_t       tile_count,
    output isa::word_t       tile_beats
);
  localparam int PA = $clog2(PASSES), RA = $clog2(ROWS), DA = $clog2(DENSE), LA = LINES > 1 ? $clog2(LINES) : 1;
  localparam int GROUPS = (ROWS - 1 >> LA) + 1, GA = GROUPS > 1 ? $clog2(GROUPS) : 1;
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
    isa::word_t  heads;      // of the tile
    isa::word_t  count;      // dense scores of an output of the tile
    isa::clock_t ready_at;
  } state_t;
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  isa::word_t needed[DENSE], group[DENSE], spread[DENSE];
  isa::word_t dense_of[ROWS], next_dense[ROWS], rest_of[ROWS];
  logic [(1<<LA)-1:0] ready[GROUPS];  // of outputs, as many to a word as there are lines: a tile lies in two words
  state_t state, s;
  isa::operands_there_t [1:0] there, known;
  isa::operands_there_t slot;
  isa::word_t window_end, limit;
  isa::clock_t now;
  isa::passes_row_t one;
  isa::word_t beats, place, share, most, v_beats, cycles;
  isa::passes_row_t noted;
  // Bytes that the decoder has brought and that are not yet written.
  isa::word_t q_unwritten, k_unwritten, q_known, k_known, q_left, k_left, brought;
  logic [GA-1:0] softmaxed_group, place_group;
  logic [(1<<LA)-1:0] complete, incomplete;
  logic halt;

  // The first output from an item on that has dense scores, or the end of the phase.
  function automatic isa::word_t working(input isa::word_t item);
    working = next_dense[RA'(one.first_share + item)] - one.first_share;
    if (working > s.last) working = s.last;
  endfunction

  always_comb begin
    operands_pop = {7'd0, operands_valid != 0};
    softmaxed_pop = {7'd0, softmaxed_valid != 0};
    window_pop = {7'd0, window_valid != 0};
    known = there;
    slot = there[operands_data.number[0]];
    if (slot.number != operands_data.number) begin
      slot.number = operands_data.number;
      slot.k = '0;
      slot.q = '0;
    end
    if (operands_data.kind == 0) slot.k = operands_data.tokens;
    else slot.q = operands_data.tokens;
    if (operands_valid != 0) known[operands_data.number[0]] = slot;
    limit = window_valid != 0 ? window_data.end_ : window_end;
    noted = passes[PA'(operands_data.number)];
    brought = operands_valid != 0 ? isa::W'(noted.heads * noted.dim) : '0;
    q_known = q_unwritten + (operands_data.kind != 0 ? brought : '0);
    k_known = k_unwritten + (operands_data.kind == 0 ? brought : '0);

    s = state;
    one = passes[PA'(s.number)];
    halt = 1'b0;
    status = isa::BUSY;
    command_pop = '0;
    scores_push = '0;
    partial_push = '0;
    done_push = '0;
    done_item.number = 1;

    // What was begun is finished.
    most = one.rows - s.row < s.group ? one.rows - s.row : s.group;
    scores_item.row = s.row;
    scores_item.rows = most;
    scores_item.first = one.first_dense + s.item;
    scores_item.count = s.size;
    partial_item.place = one.first_row + s.item;
    partial_item.rows = s.size;
    partial_item.scores = s.count;
    if (s.streaming) begin
      if (now < s.ready_at) halt = 1'b1;
      else if (s.loading) s.loading = 1'b0;
      else if (s.phase == SCORES ? scores_room == 0 : partial_room == 0) begin
        halt = 1'b1;
        status = isa::BLOCKED;
      end else if (s.phase == SCORES) begin
        scores_push = 8'd1;
        s.row = s.row + most;
      end else partial_push = 8'd1;
      if (!halt) s.streaming = 1'b0;
      if (partial_push != 0 || (scores_push != 0 && s.row == one.rows)) begin
        s.item = s.item + s.size;
        s.size = '0;
      end
    end
    if (!halt && s.phase == VALUES) s.item = working(s.item);
    if (!halt && s.phase != NOTHING && s.item == s.last) begin
      if (done_room == 0) begin
        halt = 1'b1;
        status = isa::BLOCKED;
      end else begin
        done_push = 8'd1;
        s.phase   = NOTHING;
      end
    end

    // The next phase is taken up. If it has nothing to do it is done, but one notice leaves in a cycle.
    if (!halt && s.phase == NOTHING) begin
      if (command_valid == 0) begin
        halt = 1'b1;
        status = isa::IDLE;
      end else begin
        command_pop = 8'd1;
        one = passes[PA'(command_data.number)];
        s.number = command_data.number;
        s.size = '0;
        s.streaming = 1'b0;
        s.loading = 1'b0;
        if (command_data.phase == 0) begin
          s.phase = SCORES;
          s.item  = '0;
          s.last  = one.dense;
        end else begin
          s.phase = VALUES;
          s.last  = command_data.end_;
          s.item  = working(command_data.begin_);
        end
        if (s.item == s.last) begin
          halt = 1'b1;
          if (done_push == 0 && done_room == 0) status = isa::BLOCKED;
          else if (done_push == 0) begin
            done_push = 8'd1;
            s.phase   = NOTHING;
          end
        end
      end
    end

    // Work begins: a tile of columns, a group of rows of it, or a tile of rows.
    {load, stream, tile} = '0;
    cycles = '0;
    v_beats = '0;
    reads_push = '0;
    slot = known[s.number[0]];
    if (slot.number != s.number) slot = '0;
    beats = ((s.phase == SCORES ? one.dim : one.value_dim) + isa::W'(MACS - 1)) / isa::W'(MACS);
    place = one.first_row + s.item;
    share = one.first_share + s.item;
    load_first = one.first_dense + s.item;
    load_count = one.dense - s.item < one.denser_lines ? one.dense - s.item : one.denser_lines;
    stream_token = one.row0 + s.row;
    stream_rows = one.rows - s.row < s.group ? one.rows - s.row : s.group;
    stream_beats = beats;
    tile_place = place;
    tile_share = share;
    tile_rows = rest_of[RA'(share)];
    if (s.last - s.item < tile_rows) tile_rows = s.last - s.item;
    if (one.tile_rows < tile_rows) tile_rows = one.tile_rows;
    tile_count = dense_of[RA'(share)];
    tile_beats = beats;
    reads_item.cycles = isa::W'((tile_rows + isa::W'(PSUM_BANKS - 1)) / isa::W'(PSUM_BANKS)
        * ((isa::W'(tile_count << 1) + isa::W'(PSUM_PORT_BYTES - 1)) / isa::W'(PSUM_PORT_BYTES)));
    place_group = GA'(place >> LA);
    complete = (1<<LA)'({ready[GA'(place_group+1'b1)], ready[place_group]} >> place[LA-1:0]);
    if (softmaxed_valid != 0) complete = complete | (1<<LA)'(1) << isa::W'(softmaxed_data.place - place);
    incomplete = ~complete & ~({(1<<LA){1'b1}} << tile_rows);
    if (!halt && s.phase == SCORES && s.size == 0) begin
      load = slot.k > needed[DA'(load_first)];
      if (!load) status = isa::STARVED;
      else begin
        s.size = load_count;
        s.group = group[DA'(load_first)];
        s.heads = spread[DA'(load_first)];
        s.row = '0;
        s.loading = 1'b1;
        cycles = isa::W'(load_count * isa::W'((one.dim + isa::W'(BANK_BYTES - 1)) / isa::W'(BANK_BYTES)));
        v_beats = (isa::W'(load_count * one.dim) + k_known + isa::W'(BANKS * BANK_BYTES - 1)) / isa::W'(BANKS * BANK_BYTES);
        if (v_beats > cycles) cycles = v_beats;
        // Their entries in the list of dense columns, of 4 bytes each, come through half of a port of the index buffer.
        v_beats = (isa::W'(load_count * isa::W'(INDEX_BANKS > 1 ? 8 : 32)) + isa::W'(INDEX_PORT_BYTES - 1))
            / isa::W'(INDEX_PORT_BYTES);
        s.ready_at = now + 32'(cycles > v_beats ? cycles : v_beats);
        k_known = '0;
      end
    end else if (!halt && s.phase == SCORES) begin
      stream = slot.q >= one.row0 + s.row + stream_rows;
      if (!stream) status = isa::STARVED;
      else begin
        cycles = (isa::W'(isa::W'(stream_rows * s.heads) * one.dim) + q_known + isa::W'(Q_PORT_BYTES - 1))
            / isa::W'(Q_PORT_BYTES);
        s.ready_at = now + 32'(cycles > beats ? cycles : beats);
        q_known = '0;
      end
    end else if (!halt) begin
      // A row's scores lie in one bank, some to a word; the lines hold them while the Vs stream by. A second row has no
      // room beside one that leaves where a line does not hold both.
      tile = place + tile_rows <= limit && incomplete == 0;
      if (!tile) status = isa::STARVED;
      else if (reads_room == 0 || (isa::W'(one.value_dim << 1) > isa::W'(ROW_VALUES)
                                   && partial_room == partial_push)) begin
        tile = 1'b0;
        status = isa::BLOCKED;
      end else begin
        reads_push = 8'd1;
        s.size = tile_rows;
        s.count = tile_count;
        v_beats = (one.value_dim + isa::W'(V_PORT_BYTES - 1)) / isa::W'(V_PORT_BYTES);
        v_beats = ((v_beats << 1) + isa::W'(2 * V_BANKS - 2)) / isa::W'(2 * V_BANKS - 1);
        if (beats > v_beats) v_beats = beats;
        s.ready_at = now + 32'(reads_item.cycles) + 32'(isa::W'(tile_count * v_beats));
      end
    end
    if (load || stream || tile) s.streaming = 1'b1;
    // A port that nothing is read through writes.
    q_left = q_known;
    k_left = k_known;
    if (!(s.phase == SCORES && s.streaming && !s.loading)) begin
      q_left = q_known > isa::W'(Q_PORT_BYTES) ? q_known - isa::W'(Q_PORT_BYTES) : '0;
    end
    if (!(s.phase == SCORES && s.streaming && s.loading)) begin
      k_left = k_known > isa::W'(BANKS * BANK_BYTES) ? k_known - isa::W'(BANKS * BANK_BYTES) : '0;
    end
    softmaxed_group = GA'(softmaxed_data.place >> LA);
    pass = s.number;
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (dense_we) begin
      needed[DA'(dense_address)] <= dense_data.needed;
      group[DA'(dense_address)]  <= dense_data.group;
      spread[DA'(dense_address)] <= dense_data.spread;
    end
    if (rows_we) begin
      dense_of[RA'(rows_address)]   <= rows_data.dense;
      next_dense[RA'(rows_address)] <= rows_data.next_dense;
      rest_of[RA'(rows_address)]    <= rows_data.rest;
      ready[GA'(rows_address>>LA)]  <= '0;
    end else if (softmaxed_valid != 0) begin
      ready[softmaxed_group] <= ready[softmaxed_group] | (1<<LA)'(1) << softmaxed_data.place[LA-1:0];
    end
    now <= rst ? '0 : now + 1'b1;
    if (rst) begin
      state.phase <= NOTHING;
      state.streaming <= 1'b0;
      there <= '0;
      window_end <= '0;
      q_unwritten <= '0;
      k_unwritten <= '0;
    end else begin
      state <= s;
      there <= known;
      window_end <= limit;
      q_unwritten <= q_left;
      k_unwritten <= k_left;
    end
  end
endmodule

// The index walker: reads the CSC index of the sparser part and hands its columns to the MAC lines, one after another.
// A column takes the words of its entry and of its rows. It says when it begins and ends to take the buffer's ports.
// Commands come in the order of the table, which holds no column besides: the next column stands in a register, as a memory
// with a clock puts it out, and where its rows begin is where those of the one before it end.
module index_walker #(
    parameter int WORD_BYTES = 8,
    parameter int INDEX_BYTES = 1,
    parameter int BANKS      = 8,
    parameter int PORT_BYTES = 8,
    parameter int PASSES     = 16,
    parameter int COLUMNS    = 1024
) (
    input  logic             clk,
    input  logic             rst,
    output isa::status_t     status,
    input  logic             passes_we,
    input  isa::word_t       passes_address,
    input  isa::passes_row_t passes_data,
    input  logic             columns_we,
    input  isa::word_t       columns_address,
    input  isa::columns_row_t columns_data,
    input  logic [7:0]       command_valid,
    input  isa::pass_t    command_data,
    output logic [7:0]       command_pop,
    input  logic [7:0]       column_room,
    output logic [7:0]       column_push,
    output isa::column_t     column_item,
    input  logic [7:0]       reading_room,
    output logic [7:0]       reading_push,
    output isa::reading_t    reading_item
);
  localparam int PA = $clog2(PASSES), CA = $clog2(COLUMNS);
  logic [isa::passes_row_bits-1:0] passes[PASSES];
  logic [isa::columns_row_bits-1:0] columns[COLUMNS];
  localparam int ENTRY_BYTES = isa::columns_row_bits / 8;
  logic [CA-1:0] at;  // the column behind the next one
  isa::columns_row_t held, ahead;
  isa::word_t begin_, begin_ahead;  // where their rows begin
  isa::word_t columns_left, next_columns_left;  // of the pass, not begun yet
  isa::word_t left, next_left;  // cycles that the column in hand still takes, this one included
  logic reading, next_reading, waiting, over, begins, wants, said;
  isa::passes_row_t one;

  // Two banks are not the walker's; of two in all it has half the time, of one a quarter of it.
  function automatic isa::word_t cycles_of(input logic [7:0] count);
    int size, words, port, read;
    size = 32'(count) * INDEX_BYTES + ENTRY_BYTES;
    words = (size + WORD_BYTES - 1) / WORD_BYTES;
    read = (size + PORT_BYTES - 1) / PORT_BYTES;
    port = BANKS > 2 ? (read + BANKS - 3) / (BANKS > 2 ? BANKS - 2 : 1) : 4 * read / BANKS;
    cycles_of = isa::W'(words > port ? words : port);
  endfunction

  always_comb begin
    next_columns_left = columns_left;
    next_reading = reading;
    next_left = (left >> 1) != 0 ? left - 1'b1 : '0;
    command_pop = '0;
    column_push = '0;
    column_item.head = isa::W'(held.head);
    column_item.column = isa::W'(held.column);
    column_item.first = begin_;
    column_item.count = isa::W'(held.count);
    one = passes[PA'(command_data.number)];
    waiting = reading && ((left >> 1) != 0 || column_room == 0);
    if (reading && !waiting) begin
      column_push = 8'd1;
      next_reading = 1'b0;
    end
    status = !waiting || (left >> 1) != 0 ? isa::BUSY : isa::BLOCKED;
    over = !waiting && columns_left == 0;
    if (over && command_valid == 0) status = isa::IDLE;
    if (over && command_valid != 0) begin
      command_pop = 8'd1;
      next_columns_left = isa::W'(one.sparse_columns);
    end
    begins = !waiting && (!over || (command_valid != 0 && one.sparse_columns != 0));
    wants = begins || (waiting && (left >> 1) != 0);
    reading_push = {7'd0, wants != said && reading_room != 0};
    reading_item.more = wants ? isa::W'(WORD_BYTES) : -isa::W'(WORD_BYTES);
    if (begins && !said && reading_room == 0) status = isa::BLOCKED;
    else if (begins) begin
      next_reading = 1'b1;
      next_left = cycles_of(ahead.count);
      next_columns_left = next_columns_left - 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (columns_we) columns[CA'(columns_address)] <= columns_data;
    if (rst) begin
      at <= CA'(1);
      ahead <= columns[0];
      begin_ahead <= '0;
    end else if (next_reading && !waiting) begin
      at <= at + 1'b1;
      ahead <= columns[at];
      held <= ahead;
      begin_ <= begin_ahead;
      begin_ahead <= begin_ahead + isa::W'(ahead.count);
    end
    columns_left <= rst ? '0 : next_columns_left;
    reading <= !rst && next_reading;
    said <= !rst && (reading_push != 0 ? wants : said);
    left <= next_left;
  end
endmodule

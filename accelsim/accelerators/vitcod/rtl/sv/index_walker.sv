// The index walker: reads the CSC index of the sparser part and hands its columns to the MAC lines, one after another.
// How long a column takes, for the words of its entry and of its rows, comes with it. It says when it begins and ends to
// take the buffer's ports.
module index_walker #(
    parameter int WORD_BYTES = 8,
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
  isa::word_t at, stop, next_at, next_stop;
  isa::word_t left, next_left;  // cycles that the column in hand still takes, this one included
  logic reading, next_reading, waiting, over, begins, wants, said;
  isa::passes_row_t one;
  isa::columns_row_t held, wanted;

  always_comb begin
    next_at = at;
    next_stop = stop;
    next_reading = reading;
    next_left = (left >> 1) != 0 ? left - 1'b1 : '0;
    command_pop = '0;
    column_push = '0;
    held = columns[CA'(at)];
    column_item.head = held.head;
    column_item.column = held.column;
    column_item.first = held.first;
    column_item.count = held.count;
    one = passes[PA'(command_data.number)];
    waiting = reading && ((left >> 1) != 0 || column_room == 0);
    if (reading && !waiting) begin
      column_push = 8'd1;
      next_at = at + 1'b1;
      next_reading = 1'b0;
    end
    status = !waiting || (left >> 1) != 0 ? isa::BUSY : isa::BLOCKED;
    over = !waiting && (reading ? at + 1'b1 == stop : at == stop);
    if (over && command_valid == 0) status = isa::IDLE;
    if (over && command_valid != 0) begin
      command_pop = 8'd1;
      next_at = one.first_column;
      next_stop = one.first_column + one.sparse_columns;
    end
    wanted = columns[CA'(next_at)];
    begins = !waiting && (!over || (command_valid != 0 && one.sparse_columns != 0));
    wants = begins || (waiting && (left >> 1) != 0);
    reading_push = {7'd0, wants != said && reading_room != 0};
    reading_item.more = wants ? isa::W'(WORD_BYTES) : -isa::W'(WORD_BYTES);
    if (begins && !said && reading_room == 0) status = isa::BLOCKED;
    else if (begins) begin
      next_reading = 1'b1;
      next_left = wanted.cycles;
    end
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (columns_we) columns[CA'(columns_address)] <= columns_data;
    at <= rst ? '0 : next_at;
    stop <= rst ? '0 : next_stop;
    reading <= !rst && next_reading;
    said <= !rst && (reading_push != 0 ? wants : said);
    left <= next_left;
  end
endmodule

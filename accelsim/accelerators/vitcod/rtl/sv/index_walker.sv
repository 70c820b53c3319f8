// The index walker: reads the CSC index of the sparser part and hands its columns to the MAC lines, one after another.
// A column costs the words of its entry and of its rows, and at least one cycle. It says when it begins and ends to take
// the buffer's ports.
module index_walker #(
    parameter int WORD_BYTES  = 8,
    parameter int INDEX_BYTES = 1,
    parameter int BANKS       = 2,
    parameter int PORT_BYTES  = 8,
    parameter int PASSES      = 16,
    parameter int COLUMNS     = 1024
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
  isa::clock_t now, ready_at, next_ready_at;
  logic reading, next_reading, waiting, begins, wants, said;
  isa::passes_row_t one;
  isa::columns_row_t held, wanted;
  isa::word_t size, reads, words, port;

  always_comb begin
    next_at = at;
    next_stop = stop;
    next_reading = reading;
    next_ready_at = ready_at;
    command_pop = '0;
    column_push = '0;
    held = columns[CA'(at)];
    column_item.head = held.head;
    column_item.column = held.column;
    column_item.first = held.first;
    column_item.count = held.count;
    one = passes[PA'(command_data.number)];
    waiting = reading && (now < ready_at || column_room == 0);
    if (reading && !waiting) begin
      column_push = 8'd1;
      next_at = at + 1'b1;
      next_reading = 1'b0;
    end
    status = !waiting || now < ready_at ? isa::BUSY : isa::BLOCKED;
    if (!waiting && next_at == next_stop && command_valid == 0) status = isa::IDLE;
    if (!waiting && next_at == next_stop && command_valid != 0) begin
      command_pop = 8'd1;
      next_at = one.first_column;
      next_stop = one.first_column + one.sparse_columns;
    end
    wanted = columns[CA'(next_at)];
    size = wanted.count * isa::W'(INDEX_BYTES) + isa::W'(4);  // its rows, and its entry: head, column, count
    reads = (size + isa::W'(WORD_BYTES - 1)) / isa::W'(WORD_BYTES);
    words = (size + isa::W'(PORT_BYTES - 1)) / isa::W'(PORT_BYTES);
    // Two banks' ports are for the other tables and for what arrives; half of them if there are no more.
    port = BANKS > 2 ? isa::W'(words + isa::W'(BANKS - 3)) / isa::W'(BANKS - 2) : isa::W'(isa::W'(4 * words) / isa::W'(BANKS));
    if (port > reads) reads = port;
    begins = !waiting && next_at != next_stop;
    wants = begins || (waiting && now < ready_at);
    reading_push = {7'd0, wants != said && reading_room != 0};
    reading_item.more = wants ? isa::W'(WORD_BYTES) : -isa::W'(WORD_BYTES);
    if (begins && !said && reading_room == 0) status = isa::BLOCKED;
    else if (begins) begin
      next_reading = 1'b1;
      next_ready_at = now + 32'(reads);
    end
  end

  always_ff @(posedge clk) begin
    if (passes_we) passes[PA'(passes_address)] <= passes_data;
    if (columns_we) columns[CA'(columns_address)] <= columns_data;
    now <= rst ? '0 : now + 1'b1;
    at <= rst ? '0 : next_at;
    stop <= rst ? '0 : next_stop;
    reading <= !rst && next_reading;
    said <= !rst && (reading_push != 0 ? wants : said);
    ready_at <= next_ready_at;
  end
endmodule

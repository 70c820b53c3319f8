// The vector unit: element-wise work and normalisation. What leaves the array goes first, commands of the sequencer after
// it. It says what it reads a cycle of the activation buffer while a command is in work.
module vector_unit #(
    parameter int LANES         = 64,
    parameter int REDUCE_CYCLES = 8,
    parameter int RSQRT_CYCLES  = 16,
    parameter int BANKS         = 4,
    parameter int PORT_BYTES    = 64,
    parameter int READING_PORTS = 1
) (
    input  logic              clk,
    input  logic              rst,
    output isa::status_t      status,
    input  logic [7:0]        outputs_valid,
    input  isa::encoded_t     outputs_data,
    output logic [7:0]        outputs_pop,
    input  logic [7:0]        command_valid,
    input  isa::sweep_t       command_data,
    output logic [7:0]        command_pop,
    input  logic [7:0]        tile_room,
    output logic [7:0]        tile_push,
    output isa::bytes_t       tile_item,
    input  logic [7:0]        done_room,
    output logic [7:0]        done_push,
    output isa::done_t        done_item,
    input  logic [(READING_PORTS > 0 ? READING_PORTS : 1)-1:0][7:0] reading_room,
    output logic [(READING_PORTS > 0 ? READING_PORTS : 1)-1:0][7:0] reading_push,
    output isa::reading_t [(READING_PORTS > 0 ? READING_PORTS : 1)-1:0] reading_item
);
  typedef logic [31:0] wide_t;
  isa::clock_t now, ready_at;
  isa::word_t bytes, rate, next_rate;
  logic commanded, holds, waiting, leaves, takes, tells, tiled;
  wide_t words, sweeps, reads, cycles, work;

  function automatic wide_t ceil(input wide_t a, input wide_t b);
    ceil = (a + b - 1) / b;
  endfunction

  always_comb begin
    waiting = holds && (now < ready_at || tile_room == 0 || (commanded && done_room == 0));
    leaves = holds && !waiting;
    tile_push = {7'd0, leaves};
    tile_item.bytes = bytes;
    done_push = {7'd0, leaves && commanded};
    done_item.number = 1;

    // What comes next. A tile's words are read once a sweep, past what arrives every other cycle at one of the banks.
    tiled = outputs_valid == 0 && command_valid != 0;
    sweeps = 32'(command_data.sweeps);
    words = sweeps * ceil(32'(command_data.elements), PORT_BYTES);
    work = tiled ? 32'(command_data.elements) * 32'(command_data.passes)
        : 32'(outputs_data.elements) * 32'(outputs_data.passes);
    cycles = ceil(work, LANES);
    reads = ceil(words << 1, 2 * BANKS - 1);
    if (tiled && reads > cycles) cycles = reads;
    if (cycles == 0) cycles = 1;
    next_rate = tiled ? isa::W'(ceil(words * PORT_BYTES, cycles)) : '0;
    if (tiled && sweeps > 1) cycles = cycles + (sweeps - 1) * REDUCE_CYCLES + RSQRT_CYCLES;
    tells = !waiting && next_rate != rate && READING_PORTS > 0;
    reading_push = '0;
    reading_push[0] = {7'd0, tells && reading_room[0] != 0};
    reading_item = '0;
    reading_item[0].more = next_rate - rate;
    takes = !waiting && !(tells && reading_room[0] == 0 && next_rate != 0);
    outputs_pop = {7'd0, takes && outputs_valid != 0};
    command_pop = {7'd0, takes && tiled};

    status = isa::BUSY;
    if (waiting && now >= ready_at) status = isa::BLOCKED;
    else if (!waiting && !takes) status = isa::BLOCKED;
    else if (!waiting && outputs_valid == 0 && !tiled) status = isa::IDLE;
  end

  always_ff @(posedge clk) begin
    now <= rst ? '0 : now + 1'b1;
    if (rst) begin
      holds <= 1'b0;
      rate  <= '0;
    end else begin
      if (reading_push[0] != 0) rate <= next_rate;
      if (outputs_pop != 0 || command_pop != 0) begin
        holds <= 1'b1;
        commanded <= tiled;
        bytes <= tiled ? command_data.bytes : outputs_data.elements;
        ready_at <= now + cycles;
      end else if (leaves) begin
        holds <= 1'b0;
      end
    end
  end
endmodule

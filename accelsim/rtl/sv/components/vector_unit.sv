// The vector unit: element-wise work and normalisation. What leaves the array goes first, commands of the sequencer after
// it. It says what it reads a cycle of the activation buffer while a command is in work. What is left of an item is counted
// down: elements, as many as there are lanes a cycle; or cycles, of a command, which says how many it takes.
module vector_unit #(
    parameter int LANES         = 64,
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
    output isa::reading_t [(READING_PORTS > 0 ? READING_PORTS : 1)-1:0] reading_item,
    // What the data path is told.
    output logic              begins,
    output logic              tiled,
    output isa::word_t        cycles
);
  localparam int LB = isa::W + 1;  // of what is left of an item, less one: below 0, it can leave
  isa::word_t bytes, rate, next_rate;
  logic commanded, holds, done_with, waiting, leaves, takes, tells;
  logic signed [LB-1:0] left, next_left, a_cycle;

  always_comb begin
    done_with = left[LB-1];
    waiting = holds && (!done_with || tile_room == 0 || (commanded && done_room == 0));
    leaves = holds && !waiting;
    tile_push = {7'd0, leaves};
    tile_item.bytes = bytes;
    done_push = {7'd0, leaves && commanded};
    done_item.number = 1;

    // What comes next.
    tiled = outputs_valid == 0 && command_valid != 0;
    next_rate = tiled ? command_data.rate : '0;
    tells = !waiting && next_rate != rate && READING_PORTS > 0;
    reading_push = '0;
    reading_push[0] = {7'd0, tells && reading_room[0] != 0};
    reading_item = '0;
    reading_item[0].more = next_rate - rate;
    takes = !waiting && !(tells && reading_room[0] == 0 && next_rate != 0);
    outputs_pop = {7'd0, takes && outputs_valid != 0};
    command_pop = {7'd0, takes && tiled};
    next_left = tiled ? LB'(command_data.cycles) - LB'(2) : LB'(outputs_data.elements) - LB'(LANES + 1);
    a_cycle = commanded ? LB'(1) : LB'(LANES);
    begins = outputs_pop != 0 || command_pop != 0;
    cycles = command_data.cycles;

    status = isa::BUSY;
    if (waiting && done_with) status = isa::BLOCKED;
    else if (!waiting && !takes) status = isa::BLOCKED;
    else if (!waiting && outputs_valid == 0 && !tiled) status = isa::IDLE;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      holds <= 1'b0;
      rate  <= '0;
    end else begin
      if (reading_push[0] != 0) rate <= next_rate;
      if (outputs_pop != 0 || command_pop != 0) begin
        holds <= 1'b1;
        commanded <= tiled;
        bytes <= tiled ? command_data.bytes : outputs_data.elements;
        left <= next_left;
      end else if (leaves) begin
        holds <= 1'b0;
      end else if (!done_with) begin
        left <= left - a_cycle;
      end
    end
  end
endmodule

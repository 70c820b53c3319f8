// The sequencer: walks the program and dispatches an instruction a cycle, in order. An instruction waits for up to two
// counters. A row of the program is an instruction with its operands; the row behind the last one ends it.
module sequencer #(
    parameter int PROGRAM        = 64,
    parameter int COMMAND_PORTS  = 2,
    parameter int COMMAND_FIELDS = 4,  // of the longest command
    parameter int NOTICE_PORTS   = 2,
    parameter int NOTICE_POPS    = 4   // all that wait at a counter are counted at once
) (
    input  logic                                             clk,
    input  logic                                             rst,
    output isa::status_t                                     status,
    input  logic                                             program_we,
    input  isa::word_t                                       program_address,
    input  isa::program_row_t                                program_data,
    input  logic [COMMAND_PORTS-1:0][7:0]                    command_room,
    output logic [COMMAND_PORTS-1:0][7:0]                    command_push,
    output logic [COMMAND_PORTS-1:0][COMMAND_FIELDS*isa::W-1:0] command_item,
    input  logic [NOTICE_PORTS-1:0][7:0]                     notice_valid,
    input  isa::done_t [NOTICE_PORTS-1:0][NOTICE_POPS-1:0]   notice_data,
    output logic [NOTICE_PORTS-1:0][7:0]                     notice_pop
);
  localparam int PA = PROGRAM > 1 ? $clog2(PROGRAM) : 1;
  localparam int UA = COMMAND_PORTS > 1 ? $clog2(COMMAND_PORTS) : 1;
  localparam int CA = $clog2(NOTICE_PORTS + 1);
  localparam isa::word_t MARK = '1;  // nobody's: a layer ends here
  localparam isa::word_t ENDS = ~isa::W'(1);
  localparam int HEADER = 5;  // words before the operands
  logic [isa::program_row_bits-1:0] instructions[PROGRAM];
  logic [isa::program_row_bits-1:0] row, following;  // as the memory has put it out, and the one behind it
  isa::program_row_t todo;
  logic [PA-1:0] pc;
  isa::word_t [NOTICE_PORTS:0] reached, news;  // counter 0 stays at zero
  logic [NOTICE_PORTS:0][7:0] valid;
  isa::done_t [NOTICE_PORTS:0][NOTICE_POPS-1:0] told;
  logic dispatched;

  // Whether a counter has not come as far as an instruction waits for, with what is told of it in this cycle.
  function automatic logic short_of(input isa::word_t so_far, input isa::word_t wanted, input logic [7:0] waiting,
                                    input isa::done_t [NOTICE_POPS-1:0] notices);
    logic signed [isa::W+1:0] sum, carry, more, both;
    sum = {2'b0, so_far};
    carry = ~{2'b0, wanted};  // so_far - wanted, less one
    for (int i = 0; i < NOTICE_POPS; i++) begin
      more = waiting > 8'(i) ? {2'b0, notices[i].number} : '0;
      both = (sum & carry) | (sum & more) | (carry & more);
      sum = sum ^ carry ^ more;
      carry = both << 1;
    end
    sum = sum + carry + 1'b1;
    short_of = sum[isa::W+1];
  endfunction

  always_comb begin
    news = '0;
    valid = {notice_valid, 8'd0};  // counter 0 is never told of anything
    told = '0;
    for (int n = 0; n < NOTICE_PORTS; n++) told[n+1] = notice_data[n];
    for (int n = 0; n < NOTICE_PORTS; n++) begin
      for (int i = 0; i < NOTICE_POPS; i++) begin
        news[n+1] = news[n+1] + (notice_valid[n] > 8'(i) ? notice_data[n][i].number : '0);
      end
    end
    following = instructions[rst ? '0 : PA'(pc + 1'b1)];
    todo = row;
    status = isa::BUSY;
    command_push = '0;
    if (todo.unit == ENDS) status = isa::IDLE;
    else if (short_of(reached[CA'(todo.wait_)], todo.count, valid[CA'(todo.wait_)], told[CA'(todo.wait_)])
             || short_of(reached[CA'(todo.wait2)], todo.count2, valid[CA'(todo.wait2)], told[CA'(todo.wait2)]))
      status = isa::STARVED;
    else if (todo.unit != MARK) begin
      if (command_room[UA'(todo.unit)] == 0) status = isa::BLOCKED;
      else command_push[UA'(todo.unit)] = 8'd1;
    end
    dispatched = status == isa::BUSY;
  end

  assign notice_pop   = notice_valid;
  assign command_item = {COMMAND_PORTS{row[HEADER*isa::W+:COMMAND_FIELDS*isa::W]}};

  always_ff @(posedge clk) begin
    if (program_we) instructions[PA'(program_address)] <= program_data;
    pc <= rst ? '0 : pc + PA'(dispatched);
    if (rst) row <= program_we && program_address == 0 ? program_data : following;
    else if (dispatched) row <= following;
    for (int n = 0; n <= NOTICE_PORTS; n++) reached[n] <= rst ? '0 : reached[n] + news[n];
  end
endmodule

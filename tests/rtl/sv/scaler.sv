// Multiples of a factor: an order names the factor and how many; CYCLES later they leave, up to LANES in a cycle.
module scaler #(
    parameter int LANES   = 2,
    parameter int CYCLES  = 3,
    parameter int FACTORS = 4
) (
    input  logic                      clk,
    input  logic                      rst,
    output isa::status_t              status,
    input  logic                      factors_we,
    input  isa::word_t                factors_address,
    input  isa::factors_row_t         factors_data,
    input  logic [7:0]                order_valid,
    input  isa::order_t               order_data,
    output logic [7:0]                order_pop,
    input  logic [7:0]                product_room,
    output logic [7:0]                product_push,
    output isa::product_t [LANES-1:0] product_item
);
  localparam int FA = FACTORS > 1 ? $clog2(FACTORS) : 1;
  isa::word_t factors[FACTORS];
  isa::word_t factor, value, left, next_factor, next_value, next_left;
  isa::clock_t now, ready_at, next_ready_at;

  always_comb begin
    next_factor = factor;
    next_value = value;
    next_left = left;
    next_ready_at = ready_at;
    order_pop = '0;
    product_push = '0;
    product_item = '0;
    status = isa::IDLE;
    if (left != 0) begin
      status = now < ready_at ? isa::BUSY : isa::BLOCKED;
      for (int n = 0; n < LANES; n++) begin
        if (now >= ready_at && next_left != 0 && product_push < product_room) begin
          next_value = next_value + factor;
          next_left = next_left - 1'b1;
          product_item[n].value = next_value;
          product_push = 8'(n + 1);
          status = isa::BUSY;
        end
      end
    end else if (order_valid != 0) begin
      order_pop = 8'd1;
      next_factor = factors[FA'(order_data.number)];
      next_left = order_data.count;
      next_value = '0;
      next_ready_at = now + 32'(CYCLES);
      status = isa::BUSY;
    end
  end

  always_ff @(posedge clk) begin
    if (factors_we) factors[FA'(factors_address)] <= factors_data.factor;
    now <= rst ? '0 : now + 1'b1;
    left <= rst ? '0 : next_left;
    factor <= next_factor;
    value <= next_value;
    ready_at <= next_ready_at;
  end
endmodule

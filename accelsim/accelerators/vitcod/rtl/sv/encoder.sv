// The encoder lines: the auto-encoder's first half, h heads of Q and K to h', directly behind their projection.
// Each output of the array meets its h' weights; a feature's h' values leave with the last of its heads. An item lasts as
// long as its weights, or as the port of the sums that are kept of features which it does not begin or end. Other items
// pass in one cycle.
// In the cycle in which an item is taken its outputs and the features that end in it are counted; the products that are
// left, as many as there are multipliers fewer each cycle, and the values that leave follow from these a cycle later.
module encoder #(
    parameter int LINES = 8,
    parameter int MACS  = 8,
    parameter int SUM_PORT_BYTES = 32
) (
    input  logic          clk,
    input  logic          rst,
    output isa::status_t  status,
    input  logic [7:0]    outputs_valid,
    input  isa::outputs_t outputs_data,
    output logic [7:0]    outputs_pop,
    input  logic [7:0]    out_room,
    output logic [7:0]    out_push,
    output isa::encoded_t out_item,
    // For the data path: an item is begun.
    output logic          begins,
    output isa::word_t    columns,
    output isa::word_t    size,
    output isa::word_t    heads,
    output isa::word_t    encoded,
    output isa::word_t    token,
    output isa::word_t    met
);
  localparam int WIDE = LINES * MACS;
  localparam int SB = 10;            // bits of rows and columns of a step, and of columns with the heads before them
  localparam int HEADS = 64;         // at most
  localparam int HB = $clog2(HEADS + 1);
  localparam int QB = 16;            // of a quotient by heads: exact for numbers of SB bits
  localparam int LB = 2 * SB + HB + 1;
  logic [SB-1:0] rows, met_columns, ended;
  logic [HB-1:0] mixed, each;
  logic [2*SB-1:0] held;             // outputs of the item
  logic [SB+HB-1:0] values;          // that leave with each feature that ends
  logic [SB-1:0] features;           // that end
  logic [HB-1:0] weights;            // of an output; 0: it passes
  isa::word_t passes;
  logic holds, fresh, some, ready, leaves, waiting;
  logic signed [LB-1:0] left, now_left;  // products, less one: below 0, it can leave
  logic begun, cut;                  // whether sums of a feature are there before it, and are left behind it
  logic [SB-1:0] reach;              // columns with the heads before them
  logic [HB-1:0] of;                 // heads that are mixed
  logic signed [LB-1:0] kept, now_kept;  // bytes of sums that are moved, less one, alike

  // n / by
  function automatic logic [SB-1:0] quotient(input logic [SB-1:0] n, input logic [HB-1:0] by);
    logic [QB:0] reciprocal;
    reciprocal = '0;
    for (int h = 1; h <= HEADS; h++) if (by == HB'(h)) reciprocal |= (QB + 1)'(((1 << QB) + h - 1) / h);
    quotient = SB'(((QB + 1 + SB)'(n) * (QB + 1 + SB)'(reciprocal)) >> QB);
  endfunction

  always_comb begin
    // What is held: its products are counted when its first cycle has passed, as many as a cycle takes already gone.
    now_left = fresh ? LB'(held) * LB'(weights) - LB'(WIDE + 1) : left;
    cut = of != 0 && reach != SB'((SB + HB)'(features) * (SB + HB)'(of));
    now_kept = fresh ? (begun && cut ? LB'(values) << 3 : begun || cut ? LB'(values) << 2 : '0) - LB'(SUM_PORT_BYTES + 1)
        : kept;
    ready = now_left[LB-1] && now_kept[LB-1];
    waiting = holds && (!ready || (some && out_room == 0));
    leaves = holds && !waiting;
    out_push = {7'd0, leaves && some};
    out_item.elements = weights == 0 ? isa::W'(held) : isa::W'(values) * isa::W'(features);
    out_item.passes = passes;
    outputs_pop = {7'd0, !waiting && outputs_valid != 0};
    status = waiting && ready ? isa::BLOCKED : waiting || outputs_valid != 0 ? isa::BUSY : isa::IDLE;

    // What is taken.
    rows = SB'(outputs_data.rows);
    mixed = HB'(outputs_data.heads);
    each = HB'(outputs_data.encoded);
    met_columns = SB'(outputs_data.met) + SB'(outputs_data.columns);
    ended = quotient(met_columns, mixed);
    size = isa::W'((2 * SB)'(rows) * (2 * SB)'(SB'(outputs_data.columns)));
    begins = outputs_pop != 0 && mixed != 0;
    columns = outputs_data.columns;
    heads = outputs_data.heads;
    encoded = outputs_data.encoded;
    token = outputs_data.token;
    met = outputs_data.met;
  end

  always_ff @(posedge clk) begin
    fresh <= outputs_pop != 0;
    left  <= now_left[LB-1] ? now_left : now_left - LB'(WIDE);
    kept  <= now_kept[LB-1] ? now_kept : now_kept - LB'(SUM_PORT_BYTES);
    if (rst) begin
      holds <= 1'b0;
    end else if (outputs_pop != 0) begin
      holds <= 1'b1;
      passes <= outputs_data.passes;
      held <= (2 * SB)'(size);
      weights <= mixed != 0 ? each : '0;
      values <= (SB + HB)'(rows) * (SB + HB)'(each);
      features <= ended;
      begun <= mixed != 0 && outputs_data.met != 0;
      reach <= mixed != 0 ? met_columns : '0;
      of <= mixed;
      some <= mixed == 0 || ended != 0;
    end else if (leaves) begin
      holds <= 1'b0;
    end
  end
endmodule

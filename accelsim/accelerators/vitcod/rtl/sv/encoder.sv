// The encoder lines: the auto-encoder's first half, h heads of Q and K to h', directly behind their projection.
// Each output of the array meets its h' weights; a feature's h' values leave with the last of its heads. An item lasts as
// long as its weights, or as the port of the sums that are kept of features which it does not begin or end. Other items
// pass in one cycle.
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
  isa::word_t elements, passes, features;
  isa::clock_t now, ready_at;
  logic holds, leaves, waiting;
  isa::word_t work, beats, sums, sum_beats;

  always_comb begin
    waiting = holds && (now < ready_at || (elements != 0 && out_room == 0));
    leaves = holds && !waiting;
    out_push = {7'd0, leaves && elements != 0};
    out_item.elements = elements;
    out_item.passes = passes;
    outputs_pop = {7'd0, !waiting && outputs_valid != 0};
    status = waiting && now >= ready_at ? isa::BLOCKED : waiting || outputs_valid != 0 ? isa::BUSY : isa::IDLE;
    size = isa::W'(outputs_data.rows * outputs_data.columns);
    work = isa::W'(size * outputs_data.encoded);
    features = (outputs_data.met + outputs_data.columns) / outputs_data.heads;
    beats = (work + isa::W'(WIDE - 1)) / isa::W'(WIDE);
    sums = isa::W'(4 * outputs_data.rows * outputs_data.encoded);
    sums = isa::W'(sums * (isa::W'(outputs_data.met != 0)
        + isa::W'(features * outputs_data.heads != outputs_data.met + outputs_data.columns)));
    sum_beats = (sums + isa::W'(SUM_PORT_BYTES - 1)) / isa::W'(SUM_PORT_BYTES);
    if (sum_beats > beats) beats = sum_beats;
    begins = outputs_pop != 0 && outputs_data.heads != 0;
    columns = outputs_data.columns;
    heads = outputs_data.heads;
    encoded = outputs_data.encoded;
    token = outputs_data.token;
    met = outputs_data.met;
  end

  always_ff @(posedge clk) begin
    now <= rst ? '0 : now + 1'b1;
    if (rst) begin
      holds <= 1'b0;
    end else if (outputs_pop != 0) begin
      holds  <= 1'b1;
      passes <= outputs_data.passes;
      if (outputs_data.heads != 0) begin
        ready_at <= now + 32'(beats);
        elements <= isa::W'(isa::W'(outputs_data.rows * features) * outputs_data.encoded);
      end else begin
        ready_at <= now + 32'd1;
        elements <= size;
      end
    end else if (leaves) begin
      holds <= 1'b0;
    end
  end
endmodule

// When the beats of a fold's stream enter at the left edge: the first one `lead` cycles after the stream begins, and
// then one every `beat` cycles.
module stream_feeder (
    input  logic       clk,
    input  logic       rst,
    input  logic       moves,
    input  logic       starts,
    input  logic       at_once,  // `lead` is 0
    input  isa::word_t lead,
    input  isa::word_t beats,
    input  isa::word_t beat,
    output logic       enters,   // a beat, in this cycle
    output logic       first,    // it is the stream's first one
    output logic       last
);
  isa::word_t left, now_left, pause, now_pause, every;
  logic some, now_some, begun;

  always_comb begin
    now_some = starts || some;
    now_left = starts ? beats : left;
    now_pause = starts ? lead : pause;
    enters = moves && (starts ? at_once : some && pause == 0);
    first = enters && (starts || !begun);
    last = enters && (starts ? beats == 1 : left == 1);
  end

  always_ff @(posedge clk) begin
    if (rst) some <= 1'b0;
    else if (moves) some <= now_some && !last;
    if (moves) begin
      if (starts) every <= beat;
      begun <= !(starts && !enters) && (begun || enters);
      left <= now_left - isa::W'(enters);
      pause <= enters ? (starts ? beat : every) - 1'b1 : now_pause - 1'b1;
    end
  end
endmodule

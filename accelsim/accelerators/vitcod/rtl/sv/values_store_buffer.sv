// The output buffer's memory. What the vector unit computes waits, window by window, until the control has taken an item's
// or a command's bytes; LAG cycles later, when all are there, each goes to its place, run by run. So do rows of the merge, one behind
// the other, MERGE_LAG cycles later. The memory is a ring: stores follow each other in it, and DMA reads it from one end to
// the other.
module values_store_buffer #(
    parameter int CAPACITY_BYTES = 256,
    parameter int LANES          = 4,
    parameter int WINDOWS        = 16,  // that wait; powers of two, as RUNS and COMMANDS are
    parameter int RUNS           = 4,
    parameter int COMMANDS       = 4,
    parameter int FEATURES       = 4,   // of a row of the merge
    parameter int BURST_BYTES    = 64,
    parameter int LAG            = 9,
    parameter int MERGE_LAG      = 3
) (
    input  logic                              clk,
    input  logic                              rst,
    // Where results go: of items runs of {bytes, place}, one after the other; of a command the place.
    input  logic                              runs_we,
    input  logic [31:0]                       runs_address,
    input  logic [63:0]                       runs_data,
    input  logic                              command_places_we,
    input  logic [31:0]                       command_places_address,
    input  logic [31:0]                       command_places_data,
    // What the vector unit begins; the values of a window.
    input  logic                              begins,
    input  logic                              tiled,
    input  logic                              comes,
    input  logic [LANES-1:0][7:0]             window,
    // A row that the merge has computed.
    input  logic                              finished,
    input  logic [FEATURES-1:0][7:0]          finished_row,
    // The control takes results of the vector unit, of the merge.
    input  logic                              accepts,
    input  logic [31:0]                       accepted,
    input  logic                              merges,
    input  logic [31:0]                       merging,
    // DMA reads so many bytes.
    input  logic                              takes,
    input  logic [31:0]                       taken,
    output logic [BURST_BYTES-1:0][7:0]       stored,
    output logic                              merged  // results are of the merge, of which they come sooner
);
  localparam int UA = $clog2(RUNS), CA = $clog2(COMMANDS), WA = $clog2(WINDOWS), JOBS = 8, ROWS = 16;
  localparam int RA = $clog2(CAPACITY_BYTES);
  typedef logic [31:0] wide_t;
  typedef struct packed {
    wide_t bytes;
    wide_t first;
  } run_t;
  logic [7:0] ring[CAPACITY_BYTES];
  logic [FEATURES-1:0][7:0] rows[ROWS];  // that are computed, or taken, and not both
  logic [LANES-1:0][7:0] waiting[WINDOWS];
  run_t runs[RUNS];
  wide_t commands[COMMANDS];
  logic [UA-1:0] run;
  logic [CA-1:0] command;
  logic [$clog2(ROWS)-1:0] newest_row, oldest_row;
  logic [WA-1:0] newest, oldest;
  wide_t sent, gathered;
  wide_t jobs[JOBS];  // begun and not yet written: a command's place; of an item all ones
  logic [$clog2(JOBS)-1:0] begun, written;
  logic [LAG-1:0] later;
  wide_t sizes[LAG];
  logic [MERGE_LAG-1:0] merges_later;
  wide_t merge_sizes[MERGE_LAG], merge_places[MERGE_LAG];

  function automatic logic [RA-1:0] around(input wide_t at);
    around = RA'(at % CAPACITY_BYTES);
  endfunction

  always_comb begin
    stored = '0;
    if (takes) for (int n = 0; n < BURST_BYTES; n++) if (wide_t'(n) < taken) stored[n] = ring[around(sent+n)];
  end

  always_ff @(posedge clk) begin
    if (runs_we) runs[UA'(runs_address)] <= runs_data;
    if (command_places_we) commands[CA'(command_places_address)] <= command_places_data;
    if (begins) begin
      jobs[begun] <= tiled ? commands[command] : '1;
      begun <= begun + 1'b1;
      if (tiled) command <= command + 1'b1;
    end
    if (comes) begin
      waiting[newest] <= window;
      newest <= newest + 1'b1;
    end
    if (accepts || merges) merged <= merges;
    later <= {later[LAG-2:0], accepts};
    sizes[0] <= accepted;
    for (int n = 1; n < LAG; n++) sizes[n] <= sizes[n-1];
    if (later[LAG-1] && !rst) begin
      automatic wide_t at = jobs[written], left = &at ? '0 : '1;
      automatic logic [UA-1:0] next = run;
      for (int n = 0; n < int'(sizes[LAG-1]); n++) begin
        if (left == 0) begin
          {left, at} = runs[next];
          next = next + 1'b1;
        end
        ring[around(at)] <= waiting[WA'(32'(oldest) + n / LANES)][n%LANES];
        at = at + 1;
        left = left - 1;
      end
      run <= next;
      oldest <= oldest + WA'((sizes[LAG-1] + LANES - 1) / LANES);
      written <= written + 1'b1;
    end
    if (finished) begin
      rows[newest_row] <= finished_row;
      newest_row <= newest_row + 1'b1;
    end
    merges_later <= {merges_later[MERGE_LAG-2:0], merges};
    merge_sizes[0] <= merging;
    merge_places[0] <= gathered;
    for (int n = 1; n < MERGE_LAG; n++) begin
      merge_sizes[n] <= merge_sizes[n-1];
      merge_places[n] <= merge_places[n-1];
    end
    if (merges_later[MERGE_LAG-1] && !rst) begin
      for (int n = 0; n < int'(merge_sizes[MERGE_LAG-1]); n++)
        ring[around(merge_places[MERGE_LAG-1] + n)] <= rows[oldest_row][n];
      oldest_row <= oldest_row + 1'b1;
    end
    gathered <= wide_t'(around(gathered + (accepts ? accepted : '0) + (merges ? merging : '0)));
    if (takes) sent <= wide_t'(around(sent + taken));
    if (rst) begin
      {run, command, newest_row, oldest_row, newest, oldest, sent, gathered, begun, written, later, merges_later} <= '0;
    end
  end
endmodule

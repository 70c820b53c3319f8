// The output buffer's memory. What the vector unit computes waits, window by window, until the control has taken an item's
// or a command's bytes; LAG cycles later, when all are there, each goes to its place. The memory is a ring: stores follow
// each other in it, and DMA reads it from one end to the other. Rows of attention come from outside.
module values_store_buffer #(
    parameter int CAPACITY_BYTES = 256,
    parameter int LANES          = 4,
    parameter int WINDOWS        = 16,  // that wait; powers of two, as ITEMS, COMMANDS and MERGED are
    parameter int ITEMS          = 4,
    parameter int COMMANDS       = 4,
    parameter int MERGED         = 64,  // bytes of all rows of attention
    parameter int BURST_BYTES    = 64,
    parameter int LAG            = 9
) (
    input  logic                              clk,
    input  logic                              rst,
    // Where results go: {bytes from a row of an item to the next, its columns, place of the first}; of a command the place.
    input  logic                              item_places_we,
    input  logic [31:0]                       item_places_address,
    input  logic [95:0]                       item_places_data,
    input  logic                              command_places_we,
    input  logic [31:0]                       command_places_address,
    input  logic [31:0]                       command_places_data,
    // Rows of attention, 64 bytes a row.
    input  logic                              merged_we,
    input  logic [31:0]                       merged_address,
    input  logic [511:0]                      merged_data,
    // What the vector unit begins; the values of a window.
    input  logic                              begins,
    input  logic                              tiled,
    input  logic                              comes,
    input  logic [LANES-1:0][7:0]             window,
    // The control takes results of the vector unit, of the merge.
    input  logic                              accepts,
    input  logic [31:0]                       accepted,
    input  logic                              merges,
    input  logic [31:0]                       merging,
    // DMA reads so many bytes.
    input  logic                              takes,
    input  logic [31:0]                       taken,
    output logic [BURST_BYTES-1:0][7:0]       stored
);
  localparam int IA = $clog2(ITEMS), CA = $clog2(COMMANDS), WA = $clog2(WINDOWS), MA = $clog2(MERGED), JOBS = 8;
  localparam int RA = $clog2(CAPACITY_BYTES);
  typedef logic [31:0] wide_t;
  typedef struct packed {
    wide_t pitch;
    wide_t columns;
    wide_t first;
  } place_t;
  logic [7:0] ring[CAPACITY_BYTES], rows[MERGED];
  logic [LANES-1:0][7:0] waiting[WINDOWS];
  place_t items[ITEMS], place;
  wide_t commands[COMMANDS];
  logic [IA-1:0] item;
  logic [CA-1:0] command;
  logic [MA-1:0] row;
  logic [WA-1:0] newest, oldest;
  wide_t sent, gathered;
  place_t jobs[JOBS];  // begun and not yet written
  logic [$clog2(JOBS)-1:0] begun, written;
  logic [LAG-1:0] later;
  wide_t sizes[LAG];

  function automatic logic [RA-1:0] around(input wide_t at);
    around = RA'(at % CAPACITY_BYTES);
  endfunction

  always_comb begin
    place = jobs[written];
    stored = '0;
    if (takes) for (int n = 0; n < BURST_BYTES; n++) if (wide_t'(n) < taken) stored[n] = ring[around(sent+n)];
  end

  always_ff @(posedge clk) begin
    if (item_places_we) items[IA'(item_places_address)] <= item_places_data;
    if (command_places_we) commands[CA'(command_places_address)] <= command_places_data;
    if (merged_we) for (int n = 0; n < 64; n++) rows[MA'((merged_address << 6) + n)] <= merged_data[8*n+:8];
    if (begins) begin
      jobs[begun] <= tiled ? '{32'd0, 32'hffffffff, commands[command]} : items[item];
      begun <= begun + 1'b1;
      if (tiled) command <= command + 1'b1;
      else item <= item + 1'b1;
    end
    if (comes) begin
      waiting[newest] <= window;
      newest <= newest + 1'b1;
    end
    later <= {later[LAG-2:0], accepts};
    sizes[0] <= accepted;
    for (int n = 1; n < LAG; n++) sizes[n] <= sizes[n-1];
    if (later[LAG-1] && !rst) begin
      for (int n = 0; n < int'(sizes[LAG-1]); n++)
        ring[around(place.first + n / place.columns * place.pitch + n % place.columns)] <=
            waiting[WA'(32'(oldest) + n / LANES)][n%LANES];
      oldest <= oldest + WA'((sizes[LAG-1] + LANES - 1) / LANES);
      written <= written + 1'b1;
    end
    if (merges && !rst) begin
      for (int n = 0; n < int'(merging); n++) ring[around(gathered + n)] <= rows[MA'(32'(row) + n)];
      row <= row + MA'(merging);
    end
    gathered <= wide_t'(around(gathered + (accepts ? accepted : '0) + (merges ? merging : '0)));
    if (takes) sent <= wide_t'(around(sent + taken));
    if (rst) begin
      {item, command, row, newest, oldest, sent, gathered, begun, written, later} <= '0;
    end
  end
endmodule

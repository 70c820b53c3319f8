// Main memory with what it holds. It stands in for a memory and is no part of a chip. Bursts of a stream are answered in
// their order: a reply that the DMA engine takes is of the oldest one. What is read is there a cycle later; what is
// written is taken of the store buffer DELAY cycles later, as far as the data are behind the control; of the merge SOON.
module values_dram #(
    parameter int BYTES       = 1024,  // a power of two
    parameter int STREAMS     = 2,
    parameter int BURST_BYTES = 64,
    parameter int BURSTS      = 8,     // of a stream under way; a power of two
    parameter int DELAY       = 8,
    parameter int SOON        = 4
) (
    input  logic                          clk,
    input  logic                          rst,
    // What it holds when time begins, 64 bytes a row; and what it holds now.
    input  logic                          image_we,
    input  logic [31:0]                   image_address,
    input  logic [511:0]                  image_data,
    input  logic [31:0]                   peek_address,
    output logic [511:0]                  peek_data,
    // A burst is asked for; one is answered.
    input  logic                          asks,
    input  isa::request_t                 burst,
    input  logic                          answers,
    input  isa::reply_t                   reply,
    // What has been read, and whose it is.
    output logic [STREAMS-1:0]            arrives,
    output logic [31:0]                   size,
    output logic [BURST_BYTES-1:0][7:0]   value,
    // So many bytes of the store buffer are written.
    output logic                          takes,
    output logic [31:0]                   taken,
    input  logic [BURST_BYTES-1:0][7:0]   stored,
    input  logic                          soon    // these are of the merge
);
  localparam int AA = $clog2(BYTES), SA = STREAMS > 1 ? $clog2(STREAMS) : 1, BA = $clog2(BURSTS);
  typedef struct packed {
    logic [31:0] address;
    logic [31:0] bytes;
    logic        write;
    logic        soon;
  } way_t;
  typedef logic [AA-1:0] address_t;
  logic [7:0] bytes[BYTES];
  way_t under_way[STREAMS*BURSTS];
  logic [BA-1:0] newest[STREAMS], oldest[STREAMS];
  way_t found, ends, later[DELAY];
  logic [SA-1:0] to, from;

  always_comb begin
    to = SA'(burst.stream);
    from = SA'(reply.stream);
    found = under_way[{from, oldest[from]}];
    ends = later[SOON-1].write && later[SOON-1].soon ? later[SOON-1] : later[DELAY-1];
    takes = ends.write;
    taken = ends.bytes;
    for (int n = 0; n < 64; n++) peek_data[8*n+:8] = bytes[address_t'((peek_address << 6) + n)];
  end

  always_ff @(posedge clk) begin
    if (image_we) for (int n = 0; n < 64; n++) bytes[address_t'((image_address << 6) + n)] <= image_data[8*n+:8];
    if (asks) under_way[{to, newest[to]}] <= '{32'(burst.address), 32'(burst.bytes), burst.write != 0, 1'b0};
    if (asks) newest[to] <= newest[to] + 1'b1;
    if (answers) oldest[from] <= oldest[from] + 1'b1;
    arrives <= '0;
    size <= found.bytes;
    if (answers && !found.write) begin
      arrives[from] <= !rst;
      for (int n = 0; n < BURST_BYTES; n++) value[n] <= bytes[address_t'(found.address + n)];
    end
    later[0] <= '{found.address, found.bytes, found.write && answers && !rst, soon};
    for (int n = 1; n < DELAY; n++) later[n] <= later[n-1];
    if (later[SOON-1].soon) later[SOON].write <= 1'b0;
    if (takes) begin
      for (int n = 0; n < BURST_BYTES; n++)
        if (32'(n) < taken) bytes[address_t'(ends.address + n)] <= stored[n];
    end
    if (rst) begin
      for (int n = 0; n < STREAMS; n++) newest[n] <= '0;
      for (int n = 0; n < STREAMS; n++) oldest[n] <= '0;
      for (int n = 0; n < DELAY; n++) later[n].write <= 1'b0;
    end
  end
endmodule

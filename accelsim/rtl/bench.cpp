// What Python calls in a Verilated bench. A bench is a module under test with a channel on each of its ports; `run`
// plays the sources and sinks at the channels' far ends and logs every item pushed into a channel, and every change of a
// status.
#include "Vtop.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif
#include <cstdint>
#include <cstring>
#include "ports.h"  // #define PORTS(X) X(clk) X(rst) ..., INPUTS(X), and SET_CLOCK(top, level), nothing without a clock

double sc_time_stamp() { return 0; }

struct Bench {
  VerilatedContext* context;
  Vtop* top;
  uint64_t cycle;
#if VM_TRACE
  VerilatedVcdC* file;
#endif
};

struct Port {           // the same layout in vsim.py
  uint8_t* push;        // items pushed into the channel in this cycle; of a status: its value
  uint8_t* item;        // those items, 32 bits a field
  uint8_t* level;       // a source's channel: its room; a sink's channel: items that can be popped
  uint8_t* pop;         // a sink's channel: items to pop; of a channel that lies outside: its room; null for the others
  int64_t kind;         // 0: source, 1: sink, 2: only watched, 3: a status, 4: a channel that lies outside
  int64_t words;        // fields of an item
  int64_t most;         // items a cycle, at the far end
  const int64_t* at;    // source: the cycle from which each item may be pushed
  const uint32_t* items;
  int64_t count;        // source: items; sink: length of `open`
  const uint8_t* open;  // sink: whether it pops, cycle by cycle, over and over; outside: the room in each cycle
  int64_t sent;         // source: items pushed; status: its value in the cycle before; outside: the first such cycle
};

static void dump(Bench* b, int half) {
#if VM_TRACE
  if (b->file) b->file->dump(2 * b->cycle + 1 + half);  // a cycle begins with its rising edge, at an even time
#endif
}

// One clock cycle, after `eval`, which sees the falling edge of the last one together with the new inputs.
static void clock(Bench* b) {
  dump(b, 0);
  SET_CLOCK(b->top, 1);
  b->top->eval();
  dump(b, 1);
  SET_CLOCK(b->top, 0);
  b->cycle++;
}

extern "C" {
Bench* bench_new() {
  Bench* b = new Bench;
  b->context = new VerilatedContext;
  b->cycle = 0;
#if VM_TRACE
  b->context->traceEverOn(true);
#endif
  b->context->randReset(2);  // what needs a reset must have one
  b->context->randSeed(1);
  b->top = new Vtop(b->context, "top");
#define X(p) memset((void*)&b->top->p, 0, sizeof(b->top->p));
  INPUTS(X)
#undef X
#if VM_TRACE
  b->file = nullptr;
#endif
  SET_CLOCK(b->top, 0);
  b->top->eval();
  return b;
}

// Write a waveform from here on; the next cycle is cycle 0, which lasts from 0 to 2 units of time. Registers change at
// its beginning, what comes from outside in its middle.
void bench_trace(Bench* b, const char* path) {
#if VM_TRACE
  b->cycle = 0;
  b->file = new VerilatedVcdC;
  b->top->trace(b->file, 99);
  b->file->open(path);
#endif
}

void bench_delete(Bench* b) {
#if VM_TRACE
  if (b->file) { b->file->close(); delete b->file; }
#endif
  b->top->final();
  delete b->top;
  delete b->context;
  delete b;
}

void* bench_port(Bench* b, const char* name, int* bytes) {
#define X(p) if (!strcmp(name, #p)) { *bytes = (int)sizeof(b->top->p); return (void*)&b->top->p; }
  PORTS(X)
#undef X
  return nullptr;
}

void bench_eval(Bench* b) { b->top->eval(); }
void bench_clock(Bench* b) { b->top->eval(); clock(b); }

// Write the rows of a table through its load port.
void bench_load(Bench* b, uint8_t* we, uint32_t* address, uint8_t* data, int64_t rows, int64_t bytes,
                const uint8_t* table) {
  *we = 1;
  for (int64_t n = 0; n < rows; n++) {
    *address = (uint32_t)n;
    memcpy(data, table + n * bytes, bytes);
    b->top->eval();
    clock(b);
  }
  *we = 0;
  b->top->eval();
}

// Run from cycle `first` for so many cycles; a log row is (cycle, port, fields...), `width` words. Returns the rows
// logged, or -1 when `room` rows are too few.
int64_t bench_run(Bench* b, int64_t first, int64_t cycles, Port* ports, int64_t count, int64_t* log, int64_t width,
                  int64_t room) {
  int64_t rows = 0;
  for (int64_t c = first; c < first + cycles; c++) {
    for (int64_t i = 0; i < count; i++) {
      Port& p = ports[i];
      if (p.kind == 0) {
        int64_t n = 0;
        while (n < p.most && n < *p.level && p.sent < p.count && p.at[p.sent] <= c) {
          memcpy(p.item + 4 * p.words * n, p.items + p.words * p.sent, 4 * p.words);
          n++;
          p.sent++;
        }
        *p.push = (uint8_t)n;
      } else if (p.kind == 1) {
        *p.pop = p.open[c % p.count] ? (*p.level < p.most ? *p.level : (uint8_t)p.most) : 0;
      } else if (p.kind == 4) {
        *p.pop = p.open[c - p.sent];
      }
    }
    b->top->eval();
    for (int64_t i = 0; i < count; i++) {
      Port& p = ports[i];
      bool status = p.kind == 3;
      int64_t items = status ? *p.push != p.sent : *p.push;
      if (status) p.sent = *p.push;
      for (int64_t n = 0; n < items; n++) {
        if (rows == room) return -1;
        int64_t* row = log + rows++ * width;
        uint32_t item[64] = {*p.push};
        if (!status) memcpy(item, p.item + 4 * p.words * n, 4 * p.words);
        row[0] = c;
        row[1] = i;
        for (int64_t w = 0; w < width - 2; w++) row[2 + w] = w < p.words ? item[w] : 0;
      }
    }
    clock(b);
  }
  return rows;
}
}

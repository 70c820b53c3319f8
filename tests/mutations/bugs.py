"""Bugs to seed in the simulator, each of which fast tests must catch.

A line of `BUGS` is the file (below accelsim/), the text that becomes another, what that breaks, and the tests that must
see it (files or folders below tests/).
"""

from tests.mutations.bug import line, of, own, shared
from tests.mutations.engines import ENGINES

RUNS = "accelerators/vitcod/test_figures.py"

GEMM = ("dataflows/gemm.py", "dataflows/test_gemm_reads.py")
TILING = ("dataflows/tiling.py", "dataflows")
STORES = ("dataflows/stores.py", "accelerators/vitcod/checks/test_layout.py")
LIES = ("accelerators/vitcod/dataflow/dense.py", *STORES[1:])
AFTER = ("dataflows/tiling.py", "dataflows/test_gemm_reads.py")
CUTS = ("dataflows/gemm_cuts.py", "dataflows")
WINDOWS = ("dataflows/windows.py", "dataflows/test_windows.py")
BILL = ("energy/bill.py", "energy/test_bill.py")
TARIFF = ("energy/tariff.py", "energy/test_bill.py")
AREA = ("energy/area.py", "energy/test_bill.py")
TABLE = ("energy/tables/generic_28nm.yaml", "energy/test_shipped_prices.py")
PRICES = ("accelerators/vitcod/prices.yaml", "energy/test_shipped_prices.py")
METRICS = ("report/metrics.py", "report/test_metrics.py")
SCHEDULE = ("core/schedule.py", "core/test_kernel.py", "core/test_peaks.py")
CHANNEL = ("core/channel.py", "core/test_kernel.py", "components/test_store_buffer.py")
ESTIMATE = ("accelerators/vitcod/dataflow/estimate.py", "accelerators/vitcod/test_choices.py")
SCREEN = ("sweep/goal.py", "sweep/test_screen.py")
PASSES = ("accelerators/vitcod/dataflow/passes.py", "accelerators/vitcod/dataflow")
TABULATE = ("accelerators/vitcod/dataflow/pass_tables.py", "accelerators/vitcod/dataflow")
KEY_BLOCKS = ("accelerators/vitcod/dataflow/key_blocks.py", "accelerators/vitcod/dataflow")
SHARES = ("accelerators/vitcod/dataflow/shares.py", "accelerators/vitcod/dataflow")
LAYERS = ("workload/functional/layers.py", "workload/test_integer_layers.py")
REQUANT = ("workload/functional/requantise.py", "workload/test_integer_layers.py")
NETWORK = ("workload/network.py", "workload/test_network.py")
WIRING = ("workload/wiring.py", "workload/test_network.py")
SHAPING = ("workload/shaping.py", "workload/test_network.py")
EXACT = ("components/dram/memory.py", "components/dram/test_bursts.py")
SANGER, SPATTEN, ITA, VITALITY = (f"accelerators/{n}" for n in ("sanger", "spatten", "ita", "vitality"))
BLOCK = (f"{ITA}/components/beats.py", f"{ITA}/test_block.py")
COMPILE = (f"{ITA}/dataflow/compile.py", f"{ITA}/test_machine.py")
SELECT = (f"{SPATTEN}/components/top_k.py", f"{SPATTEN}/test_quick_select.py")
RUNS_OF = f"{SPATTEN}/test_published_runs.py"
ARRAY = ("components/systolic_array.py", "components/test_systolic_array.py")
PLAN = ("dataflows/products/plan.py", "accelerators/systolic/test_machine.py")
EMIT = ("dataflows/products/emit.py", "accelerators/systolic/checks/test_runs.py")
PES = ("validation/products/commands.py", "validation/test_products.py")
WORK = ("dataflows/gemm_estimate.py", "dataflows/test_estimate.py")
TIMES = ("dataflows/estimate.py", "dataflows/test_estimate.py")
CEILS = ("dataflows/tiling.py", *TIMES[1:])
CHOICE = ("dataflows/mapping.py", "dataflows/test_estimate.py")
MEMORY = ("accelerators/main_memory.py", RUNS)
RUN = ("accelerators/run.py", RUNS)
READS = ("accelerators/vitcod/rtl/values_reads.py", "accelerators/vitcod/rtl/test_values_reads.py")

BUGS = (
    *ENGINES,
    # components of several machines
    line("load-early", shared("load_buffer"), "r.held + size <= (", "r.held <= (", "room for all of a load"),
    line("load-fence", shared("load_buffer"), "load.fence <= r.fences and fits", "fits", "a load's fence"),
    line("load-more", shared("load_buffer"), "r.in_flight < r.outstanding", "r.in_flight <= r.outstanding",
         "loads on their way"),
    line("load-done", shared("load_buffer"), "r.ending = missing == size", "r.ending = missing <= size + 1",
         "a load is told with its last byte"),
    line("store-room", shared("store_buffer"), "r.held + front(unit).bytes <= r.capacity_bytes",
         "r.held <= r.capacity_bytes", "a result waits for space"),
    line("store-early", shared("store_buffer"), "if r.gathered - r.unwritten >= size:",
         "if r.gathered - r.unwritten + 1 >= size:",
         "a store leaves with its last byte"),
    line("store-held", shared("store_buffer"), "r.held -= part.bytes\n                moved = True",
         "moved = True", "space comes back"),
    line("dma-burst", shared("dma"), "size = min(left, r.burst_bytes)", "size = left", "bursts are cut"),
    line("dma-pitch", shared("dma"), "r.segment_at += r.pitch", "r.segment_at += r.segment_bytes", "segments' pitch"),
    line("dma-outstanding", shared("dma"), "if r.under_way < r.outstanding and", "if", "bursts under way"),
    line("vector-lanes", shared("vector_unit"), "(item.elements * goes + r.lanes - 1) //", "item.elements * goes //",
         "a ceil"),
    line("vector-passes", shared("vector_unit"), "r.element_ops += item.elements * item.passes",
         "r.element_ops += item.elements", "what is done with what the array gives"),
    line("sequencer-second", shared("sequencer"), " or reached[todo.wait2] < todo.count2", "", "the second wait"),
    line("pipe-latency", shared("dram_pipe"), "max(channel.free_at, now + r.latency)", "max(channel.free_at, now)",
         "the latency"),
    line("pipe-order", shared("dram_pipe"), "r.last_done_at = max(r.last_done_at, channel.free_at)",
         "r.last_done_at = channel.free_at", "replies in order"),
    line("pipe-window", shared("dram_pipe"), "if r.in_flight < r.window and can_pop(request):\n            item",
         "if can_pop(request):\n            item", "the window"),
    line("exact-last-line", EXACT, "item.address + item.bytes + 63", "item.address + item.bytes",
         "the last line of a burst that does not end on 64 bytes"),
    line("exact-latency", EXACT, "waited = done_at - (tag >> TAG_BITS)", "waited = now - (tag >> TAG_BITS)",
         "latency from acceptance to data"),
    # ViTCoD's
    line("array-floor", own("mac_array"), " + down * r.right_cycles", "",
         "steps of ragged columns of a cut depth"),
    line("array-psum", own("mac_array"), "r.adds, r.opened = r.opened, 1 - r.last", "r.adds, r.opened = r.opened, 0",
         "partial sums that are read back"),
    line("array-depth", own("mac_array"), "r.mac_ops += outputs * r.depth", "r.mac_ops += outputs", "MACs counted"),
    line("array-release", own("mac_array"), "used.bytes, used.read_bytes = free.act, free.act_read",
         "used.bytes, used.read_bytes = free.act, free.weight_read", "what is read of activations"),
    line("encoder-met", own("encoder"), "(reach // item.heads)", "(item.columns // item.heads)",
         "a feature that is cut"),
    line("encoder-free", own("encoder"), "work = item.rows * item.columns * item.encoded",
         "work = item.rows * item.columns", "the encoder's work"),
    line("softmax-divider", own("softmax_unit"), "queue[n].ready_at = start + r.divide_cycles",
         "queue[n].ready_at = start", "a reciprocal passes the divider's stages"),
    line("softmax-row", own("softmax_unit"), "place = one.first_row + head * one.rows + row",
         "place = one.first_row + row", "rows of the other heads"),
    line("softmax-left", own("softmax_unit"), "passes[r.number].heads * passes[r.number].rows", "passes[r.number].rows",
         "rows of a pass"),
    line("merge-parts", own("output_merge"), "seen[r.oldest] == rows[r.oldest].parts", "seen[r.oldest] >= 1",
         "a row leaves after all its parts"),
    line("merge-window", own("output_merge"), "end = min(r.oldest + r.places_now, r.last)", "end = r.last",
         "the merge's window"),
    line("merge-entries", own("output_merge"), "r.read < end and now >= r.read_at", "r.read < end",
         "the table of rows is read through a port"),
    line("merge-reading", own("output_merge"), "push(reading).more = -table_rate(r)", "push(reading).more = 0",
         "ports are given back behind a pass"),
    line("encoder-sums", own("encoder"), "r.sum_write_bytes += sums * cut", "r.sum_write_bytes += sums",
         "sums of cut features that are put away"),
    line("merge-adds", own("output_merge"), "if seen[place]:", "if seen[place] > 1:", "additions counted"),
    # the systolic array's, and of the machines around it
    line("array-constants", ARRAY, "leave * wide * part.constants", "0 * wide * part.constants",
         "biases and scales take a port's time"),
    line("array-residual", ARRAY, "leave * high * wide * part.added", "leave * wide * part.added",
         "a residual operand takes a port's time"),
    line("array-load", ARRAY, "r.load_from = max(r.load_from, t + read)", "r.load_from = max(r.load_from, t)",
         "a load waits until its port is free"),
    line("plan-constants", PLAN, "    deep = s.k + s.each\n    wide", "    deep = s.k\n    wide", "room for constants"),
    line("plan-columns", PLAN, "accumulator_bytes // (4 * array.columns)", "accumulator_bytes // (4 * columns)",
         "accumulators of idle columns"),
    line("plan-item", PLAN, "most = min(most, array.item_rows)", "most = min(most, 9999)", "room for what leaves"),
    line("pes-item", ("validation/products/commands.py", "accelerators/systolic/checks/test_faults.py"),
         "not pes.scalesim and stream > room", "stream > 99 * room", "room for what leaves"),
    line("pes-sums", ("validation/products/commands.py", "accelerators/systolic/checks/test_faults.py"),
         "size = stream * self.pes.columns", "size = block.rows * block.columns", "sums of a column"),
    line("array-word", ARRAY, "left += rows * whole(part.stream, r.left_word)", "left += rows * part.stream",
         "words are read whole"),
    line("array-load-word", ARRAY, "part.columns * whole(rows, r.top_word)", "part.columns * rows",
         "words of a load are read whole"),
    line("pes-word", PES, "(-(-stream // word) * word for word in words)", "(stream for word in words)",
         "the least cycles of whole words"),
    line("emit-constants", EMIT, " + product.each * command.columns * last", "", "constants are given back"),
    line("emit-reads", EMIT, "(1 if array.stationary else ceil(rows, array.rows))\n        self", "1\n        self",
         "constants are read for every fold"),
    line("pes-leave", PES, 'said["rows"], self.rows):\n            rows', 'self.rows, self.rows):\n            rows',
         "the least cycles of a command of several folds"),
    line("lanes-latency", shared("lane_unit"), "* r.interval + r.latency", "* r.interval", "a sweep's latency"),
    line("lanes-stands", shared("lane_unit"), "r.left -= max(0, now - r.swept_from)", "r.left -= 0",
         "a sweep that a stream interrupts goes on"),
    line("g-latency", of("vitality", "g_buffer"), "r.free_at + r.latency <= now", "r.free_at <= now",
         "the requantisers' latency"),
    line("divisors-bytes", of("vitality", "divisors"), "4 * pop(values)", "pop(values)", "a divisor's four bytes"),
    line("join-order", of("vitality", "join"), "        if can_pop(divided):\n            block",
         "        if can_pop(divided) and not can_pop(array):\n            block", "rows of attention first"),
    line("vitality-lead", (f"{VITALITY}/dataflow/resources.py", f"{VITALITY}/test_machine.py"),
         "if fit >= 3 and", "if fit >= 3 or", "room for two products ahead"),
    line("sanger-divider", of("sanger", "merge_unit"), "start + r.divide_interval", "start + 1", "divider interval"),
    line("sanger-known", of("sanger", "merge_unit"), "known_at = start + r.divide_cycles", "known_at = start",
         "a row waits for its reciprocal"),
    line("sanger-adders", of("sanger", "sparse_array"), "max(kv_beat, (r.rows + r.adders - 1) // r.adders)", "kv_beat",
         "adders of values"),
    line("sanger-ports", of("sanger", "sparse_array"), "scores = r.dim * beat", "scores = r.dim", "narrow ports"),
    line("sanger-emits", of("sanger", "pack_unit"), "1 + one.columns + one.emits + moves", "1 + one.columns + moves",
         "passes that a full row ends"),
    line("sanger-strip", of("sanger", "prediction_array"), "r.held + new > most", "r.held > most",
         "room in the strip buffer"),
    line("spatten-equal", SELECT, "elif larger + equal < r.keep", "elif larger < r.keep", "values equal to the pivot"),
    line("spatten-rounds", SELECT, "// r.comparators + r.round_cycles", "// r.comparators", "a round's own cycles"),
    line("spatten-decision", (f"{SPATTEN}/components/decision.py", RUNS_OF), "NEVER if needs else now + 2",
         "NEVER if needs else now + 1", "the decision's stages"),
    line("spatten-softmax", of("spatten", "softmax"), "r.free_at + r.divide_cycles", "r.free_at",
         "the divider's stages"),
    line("spatten-sums", (f"{SPATTEN}/components/importance.py", f"{SPATTEN}/test_checks.py"),
         "r.importance_adds += h.keys", "r.importance_adds += 1", "additions to the tokens' importance"),
    line("ita-latency", BLOCK, "at = now + LATENCY", "at = now", "the datapath's latency"),
    line("ita-dividers", BLOCK, "rows[n - r.dividers].taken_at + 1", "rows[n - r.dividers].taken_at",
         "a serial divider works on one row"),
    line("ita-credit", BLOCK, "if r.credit >= r.out_fifo", "if r.credit > r.out_fifo", "room in the output FIFO"),
    line("ita-weights", COMPILE, "return ceil(rows, length) * columns * depth", "return columns * depth",
         "weights are read for every row tile"),
    line("judge-bits", ("accelerators/vitcod/checks/index_reads.py", "validation/test_transfers.py"),
         'BIT_READERS = (("softmax", "mask_bits"),)', "BIT_READERS = ()", "the mask's bits go through ports, too"),
    # in what order
    line("gemm-weight-read", GEMM, "weight_read = columns * (deep + each * last) * ceil(rows, plan.step_tokens)",
         "weight_read = columns * (deep + each * last)", "weights are read again for every group of tokens"),
    line("gemm-act-read", GEMM, "act_read = rows * deep * ceil(columns, plan.step_features)", "act_read = rows * deep",
         "activations are read again for every group of features"),
    line("gemm-residual-read", GEMM, "act_read += rows * columns", "act_read += 0", "residual operands are read"),
    line("gemm-activation", AFTER, ' + PASSES["activation"] * bool(layer.activation)', "", "an activation's pass"),
    line("stores-window", STORES, "token // self.rows * self.group", "token // self.rows * self.pitch",
         "a window behind the one before"),
    line("stores-end", STORES, "return first // kept[0].rows != (first + rows - 1) // kept[0].rows", "return False",
         "rows of two images"),
    line("stores-pitch", STORES, "if count == one.pitch:", "if count:", "tokens that lie apart"),
    line("lies-head", LIES, "tokens * before + n * rows * head, head,", "tokens * before + n * head, head,",
         "head by head"),
    line("lies-fused", LIES, "windows * before, windows * row,", "windows * before, row,", "Q, K and V in one tensor"),
    line("tiling-norm", TILING, '"layernorm": 2', '"layernorm": 1', "LayerNorm's sweeps"),
    line("tiling-pieces", TILING, "total // n + (i < total % n)", "total // n", "pieces that cover"),
    line("cuts-constants", CUTS, "2 * columns * (deep + shape.constants)", "2 * columns * deep", "room for constants"),
    line("cuts-half", CUTS, "deep = min(shape.depth, have.weight_bytes // 2 // features",
         "deep = min(shape.depth, have.weight_bytes // features", "weights are buffered twice"),
    line("cuts-sums", CUTS, "psum_bytes // (4 * features))\n    rows", "psum_bytes)\n    rows", "room for sums"),
    line("cuts-residual", CUTS, "spare = 2 * features * shape.residual", "spare = 0", "room for a residual operand"),
    line("windows-word", WINDOWS, "(begin + size - 1) // port_bytes - begin // port_bytes + 1",
         "(size - 1) // port_bytes + 1 + 0 * begin", "runs that begin in the midst of a word"),
    line("windows-row", WINDOWS, "np.arange(row, row + tokens, step_tokens)", "np.arange(0, tokens, step_tokens)",
         "a tile's own windows"),
    line("windows-pad", WINDOWS, "self.out * self.stride - self.pad, here", "self.out * self.stride, here",
         "the padding above a picture"),
    line("tiling-step", TILING, "return min(ways, key=", "return max(ways, key=", "the way round with fewer steps"),
    line("passes-parts", TABULATE, '-(-shares["sparse"] // have.segment) + (shares["dense"] > 0)',
         '-(-shares["sparse"] // have.segment) + 1', "parts of a row"),
    line("passes-cut", TABULATE, 'np.minimum(segment, counts[used] - nth * segment)',
         'np.minimum(segment, counts[used])', "the last piece of a column"),
    line("passes-share", TABULATE, 'rows["first"][:outputs] + np.cumsum(shares["sparse"], axis=0) - shares["sparse"]',
         'rows["first"][:outputs]', "where a share's scores are listed"),
    line("blocks-sums", PASSES, "have.places, have.psum_bytes // layer.v_dim // 4)", "have.psum_bytes)",
         "places for all rows of a pass in blocks of keys"),
    line("blocks-values", KEY_BLOCKS, "twice = ahead and 2 * max(sizes)", "twice = ahead and max(sizes)",
         "room for two blocks of V"),
    line("blocks-scores", KEY_BLOCKS, "if (done := b - halves) >= 0:", "if (done := b) >= 0 and False:",
         "tables of a block's scores are given back"),
    line("pass-decoding", ESTIMATE, "hidden[of.first_pass] = 0.0", "", "what hides the first decoding of a layer"),
    line("screen-front", SCREEN, "if n not in set(places)]", "if not places]", "what comes behind the front"),
    line("shares-least", SHARES, "np.clip(fair, 1, max(1, lines - 1))", "fair", "a line for each engine that has work"),
    line("batch-vector", ("dataflows/vector.py", "accelerators/systolic/test_contract.py"), "for _ in range(batch):",
         "for _ in range(1):", "every image's rows are normalised"),
    line("room-results", ("dataflows/vector.py", "dataflows/test_vector.py"),
         "if free < 0:", "if free < 0 and False:", "room for what a command leaves, before it begins"),
    line("batch-rows", ("dataflows/products/dense.py", "accelerators/systolic/test_contract.py"),
         "m, n, k = layer.tokens * batch,", "m, n, k = layer.tokens,", "rows of all images"),
    line("batch-heads", ("accelerators/systolic/dataflow/attention.py", "accelerators/systolic/test_contract.py"),
         "for image in range(batch) for head", "for image in range(1) for head", "heads of all images"),
    # closed forms of time
    line("estimate-constants", WORK, "work.features * (work.depth + work.constants)", "work.features * work.depth",
         "constants are read with weights"),
    line("estimate-ports", WORK, "deep, work.constants * last, ", "deep, 0 * last, ", "constants take a port's time"),
    line("estimate-sums", WORK, "(deep, 2, False, often)", "(deep, 1, False, often)", "sums are fetched and put away"),
    line("estimate-latency", TIMES, "return self.latency + max(size", "return max(size", "DRAM's latency"),
    line("estimate-bank", CEILS, "return ceil(2 * words, 2 * banks - 1)", "return ceil(words, banks)",
         "what is kept for fills"),
    line("estimate-follow", TIMES, "name, cycles = max(one.overlapped.items(), key=lambda term: term[1])",
         "name, cycles = min(one.overlapped.items(), key=lambda term: term[1])", "what binds in each part"),
    line("mapping-alike", CHOICE, "first = next(one for one in least if one.score(objective) <= limit)",
         "first = ranked[-1]", "the best one"),
    line("mapping-others", CHOICE, "all(one.cut != other.cut", "any(one.cut != other.cut", "the next best differ"),
    # time and wires
    line("schedule-peak", SCHEDULE, "c.peak = max(c.peak, c.count)", "c.peak = c.count", "a channel's peak"),
    line("schedule-total", SCHEDULE, "c.total += c.pushed", "c.total += 1", "items that crossed"),
    line("schedule-wake", SCHEDULE, "if c.count + c.pushed == c.depth:", "if False:", "room in a full channel wakes"),
    line("schedule-arrival", SCHEDULE, "if c.count == c.popped:", "if c.count == 0:", "an item behind the last wakes"),
    line("channel-room", CHANNEL, "return c.count + c.pushed < c.depth",
         "return c.count - c.popped + c.pushed < c.depth", "room is given back a cycle later"),
    # prices and figures
    line("bill-time", BILL, "0, seconds * 1e6", "0, seconds * 1e3", "uW times seconds"),
    line("bill-amount", BILL, "times(tariff, span) * tariff.amount", "times(tariff, span)", "actions a count"),
    line("bill-lines", BILL, "prices[:, row, macs] *=", "prices[:, 0, macs] *=", "each span has its own operands"),
    line("bill-write", TARIFF, 'if way == "read" else sram.write_pj_per_byte',
         'if way == "write" else sram.write_pj_per_byte', "reading and writing have prices of their own"),
    line("area-density", AREA, "cells.times(1 / table.density)", "cells.times(1.0)", "the layout's density"),
    line("table-byte", TABLE, "read_bytes: {dram_read_bit: 8, dram_io_read_bit: 8}", "read_bytes: {dram_read_bit: 1, "
         "dram_io_read_bit: 8}", "a byte of DRAM is eight bits"),
    line("table-standby", TABLE, "dram_precharged_standby: channels * ranks", "dram_precharged_standby: 1",
         "standby of every channel"),
    line("prices-vector", PRICES, "counters: {element_ops: requant, read_bytes: act_gb0.data.read}",
         "counters: {element_ops: 0, read_bytes: act_gb0.data.read}", "the vector unit's work"),
    line("peak-bandwidth", MEMORY, '* dram["channels"] * each', "* each", "all channels"),
    line("useful-macs", ("accelerators/vitcod/machine.py", RUNS), "workload.masked_macs(layer) if masked else",
         "layer.macs if masked else", "useful MACs are the mask's"),
    line("metrics-traffic", METRICS, "share(read + write, record.dram_peak_bytes_per_s * seconds)",
         "share(read, record.dram_peak_bytes_per_s * seconds)", "bandwidth utilisation"),
    line("metrics-ops", METRICS, "return 2 * record.peak_macs * record.clock_hz",
         "return record.peak_macs * record.clock_hz", "two operations a MAC"),
    line("metrics-hits", METRICS, "share(hits, hits + misses)", "share(hits, misses)", "the hit rate"),
    line("metrics-occupancy", METRICS, "share(held, capacity * cycles)", "share(held, capacity)", "occupancy"),
    # values
    line("requant-half", REQUANT, "half = (np.int64(1) << shift) >> 1", "half = 0", "rounding"),
    line("norm-square", LAYERS, "- total**2 + epsilon", "+ epsilon", "the variance"),
    line("norm-root", LAYERS, "math.isqrt(int(x))", "math.isqrt(int(x)) + 1", "the root"),
    line("dense-residual", LAYERS, "y = y + rescale(residual, *residual_requant)", "y = y + residual",
         "a residual's scale"),
    line("product-exact", LAYERS, "EXACT_DEPTH = 1 << 10", "EXACT_DEPTH = 1 << 13", "exact sums"),
    line("wiring-residual", WIRING, "for other in reversed(layers[:number]):\n        if other.name not in",
         "for other in layers[:number]:\n        if other.name not in", "the newest residual"),
    line("network-token", NETWORK, "self.classed.get((source,))", "None", "the class token of a residual"),
    line("shaping-stride", SHAPING, "stride = -(-side // out)", "stride = side // out", "a convolution's stride"),
    # what a layer with values reads
    line("reads-back", READS, "if step <= 0 or step", "if step", "segments go up"),
    line("reads-apart", READS, "step != (step if count == 1 else pitch)", "False", "segments are as far apart"),
    line("reads-line", READS, "np.minimum(window.side, down * window.stride - window.pad + window.kernel) - 1",
         "np.minimum(window.side, down * window.stride + 1) - 1", "a tile's last windows have their last line"),
    line("reads-border", READS, "inside = (line >= 0) & (line < window.side)", "inside = (line < window.side)",
         "nothing is needed beyond a border"),
    line("reads-picture", READS, "before, inputs if end == layer.tokens else after", "before, after - 1",
         "a picture is loaded to its end"),
)  # fmt: skip

"""Seeded bugs, each of which the co-simulation must catch: a harness that cannot fail proves nothing."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from accelsim.rtl.cosim import AFTER, Case, Outcome, differences, open_bench, run_model
from accelsim.rtl.vsim import Bench, build


@dataclass(frozen=True)
class Mutation:
    """A bug in a module: this text of it becomes that. `component` is whose cases must catch it."""

    component: str
    module: str
    bug: str
    before: str
    after: str


MUTATIONS = tuple(
    Mutation(*row)
    for row in (
        ("encoder", "channel", "an item is visible in the cycle it is pushed", "assign valid = count < MOST ? count",
         "assign valid = count + push < MOST ? count + push"),
        ("encoder", "channel", "room is given back in the cycle of the pop", "assign room  = SIZE - count",
         "assign room  = SIZE - count + pop"),
        ("encoder", "encoder", "back-pressure is dropped", "(elements != 0 && out_room == 0)",
         "(elements == 0 && out_room == 0)"),
        ("encoder", "encoder_datapath", "the sums of a feature that is cut are lost", "kept[place[k]] <= sum[k];",
         "kept[place[k]] <= '0;"),
        ("encoder", "encoder_datapath", "a token's sums are another's", "place[k] = KA'(32'(row_n) * ENCODED",
         "place[k] = KA'(32'(row_n >> 1) * ENCODED"),
        ("encoder", "encoder_datapath", "a feature begins with the sums of the last", "if (head_n == 0) total = '0;",
         ""),
        ("encoder", "encoder_datapath", "the window slips when a cycle ends within an output",
         "past <= reach % asked.encoded;", "past <= '0;"),
        ("encoder", "encoder", "heads that came before are forgotten", "(outputs_data.met + outputs_data.columns)",
         "(outputs_data.columns)"),
        ("encoder", "encoder", "items that pass by take two cycles", "ready_at <= now + 32'd1",
         "ready_at <= now + 32'd2"),
        ("index_walker", "index_walker", "the column pointer starts one too far", "next_at = one.first_column;",
         "next_at = one.first_column + 1'b1;"),
        ("index_walker", "index_walker", "the pointer's two bytes are free", "isa::W'(INDEX_BYTES) + isa::W'(2)",
         "isa::W'(INDEX_BYTES) + isa::W'(0)"),
        ("index_walker", "index_walker", "a full channel is not waited for", "|| column_room == 0", ""),
        ("output_merge", "output_merge", "the window is one place too large", "next_oldest + isa::W'(PLACES);",
         "next_oldest + isa::W'(PLACES + 1);"),
        ("output_merge", "output_merge", "two parts of a row in one cycle count as one",
         "if (take_d && place_d == place_s) seen_s", "if (1'b0) seen_s"),
        ("output_merge", "output_merge", "a tile's last row is left out", "taken + 1'b1 < dense_data.rows",
         "taken + 2'd2 < dense_data.rows"),
        ("softmax_unit", "softmax_unit", "the exponential is a cycle too short", "start = now + 32'(EXP_CYCLES);",
         "start = now + 32'(EXP_CYCLES - 1);"),
        ("softmax_unit", "softmax_unit", "the divider's interval is ignored",
         "next_free_at = start + 32'(DIVIDE_INTERVAL)",
         "next_free_at = start + 32'd0"),
        ("softmax_unit", "softmax_unit", "two scores of a row in one cycle count as one",
         "if (taken[m] && place[m] == place[n]) reached", "if (1'b0) reached"),
        ("softmax_unit", "softmax_unit", "the ready outputs are swapped", "{7'd0, has_dense[RA'(at_place)]}",
         "{7'd0, has_sparse[RA'(at_place)]}"),
        ("denser_engine", "denser_engine", "loading K takes a cycle less", "s.ready_at = now + 32'(load_count);",
         "s.ready_at = now + 32'(load_count) - 32'd1;"),
        ("denser_engine", "denser_engine", "Q is used one row early", "slot.q >= one.row0 + s.row + stream_rows",
         "slot.q + 1'b1 >= one.row0 + s.row + stream_rows"),
        ("denser_engine", "denser_engine", "a row's scores are not waited for", "<= limit && incomplete == 0",
         "<= limit"),
        ("denser_engine", "denser_engine", "other rows' scores are waited for", "place_group = GA'(place >> LA);",
         "place_group = '0;"),
        ("denser_engine", "denser_engine", "the window is not obeyed", "place + tile_rows <= limit && incomplete == 0",
         "incomplete == 0"),
        ("denser_engine", "denser_engine", "the feature count is not rounded up",
         "one.value_dim) + isa::W'(MACS - 1))", "one.value_dim))"),
        ("sparser_engine", "sparser_engine", "every Q is forwarded", "if (!scoring || token[n] < q)", "if (1'b1)"),
        ("sparser_engine", "sparser_engine", "a forward is missed", "token[n] < q", "token[n] + 1'b1 < q"),
        ("sparser_engine", "sparser_engine", "a bank sends two vectors in a cycle", "bank_token[its_bank] == token[n])",
         "1'b1)"),
        ("sparser_engine", "sparser_engine", "a vector is not multicast", "bank_token[its_bank] == token[n])", "1'b0)"),
        ("sparser_engine", "sparser_engine", "all free lines take up work in a cycle", "more_n = more | takes;",
         "more_n = more | (took ? free : '0);"),
        ("sparser_engine", "sparser_engine", "score back-pressure is dropped", "room = scoring ? score_room",
         "room = scoring ? 8'd255"),
        ("sparser_engine", "sparser_engine", "two scores of a row fall on one place of its list",
         "== score_item[m].place) some = some + 1'b1", "== score_item[m].place) some = some"),
        ("sparser_engine", "sparser_engine", "K is used before it arrived", "column_data.column < k",
         "column_data.column <= k"),
        ("sparser_engine", "arbiter", "the lowest line is granted all ports", "left = left & ~lowest;", "left = left;"),
        ("sparser_engine", "arbiter", "room is one more than there is", "8'(m) < room", "8'(m) <= room"),
        ("sparser_engine", "decoder", "a fetched vector answers another line", "next_line = miss_data.line",
         "next_line = miss_data.line ^ 1'b1"),
        ("decoder", "decoder", "single vectors do not go first", "miss_valid != 0 && next_any",
         "miss_valid != 0 && next_held == 0 && next_any"),
        ("decoder", "decoder", "decoding is not waited for", "cycles > most ? cycles : most", "cycles"),
        ("decoder", "decoder", "a command's last token is left out", "next_token == job.tokens)",
         "next_token + 1'b1 == job.tokens)"),
        ("encoder", "encoder", "blocked is reported as busy", "now >= ready_at ? isa::BLOCKED",
         "now >= ready_at ? isa::BUSY"),
        ("index_walker", "index_walker", "blocked is reported as idle", "isa::BUSY : isa::BLOCKED",
         "isa::BUSY : isa::IDLE"),
        ("decoder", "decoder", "starved is reported as idle", "miss_valid != 0 ? isa::STARVED : isa::IDLE",
         "isa::IDLE"),
        ("output_merge", "output_merge", "a finished row without room is reported as starved",
         "if ((whole && !leaves) || ", "if ("),
        ("softmax_unit", "softmax_unit", "a reciprocal on its way is reported as starved",
         "handed != exponentiated ? isa::BUSY : isa::STARVED", "isa::STARVED"),
        ("denser_engine", "denser_engine", "loading and streaming are reported as starved",
         "if (now < s.ready_at) halt = 1'b1;", "if (now < s.ready_at) {halt, status} = {1'b1, isa::STARVED};"),
        ("denser_engine", "denser_engine", "two notices leave in a cycle",
         "else if (done_push == 0) begin\n            done_push = 8'd1;",
         "else begin\n            done_push = done_push + 8'd1;"),
        ("sparser_engine", "sparser_engine", "computing is reported as starved", "if (computing || took", "if (took"),
        ("sparser_engine", "sparser_engine", "blocked is reported as starved",
         "wants != goes ? isa::BLOCKED : isa::STARVED", "isa::STARVED"),
        ("attention_core", "mac_line", "a score is not begun anew", "score <= (first ? '0 : score) + total",
         "score <= score + total"),
        ("attention_core", "mac_line", "the mux in front of the multipliers is swapped",
         "right = values ? $signed(probability)", "right = !values ? $signed(probability)"),
        ("attention_core", "denser_datapath", "accumulators and shadows do not change places",
         "bank <= !rst && (bank ^ leaving);", "bank <= 1'b0;"),
        ("attention_core", "denser_datapath", "the merge reads the accumulators", "slot(32'(taken), !bank, s)",
         "slot(32'(taken), bank, s)"),
        ("attention_core", "denser_datapath", "repeated columns see the same row", "TA'(token) + port_row[p]",
         "TA'(token)"),
        ("attention_core", "denser_datapath", "a line loads its neighbour's K", "k_nth <= LA'(nth);",
         "k_nth <= LA'(nth + 1'b1);"),
        ("attention_core", "denser_datapath", "a column's probabilities are those of another row",
         "base <= address + SA'(layout.rows);", "base <= address + SA'(layout.rows) + SA'(1);"),
        ("attention_core", "sparser_datapath", "a fetched vector is used for a beat only",
         "held[n] <= arriving[n] ? vector : next[n];", "held[n] <= next[n];"),
        ("attention_core", "sparser_datapath", "the next column's K comes too early",
         "k[n] = held_k[n][32'(beat[n])", "k[n] = next_k[n][32'(beat[n])"),
        ("attention_core", "sparser_datapath", "a segment is added to the one before", "next_first[n] <= fresh[n];",
         "next_first[n] <= 1'b0;"),
        ("attention_core", "sparser_datapath", "every line listens to bank 0", "q_value[BA'(bank2[n])]", "q_value[0]"),
        ("attention_core", "sparser_engine", "another line's score leaves", "leaves_line[m] = isa::W'(leaving[m]);",
         "leaves_line[m] = isa::W'(leaving[m] ^ 1'b1);"),
        ("attention_core", "banked_scratchpad", "two tokens share a place", "32'(spot[TA-1:0]) / BANKS",
         "32'(spot[TA-1:0]) / (2 * BANKS)"),
        ("attention_core", "scratchpad", "all heads' vectors are the last head's", "words[place(HA'(p), address)] <=",
         "words[place('0, address)] <="),
        ("attention_core", "scratchpad", "a double buffer has one side", "32'(SIDES > 1 && spot[TA])", "32'd0"),
        ("attention_core", "decoder", "a vector of another block of rows is fetched",
         "single ? asked.row0 + miss_data.row :", "single ? miss_data.row :"),
        ("attention_core", "decoder", "a command's tokens all get the first one's values",
         "following.first + next_token;", "following.first;"),
        ("attention_core", "decoder_datapath", "the bias is added for every code", "(m == 0 ? $signed(weights[o].bias)",
         "(1'b1 ? $signed(weights[o].bias)"),
        ("attention_core", "decoder_datapath", "Q is restored with the weights of K", "(kind ? isa::W'(ALL) : '0)",
         "(kind ? '0 : '0)"),
        ("attention_core", "decoder_datapath", "the weights are those of the layer's first heads",
         "'0) + head0 + (single ? head : '0);", "'0) + (single ? head : '0);"),
        ("attention_core", "decoder_datapath", "a feature that a cycle cuts begins again",
         "m = opened ? '0 : next_member;", "m = '0;"),
        ("attention_core", "decoder_datapath", "what the port has brought before is overwritten",
         "'(window) << {ready, 3'd0});", "'(window));"),
        ("attention_core", "decoder_datapath", "without an auto-encoder the pass's first head is not minded",
         "offset <= NA'(isa::W'((head0 + (single", "offset <= NA'(isa::W'((0 + (single"),
        ("attention_core", "attention_datapath", "tokens go to the other side of the double buffers",
         "side <= decoder_pass[0];", "side <= !decoder_pass[0];"),
        ("attention_core", "denser_datapath", "a pass reads V of the layer's first heads",
         "VA'(layout.head0 + value.head)", "VA'(value.head)"),
        ("attention_core", "sparser_datapath", "a segment reads V of the layer's first heads",
         "VA'(layout.head0 + granted_head1[b])", "VA'(granted_head1[b])"),
        ("attention_core", "softmax_datapath", "a pass is masked like the first",
         "keep[n] = !dense2[n] || kept[KA'(32'(layout.kept)+", "keep[n] = !dense2[n] || kept[KA'("),
        ("attention_core", "softmax_unit", "all rows of an item have the first row's scores",
         "element[n] = next_nth_of_item;", "element[n] = next_nth;"),
        ("attention_core", "softmax_datapath", "a pruned score counts", "masked[n] ? '0 : value[n];", "value[n];"),
        ("attention_core", "softmax_datapath", "two exponentials of a row in one cycle count as one",
         "for (int m = 0; m <= n; m++) begin\n        if (ended[m].valid",
         "for (int m = n; m <= n; m++) begin\n        if (ended[m].valid"),
        ("attention_core", "softmax_datapath", "the maximum is the last score",
         "place2[m] == place2[n] && score[m] > peak[n])", "place2[m] == place2[n])"),
        ("attention_core", "softmax_datapath", "a reciprocal is written to the row after it",
         "reciprocals[RA'(dividing_place[DIVIDE_CYCLES-1])] <=", "reciprocals[RA'(dividing_place[0])] <="),
        ("attention_core", "exponential", "the fraction is a bit off", "EXP2[{below[5:0], 4'd0}+:16]",
         "EXP2[{below[6:1], 4'd0}+:16]"),
        ("attention_core", "reciprocal", "the quotient lacks its last bit", "n * BITS + b < 32", "n * BITS + b < 31"),
        ("attention_core", "normalise", "probabilities are not rounded", " + 48'h800000", ""),
        ("attention_core", "merge_datapath", "a place is not cleared", "dense_first2 ? dense_row :",
         "1'b0 ? dense_row :"),
        ("attention_core", "requantise", "outputs wrap around", "if (scaled > 64'sd127) value = 8'd127;", ""),
        ("attention_core", "requantise", "outputs are not rounded", "(product + half) >>> shift", "product >>> shift"),
        ("attention_core", "attention_datapath", "a single vector is overtaken by the next", ".item(single),",
         ".item(single_value),"),
    )
)  # fmt: skip


def mutant(case: Case, mutation: Mutation) -> Path:
    """The bench of a case with the bug in it. Raises ValueError when the text is not there exactly once."""
    with tempfile.TemporaryDirectory() as name:
        folder, files = Path(name), []
        for path in case.netlist.files(folder):
            if path.stem == mutation.module:
                text = path.read_text()
                if text.count(mutation.before) != 1:
                    raise ValueError(
                        f"{path.name}: {mutation.before!r} stands there {text.count(mutation.before)} times"
                    )
                path = folder / path.name
                path.write_text(text.replace(mutation.before, mutation.after))
            files.append(path)
        return build(files, case.netlist.top)


def caught(mutation: Mutation, cases: Iterable[Case]) -> tuple[int, str]:
    """Differences in the first case that shows any (0: none does), and the first of them."""
    for case in cases:
        model, sim = run_model(case)
        bench: Bench
        bench, ports, alive = open_bench(case, mutant(case, mutation))
        try:
            found = bench.run(0, sim.at + AFTER, ports, 2 + max(p.words for p in ports))
        except RuntimeError as refused:  # a module that pushes without end
            return 1, str(refused)
        finally:
            bench.close()
        del alive
        count, text = differences(case, model, found, Outcome(case.name))
        if count:
            return count, text
    return 0, ""

"""How long attention takes on ViTCoD, in closed form: pass by pass, each unit alone (docs/mapping.md).

Many cuts are estimated at once, of one layer or of several of the same sizes: what all their passes need is found for
all of them together."""

from collections.abc import Sequence

import numpy as np

from accelsim.accelerators.vitcod.dataflow.head_work import HeadWork
from accelsim.accelerators.vitcod.dataflow.pass_cycles import (
    AllPasses,
    Units,
    decoder_cycles,
    score_cycles,
    value_cycles,
)
from accelsim.accelerators.vitcod.dataflow.rates import Rates
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.sizes import AttentionCut, coded_heads, token_bytes, whole_bytes
from accelsim.dataflows.estimate import Estimate
from accelsim.dataflows.tiling import ceil
from accelsim.workload.layers import Attention

CROWDING = 5  # [ours, measured] the exponent of the norm that units which wait for each other take together
HIDDEN_CYCLES = 2000  # [ours, measured] of a layer's first tables that arrive while the layer before is at work
FETCHED = 0.55  # [ours, measured] of the queries asked for of DRAM; the others are on their way or still held
BEGIN_CYCLES = 60  # [ours, measured] of a pass: commands, the first column, the last row's way through merge

Job = tuple[AttentionCut, Sequence[HeadWork]]  # a cut, and the heads of the layer that it cuts


def crowded(units: Units) -> tuple[list[str], np.ndarray]:
    """(units that bind, float64: cycles) of units that work at the same time and now and then wait for each other: the
    longest of them, and more where others are nearly as long.

    Powers are Python's, whose last bit is the same on every processor.
    """
    names, cycles = list(units), np.stack([np.asarray(c, float) for c in units.values()], axis=1)
    binds = [names[n] for n in cycles.argmax(axis=1).tolist()]
    return binds, np.array([sum([c**CROWDING for c in row]) ** (1 / CROWDING) for row in cycles.tolist()])


def attention_estimates(
    layer: Attention, batch: int, jobs: Sequence[Job], have: Resources, to: Rates, stored: bool = True
) -> list[Estimate]:
    """The times of attention layers of the same sizes that are cut into passes; stored: their outputs go to DRAM.

    The scores of a pass, and the values of each of its heads, take as long as their busiest unit; engines that take
    turns add up. Operands of the next pass are decoded while values are worked on; what that does not hide adds up.
    Exposed: K and Q of the first pass until the first can be decoded, tables of the first pass beyond what the layer
    before hides, what DRAM brings and takes beyond all this, the last rows' way to DRAM.
    """
    coded, memory = coded_heads(layer, have), to.memory
    of = AllPasses(layer, jobs, have)
    scores, values = score_cycles(layer, of, coded, to), value_cycles(layer, of, to)
    walker = scores["walker"]
    apart = ~(have.two_engines & (of.denser_lines + of.sparser_lines <= have.lines))
    for units, turns in ((scores, apart), (values, apart[of.of_pass])):
        units["sparser engine"] = units["sparser engine"] + turns * units["denser engine"]
    (score_binds, scoring), (value_binds, of_heads) = crowded(scores), crowded(values)
    valuing = np.add.reduceat(of_heads, of.first_head)
    stays = np.repeat([cut.stays for cut, _ in jobs], of.passes)
    operands = (of.rows * of.blocks + layer.kv_tokens) * layer.qk_dim * (coded or of.heads) * ~stays
    loaded = operands + layer.kv_tokens * layer.v_dim * of.heads + of.index_bytes
    outputs = of.heads * of.rows
    moved = loaded + memory.moved(layer.v_dim, outputs) * stored
    bursts = memory.bursts(loaded) + outputs * stored
    if to.fetches:
        fetched = np.rint(FETCHED * of.asked).astype(int)
        moved = moved + memory.moved(layer.qk_dim * max(1, coded), fetched)
        bursts = bursts + fetched
    filled = of.index_bytes / (to.index_banks * to.index_port_bytes)
    waits = np.asarray(BEGIN_CYCLES * (2 * of.blocks - 1) + to.divide_cycles, float)
    waits[of.first_pass] += np.maximum(0.0, filled[of.first_pass] - HIDDEN_CYCLES) / batch
    hidden = np.concatenate([[0.0], valuing[:-1]])  # by the values of the pass before
    hidden[of.first_pass] = 0.0
    if not have.double_buffer:
        waits += memory.latency + loaded / memory.rate
        hidden[:] = 0.0
    decoding = np.maximum(0.0, decoder_cycles(layer, of, coded, to) - hidden)
    tables = np.maximum(0.0, filled + walker - (scoring + valuing))  # its port is filled through and handed out from
    whole = whole_bytes(layer, have)
    totals = [np.add.reduceat(of_all, of.first_pass).tolist() for of_all in (waits, decoding, tables, moved, bursts)]
    found = []
    at = 0
    for (cut, _), begin, passes, *numbers in zip(jobs, of.first_pass.tolist(), of.passes, *totals):
        waits_sum, decoding_sum, tables_sum, moved_sum, bursts_sum = numbers
        bound: dict[str, float] = {}
        end = at + sum([len(one.heads) for one in cut.passes])
        for names, cycles in (
            (score_binds[begin : begin + passes], scoring[begin : begin + passes].tolist()),
            (value_binds[at:end], of_heads[at:end].tolist()),
        ):
            for name, each in zip(names, cycles):
                bound[name] = bound.get(name, 0.0) + each
        at = end
        bound["decoder"] = decoding_sum
        if tables_sum:
            bound["index buffer"] = tables_sum
        busy = sum(bound.values()) + waits_sum
        first = 2 * min(cut.piece_tokens, layer.kv_tokens) * token_bytes(layer, have, len(cut.passes[0].heads))
        last = min(have.store_bytes // 2, ceil(cut.passes[-1].rows, 4) * layer.v_dim)
        drain = memory.store(last) if stored else to.array.hand_on(last)
        exposed = {"passes": batch * waits_sum, "fill": memory.fetch(first), "drain": drain}
        moved_bytes = moved_sum + whole * cut.stays
        bursts_sum += 2 * memory.bursts(whole // 2) * cut.stays
        for name, cycles in (
            ("DRAM", moved_bytes / memory.bytes_per_cycle),
            ("bursts", bursts_sum * memory.burst_cycles),
        ):
            if cycles > busy:
                exposed[name] = batch * (cycles - busy)
                busy = cycles
        overlapped = {name: batch * cycles for name, cycles in bound.items()}
        found.append(Estimate(overlapped, exposed, batch * moved_bytes, serial=True))
    return found

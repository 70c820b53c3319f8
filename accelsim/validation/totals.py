"""Conservation: what the units counted against closed forms of the network; buffers and channels against their
sizes."""

import numpy as np

from accelsim.isa import instructions as isa
from accelsim.validation.evidence import BUFFERS, Evidence
from accelsim.validation.expected import AttentionWork
from accelsim.validation.memory import Tensor, coded_columns
from accelsim.validation.outputs import Outputs, expected_keys
from accelsim.validation.report import Report
from accelsim.validation.scores import NEVER, Scores
from accelsim.validation.values import Parts
from accelsim.workload.layers import Gemm


def check_totals(evidence: Evidence, works: list[AttentionWork], known: list[Tensor], report: Report) -> None:
    """Counters of the whole run."""
    batch, layers = evidence.workload.batch, evidence.workload.layers
    gemms = [layer for layer in layers if isinstance(layer, Gemm)]
    coded = [(layer, *coded_columns(evidence, layer)) for layer in gemms]
    dense = [(w.dense.sum() * w.layer.q_tokens * batch, w.layer) for w in works]
    sparse = [(w.sparse.sum() * batch, w.layer) for w in works]
    scores = sum(n for n, _ in dense + sparse)
    rows = sum(w.layer.heads * w.layer.q_tokens for w in works) * batch
    values = sum(w.layer.heads * w.layer.q_tokens * w.layer.v_dim for w in works) * batch
    loaded = {b: int((evidence.tables[b]["bytes"] * evidence.tables[b]["segments"]).sum()) for b in BUFFERS}
    stored = int((evidence.tables["stores"]["bytes"] * evidence.tables["stores"]["segments"]).sum())
    for unit, counter, wanted in (
        ("engine", "mac_ops", sum(layer.macs for layer in gemms) * batch),
        ("denser", "mac_ops", sum(n * (a.qk_dim + a.v_dim) for n, a in dense)),
        ("sparser", "mac_ops", sum(n * (a.qk_dim + a.v_dim) for n, a in sparse)),
        ("encoder", "mac_ops", sum(layer.repeat * layer.tokens * n * e for layer, n, _, e in coded) * batch),
        ("softmax", "exp_ops", scores), ("softmax", "add_ops", scores), ("softmax", "divide_ops", rows),
        ("denser", "normalise_ops", sum(n for n, _ in dense)), ("sparser", "normalise_ops", sum(n for n, _ in sparse)),
        ("merge", "requant_ops", values),
        *((BUFFERS[b], "write_bytes", loaded[b]) for b in BUFFERS),
        ("act_gb1", "write_bytes", stored), ("act_gb1", "read_bytes", stored),
        ("act_gb1", "write_bytes", sum(t.whole for t in known if t.written)),
        ("dram", "read_bytes", sum(loaded.values())), ("dram", "write_bytes", stored),
        ("sequencer", "instructions", len(evidence.tables["program"])),
    ):  # fmt: skip
        if counter in evidence.result.total.counts[unit]:
            report.equal(
                "totals", f"{unit}.{counter}", "as the network says", evidence.count(unit, counter), int(wanted)
            )
    length = {clock: evidence.result.cycles(clock) for clock in evidence.result.periods}
    for unit, spent in evidence.result.total.status.items():
        clock = evidence.result.parts[unit].clock
        report.equal("totals", unit, "cycles by status add up to the run", sum(spent.values()), length[clock])
    marks = [span.label for span in evidence.result.spans if span.label >= 0]
    ended = [] if marks == list(range(len(layers))) else [f"marks {marks[:5]} ... for {len(layers)} layers"]
    report.add("totals", "layers", "each ends once, in order", len(layers), ended)


def check_buffers(evidence: Evidence, report: Report) -> None:
    """No global buffer over its capacity, none with bytes left; no channel over its depth."""
    for buffer, most in evidence.peak.items():
        capacity = evidence.part(buffer, "capacity_bytes")
        wrong = [] if 0 <= most <= capacity else [f"{buffer}: {most} bytes at most, of {capacity}"]
        report.add("buffers", buffer, f"never more than {capacity} bytes", most, wrong)
        report.equal("buffers", buffer, "nothing is left in it", evidence.held[buffer], 0)
    links, peaks = evidence.result.links, evidence.result.peaks
    names = list(links)
    report.compare("buffers", "channels", "no channel holds more than its depth",
                   np.array([peaks[n] <= links[n].depth for n in names], bool),
                   lambda n: f"{names[n]}: {peaks[names[n]]} of {links[names[n]].depth}")  # fmt: skip


def check_local_buffers(evidence: Evidence, outputs: Outputs, scores: Scores, parts: Parts, report: Report) -> None:
    """The engines' Q and K buffers and the score buffer, from the first byte of a pass to its last use."""
    passes, many = evidence.tables["passes"], len(evidence.tables["passes"])
    layers = [outputs.works[w].layer for w in outputs.pass_work]
    of_score, of_part = outputs.number[scores.place], outputs.number[parts.place]
    last_score, last_part, first_score = np.full(many, -1), np.full(many, -1), np.full(many, NEVER)
    np.maximum.at(last_score, of_score, scores.at)
    np.minimum.at(first_score, of_score, scores.at)
    np.maximum.at(last_part, of_part, parts.at)
    dense = np.bincount(expected_keys(outputs, True) // outputs.stride, minlength=len(outputs.work))
    sparse = np.bincount(expected_keys(outputs, False) // outputs.stride, minlength=len(outputs.work))
    each = np.bincount(outputs.number, 2 * dense + 3 * sparse, minlength=many)
    notes = evidence.log["decoder.denser"]
    for name, kind, size in (
        ("k_bytes", 0, [one.heads * layer.kv_tokens * one.dim for one, layer in zip(passes, layers)]),
        ("q_bytes", 1, [one.heads * one.rows * one.dim if one.dense else 0 for one in passes]),
    ):
        first, mine = np.full(many, NEVER), notes[notes["kind"] == kind]
        np.minimum.at(first, mine["number"], mine["at"])
        overlap(report, f"denser.{name}", evidence.part("denser", name), first, last_score, np.array(size))
    overlap(report, "softmax.score_bytes", evidence.part("softmax", "score_bytes"), first_score, last_part, each)


def overlap(report: Report, name: str, capacity: int, first: np.ndarray, last: np.ndarray, size: np.ndarray) -> None:
    """Passes that are in a buffer together fit it."""
    used = first < NEVER
    held = np.array([size[used & (first <= at) & (last > at)].sum() for at in first], np.int64)
    report.compare("buffers", name, f"never more than {capacity} bytes", ~used | (held <= capacity),
                   lambda n: f"pass {n} makes it {held[n]} bytes")  # fmt: skip


def check_vectors(evidence: Evidence, report: Report) -> None:
    """The vector unit's commands take in what was loaded for them and give out what is stored."""
    program = evidence.tables["program"]
    commands = program[program["op"] == isa.VECTOR]
    loads = evidence.tables["act"]
    size = loads["bytes"] * loads["segments"]
    nth = np.where(commands["wait"] == isa.ACT_LOADED, commands["count"], commands["count2"]) - 1
    good = (nth >= 0) & (nth < len(size)) & (commands["a"] == np.append(size, 0)[np.clip(nth, -1, len(size))])
    report.compare("vector", "vector unit", "a command is of the elements that were loaded for it", good,
                   lambda n: f"command {n} is of {commands['a'][n]} elements and waits for load {nth[n]}")  # fmt: skip
    taken = evidence.count("vector", "read_bytes")
    report.equal("vector", "vector unit", "elements read for commands", taken, int(commands["a"].sum()))

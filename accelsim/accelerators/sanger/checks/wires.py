"""What crossed the wires of attention: strips, passes, rows, each the next one, and no sooner than the work takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accelsim.accelerators.sanger.checks.passes import LayerPasses
from accelsim.validation import Report

if TYPE_CHECKING:
    from accelsim.accelerators.sanger.checks.judge import SangerJudge


@dataclass(frozen=True)
class Head:
    """A head of an image, in the order of work: `n` of its layer, `first_row` of its rows in all of the run."""

    passes: LayerPasses
    head: int
    n: int
    first_row: int


def heads(judge: "SangerJudge") -> Iterator[Head]:
    """All heads in the order of work."""
    for one in judge.passes:
        first = judge.rows_before(one)
        for n in range(one.layer.heads * judge.evidence.workload.batch):
            yield Head(one, n % one.layer.heads, n, first + n * one.layer.q_tokens)


def check_wires(judge: "SangerJudge", report: Report) -> bool:
    """All of it; whether it is right."""
    before, some = len(report.failed), list(heads(judge))
    strips = [
        (h.passes.tile_of(h.head) + s * h.passes.across, h.passes.across) for h in some for s in range(h.passes.strips)
    ]
    same(judge, report, "predictor.strip", ("tile", "tiles"), strips)
    tables = judge.evidence.tables
    columns = [(int(tables["tiles"]["columns"][t + n]),) for t, many in strips for n in range(many)]
    same(judge, report, "pack.drained", ("columns",), columns)
    numbers = [(h.passes.pack_of(h.head) + k, h.first_row) for h in some for k in range(h.passes.packs[h.head])]
    same(judge, report, "pack.ready", ("number",), [(number,) for number, _ in numbers])
    same(judge, report, "array.passed", ("number", "first_row"), numbers)
    wide = judge.operand_bytes
    rows = [(h.passes.layer.v_dim * wide,) for h in some for _ in range(h.passes.layer.q_tokens)]
    same(judge, report, "merge.row", ("bytes",), rows)
    for unit in ("predictor", "array"):
        finished = int(judge.evidence.log[f"{unit}.done"]["number"].sum())
        report.equal("wires", f"{unit}.done", "each head is done once", finished, len(some))
    if len(report.failed) == before:
        check_prediction(judge, some, report)
        check_packing(judge, strips, report)
        check_array(judge, some, report)
        check_merge(judge, some, report)
    return len(report.failed) == before


def same(judge: "SangerJudge", report: Report, port: str, fields: tuple[str, ...], wanted: list[tuple]) -> None:
    """What left a port, in order."""
    log = judge.evidence.log[port]
    report.equal("wires", port, "as much leaves as the masks say", len(log), len(wanted))
    if len(log) != len(wanted):
        return
    found = np.array([log[name] for name in fields]).T.reshape(len(wanted), len(fields))
    good = (found == np.array(wanted, np.int64).reshape(len(wanted), len(fields))).all(axis=1)
    report.compare(
        "wires", port, "what leaves is what the masks say, in order", good,
        lambda n: f"item {n} is {dict(zip(fields, found[n].tolist()))}, not {dict(zip(fields, wanted[n]))}",
    )  # fmt: skip


def early(report: Report, port: str, at: np.ndarray, least: list[int]) -> None:
    """Nothing leaves before it can."""
    report.compare(
        "pace", port, "nothing leaves before its work can be done", at >= np.array(least, np.int64),
        lambda n: f"item {n} leaves in cycle {at[n]}, not before {least[n]} as it must",
    )  # fmt: skip


def check_prediction(judge: "SangerJudge", some: list[Head], report: Report) -> None:
    """A strip takes the cycles of its tiles, behind its head's command and the strip before."""
    evidence = judge.evidence
    said, array = evidence.arch.parts["predictor"], evidence.arch.parts["array"]
    taken, at = evidence.into("predictor.command")["at"], evidence.log["predictor.strip"]["at"]
    w, h, least, nth = said["width"], min(said["height"], array["rows"]), [], 0
    width = evidence.part("predict_buffer", "banks") * evidence.part("predict_buffer", "port_bytes")
    beat = -(-((w + h + 1) // 2) // width)
    for n, head in enumerate(some):
        layer = head.passes.layer
        for strip in range(head.passes.strips):
            rows = min(array["rows"], layer.q_tokens - strip * array["rows"])
            begin = max(int(taken[n]) + 1, int(at[nth - 1]) if nth else 0)
            if judge.predicts:
                tiles = -(-rows // h) * -(-layer.kv_tokens // w)
                least.append(begin + tiles * (1 + layer.qk_dim * beat + w + h - 1 + w + 1))
            else:
                least.append(begin + layer.kv_tokens)
            nth += 1
    early(report, "predictor.strip", at, least)


def check_packing(judge: "SangerJudge", strips: list[tuple[int, int]], report: Report) -> None:
    """A pass is ready when its columns have been taken, one a cycle, and its sub-rows moved."""
    evidence = judge.evidence
    tables, log = evidence.tables, evidence.log
    moved, came = evidence.part("pack", "subrows_per_cycle"), log["predictor.strip"]["at"]
    ready, drained = log["pack.ready"]["at"], log["pack.drained"]["at"]
    least, gone, begin, tile, done = [], [], 0, 0, 0
    for n, (first, many) in enumerate(strips):
        begin = max(begin, int(came[n]) + 1)
        for t in range(first, first + many):
            one = tables["tiles"][t]
            for k in range(int(one["passes"])):
                pack = tables["packs"][int(one["first_pass"]) + k]
                least.append(begin + 1 + int(pack["scanned"] + pack["emitted"]) - -int(pack["moved"]) // moved)
                begin += max(0, int(ready[done]) - least[-1])
                done += 1
            end = begin + 1 + int(one["columns"] + one["emits"]) - -int(one["subrows"]) // moved
            gone.append(end)
            begin = max(end, int(drained[tile]))
            tile += 1
    early(report, "pack.ready", ready, least)
    early(report, "pack.drained", drained, gone)


def times(said: Mapping[str, int], control: str, dim: int, values: int, beats: tuple[int, int]) -> tuple[int, int]:
    """(cycles from a pass to the next, from there until its last value is there); docs/timing.md."""
    w, h, p = said["ports"], said["rows"], said["pes"]
    scores, values = dim * beats[0], values * beats[1]
    if control == "wavefront":
        return scores + 1 + max(values, p), w + h - 2
    if control == "per_stage":
        return scores + values + 2 * w + 1, h - 1
    return scores + values + 2 * (w + h - 1) + 2 + p, 0


def beats_of(judge: "SangerJudge") -> tuple[int, int]:
    """Cycles in which a feature of the scores, and of the values, enters the array."""
    part, wide = judge.evidence.part, judge.operand_bytes
    kv, q = (part(b, "banks") * part(b, "port_bytes") for b in (judge.weight, judge.act))
    across, high = part("array", "ports") * wide, part("array", "rows")
    return max(-(-across // kv), -(-high * wide // q)), max(-(-across // kv), -(-high // part("array", "adders")))


def check_array(judge: "SangerJudge", some: list[Head], report: Report) -> None:
    """A pass follows the one before by its cycles, its configuration, its head's command, and room for its rows."""
    evidence, log = judge.evidence, judge.evidence.log
    said, control, beats = evidence.arch.parts["array"], evidence.arch.options["control"], beats_of(judge)
    ready, passed, window = log["pack.ready"], log["array.passed"], log["merge.window"]
    command, packs = evidence.into("array.command")["at"], evidence.tables["packs"]
    least, begin, nth, room = [], 0, 0, []
    for n, head in enumerate(some):
        layer = head.passes.layer
        period, tail = times(said, control, layer.qk_dim, layer.v_dim, beats)
        for _ in range(head.passes.packs[head.head]):
            begin = max(begin, int(ready["at"][nth]) + 1, int(command[n]) + 1)
            least.append(begin + period + tail)
            begun = int(passed["at"][nth]) - period - tail
            told = int(np.searchsorted(window["at"], begun)) - 1
            end = int(window["end"][told]) if told >= 0 else 0
            room.append(head.first_row + int(packs["last_row"][passed["number"][nth]]) < end)
            begin += period
            nth += 1
    early(report, "array.passed", passed["at"], least)
    report.compare("window", "array", "a pass begins when there is room for its rows", np.array(room, bool),
                   lambda n: f"pass {n} on the wires begins without room for its last row")  # fmt: skip


def check_merge(judge: "SangerJudge", some: list[Head], report: Report) -> None:
    """A row leaves after its last pass, its reciprocal, and the lanes' work; the window has no more rows than fit."""
    evidence, log, said = judge.evidence, judge.evidence.log, judge.evidence.arch.parts["merge"]
    passed, row, window = log["array.passed"], log["merge.row"], log["merge.window"]
    tables, last = evidence.tables, np.full(len(row) + 1, -1, np.int64)
    for number, first, at in zip(passed["number"].tolist(), passed["first_row"].tolist(), passed["at"].tolist()):
        pack = tables["packs"][number]
        begin = int(pack["first_subrow"])
        rows = first + tables["subrows"]["row"][begin : begin + int(pack["subrows"])]
        last[rows] = np.maximum(last[rows], at + 1)
    least, places, at, n = [], [], 0, 0
    for head in some:
        layer = head.passes.layer
        work = max(1, -(-layer.v_dim * (1 + bool(layer.activation)) // said["lanes"]))
        for _ in range(layer.q_tokens):
            known = int(last[n]) + said["divide_cycles"] if last[n] >= 0 else 0
            least.append(max(known, at) + work)
            at = int(row["at"][n])
            places.append(head.passes.places)
            n += 1
    early(report, "merge.row", row["at"], least)
    left = np.searchsorted(row["at"], window["at"], side="right")
    most = left + np.array(places, np.int64)[np.minimum(left, len(places) - 1)] if places else left
    report.compare("window", "merge", "the window has no more rows than there are places", window["end"] <= most,
                   lambda n: f"it ends at row {window['end'][n]} when {left[n]} have left")  # fmt: skip

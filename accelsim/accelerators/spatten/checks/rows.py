"""What crossed the wires between the attention units: every row once and in order, none before its lines were written,
no faster than its lines are read, and no sooner than softmax takes."""

from typing import TYPE_CHECKING

import numpy as np

from accelsim.validation import Report

if TYPE_CHECKING:
    from accelsim.accelerators.spatten.checks.judge import SpAttenJudge


def check_rows(judge: "SpAttenJudge", report: Report) -> None:
    """All of it."""
    works, log = judge.works, judge.evidence.log
    if not works:
        return
    total = sum(work.rows for work in works)
    again = np.concatenate([np.tile(w.again.ravel(), w.batch) for w in works]) if works else np.zeros(0, bool)
    for port in ("decision.rows", "decision.sums", "row_top_k.kept"):
        found = log[port]["row"]
        same = np.array_equal(found, np.arange(total))
        report.add("rows", port, "every row once, in order", total, [] if same else [f"{port}: {len(found)} rows"])
    passes = log["qk_array.scores"]
    for flag, wanted, what in ((0, np.ones(total, bool), "every row once"), (1, again, "again, each that is not sure")):
        times = np.bincount(passes["row"][passes["again"] == flag], minlength=total)
        report.compare("rows", "qk_array.scores", what, times == wanted, lambda n, t=times: f"row {n}: {t[n]} times")
    told = log["decision.reports"]
    times = np.bincount(told["row"][told["again"] == 1], minlength=total)
    report.compare(
        "rows", "decision.reports", "sent back when not sure", times == again, lambda n: f"row {n}: {times[n]} times"
    )
    sizes = [w.layer.v_dim for w in works for _ in range(w.rows)]
    left = log["pv_array.results"]["bytes"]
    same = np.array_equal(left, np.array(sizes, np.int64))
    report.add("rows", "pv_array.results", "every output row leaves", total, [] if same else [f"{len(left)} rows left"])
    check_times(judge, report)


def check_times(judge: "SpAttenJudge", report: Report) -> None:
    """Reading follows the fill, rows follow each other, and softmax takes its time."""
    evidence, log, part = judge.evidence, judge.evidence.log, judge.evidence.part
    scores, known = log["qk_array.scores"], log["softmax.probabilities"]
    for kind, port, unit, first in (
        ("k", "k_buffer.lines", "qk_array", True),
        ("v", "v_buffer.lines", "pv_array", False),
    ):
        written = np.cumsum(log[port]["bytes"])
        wanted = np.cumsum([w.sizes()[kind] for w in judge.works for _ in range(w.heads)])
        at = log[port]["at"][np.searchsorted(written, wanted)] if len(wanted) else np.zeros(0, np.int64)
        rows = np.cumsum([0] + [w.layer.q_tokens for w in judge.works for _ in range(w.heads)])[:-1]
        if first:
            mine = scores[scores["again"] == 0]
            leaves = mine["at"][np.searchsorted(mine["row"], rows)]
        else:
            leaves = log["pv_array.results"]["at"][rows]
        report.compare(
            "rows",
            unit,
            "no row before the last line of its head was written",
            leaves >= at + part(unit, "pipeline_cycles"),
            lambda n, a=at, x=leaves: f"head {n}: its first row leaves in cycle {x[n]}, its last line came in {a[n]}",
        )
    gap, fast = part("qk_array", "row_gap"), []
    for work in judge.works:
        lines = work.lines(evidence.arch)["k"] + gap
        for n in range(work.heads):
            row = work.row + n * work.layer.q_tokens
            mine = scores["at"][(scores["row"] >= row) & (scores["row"] < row + work.layer.q_tokens)]
            if mine[-1] - mine[0] < (len(mine) - 1) * lines:
                fast.append(f"layer {work.layer.name}, head {n}: {len(mine)} rows in {mine[-1] - mine[0]} cycles")
    report.add("lines", "qk_array", "a row takes a cycle a line, and the gap", len(scores), fast)
    if part("softmax", "timing") == "pipeline" and len(known) == len(scores):
        keys = np.concatenate([np.full(w.rows, w.layer.kv_tokens) for w in judge.works])[scores["row"]]
        least = part("softmax", "exp_cycles") + part("softmax", "divide_cycles") + -(-keys // part("softmax", "lanes"))
        late = known["at"] - scores["at"] - 1
        report.compare(
            "lines", "softmax", "a row takes the depth of softmax and a cycle a line", late >= least,
            lambda n: f"row {scores['row'][n]}: {late[n]} cycles of {least[n]}",
        )  # fmt: skip

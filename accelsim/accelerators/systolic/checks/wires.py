"""What crossed the wires of the array and of the softmax unit, against their commands: what left, in which order, and
no sooner than the work takes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from accelsim.accelerators.systolic.checks.tiles import FETCH, KEEP, PASS
from accelsim.validation import Report
from accelsim.validation.evidence import NEVER
from accelsim.validation.products.commands import SOFTMAX, VECTOR
from accelsim.validation.program import walk

if TYPE_CHECKING:
    from accelsim.accelerators.systolic.checks.judge import SystolicJudge


def check_wires(judge: "SystolicJudge", report: Report) -> None:
    """All of it."""
    log = judge.evidence.log
    commands = [judge.pes.read(step) for step in walk(judge.evidence) if step.unit == judge.array]
    scores, outputs = [], []
    for command in commands:
        for row, rows, columns in judge.pes.leaving(command):
            if command.to == SOFTMAX:
                scores.append((command.at + row, rows, columns))
            elif command.to == VECTOR:
                outputs.append((rows * columns, command.passes))
    same(report, "array.scores", log["array.scores"], ("row", "rows", "columns"), scores)
    same(report, "array.out", log["array.out"], ("elements", "passes"), outputs)
    frees = judge.evidence.tables["frees"]
    for name in ("weight", "act"):
        wanted = list(zip(frees[name].tolist(), frees[f"{name}_read"].tolist()))
        same(report, f"array.release_{name}", log[f"array.release_{name}"], ("bytes", "read_bytes"), wanted)
    check_softmax(judge, report)


def same(report: Report, port: str, log: np.recarray, fields: tuple[str, ...], wanted: list[tuple]) -> bool:
    """What left a port is what its unit's commands say, in order."""
    report.equal("wires", port, "as much leaves as the commands say", len(log), len(wanted))
    if len(log) != len(wanted):
        return False
    found = np.array([log[name] for name in fields]).T.reshape(len(wanted), len(fields))
    expected = np.array(wanted, np.int64).reshape(len(wanted), len(fields))
    good = (found == expected).all(axis=1)
    report.compare(
        "wires",
        port,
        "what leaves is what the commands say, in order",
        good,
        lambda n: f"item {n} is {dict(zip(fields, found[n].tolist()))}, not {dict(zip(fields, expected[n].tolist()))}",
    )
    return bool(good.all())


def check_softmax(judge: "SystolicJudge", report: Report) -> None:
    """Scores and probabilities leave, and rows are told, as the tiles say and no sooner than they can be."""
    log, made = judge.evidence.log, list(work(judge))
    for port, fields, some in (
        ("softmax.out", ("bytes",), [(size, early) for size, _, early in made if size]),
        ("softmax.done", ("number",), [(rows, early) for _, rows, early in made if rows]),
    ):
        if same(report, port, log[port], fields, [(what,) for what, _ in some]):
            early = np.array([early for _, early in some], np.int64)
            report.compare(
                "softmax",
                port,
                "nothing is there before its scores and the cycles of its work",
                log[port]["at"] >= early,
                lambda n, p=port, e=early: f"item {n} leaves in cycle {log[p]['at'][n]}, not before {e[n]} as it must",
            )


def work(judge: "SystolicJudge") -> Iterator[tuple[int, int, int]]:
    """(bytes that leave, rows that are known, first cycle in which they can be) of all work of the softmax unit."""
    evidence = judge.evidence
    said = evidence.arch.parts["softmax"]
    lanes, maximum = said["lanes"], said["mode"] == "max"
    scores, sent = evidence.log["array.scores"], evidence.log[evidence.sender["softmax.command"]]["at"]
    nth = 0
    for n, tile in enumerate(evidence.commands("softmax")):
        rows, columns, kind = int(tile["rows"]), int(tile["columns"]), int(tile["kind"])
        taken_up = int(sent[n]) + 1 if n < len(sent) else NEVER

        def known(first: int, rows: int) -> int:
            divided = (rows - 1) * said["divide_interval"] + said["divide_cycles"]
            return first + said["exp_cycles"] + divided

        if kind == FETCH:
            yield rows * columns, rows, known(taken_up + -(-rows * columns * (1 + maximum) // lanes), rows)
            continue
        missing, seen = rows * columns, {}
        while missing > 0 and nth < len(scores):
            block, nth = scores[nth], nth + 1
            first, size = max(taken_up, int(block["at"]) + 1), int(block["rows"] * block["columns"])
            missing -= size
            if kind == PASS:
                yield 2 * size, 0, first + -(-size // lanes)
            if kind == KEEP:
                row = int(block["row"])
                seen[row] = seen.get(row, 0) + int(block["columns"])
                if seen[row] == columns:
                    again = -(-int(block["rows"]) * columns // lanes) * maximum
                    yield 0, int(block["rows"]), known(first + -(-size // lanes) + again, int(block["rows"]))

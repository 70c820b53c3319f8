"""From softmax to the output rows: no row of S V before its scores are complete, each part once, each row once, after
its parts, inside the window of the merge."""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.vitcod.checks.places import Outputs
from accelsim.accelerators.vitcod.checks.scores import Scores, beats_of, steps
from accelsim.validation.evidence import NEVER, Evidence
from accelsim.validation.report import Report


@dataclass(frozen=True)
class Parts:
    """Partial rows in the order they left the engines: output, scores that went in, when it left and when its
    computation began at the latest, and whether it is the denser engine's."""

    place: np.ndarray
    scores: np.ndarray
    at: np.ndarray
    begun: np.ndarray
    dense: np.ndarray


def read_parts(evidence: Evidence, outputs: Outputs) -> Parts:
    """All partial rows in the log; a denser engine's tile is one for each of its rows."""
    tiles, single = evidence.log["denser.partial"], evidence.log["sparser.partial"]
    item = np.repeat(np.arange(len(tiles)), tiles["rows"])
    place = np.concatenate([tiles["place"][item] + steps(tiles["rows"]), single["place"]])
    scores = np.concatenate([tiles["scores"][item], single["scores"]])
    # the rows of a tile leave one a cycle
    at = np.concatenate([tiles["at"][item], single["at"]])
    place = outputs.of(place)
    number = outputs.number[np.maximum(place, 0)] if len(outputs.number) else place
    begun = at - scores * beats_of(evidence, number, "value_dim")
    order = np.argsort(at, kind="stable")
    dense = np.arange(len(at)) < len(item)
    return Parts(place[order], scores[order], at[order], begun[order], dense[order])


def check_values(evidence: Evidence, outputs: Outputs, scores: Scores, report: Report) -> Parts | None:
    """All about softmax, S V and the merge; None when the parts are not those that must be computed."""
    rows = evidence.tables["rows"][outputs.place]
    last_score = np.full(len(rows), -1)
    np.maximum.at(last_score, scores.place, scores.at)
    parts = read_parts(evidence, outputs)
    if not check_parts(evidence, outputs, parts, report):
        return None
    # a score is taken the cycle after it left, exponentiated, and its row's reciprocal computed
    latency = 1 + evidence.part("softmax", "exp_cycles") + evidence.part("softmax", "divide_cycles")
    for dense, engine in ((True, "denser"), (False, "sparser")):
        notes, wanted = evidence.log[f"softmax.{engine}"], rows["dense" if dense else "sparse"] > 0
        told = outputs.of(notes["place"])
        report.compare(
            "softmax",
            f"{engine} engine",
            "what is told of is an output",
            told >= 0,
            lambda n, x=notes: f"place {x['place'][n]} of ROWS is none",
        )
        if (told < 0).any():
            return None
        times = np.bincount(told, minlength=len(rows))
        report.compare(
            "softmax",
            f"{engine} engine",
            "each row's end of scores is told once to whom it concerns",
            times == wanted,
            lambda n, x=times: f"{outputs.named(n)}: told {x[n]} times",
        )
        early = notes["at"] - last_score[told]
        report.compare(
            "softmax",
            f"{engine} engine",
            "a row is ready after its last score, exponential and reciprocal",
            early >= latency,
            lambda n, x=told, e=early: (
                f"{outputs.named(x[n])}: {e[n]} cycles after its last score, which take {latency}"
            ),
        )
        ready = np.full(len(rows), NEVER)
        ready[told[::-1]] = notes["at"][::-1]
        mine = parts.dense == dense
        place, begun = parts.place[mine], parts.begun[mine]
        report.compare(
            "values",
            f"{engine} engine",
            "no row is begun before its scores are complete",
            ready[place] + 1 <= begun,
            lambda n, p=place: f"{outputs.named(p[n])}: begun before its scores were complete",
        )
        check_window(evidence, outputs, report, engine, place, begun)
    check_rows(evidence, outputs, parts, report)
    return parts


def check_parts(evidence: Evidence, outputs: Outputs, parts: Parts, report: Report) -> bool:
    """Every output has its parts, each once, of the right scores."""
    every, segment = evidence.tables["rows"], evidence.part("sparser", "segment")
    rows, is_share = every[outputs.place], outputs.share_of >= 0
    before = len(report.failed)
    good = (parts.place >= 0) & (parts.place < len(rows)) & (parts.scores > 0)
    report.compare(
        "values",
        "partial rows",
        "they belong to an output and to some scores",
        good,
        lambda n: f"a part of {outputs.named(int(parts.place[n]))} of {parts.scores[n]} scores",
    )
    if not good.all():
        return False
    for dense, engine, most in ((True, "denser", NEVER), (False, "sparser", segment)):
        mine = parts.dense == dense
        wanted = rows["dense" if dense else "sparse"]
        many = np.bincount(parts.place[mine], minlength=len(rows))
        total = np.bincount(parts.place[mine], parts.scores[mine], minlength=len(rows)).astype(np.int64)
        each = every["dense"] > 0 if dense else -(-every["sparse"] // segment)  # of every share of an output
        pieces = np.bincount(outputs.share_of[is_share], each[is_share], minlength=len(rows))
        report.compare(
            "values",
            f"{engine} engine",
            "each part of an output once, of all its scores",
            (many == pieces) & (total == wanted),
            lambda n, m=many, t=total, w=wanted: (
                f"{outputs.named(n)}: {m[n]} parts of {t[n]} scores in all, where there are {w[n]} scores"
            ),
        )
        size = parts.scores[mine]
        report.compare(
            "values",
            f"{engine} engine",
            "no part is larger than a segment",
            size <= most,
            lambda n, s=size: f"part {n} is of {s[n]} scores",
        )
    return len(report.failed) == before


def check_window(
    evidence: Evidence, outputs: Outputs, report: Report, engine: str, place: np.ndarray, begun: np.ndarray
) -> None:
    """An engine works only on rows the merge has a place for; and the merge has no more places than it has."""
    told, left = evidence.log[f"merge.{engine}_window"], evidence.log["merge.row"]
    known = np.searchsorted(told["at"], begun - 1, side="right") - 1
    window = outputs.of(told["end"] - 1) + 1
    end = np.where(known >= 0, np.append(window, 0)[known], 0)
    report.compare(
        "window",
        f"{engine} engine",
        "rows are worked on inside the merge's window",
        place < end,
        lambda n: f"{outputs.named(place[n])}: begun when the window ended at output {end[n]}",
    )
    ends = np.clip(window - 1, 0, max(0, len(outputs.number) - 1))
    places = evidence.tables["passes"]["places"][outputs.number[ends]]
    oldest = np.searchsorted(left["at"], told["at"], side="right")
    report.compare(
        "window",
        f"merge, {engine} engine",
        "the window is no longer than there are places",
        window <= oldest + places,
        lambda n: (
            f"the window ends at output {window[n]} when output {oldest[n]} has not left, with {places[n]} places"
        ),
    )


def check_rows(evidence: Evidence, outputs: Outputs, parts: Parts, report: Report) -> None:
    """Every output row leaves the merge once, in order, after all its parts."""
    left, rows = evidence.log["merge.row"], evidence.tables["rows"][outputs.place]
    report.equal("rows", "merge", "each output row leaves once", len(left), len(rows))
    some = min(len(left), len(rows))
    last_part = np.full(len(rows), NEVER)
    last_part[parts.place] = -1
    np.maximum.at(last_part, parts.place, parts.at)
    report.compare(
        "rows",
        "merge",
        "a row leaves after all its parts, in the order of the outputs",
        left["at"][:some] >= last_part[:some] + 1,
        lambda n: (
            f"the row that left in cycle {left['at'][n]} cannot be {outputs.named(n)}, whose last "
            f"part came in cycle {last_part[n]}"
        ),
    )
    report.compare(
        "rows",
        "merge",
        "a row has the features of its layer's values",
        left["bytes"][:some] == rows["values"][:some],
        lambda n: f"{outputs.named(n)}: {left['bytes'][n]} bytes",
    )
    crowd = np.unique(left["at"], return_counts=True)[1]
    report.compare("rows", "merge", "one row a cycle leaves", crowd <= 1, lambda n: f"{crowd[n]} rows in one cycle")

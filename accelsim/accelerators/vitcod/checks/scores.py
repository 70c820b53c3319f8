"""The scores that left the engines: each once, none before its operands arrived."""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.vitcod.checks.fetches import check_fetches
from accelsim.accelerators.vitcod.checks.outputs import expected_keys, same_keys
from accelsim.accelerators.vitcod.checks.places import Outputs
from accelsim.validation.evidence import NEVER, Evidence
from accelsim.validation.report import Report

K, Q = 0, 1


@dataclass(frozen=True)
class Scores:
    """Every score that left an engine, in the order of its leaving: its output, its column, the cycle, whether the
    denser engine computed it, and the row of the pass table with its block of keys."""

    place: np.ndarray
    column: np.ndarray
    at: np.ndarray
    dense: np.ndarray
    number: np.ndarray

    def of(self, dense: bool) -> "Scores":
        """Those of one engine."""
        mine = self.dense == dense
        return Scores(self.place[mine], self.column[mine], self.at[mine], self.dense[mine], self.number[mine])


def steps(count: np.ndarray) -> np.ndarray:
    """0 .. count[0] - 1, 0 .. count[1] - 1, and so on."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)


def read_scores(evidence: Evidence, outputs: Outputs) -> Scores:
    """All scores in the log, in order."""
    passes, dense = evidence.tables["passes"], evidence.tables["dense"]
    tiles, single = evidence.log["denser.scores"], evidence.log["sparser.score"]
    of_dense = np.repeat(np.arange(len(passes)), passes["dense"])
    known = tiles[(tiles["first"] >= 0) & (tiles["first"] + tiles["count"] <= len(dense))]
    number = of_dense[known["first"]] if len(known) else np.zeros(0, np.int64)
    size = known["rows"] * known["count"]
    item, nth = np.repeat(np.arange(len(known)), size), steps(size)
    column = dense[known["first"][item] + nth % np.maximum(known["count"], 1)[item]] if len(item) else dense[:0]
    row = known["row"][item] + nth // np.maximum(known["count"], 1)[item]
    one = passes[number[item]] if len(item) else passes[:0]
    place = one["first_row"] + column["head"] * one["rows"] + row
    places = outputs.of(np.concatenate([place, single["place"]]))
    columns = np.concatenate([column["column"], single["column"]])
    at = np.concatenate([known["at"][item], single["at"]])
    blocks = outputs.block(places[len(item) :], single["column"]) if len(outputs.number) else single["column"]
    numbers = np.concatenate([number[item], blocks])
    order = np.argsort(at, kind="stable")
    is_dense = np.arange(len(at)) < len(item)
    return Scores(places[order], columns[order], at[order], is_dense[order], numbers[order])


def beats_of(evidence: Evidence, number: np.ndarray, features: str = "dim") -> np.ndarray:
    """Cycles a line needs for one vector of the given passes."""
    macs = evidence.part("engine", "macs")
    return -(-evidence.tables["passes"][features][number] // macs)


def arrivals(evidence: Evidence, kind: int, port: str, first: np.ndarray) -> np.ndarray:
    """int64[passes, tokens]: the cycle in which an operand was told to be there, its tokens counted from each pass's
    first; NEVER where it was not."""
    notes = evidence.log[port]
    mine = notes[(notes["kind"] == K) == (kind == K)]
    token = mine["tokens"] - 1 - first[mine["number"]]
    arrived = np.full((len(first), max(1, int(token.max(initial=0)) + 1)), NEVER)
    known = token >= 0
    arrived[mine["number"][known], token[known]] = mine["at"][known]
    return arrived


def token_arrival(arrived: np.ndarray, number: np.ndarray, token: np.ndarray) -> np.ndarray:
    """The cycles of single tokens, counted from their pass's first; NEVER for a token beyond all that came."""
    inside = (token >= 0) & (token < arrived.shape[1])
    return np.where(inside, arrived[number, np.where(inside, token, 0)], NEVER)


def check_scores(evidence: Evidence, outputs: Outputs, report: Report) -> Scores | None:
    """All about the scores; None when they are not those that must be computed."""
    scores = read_scores(evidence, outputs)
    before = len(report.failed)
    for dense, engine in ((True, "denser"), (False, "sparser")):
        mine = scores.of(dense)
        same_keys(
            report,
            outputs,
            "scores",
            f"{engine} engine",
            "each score of the mask computed once, nothing else",
            mine.place * outputs.stride + mine.column,
            expected_keys(outputs, dense),
        )
    if len(report.failed) > before:
        return None
    passes = evidence.tables["passes"]
    for dense, engine in ((True, "denser"), (False, "sparser")):
        mine = scores.of(dense)
        one, port = mine.number, f"decoder.{engine}"
        begun = mine.at - beats_of(evidence, one)
        k_at = token_arrival(arrivals(evidence, K, port, outputs.key0), one, mine.column - outputs.key0[one])
        what = "a key arrived before a score with it was begun"
        report.compare(
            "operands",
            f"K, {engine} engine",
            what,
            k_at + 1 <= begun,
            lambda n, m=mine: f"{outputs.named(m.place[n])}: K of column {m.column[n]} was not there",
        )
        row = outputs.row[mine.place] - passes["row0"][one]
        q_at = token_arrival(arrivals(evidence, Q, port, passes["row0"]), one, row)
        there = q_at + 1 <= begun
        if dense:
            report.compare(
                "operands",
                "Q, denser engine",
                "a query arrived before a score with it was begun",
                there,
                lambda n, m=mine: f"{outputs.named(m.place[n])}: its Q was not there",
            )
        else:
            check_fetched(evidence, outputs, report, mine.place, begun, there & (passes["forward"][one] > 0))
    return scores


def announcements(evidence: Evidence) -> np.ndarray:
    """int64[passes, rows]: the cycle in which the decoder was told that a query is in the global buffer."""
    passes, told = evidence.tables["passes"], evidence.log["sequencer.command.decoder"]
    told = told[told["kind"] != K]
    known = np.full((len(passes), int(passes["rows"].max(initial=1))), NEVER)
    for one in told:
        first = one["first"] - passes["row0"][one["number"]]
        mine = known[one["number"], max(first, 0) : first + one["tokens"]]
        np.minimum(mine, one["at"], out=mine)
    return known


def check_announced(evidence: Evidence, asked: np.ndarray, came: np.ndarray, report: Report) -> None:
    """Queries fetched from the activation buffer are there."""
    announced = announcements(evidence)
    row, most = asked["row"], announced.shape[1]
    ready = np.where(row < most, announced[asked["number"], row.clip(0, most - 1)], NEVER)
    report.compare(
        "operands",
        "single Q vectors",
        "they are fetched when the query is in the global buffer",
        ready + 1 < came["at"],
        lambda n: f"vector {n}, row {row[n]} of pass {asked['number'][n]}, in cycle {came['at'][n]}",
    )


def check_fetched(
    evidence: Evidence, outputs: Outputs, report: Report, place: np.ndarray, begun: np.ndarray, there: np.ndarray
) -> None:
    """A score whose query was not in the denser engine's buffer has one fetched for it, in time."""
    misses, vectors, passes = evidence.log["sparser.miss"], evidence.log["decoder.vector"], evidence.tables["passes"]
    report.equal("operands", "single Q vectors", "as many fetched as asked for", len(vectors), len(misses))
    some = min(len(misses), len(vectors))
    asked, came = misses[:some], vectors[:some]
    report.compare(
        "operands",
        "single Q vectors",
        "they come in order, to the line that asked, after it asked",
        (asked["line"] == came["line"]) & (asked["at"] < came["at"]),
        lambda n: f"vector {n} went to line {came['line'][n]}, asked for by line {asked['line'][n]}",
    )
    one = passes[asked["number"]]
    if evidence.arch.options["miss"] == "dram":
        check_fetches(evidence, outputs, report)
    else:
        check_announced(evidence, asked, came, report)
    wanted = outputs.of(one["first_row"] + asked["head"] * one["rows"] + asked["row"])
    order = np.lexsort((came["at"], wanted))
    have, have_at = wanted[order], came["at"][order]
    alone = np.flatnonzero(~there)
    alone = alone[np.lexsort((begun[alone], place[alone]))]
    # the n-th score of an output that lacks its query is given the n-th vector fetched for it
    need = place[alone]
    first = np.searchsorted(have, need)
    nth = np.arange(len(need)) - np.searchsorted(need, need)
    at = first + nth
    found = at < np.searchsorted(have, need, side="right")
    in_time = found & (np.append(have_at, NEVER)[np.where(found, at, len(have))] + 1 <= begun[alone])
    report.compare(
        "operands",
        "Q, sparser engine",
        "a query was forwarded or fetched before its score was begun",
        in_time,
        lambda n: f"{outputs.named(need[n])}: its Q was neither there nor fetched in time",
    )
    hits, lost = (evidence.count("sparser", f"q_forward_{n}") for n in ("hits", "misses"))
    report.equal("operands", "Q, sparser engine", "hits and misses are all scores", hits + lost, len(place))
    report.equal("operands", "Q, sparser engine", "misses counted", lost, len(misses))

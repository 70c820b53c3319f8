"""The MAC lines: no engine does more than its lines can, and the two engines together no more than all lines can."""

import numpy as np

from accelsim.accelerators.vitcod.checks.places import Outputs
from accelsim.accelerators.vitcod.checks.scores import Scores, beats_of
from accelsim.accelerators.vitcod.checks.values import Parts
from accelsim.validation.evidence import NEVER, Evidence
from accelsim.validation.report import Report


def check_lines(evidence: Evidence, outputs: Outputs, scores: Scores, parts: Parts, report: Report) -> None:
    """All about the lines."""
    check_scores_pace(evidence, outputs, scores, report)
    check_values_pace(evidence, outputs, parts, report)
    tiles, number = evidence.log["denser.scores"], score_tiles(evidence)
    mine = scores.of(dense=False)
    one = outputs.number[mine.place]
    check_turns(
        evidence,
        report,
        "scores",
        number,
        tiles["at"],
        beats_of(evidence, number),
        one,
        mine.at,
        beats_of(evidence, one),
    )
    tiles, sparse = evidence.log["denser.partial"], ~parts.dense
    number, one = outputs.number[outputs.of(tiles["place"])], outputs.number[parts.place[sparse]]
    check_turns(
        evidence,
        report,
        "values",
        number,
        tiles["at"],
        tiles["scores"] * beats_of(evidence, number, "value_dim"),
        one,
        parts.at[sparse],
        (parts.at - parts.begun)[sparse],
    )


def check_cut_features(evidence: Evidence, report: Report) -> None:
    """The encoder: the sums of features that tiles and steps of the array cut fit its memory, and every write and read
    of them is counted."""
    tiles = evidence.commands("engine")
    tiles = tiles[(tiles["heads"] > 0) & (tiles["constants"] > 0)]
    if not len(tiles):
        return
    rows, heads, first = tiles["tokens"], tiles["heads"], tiles["met"]
    ends = (first + tiles["features"]) % heads  # heads of the last feature that were met
    step = np.minimum(tiles["step_features"], tiles["features"])
    across = np.arange(1, (tiles["features"] // step).max() + 1)[:, None] * step  # where each step ends within its tile
    inside = ((across < tiles["features"]) & ((first + across) % heads > 0)).sum(axis=0)
    held = np.cumsum(rows * ((ends > 0).astype(int) - (first > 0)))
    here = np.minimum(tiles["step_tokens"], rows) * (inside > 0)
    held = np.maximum(held, np.append(0, held[:-1]) * (first > 0) + here * (first == 0) * (ends == 0))
    each, room = 4 * tiles["encoded"], evidence.part("encoder", "sum_bytes")
    report.compare(
        "buffers",
        "encoder",
        "the sums of features that are cut fit",
        each * held <= room,
        lambda n: f"tile {n} of those that are encoded: {each[n] * held[n]} bytes of {room}",
    )
    for counter, times in (("sum_write_bytes", inside + (ends > 0)), ("sum_read_bytes", inside + (first > 0))):
        found = evidence.count("encoder", counter)
        report.equal("counts", "encoder", counter, found, int((each * rows * times).sum()))


def check_steps(evidence: Evidence, report: Report) -> None:
    """The lines as one array: a step has no more outputs than there are multipliers, and all outputs leave."""
    tiles, gone = evidence.commands("engine"), evidence.log["engine.out"]
    size = tiles["step_tokens"] * tiles["step_features"]
    lines = evidence.part("engine", "lines") * evidence.part("engine", "macs")
    report.compare(
        "lines",
        "engine",
        "a step has an output a multiplier at most",
        size <= lines,
        lambda n: f"tile {n}: steps of {size[n]} outputs on {lines} multipliers",
    )
    last = tiles[tiles["constants"] > 0]
    found, wanted = (gone["rows"] * gone["columns"]).sum(), (last["tokens"] * last["features"]).sum()
    report.equal("gemm", "engine", "outputs that leave", int(found), int(wanted))


def score_tiles(evidence: Evidence) -> np.ndarray:
    """The pass of each item of scores of the denser engine."""
    passes = evidence.tables["passes"]
    return np.repeat(np.arange(len(passes)), passes["dense"])[evidence.log["denser.scores"]["first"]]


def check_scores_pace(evidence: Evidence, outputs: Outputs, scores: Scores, report: Report) -> None:
    """How often scores leave."""
    tiles, passes, number = evidence.log["denser.scores"], evidence.tables["passes"], score_tiles(evidence)
    beats, lines = beats_of(evidence, number), passes["denser_lines"][number]
    apart = np.diff(tiles["at"], prepend=-NEVER)
    good = (apart >= beats) & (tiles["rows"] * tiles["count"] <= lines)
    report.compare(
        "lines",
        "denser engine, scores",
        "an item of at most a score a line, as often as a line can",
        good,
        lambda n: (
            f"pass {number[n]}: {tiles['rows'][n] * tiles['count'][n]} scores on {lines[n]} lines, "
            f"{apart[n]} cycles after the last"
        ),
    )
    mine = scores.of(dense=False)
    one = outputs.number[mine.place]
    order = np.lexsort((mine.at, one))
    one, at = one[order], mine.at[order]
    # two of any lines + 1 scores are of the same line, which gives one every so many cycles
    later = np.arange(len(one)) + np.maximum(passes["sparser_lines"][one], 1)
    known = later < len(one)
    later = np.where(known, later, 0)
    known &= one[later] == one
    report.compare(
        "lines",
        "sparser engine, scores",
        "no more scores than its lines can compute",
        ~known | (at[later] - at >= beats_of(evidence, one)),
        lambda n: f"pass {one[n]}: too many scores from cycle {at[n]} on",
    )
    ports = evidence.part("sparser", "score_ports")
    cycles, many = np.unique(mine.at, return_counts=True)
    report.compare(
        "lines",
        "score ports",
        "no more scores a cycle than ports",
        many <= ports,
        lambda n: f"{many[n]} scores left in cycle {cycles[n]} by {ports} ports",
    )


def check_values_pace(evidence: Evidence, outputs: Outputs, parts: Parts, report: Report) -> None:
    """How often partial rows leave."""
    tiles, passes = evidence.log["denser.partial"], evidence.tables["passes"]
    number = outputs.number[outputs.of(tiles["place"])]
    need = tiles["scores"] * beats_of(evidence, number, "value_dim")
    apart = np.diff(tiles["at"], prepend=-NEVER)
    lines = passes["denser_lines"][number]
    report.compare(
        "lines",
        "denser engine, values",
        "a tile of at most a row a line, one after the other",
        (apart >= need) & (tiles["rows"] <= lines),
        lambda n: f"pass {number[n]}: {tiles['rows'][n]} rows on {lines[n]} lines, {apart[n]} cycles after the last",
    )
    mine = ~parts.dense
    number = outputs.number[parts.place[mine]]
    begun, at = np.full(len(passes), NEVER), np.full(len(passes), -1)
    work = np.bincount(number, (parts.at - parts.begun)[mine], minlength=len(passes)).astype(np.int64)
    np.minimum.at(begun, number, parts.begun[mine])
    np.maximum.at(at, number, parts.at[mine])
    report.compare(
        "lines",
        "sparser engine, values",
        "no more work in a pass than its lines have time for",
        (at < 0) | (work <= (at - begun) * passes["sparser_lines"]),
        lambda n: (
            f"pass {n}: {work[n]} cycles of work on {passes['sparser_lines'][n]} lines in {at[n] - begun[n]} cycles"
        ),
    )


def check_turns(evidence, report, what, dense_number, dense_at, dense_size, number, at, size) -> None:
    """Where the engines are given more lines than there are, they work in turns: no sparse result is computed in the
    cycles of a dense one."""
    passes = evidence.tables["passes"]
    shared = passes["denser_lines"] + passes["sparser_lines"] > evidence.part("engine", "lines")
    mine = shared[dense_number]
    begin, end = (dense_at - dense_size)[mine], dense_at[mine]
    here = shared[number]
    number, at, begun = number[here], at[here], (at - size)[here]
    # dense results follow each other: the first that ends after a sparse one began must begin when that has ended
    nth = np.searchsorted(end, begun, side="right")
    clear = np.append(begin, NEVER)[nth] >= at
    report.compare(
        "lines",
        f"both engines, {what}",
        "in turns where they share lines",
        clear,
        lambda n: f"pass {number[n]}: both engines work in cycle {at[n] - 1}",
    )

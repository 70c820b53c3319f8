"""The local buffers of attention: the engines' Q and K; scores and partial rows, which share the partial-sum memory."""

import numpy as np

from accelsim.accelerators.vitcod.checks.outputs import expected_keys
from accelsim.accelerators.vitcod.checks.places import Outputs
from accelsim.accelerators.vitcod.checks.scores import Scores
from accelsim.accelerators.vitcod.checks.values import Parts
from accelsim.validation.evidence import NEVER, Evidence
from accelsim.validation.report import Report


def check_local_buffers(evidence: Evidence, outputs: Outputs, scores: Scores, parts: Parts, report: Report) -> None:
    """The engines' Q and K buffers and the score buffer, from the first byte of a pass to its last use."""
    passes, many = evidence.tables["passes"], len(evidence.tables["passes"])
    of_score, of_part = outputs.number[scores.place], outputs.number[parts.place]
    last_score, last_part, first_score = np.full(many, -1), np.full(many, -1), np.full(many, NEVER)
    np.maximum.at(last_score, scores.number, scores.at)  # of each block of keys
    np.minimum.at(first_score, of_score, scores.at)
    np.maximum.at(last_part, of_part, parts.at)
    dense = np.bincount(expected_keys(outputs, True) // outputs.stride, minlength=len(outputs.work))
    sparse = np.bincount(expected_keys(outputs, False) // outputs.stride, minlength=len(outputs.work))
    each = np.bincount(outputs.number, 2 * dense + 3 * sparse, minlength=many)
    notes = evidence.log["decoder.denser"]
    vector = passes["heads"] * passes["dim"]
    for name, kind, size in (
        ("k_bytes", 0, vector * outputs.keys),
        ("q_bytes", 1, vector * passes["rows"] * (outputs.of_pass(passes["dense"]) > 0)),
    ):
        first, mine = np.full(many, NEVER), notes[notes["kind"] == kind]
        np.minimum.at(first, mine["number"], mine["at"])
        overlap(report, f"denser.{name}", evidence.part("denser", name), first, last_score, size)
    overlap(report, "softmax.score_bytes", evidence.part("softmax", "score_bytes"), first_score, last_part, each)
    # beside the scores stand the partial rows of a pass
    places, psum = passes["places"].astype(np.int64), evidence.part("engine", "psum_bytes")
    both = in_it(first_score, last_part, each) + 4 * passes["value_dim"] * places
    report.compare(
        "buffers",
        "engine.psum_bytes",
        f"never more than {psum} bytes of scores and partial rows",
        (first_score == NEVER) | (both <= psum),
        lambda n: f"pass {n} makes it {both[n]} bytes",
    )
    most = evidence.part("merge", "places")
    report.compare(
        "window",
        "passes",
        "a pass has a place at least, and no more than merge.places",
        (places >= 1) & (places <= most),
        lambda n: f"pass {n} has {places[n]} places of {most}",
    )
    banks, left = evidence.part("engine", "psum_banks"), evidence.log["sparser.score"]
    key, crowd = np.unique(left["at"] * banks + left["place"] % banks, return_counts=True)
    report.compare(
        "buffers",
        "engine.psum_banks",
        "one sparse score a bank leaves in a cycle",
        crowd <= 1,
        lambda n: f"{crowd[n]} scores for bank {key[n] % banks} in cycle {key[n] // banks}",
    )


def in_it(first: np.ndarray, last: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The bytes of all passes that are in a buffer as each one's first comes."""
    used = first < NEVER
    return np.array([size[used & (first <= at) & (last > at)].sum() for at in first], np.int64)


def check_index_widths(evidence: Evidence, report: Report) -> None:
    """Row numbers, counted from the first row of a pass, and a column's entries fit what the walker reads."""
    width, passes = evidence.part("walker", "index_bytes"), evidence.tables["passes"]
    rows = passes["rows"][passes["sparse_columns"] > 0]
    report.compare(
        "tables",
        "INDEX",
        "row numbers fit the bytes that are read of them",
        rows <= 256**width,
        lambda n: f"a pass of {rows[n]} rows has row numbers beyond {256**width - 1}, the most that {width} bytes hold",
    )
    entries = evidence.tables["columns"]["count"]
    report.compare(
        "tables",
        "COLUMNS",
        "a column's entries fit a pointer of two bytes",
        entries < 1 << 16,
        lambda n: f"column {n} has {entries[n]} entries",
    )


def overlap(report: Report, name: str, capacity: int, first: np.ndarray, last: np.ndarray, size: np.ndarray) -> None:
    """Passes that are in a buffer together fit it."""
    used, held = first < NEVER, in_it(first, last, size)
    report.compare(
        "buffers",
        name,
        f"never more than {capacity} bytes",
        ~used | (held <= capacity),
        lambda n: f"pass {n} makes it {held[n]} bytes",
    )

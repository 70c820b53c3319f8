"""A run kept whole: `run.npz` beside `result.json` holds all that tables, pictures and reports are made from.

It has the record (machine, configuration, workload, layers, the resolved energy table), every span's cycles, counts and
transfers, and every change of status. What is in it needs neither the simulator nor the workload nor the energy tables
of the version that reads it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import accelsim.workload.arrays as arrays
from accelsim import __version__
from accelsim.core.errors import InputError, shown
from accelsim.core.result import EVENT, JOB, End, Link, Part, Result, Span
from accelsim.core.status import STATUS_NAMES
from accelsim.report.record import RunRecord

NAME = "run.npz"
FORMAT = "accelsim run 1"
TEXT = 1 << 26  # bytes of the record's text, at most
AGAIN = "simulate again with `accelsim run ... -o DIR`"


def pack(record: RunRecord, table: Mapping[str, Any]) -> bytes:
    """The bytes of `run.npz`, the same for the same run; `table` is the resolved energy table of its bill."""
    result = record.result
    rows = [result.total, *result.spans]
    counters = [(n, c) for n, counts in result.total.counts.items() for c in counts]
    said = {
        "format": FORMAT,
        "version": __version__,
        "record": {name: getattr(record, name) for name in RunRecord.KEPT},
        "table": table,
        "time_base_hz": [result.time_base_hz.numerator, result.time_base_hz.denominator],
        "periods": result.periods,
        "end": result.end,
        "parts": {name: asdict(part) for name, part in result.parts.items()},
        "links": {name: asdict(link) for name, link in result.links.items()},
        "peaks": result.peaks,
        "counters": counters,
        "about": result.about,
    }
    status = [[[s.status[n][word] for word in STATUS_NAMES] for n in result.parts] for s in rows]
    every = result.by_part()
    return arrays.encode(
        {
            "record": np.frombuffer(json.dumps(said, allow_nan=False).encode(), np.uint8),
            "spans": np.array([[s.label, s.start, s.end] for s in rows], np.int64),
            "status": np.array(status, np.int64).reshape(len(rows), len(result.parts), len(STATUS_NAMES)),
            "counts": np.array([[s.counts[n][c] for n, c in counters] for s in rows], np.int64),
            "transfers": np.array([[s.transfers.get(k, 0) for k in result.links] for s in rows], np.int64),
            "event_counts": np.diff(every.first).astype(np.int64),
            "event_steps": every.steps,
            "event_status": every.status,
            "jobs": result.jobs.view(np.int64).reshape(len(result.jobs), len(JOB.names)),
        },
        level=6,
    )


def restore(folder: str | Path) -> RunRecord:
    """The record of the run in a result folder; `record.table` is the energy table that it was billed with.

    Raises InputError for a folder without one, a damaged one, or one of a newer format.
    """
    path = Path(folder) / NAME
    if not path.is_file():
        raise InputError(f"{path}: there is no such file, so that nothing can be drawn of {folder} again; {AGAIN}")
    try:
        most = dict.fromkeys(arrays.names(path), arrays.LARGEST) | {"record": TEXT}
        held = arrays.decode(path, most)
        said = json.loads(held["record"].tobytes())
        if said["format"] != FORMAT:
            raise InputError(
                f"{path}: it is in the format {shown(said['format'])}, and this version reads {FORMAT!r}; {AGAIN}, or "
                f"use accelsim {said.get('version', '')}"
            )
        return unpacked(said, held)
    except InputError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, RecursionError, ZeroDivisionError) as error:
        raise InputError(f"{path}: it is damaged ({type(error).__name__}: {shown(str(error))}); {AGAIN}") from None


def unpacked(said: dict[str, Any], held: Mapping[str, np.ndarray]) -> RunRecord:
    """A record from the text and the arrays of a file."""
    parts = {name: component(p) for name, p in said["parts"].items()}
    counters = [tuple(pair) for pair in said["counters"]]
    links = {name: Link(**link) for name, link in said["links"].items()}
    rows = []
    for (label, start, end), status, counts, moved in zip(
        *(held[n].tolist() for n in ("spans", "status", "counts", "transfers")), strict=True
    ):
        by_part: dict[str, dict[str, int]] = {n: {} for n in parts}
        for (part, counter), value in zip(counters, counts, strict=True):
            by_part[part][counter] = value
        spent = {n: dict(zip(STATUS_NAMES, row, strict=True)) for n, row in zip(parts, status, strict=True)}
        rows.append(Span(label, start, end, spent, by_part, dict(zip(links, moved, strict=True))))
    result = Result(
        Fraction(*said["time_base_hz"]), said["periods"], said["end"], parts, links, rows[0], rows[1:], said["peaks"],
        [events(held)], {}, jobs(held, said), [tuple(one) for one in said.get("about", ())],
    )  # fmt: skip
    about = {k: tuple(v) if isinstance(v, list) and k != "layers" else v for k, v in said["record"].items()}
    return RunRecord(result, **about, table=said["table"])


def component(said: Mapping[str, Any]) -> Part:
    """A component; one of a version that did not note them has no channels."""
    channels = tuple(End(*end) for end in said.get("channels", ()))
    return Part(**{**said, "bases": tuple(said["bases"]), "channels": channels})


def jobs(held: Mapping[str, np.ndarray], said: Mapping[str, Any]) -> np.ndarray:
    """What was to be done; nothing of a run of a version that did not note it."""
    words = np.ascontiguousarray(held.get("jobs", np.zeros((0, len(JOB.names)))), np.int64)
    found = words.view(JOB).reshape(-1)
    if len(found) and not (
        0 <= found["part"].min() <= found["part"].max() < len(said["parts"])
        and 0 <= found["about"].min() <= found["about"].max() < len(said["about"])
        and -1 <= found["layer"].min() <= found["layer"].max() < len(said["record"]["layers"])
        and max(found["wait"].max(), found["wait2"].max()) < len(found)
    ):
        raise ValueError("a job names what there is not")
    return found


def events(held: Mapping[str, np.ndarray]) -> np.ndarray:
    """The status changes, in the order of time."""
    counts, deltas = held["event_counts"], held["event_steps"].astype(np.int64)
    if (counts < 0).any() or not counts.sum() == len(deltas) == len(held["event_status"]):
        raise ValueError("the changes of status do not add up")
    made = np.zeros(len(deltas), EVENT)
    made["component"] = np.repeat(np.arange(len(counts)), counts)
    made["status"] = held["event_status"]
    if made["status"].max(initial=0) >= len(STATUS_NAMES):
        raise ValueError("there is no such status")
    first = 0
    for count in counts.tolist():
        made["at"][first : first + count] = np.cumsum(deltas[first : first + count])
        first += count
    return made[np.argsort(made["at"], kind="stable")]

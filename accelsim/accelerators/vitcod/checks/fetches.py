"""Queries that are fetched from DRAM, one by one: each ask is answered, with its own token, when that has come; a token
that is on its way or still held is not fetched again; the fetcher holds no more than it has room for."""

import numpy as np

from accelsim.accelerators.vitcod.checks.layout import lies, operand
from accelsim.accelerators.vitcod.checks.places import Outputs
from accelsim.validation.evidence import NEVER, Evidence
from accelsim.validation.report import Report

READ = 2  # asks that the decoder may still read behind the one that is handed on (docs/timing.md)


def wanted(evidence: Evidence, outputs: Outputs, asks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the queries of some asks lie in DRAM, and their bytes."""
    address, size = np.zeros((2, len(asks)), np.int64)
    passes = evidence.tables["passes"]
    for number in np.unique(asks["number"]):
        mine = asks["number"] == number
        work, image = outputs.works[outputs.pass_work[number]], int(outputs.pass_image[number])
        base, _ = operand(evidence, work.layer, "q", image)
        token = passes["row0"][number] + asks["row"][mine]
        head = 0 if work.coded else outputs.pass_head[number] + asks["head"][mine]
        size[mine] = work.token_bytes if work.coded else work.layer.qk_dim
        address[mine] = base + lies(evidence, work.layer, "q", head, token, 0)
    return address, size


def check_fetches(evidence: Evidence, outputs: Outputs, report: Report) -> None:
    """All of it."""
    asks, found = evidence.log["sparser.miss"], evidence.log["queries.found"]
    requests, came = evidence.log["queries.request"], evidence.into("queries.fill")
    fetches, joins = (evidence.count("queries", n) for n in ("fetches", "joins"))
    where = "single Q vectors"
    report.equal("operands", where, "every ask is a fetch or waits for one", fetches + joins, len(asks))
    report.equal("operands", where, "fetches are requests", len(requests), fetches)
    report.equal("operands", where, "asks answered", len(found), len(asks))
    if len(found) != len(asks):
        return
    report.compare(
        "operands",
        where,
        "asks are answered in their order",
        np.all([asks[f] == found[f] for f in ("number", "row", "head", "line")], axis=0),
        lambda n: f"answer {n} is of row {found['row'][n]} of pass {found['number'][n]}",
    )
    address, size = wanted(evidence, outputs, asks)
    # the fetch that an ask is given: the last of its address that was asked for before the answer
    order = np.lexsort((requests["at"], requests["address"]))
    spots, times = requests["address"][order], requests["at"][order]
    places, end = np.unique(spots), 1 + max(requests["at"].max(initial=0), found["at"].max(initial=0))
    rank = np.searchsorted(places, spots) * end + times
    moments = np.searchsorted(rank, np.searchsorted(places, address) * end + found["at"]) - 1
    inside = (moments >= 0) & (spots[moments.clip(0)] == address) if len(order) else np.zeros(len(asks), bool)
    fetch = np.where(inside, order[moments.clip(0)] if len(order) else 0, -1)
    right = inside & (requests["bytes"][fetch] == size) if len(requests) else inside
    whole = np.searchsorted(np.cumsum(came["bytes"]), np.cumsum(requests["bytes"]))
    there = np.append(came["at"], NEVER)[np.minimum(whole, len(came))]
    there = np.append(there, NEVER)[fetch]
    report.compare(
        "operands",
        where,
        "they are fetched from where they lie, and have come",
        right & (there + 1 <= found["at"]),
        lambda n: f"row {asks['row'][n]} of pass {asks['number'][n]}, answered in cycle {found['at'][n]}",
    )
    last = np.full(len(requests), -1)
    np.maximum.at(last, fetch[inside], np.flatnonzero(inside))
    freed = np.append(found["at"], [NEVER] * (READ + 1))[np.where(last < 0, -1, last + READ)]
    again = np.append(-1, freed[order][:-1])[: len(order)]
    number = asks["number"][last[order]] if len(asks) else last  # a pass does not look at what another fetched
    other = (spots[1:] != spots[:-1]) | (number[1:] != number[:-1])
    again[np.append(True, other)[: len(order)]] = -1
    report.compare(
        "operands",
        where,
        "each fetch is asked for, and none while its token is held",
        (last[order] >= 0) & (times >= again),
        lambda n: f"fetch {order[n]} in cycle {times[n]}, of byte {spots[n]}",
    )
    order = np.argsort(freed, kind="stable")
    back = np.append(0, np.cumsum(requests["bytes"][order]))
    held = np.cumsum(requests["bytes"]) - back[np.searchsorted(freed[order], requests["at"], side="right")]
    capacity = evidence.part("queries", "capacity_bytes")
    report.compare(
        "buffers",
        "queries",
        f"never more than {capacity} bytes",
        held <= capacity,
        lambda n: f"fetch {n} makes it {held[n]} bytes",
    )

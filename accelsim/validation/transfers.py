"""Everything around the units as it happened: instructions dispatched when what they wait for was done, units done when
their work was, bursts, loads and stores when their bytes were there."""

import numpy as np

from accelsim.isa.instructions import MARK
from accelsim.isa.tables import KEPT
from accelsim.validation.evidence import DMA, NEVER, Evidence, in_order, sizes, spread, there
from accelsim.validation.fetch import check_fetch
from accelsim.validation.judge import Judge, Pace
from accelsim.validation.kept import check_handed_on
from accelsim.validation.report import Report


def check_transfers(judge: Judge, report: Report) -> None:
    """All of it."""
    evidence = judge.evidence
    dispatched = check_dispatch(evidence, report)
    if dispatched is not None:
        check_fetch(evidence, dispatched, report)
        for pace in judge.paces():
            check_pace(evidence, pace, dispatched, report)
    check_bursts(evidence, report)
    for buffer in evidence.names.buffers:
        check_loads(evidence, buffer, judge.exclusive(buffer), report)
        check_handed_on(evidence, buffer, report)
    for store in evidence.names.stores:
        check_stores(evidence, store, report)


def check_dispatch(evidence: Evidence, report: Report) -> np.ndarray | None:
    """When each instruction was dispatched (-1 for marks); None (and a failed check) where some were not."""
    program, counters = evidence.tables["program"], list(evidence.names.counters)
    at = np.full(len(program), -1)
    for unit in evidence.names.units:
        port = evidence.sender[f"{unit}.command"]
        mine, log = evidence.instructions(unit), evidence.log[port]
        report.equal("dispatch", port, "every instruction is dispatched", len(log), len(mine))
        if len(log) != len(mine):
            return None
        at[mine] = log["at"]
    scope = port.split(".")[0]
    news = [evidence.log[f"{counter}.done"] for counter in counters]
    news = [np.repeat(log["at"], log["number"]) for log in news]
    done = np.full((1 + len(news), 1 + max(map(len, news))), NEVER)
    done[:, 0] = -1
    for n, times in enumerate(news):
        done[1 + n, 1 : 1 + len(times)] = times
    known = program["unit"] != MARK
    for wait, count in (("wait", "count"), ("wait2", "count2")):
        inside = program[count] < done.shape[1]
        reached = np.where(inside, done[program[wait], np.where(inside, program[count], 0)], NEVER)
        report.compare(
            "dispatch",
            scope,
            "no instruction before what it waits for is done",
            ~known | (reached + 1 <= at),
            lambda n, w=wait, c=count: (
                f"instruction {n}, in cycle {at[n]}, waits for {program[c][n]} of {counters[program[w][n] - 1]}"
            ),
        )
    order = at[known]
    report.compare(
        "dispatch",
        scope,
        "instructions one by one, in order",
        np.diff(order) >= 1,
        lambda n: f"instruction {np.flatnonzero(known)[n + 1]} in cycle {order[n + 1]}",
    )
    return at


def check_pace(evidence: Evidence, pace: Pace, dispatched: np.ndarray, report: Report) -> None:
    """No command is done faster than its unit can do it, one after the other."""
    done, least = evidence.log[f"{pace.unit}.done"]["at"], pace.least
    if len(done) != len(least):
        report.add("lines", pace.unit, pace.rule, len(least), [f"{len(done)} of {len(least)} commands were finished"])
        return
    begun = np.maximum(dispatched[evidence.instructions(pace.unit)] + 1, np.append(0, done[:-1])[: len(done)])
    if pace.leaving is not None:
        begun = dispatched[evidence.instructions(pace.unit)] + 1
        for n in range(
            1, len(done)
        ):  # behind the end of the one before, which waits until the one before that has left
            end = begun[n - 1] + least[n - 1]
            begun[n] = max(begun[n], 1 + (max(end, done[n - 2]) if n > 1 else end))
        least = least + pace.leaving
    report.compare(
        "lines",
        pace.unit,
        pace.rule,
        done - begun >= least,
        lambda n: f"command {n}: {done[n] - begun[n]} cycles of {least[n]}",
    )


def check_bursts(evidence: Evidence, report: Report) -> None:
    """The DMA engine moves every byte of every descriptor, in order, with not too many bursts under way."""
    bursts, replies = evidence.log[f"{DMA}.request"], evidence.into(f"{DMA}.reply")
    most, longest = evidence.part(DMA, "outstanding"), evidence.part(DMA, "burst_bytes")
    streams = list(evidence.elements(f"{DMA}.tile"))
    writes = [n for n, part in enumerate(streams) if part in evidence.names.stores]
    good = (bursts["bytes"] > 0) & (bursts["bytes"] <= longest)
    good &= bursts["write"] == np.isin(bursts["stream"], writes)
    report.compare(
        "bursts",
        DMA,
        f"no burst of more than {longest} bytes",
        good,
        lambda n: f"burst {n} of {bursts['bytes'][n]} bytes",
    )
    for stream, part in enumerate(streams):
        mine = bursts[bursts["stream"] == stream]
        _, address, size = spread(evidence.to_memory(part))
        whole = np.cumsum(mine["bytes"])
        wanted = np.cumsum(size)
        # a burst begins where the run it belongs to has been left
        run = np.minimum(np.searchsorted(wanted, whole, side="left"), max(len(size) - 1, 0))
        fits = len(mine) == 0 or len(size) > 0
        begin = whole - mine["bytes"]
        spot = address[run] + begin - (wanted[run] - size[run]) if len(size) else mine["address"] - 1
        good = (mine["address"] == spot) & (begin >= (wanted[run] - size[run] if len(size) else 0))
        report.compare(
            "bursts",
            f"{part} stream",
            "bursts cover the descriptors, in order",
            good & fits,
            lambda n, m=mine: f"burst {n} begins at byte {m['address'][n]}",
        )
        moved = replies[replies["stream"] == stream]
        total = int(wanted[-1]) if len(wanted) else 0
        report.equal("bursts", f"{part} stream", "bytes asked for", int(whole[-1]) if len(whole) else 0, total)
        report.equal("bursts", f"{part} stream", "bytes answered", int(moved["bytes"].sum()), total)
    answered = np.searchsorted(replies["at"], bursts["at"], side="right")
    flying = np.arange(1, len(bursts) + 1) - answered
    report.compare(
        "bursts",
        DMA,
        f"at most {most} bursts under way",
        flying <= most,
        lambda n: f"{flying[n]} bursts are under way in cycle {bursts['at'][n]}",
    )


def check_loads(evidence: Evidence, name: str, exclusive: bool, report: Report) -> None:
    """A buffer asks for its loads in order, with room and after their fence, and tells of each when its bytes came."""
    loads, log = evidence.tables[name], evidence.log
    asked, told, size = log[f"{name}.request"], log[f"{name}.done"], sizes(loads)
    report.equal("loads", name, "loads asked for", len(asked), len(loads))
    report.equal("loads", name, "loads told", len(told), len(loads))
    if not len(asked) == len(told) == len(loads):
        return
    same = [asked[f] == loads[f] for f in ("address", "bytes", "segments")]
    report.compare(
        "loads",
        name,
        "they are the program's, in order",
        np.all(same, axis=0),
        lambda n: f"load {n} asks for address {asked['address'][n]}",
    )
    grants = evidence.into(f"{name}.command")
    lifted = np.append(0, np.cumsum(grants["fences"]))[np.searchsorted(grants["at"], asked["at"])]
    report.compare(
        "order",
        name,
        "a load is asked for when its fence is lifted",
        lifted >= loads["fence"],
        lambda n: f"load {n} of fence {loads['fence'][n]} when {lifted[n]} are lifted",
    )
    freed = in_order([grants] + [evidence.into(p) for p in (f"{name}.release",) if p in evidence.sender])
    back = np.append(0, np.cumsum(freed["bytes"]))[np.searchsorted(freed["at"], asked["at"])]
    held, capacity = np.cumsum(size) - back, size if exclusive else evidence.part(name, "capacity_bytes")
    report.compare(
        "buffers",
        name,
        "there is room for a load when it is asked for",
        held <= capacity,
        lambda n: f"load {n} makes it {held[n]} bytes",
    )
    came = evidence.into(f"{name}.fill")
    when = there(evidence, name, came, np.cumsum(size))
    report.compare(
        "loads",
        name,
        "a load is told when all its bytes have come",
        when + 1 <= told["at"],
        lambda n: f"load {n} is told in cycle {told['at'][n]}, its last byte came in or is written in {when[n]}",
    )


def check_stores(evidence: Evidence, name: str, report: Report) -> None:
    """A store is asked for when its bytes have come into the output buffer, and told when they are in DRAM."""
    stores, log = evidence.tables[name], evidence.log
    asked, told, size = log[f"{name}.request"], log[f"{name}.done"], sizes(stores)
    out = stores["fence"] != KEPT  # those that go to DRAM
    report.equal("stores", name, "stores asked for", len(asked), int(out.sum()))
    report.equal("stores", name, "stores told", len(told), len(stores))
    if len(asked) != out.sum() or len(told) != len(stores):
        return
    came = in_order(list(evidence.elements(f"{name}.results").values()))
    back = evidence.into(f"{name}.written")
    gone = np.append(back["at"], NEVER)[np.searchsorted(np.cumsum(back["bytes"]), np.cumsum(size[out]))]
    for which, times, when, why in (
        ("asked for", asked["at"], there(evidence, name, came, np.cumsum(size))[out], "come into the buffer"),
        ("told", told["at"][out], gone, "reached DRAM"),
    ):
        report.compare(
            "stores",
            name,
            f"a store is {which} when all its bytes have {why}",
            when + 1 <= times,
            lambda n, t=times, w=when: f"store {n} in cycle {t[n]}, its last byte in {w[n]}",
        )

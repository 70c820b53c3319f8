"""A judge of command logs that shares nothing with the simulator: the rules of a DRAM, restated from the data
sheet, over the finished list of commands."""

from collections import defaultdict

import numpy as np

from accelsim.components.dram.constraints import COMMANDS


def violations(log, standard, channels: int) -> list[str]:
    """Sentences for every rule broken by a log (cycle, command, channel, bank, row) of a standard (its ranks
    included)."""
    found = []
    for channel in range(channels):
        mine = log[log["channel"] == channel]
        found += [f"channel {channel}: {text}" for text in channel_violations(mine, standard)]
    return found


def channel_violations(log, standard) -> list[str]:
    t = standard.timing
    banks_per_rank = standard.bankgroups * standard.banks_per_group
    burst, found = t["tBL"], []
    write_end = t["CWL"] + burst
    last = defaultdict(lambda: -(10**9))  # (kind, scope) -> cycle
    activations = defaultdict(list)
    open_row: dict[int, int] = {}
    bus: list[tuple[int, int]] = []
    before = -1

    def since(cycle, kind, scope, least, what):
        if cycle - last[kind, scope] < least:
            found.append(f"cycle {cycle}: {what} is {cycle - last[kind, scope]}, below {least}")

    for entry in log:
        cycle, name = int(entry["cycle"]), COMMANDS[int(entry["command"])]
        bank, row = int(entry["bank"]), int(entry["row"])
        rank, group = ("rank", bank // banks_per_rank), ("group", bank // standard.banks_per_group)
        at = ("bank", bank)
        others = [("rank", r) for r in range(standard.ranks) if ("rank", r) != rank]
        if cycle <= before:
            found.append(f"cycle {cycle}: two commands in one clock")
        before = cycle
        since(cycle, "REF", rank, t["tRFC"], "tRFC")
        if name == "ACT":
            if bank in open_row:
                found.append(f"cycle {cycle}: bank {bank} is activated while open")
            since(cycle, "ACT", at, t["tRC"], "tRC")
            since(cycle, "ACT", group, t["tRRD_L"], "tRRD_L")
            since(cycle, "ACT", rank, t["tRRD_S"], "tRRD_S")
            since(cycle, "closed", at, t["tRP"], "tRP")
            since(cycle, "PREA", rank, t["tRPab"], "tRPab")
            four = activations[rank]
            if len(four) >= 4 and cycle - four[-4] < t["tFAW"]:
                found.append(f"cycle {cycle}: tFAW is {cycle - four[-4]}, below {t['tFAW']}")
            four.append(cycle)
            open_row[bank] = row
        elif name in ("PRE", "PREA"):
            span = range(rank[1] * banks_per_rank, (rank[1] + 1) * banks_per_rank) if name == "PREA" else [bank]
            for b in span:
                since(cycle, "ACT", ("bank", b), t["tRAS"], "tRAS")
                since(cycle, "RD", ("bank", b), t["tRTP"], "tRTP")
                since(cycle, "WR", ("bank", b), write_end + t["tWR"], "write recovery")
                if name == "PRE":
                    last["closed", ("bank", b)] = cycle
                    last["closed", rank] = max(last["closed", rank], cycle)
                open_row.pop(b, None)
        elif name == "REF":
            if any(b // banks_per_rank == rank[1] for b in open_row):
                found.append(f"cycle {cycle}: refresh with an open bank")
            since(cycle, "closed", rank, t["tRP"], "tRP before REF")
            since(cycle, "PREA", rank, t["tRPab"], "tRPab before REF")
            since(cycle, "ACT", rank, t["tRC"], "tRC before REF")
        else:
            kind = name[:2]
            if open_row.get(bank) != row:
                found.append(f"cycle {cycle}: {name} to row {row} of bank {bank}, open is {open_row.get(bank)}")
            since(cycle, "ACT", at, t["tRCDRD" if kind == "RD" else "tRCDWR"], "tRCD")
            since(cycle, kind, group, t["tCCD_L"], "tCCD_L")
            since(cycle, kind, rank, t["tCCD_S"], "tCCD_S")
            if kind == "RD":
                since(cycle, "WR", group, write_end + t["tWTR_L"], "tWTR_L")
                since(cycle, "WR", rank, write_end + t["tWTR_S"], "tWTR_S")
                bus.append((cycle + t["CL"], rank[1]))
            else:
                bus.append((cycle + t["CWL"], rank[1]))
                for r in [rank, *others]:
                    since(cycle, "RD", r, t["CL"] + burst + t["tRTRS"] - t["CWL"], "read to write")
            for r in others:
                if kind == "RD":
                    since(cycle, "RD", r, burst + t["tRTRS"], "tRTRS")
            if name in ("RDA", "WRA"):
                recovery = t["tRTP"] if name == "RDA" else write_end + t["tWR"]
                starts = max(cycle + recovery, last["ACT", at] + t["tRAS"])
                last["closed", at] = starts
                last["closed", rank] = max(last["closed", rank], starts)
                open_row.pop(bank)
            name = kind
        for scope in (at, group, rank):
            last[name, scope] = cycle
    bus.sort()
    starts = np.array([start for start, _ in bus])
    clash = np.flatnonzero(np.diff(starts) < burst)
    found += [f"cycle {starts[i]}: the data bus is booked twice" for i in clash]
    return found

"""Energy of a memory from its command counts and standby times, priced by data-sheet currents (the formulas of
DRAMsim3's configuration.cc, which are Micron's TN-40-07 without its I/O part), in picojoules."""

from typing import NamedTuple

from accelsim.components.dram.standard import LINE_BYTES, Standard
from accelsim.core.errors import InputError


class Entry(NamedTuple):
    """`count` events (or clocks) at `each_pj` picojoules."""

    event: str
    count: int
    each_pj: float

    @property
    def total_pj(self) -> float:
        return self.count * self.each_pj


def prices(standard: Standard) -> dict[str, float]:
    """Picojoules per event of a rank: activate (with its precharge), read, write, refresh, and per clock of standby.

    DRAMsim3 prints V x mA x clocks and calls it pJ; here it is multiplied by tCK in ns, which makes it pJ.
    """
    p, t = standard.power, standard.timing
    if not p:
        raise InputError(f"standard {standard.name!r} has no currents (power:), so its energy is not known.")
    unit = p["VDD"] * standard.devices * standard.tck_ns
    return {
        "activate": unit * (p["IDD0"] * t["tRC"] - p["IDD3N"] * t["tRAS"] - p["IDD2N"] * t["tRP"]),
        "read": unit * (p["IDD4R"] - p["IDD3N"]) * t["tBL"],
        "write": unit * (p["IDD4W"] - p["IDD3N"]) * t["tBL"],
        "refresh": unit * (p["IDD5"] - p["IDD3N"]) * t["tRFC"],
        "active_standby": unit * p["IDD3N"],
        "precharged_standby": unit * p["IDD2N"],
    }


def bill(standard: Standard, counts: dict[str, int], *, io: bool = False) -> list[Entry]:
    """The entries of a run: `counts` has ACT, RD, WR, REF, active_cycles and precharged_cycles (over all ranks).

    `io` adds what the wires and their termination take, at both ends. Precharge power-down is not modelled.
    """
    each = prices(standard)
    entries = [
        Entry("activate", counts["ACT"], each["activate"]),
        Entry("read", counts["RD"], each["read"]),
        Entry("write", counts["WR"], each["write"]),
        Entry("refresh", counts["REF"], each["refresh"]),
        Entry("active_standby", counts["active_cycles"], each["active_standby"]),
        Entry("precharged_standby", counts["precharged_cycles"], each["precharged_standby"]),
    ]
    if io:
        for event in ("read", "write"):
            name = f"io_{event}_pj_per_bit"
            if name not in standard.power:
                raise InputError(f"standard {standard.name!r} has no power.{name}, so its I/O energy is not known.")
            entries.append(
                Entry(f"io_{event}", counts["RD" if event == "read" else "WR"], standard.power[name] * LINE_BYTES * 8)
            )
    return entries

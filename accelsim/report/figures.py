"""What the formulas give: figures of a run, a phase, a layer, a component.

Shares are of 1, not of 100; a share of nothing is None.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from accelsim.energy import Bills, Charge, EnergyTable, Piece, total


def share(part: float, whole: float) -> float | None:
    """`part / whole`, or None of nothing."""
    return part / whole if whole else None


@dataclass(frozen=True)
class Activity:
    """A component over a stretch of time, in cycles of its own clock."""

    name: str
    kind: str
    clock: str
    cycles: int
    status: dict[str, int]  # cycles idle, busy, starved, blocked; they add up to `cycles`
    mac_ops: int | None

    def share(self, status: str) -> float | None:
        return share(self.status[status], self.cycles)


@dataclass(frozen=True)
class MemoryUse:
    """A memory: bytes moved, and for an on-chip one how full it was on average."""

    name: str
    off_chip: bool
    read_bytes: int
    write_bytes: int
    capacity_bytes: int | None
    occupancy: float | None  # byte_cycles / (capacity x cycles)


@dataclass(frozen=True)
class Energy:
    """What a stretch of time costs in pJ, with bounds; `chip` and `dram` add up to the total.

    Of `dram`, `background` is standby and refresh: drawn by time, whatever is moved.
    """

    pj: float
    low_pj: float
    high_pj: float
    chip_pj: float
    dram_pj: float
    chip_low_pj: float
    chip_high_pj: float
    background_pj: float

    @property
    def traffic_pj(self) -> float:
        """DRAM's for what is moved."""
        return self.dram_pj - self.background_pj

    @staticmethod
    def of(charges: Iterable[Charge]) -> "Energy":
        charges = list(charges)
        chip, dram = ([c for c in charges if c.off_chip is off] for off in (False, True))
        chip_pj, dram_pj = (sum(c.pj for c in part) for part in (chip, dram))
        return Energy(
            chip_pj + dram_pj,
            sum(c.low_pj for c in charges),
            sum(c.high_pj for c in charges),
            chip_pj,
            dram_pj,
            sum(c.low_pj for c in chip),
            sum(c.high_pj for c in chip),
            sum(c.pj for c in dram if c.background),
        )

    @staticmethod
    def over(bills: Bills, spans: list[int]) -> "Energy":
        """What some spans of a run cost, `of` all their charges."""
        pj, low, high = bills.figures[:, spans, :]
        off, rest = bills.off_chip, bills.background
        chip_pj, dram_pj = total(pj[:, ~off]), total(pj[:, off])
        return Energy(
            chip_pj + dram_pj, total(low), total(high), chip_pj, dram_pj, total(low[:, ~off]), total(high[:, ~off]),
            total(pj[:, off & rest]),
        )  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A place in the roofline diagram; one multiply-accumulate is two operations."""

    ops: int
    dram_bytes: int
    ops_per_byte: float | None
    ops_per_s: float | None
    roof_ops_per_s: float | None  # what the roofline allows at this intensity


@dataclass(frozen=True)
class Stretch:
    """A layer, a phase or the whole run."""

    name: str
    block: str
    phase: str
    cycles: int
    seconds: float
    cycle_share: float | None  # of the run
    macs: int  # useful, with the mask applied
    dense_macs: int
    mac_ops: int  # done by the PE array
    mac_utilization: float | None  # mac_ops / (peak x cycles)
    dram_read_bytes: int
    dram_write_bytes: int
    bandwidth_utilization: float | None  # bytes / (peak x seconds)
    energy: Energy
    power_w: float | None
    chip_power_w: float | None
    roofline: Point
    activity: dict[str, Activity]
    counters: dict[str, int] = field(default_factory=dict)  # what the machine wants shown of every layer


@dataclass(frozen=True)
class Summary:
    """All figures of a run. `layers` is in order of execution, `phases` by order of appearance."""

    total: Stretch
    layers: list[Stretch]
    phases: list[Stretch]
    engine_utilization: dict[str, float | None]  # component -> mac_ops / (peak x cycles); they add up to the total's
    memories: list[MemoryUse]
    q_forward_hit_rate: float | None
    peak_ops_per_s: float
    dram_peak_bytes_per_s: float
    ridge_ops_per_byte: float
    energy_table: str
    prices: EnergyTable
    charges: list[Charge]
    pieces: list[Piece]
    on_chip_bytes: int | None = None  # of all memories; None: not known

    def __repr__(self) -> str:
        return f"Summary of {self.total.cycles:,} core cycles, {len(self.layers)} layers, {len(self.phases)} phases"

    @property
    def area_um2(self) -> float:
        return sum(p.um2 for p in self.pieces)

    @property
    def area_bounds_um2(self) -> tuple[float, float]:
        """Low and high."""
        bounds = [p.bounds_um2 for p in self.pieces]
        return sum(b.low for b in bounds), sum(b.high for b in bounds)

    @property
    def area_mm2(self) -> tuple[float | None, float | None, float | None]:
        """Nominal, low and high; None where nothing of the machine has an area."""
        found = (self.area_um2, *self.area_bounds_um2)
        return tuple(um2 / 1e6 if self.pieces else None for um2 in found)

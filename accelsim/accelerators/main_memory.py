"""The part `dram` of a machine: its models, what it moves at best, and what a result says of it."""

from accelsim.components.dram.memory import BIN_CYCLES, ExactDram
from accelsim.components.dram.standard import load_standard
from accelsim.components.dram_pipe import DramPipe
from accelsim.config.arch import Arch
from accelsim.core import Simulator
from accelsim.dataflows.estimate import HOP_CYCLES, Memory

MODELS = {"exact": ExactDram, "pipe": DramPipe}
PERCENTILES = (50, 95, 99)
SUSTAINED = 0.9  # of the peak, where an estimate is made


def clock_rule(arch: Arch) -> str | None:
    """The memory's clock is its standard's (to half a percent, since data sheets round tCK)."""
    if arch.models["dram"] != "exact":
        return None
    standard = load_standard(arch.parts["dram"]["standard"])
    wanted = 1e3 / standard.tck_ns
    found = float(arch.clocks["dram"]) / 1e6
    if abs(found - wanted) <= 0.005 * wanted:
        return None
    return (
        f"clocks.dram is {found:g} MHz, but dram.standard = {standard.name} runs at {wanted:.4g} MHz "
        f"(tCK = {standard.tck_ns} ns); set clocks.dram to that"
    )


def address_rule(arch: Arch) -> str | None:
    """Bits of an address choose among channels and among ranks."""
    if arch.models["dram"] != "exact":
        return None
    for name in ("channels", "ranks"):
        if (count := arch.parts["dram"][name]) & (count - 1):
            near = 1 << count.bit_length()
            return (
                f"dram.{name} is {count}, but address bits choose among them, so that there are as many as a power of "
                f"two; give {near >> 1} or {near}"
            )
    return None


def peak_bytes_per_s(arch: Arch) -> float:
    """What all channels move at best."""
    dram = arch.parts["dram"]
    if arch.models["dram"] == "exact":
        each = load_standard(dram["standard"]).peak_bytes_per_clock
    else:
        each = dram["bytes_per_cycle"]
    return float(arch.clocks["dram"]) * dram["channels"] * each


def closed_form(arch: Arch) -> Memory:
    """What an estimate of time counts on: the memory's bandwidth and latency in cycles of the core.

    The exact memory sustains its peak less refresh, less a tenth for turns of the bus and rows [ours, measured: the
    stored calibration of `accelsim estimate`].
    """
    dram, dma = arch.parts["dram"], arch.parts["dma"]
    ratio = float(arch.clocks["core"] / arch.clocks["dram"])
    peak = peak_bytes_per_s(arch) / float(arch.clocks["core"])
    if arch.models["dram"] == "exact":
        timing = load_standard(dram["standard"]).timing
        sustained = peak * (1 - timing["tRFC"] / timing["tREFI"]) * SUSTAINED
        latency = timing["tRCD"] + timing["CL"]
    else:
        sustained, latency = peak, dram["latency"]
    under_way = min(dma["outstanding"], dram["window"])
    return Memory(
        bytes_per_cycle=sustained,
        latency=latency * ratio + HOP_CYCLES,
        burst_bytes=dma["burst_bytes"],
        in_flight_bytes=under_way * dma["burst_bytes"],
        line_bytes=64 if arch.models["dram"] == "exact" else 1,
        posted=arch.models["dram"] == "exact",
    )


def finish(arch: Arch, sim: Simulator, *, skip: bool = True) -> None:
    """After a run, let the exact memory write what its controller holds back, and note refreshes and open rows up to
    the end."""
    if arch.models["dram"] != "exact":
        return
    memory = next(c for c in sim.components if c.name == "dram")
    memory.built().chip["flush"] = 1
    sim.wake(memory)
    sim.run(skip=skip)
    sim.stretch()


def notes(arch: Arch, sim: Simulator) -> dict[str, str]:
    """Which model ran; for the exact one also rows, channels, latencies and refresh, of the whole run."""
    dram = arch.parts["dram"]
    if arch.models["dram"] != "exact":
        return {"dram": "pipe: latency and bandwidth, no rows or refresh"}
    memory = next(c for c in sim.components if c.name == "dram")
    count, channels = memory.counts(), memory.storage["channel"]
    lines = (channels["read_lines"] + channels["write_lines"]).tolist()
    opened = count["row_hits"] + count["activates"]
    latency = memory.storage["latency"]
    standard = load_standard(dram["standard"])
    clocks = sim.at // sim.periods[memory.clock]
    refreshing = count["refreshes"] * standard.timing["tRFC"] / max(1, clocks * dram["channels"] * dram["ranks"])
    said = {
        "dram": f"exact: {dram['controller']}, {dram['standard']}, {dram['channels']} channels, "
        f"{dram['ranks']} ranks each, map {dram['mapping']}, {dram['page']} page",
        "dram_channels": " : ".join(f"{64 * n:,}" for n in lines) + " bytes",
        "dram_refresh": f"{refreshing:.1%} of the time",
    }
    if opened:
        said["dram_rows"] = (
            f"{count['row_hits'] / opened:.1%} hits, {count['row_misses'] / opened:.1%} misses, "
            f"{count['row_conflicts'] / opened:.1%} conflicts"
        )
    if latency.sum():
        reached = latency.cumsum() / latency.sum()
        at = [int((reached < p / 100).sum() + 1) * BIN_CYCLES for p in PERCENTILES]
        mean = count["read_cycles"] / count["read_lines"]
        parts = ", ".join(f"p{p} {n}" for p, n in zip(PERCENTILES, at, strict=True))
        said["dram_read_latency"] = f"mean {mean:.0f} DRAM cycles, {parts} (to {BIN_CYCLES} cycles)"
    return said

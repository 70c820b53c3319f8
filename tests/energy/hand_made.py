"""Small results made by hand: what a run would have left behind."""

from fractions import Fraction

from accelsim.core.result import Part, Result, Span

# What the tests' components cost; no machine of the package has components of these names.
COMPONENTS = {
    "Control": {"counters": {"instructions": "control"}, "area": {"control": 1}},
    "Mover": {"counters": {"read_bursts": "control", "write_bursts": "control"}, "area": {"control": 1}},
    "Memory": {
        "off_chip": True,
        "counters": {
            "read_bytes": {"dram_read_bit": 8, "dram_io_read_bit": 8, "dram_activate": "1 / 8192"},
            "write_bytes": {"dram_write_bit": 8, "dram_io_write_bit": 8, "dram_activate": "1 / 8192"},
        },
        "standing": {"dram_standby": "channels", "dram_refresh_power": "channels"},
    },
    "Scratchpad": {
        "memories": {"data": {n: n for n in ("capacity_bytes", "port_bytes", "banks")}},
        "counters": {"read_bytes": "data.read", "write_bytes": "data.write", "byte_cycles": 0},
    },
    "Array": {"counters": {"mac_ops": "mac_dot", "register_bytes": {"register_bit": 8}}},
    "Dense": {"counters": {"mac_ops": "mac_dot", "q_reads": 0}},
    "Sparse": {"counters": {"mac_ops": "mac_dot", "q_forward_hits": 0, "q_forward_misses": 0, "v_reads": 0}},
    "Coder": {"counters": {"mac_ops": "mac_dot"}},
    "Vector": {"counters": {"element_ops": "requant"}},
}


def priced(**override) -> dict:
    """An `energy` section that prices them; with more overrides, if any."""
    more = override.pop("components", {})
    return {"override": {"components": {**COMPONENTS, **more}, **override}}


STATUS = {"idle": 10, "busy": 60, "starved": 20, "blocked": 10}


def result(parts: dict[str, tuple[str, dict]], *spans: dict[str, dict[str, int]], cycles: int = 100) -> Result:
    """A result at 500 MHz whose spans of `cycles` core cycles each have these counts."""
    made = [
        Span(
            i,
            i * cycles,
            (i + 1) * cycles,
            {n: {k: v * cycles // 100 for k, v in STATUS.items()} for n in parts},
            c,
            {},
        )
        for i, c in enumerate(spans)
    ]
    counts = {n: {k: sum(s.counts[n][k] for s in made) for k in made[0].counts[n]} for n in parts}
    status = {n: {k: sum(s.status[n][k] for s in made) for k in STATUS} for n in parts}
    end = cycles * len(spans)
    return Result(
        Fraction(500_000_000),
        {"core": 1},
        end,
        {n: Part(kind, "core", parameters) for n, (kind, parameters) in parts.items()},
        {},
        Span(-1, 0, end, status, counts, {}),
        made,
        {},
        [],
        {},
    )

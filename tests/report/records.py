"""Made-up but realistic records: a ViT on a machine of ViTCoD's kind."""

from fractions import Fraction

import numpy as np

from accelsim.core.result import Part, Result, Span
from accelsim.report import RunRecord

from ..energy.hand_made import priced

CORE, DRAM = 12, 5  # units of the time base a cycle: 500 MHz and 1200 MHz in 6 GHz
BUFFER = {"port_bytes": 64, "banks": 4}
PARTS = {
    "sequencer": Part("Control", "core", {}),
    "dma": Part("Mover", "core", {"burst_bytes": 1024}),
    "dram": Part("Memory", "dram", {"channels": 4}),
    "weight_gb": Part("Scratchpad", "core", {"capacity_bytes": 54272, **BUFFER}),
    "act_gb0": Part("Scratchpad", "core", {"capacity_bytes": 108544, **BUFFER}),
    "act_gb1": Part("Scratchpad", "core", {"capacity_bytes": 18432, **BUFFER}),
    "gemm": Part("Array", "core", {"lines": 64, "macs": 8}),
    "denser": Part("Dense", "core", {"lines": 64}),
    "sparser": Part("Sparse", "core", {"lines": 64}),
    "encoder": Part("Coder", "core", {"lines": 8}),
    "vector": Part("Vector", "core", {"lanes": 64}),
}
COUNTS = {
    "Control": ("instructions",),
    "Mover": ("read_bursts", "write_bursts"),
    "Memory": ("read_bytes", "write_bytes"),
    "Scratchpad": ("read_bytes", "write_bytes", "byte_cycles"),
    "Array": ("mac_ops", "register_bytes"),
    "Dense": ("mac_ops", "q_reads"),
    "Sparse": ("mac_ops", "q_forward_hits", "q_forward_misses", "v_reads"),
    "Coder": ("mac_ops",),
    "Vector": ("element_ops",),
}
# phase: tokens x in x out of its GEMM for 192 features, share of peak it reaches, DRAM bytes
LAYERS = (
    ("norm1", "norm", 0, 0, 37_824),
    ("qkv", "qkv", 197 * 192 * 576, 0.81, 260_000),
    ("attention", "attention", 2 * 197 * 197 * 192, 0.34, 150_000),
    ("proj", "proj", 197 * 192 * 192, 0.74, 112_000),
    ("norm2", "norm", 0, 0, 37_824),
    ("mlp.fc1", "mlp", 197 * 192 * 768, 0.86, 336_000),
    ("mlp.fc2", "mlp", 197 * 192 * 768, 0.83, 336_000),
)
DENSITY = 0.1


def cycles_of(macs: int, reach: float, dram_bytes: int) -> int:
    return max(int(macs / 512 / reach) if macs else 700, int(dram_bytes / 153.6))


def span(label: int, start: int, phase: str, macs: int, reach: float, dram_bytes: int) -> Span:
    """One layer's span, beginning at a core cycle."""
    done = int(macs * DENSITY) if phase == "attention" else macs
    cycles = cycles_of(done, reach, dram_bytes)
    end = start + cycles
    busy = dict.fromkeys(PARTS, 0.02) | {"dma": dram_bytes / 153.6 / cycles, "weight_gb": 0.5, "act_gb0": 0.5}
    busy |= {"denser": 0.55, "sparser": 0.92} if phase == "attention" else {}
    busy |= {"gemm": 0.97} if macs and phase != "attention" else {}
    busy |= {"encoder": 0.4} if phase == "qkv" else {}
    busy |= {"vector": 0.97 if phase == "norm" else 0.2, "dram": dram_bytes / 153.6 / cycles}
    status, counts = {}, {}
    for part, made in PARTS.items():
        own = -(-end * CORE // DRAM) - -(-start * CORE // DRAM) if made.clock == "dram" else cycles
        worked = int(own * busy[part])
        waiting = own - worked
        starved = int(waiting * (0.6 if busy[part] > 0.1 else 0.05))
        blocked = int(waiting * (0.2 if busy[part] > 0.1 else 0))
        status[part] = {"idle": waiting - starved - blocked, "busy": worked, "starved": starved, "blocked": blocked}
        counts[part] = dict.fromkeys(COUNTS[made.kind], 0)
    counts["dram"] = {"read_bytes": dram_bytes * 4 // 5, "write_bytes": dram_bytes - dram_bytes * 4 // 5}
    counts["dma"] = {"read_bursts": dram_bytes // 1280, "write_bursts": dram_bytes // 5120}
    counts["sequencer"]["instructions"] = 40
    counts["act_gb1"] = dict.fromkeys(("read_bytes", "write_bytes"), dram_bytes // 5) | {"byte_cycles": 4000 * cycles}
    for buffer, share in (("weight_gb", 0.5), ("act_gb0", 0.3)):
        moved = int(dram_bytes * share)
        counts[buffer] = {"read_bytes": 6 * moved, "write_bytes": moved, "byte_cycles": 40_000 * cycles}
    if phase == "attention":
        counts["denser"] = {"mac_ops": done * 2 // 5, "q_reads": 400}
        counts["sparser"] = {"mac_ops": done - done * 2 // 5} | {
            "q_forward_hits": 300,
            "q_forward_misses": 100,
            "v_reads": 900,
        }
    else:
        counts["gemm"] = {"mac_ops": done, "register_bytes": done // 4}
    if phase == "qkv":
        counts["encoder"]["mac_ops"] = 197 * 64 * 12
    counts["vector"]["element_ops"] = 197 * 192 * 2
    return Span(label, start * CORE, end * CORE, status, counts, {})


def added(spans: list[Span], field: str) -> dict[str, dict[str, int]]:
    tables = [getattr(s, field) for s in spans]
    return {n: {k: sum(t[n][k] for t in tables) for k in tables[0][n]} for n in tables[0]}


def events_of(spans: list[Span]) -> np.ndarray:
    """Status changes that spend each span's cycles by status in a few turns."""
    rows = []
    for index, (name, part) in enumerate(PARTS.items()):
        period = DRAM if part.clock == "dram" else CORE
        for s in spans:
            at = -(-s.start // period)
            for word in ("starved", "busy", "blocked", "idle"):
                if s.status[name][word]:
                    rows.append((at * period, index, ("idle", "busy", "starved", "blocked").index(word)))
                at += s.status[name][word]
    return np.array(sorted(rows), [("at", "i8"), ("component", "i8"), ("status", "i8")])


def record(blocks: int = 12, *, traced: bool = False, layers=LAYERS, **over) -> RunRecord:
    """A run of so many blocks of `layers`."""
    spans, rows, at = [], [], 0
    for block in range(blocks):
        for name, phase, macs, reach, dram_bytes in layers:
            s = span(len(spans), at, phase, macs, reach, dram_bytes)
            spans.append(s)
            at = s.end // CORE
            rows.append(
                {
                    "name": f"blocks.{block}.{name}",
                    "block": block,
                    "phase": phase,
                    "macs": int(macs * DENSITY) if phase == "attention" else macs,
                    "dense_macs": macs,
                }
            )
    result = Result(
        Fraction(6_000_000_000),
        {"core": CORE, "dram": DRAM},
        at * CORE,
        PARTS,
        {},
        Span(-1, 0, at * CORE, added(spans, "status"), added(spans, "counts"), {}),
        spans,
        {},
        [events_of(spans)] if traced else [],
        {},
    )
    fields = {
        "machine": "vitcod",
        "arch": {"machine": "vitcod", "clocks": {"core": "500 MHz"}, "energy": priced()},
        "workload": {
            "name": "deit_tiny_s90", "model": "DeiT-Tiny", "hash": "1f" * 8, "synthetic": True, "batch": 1,
            "provenance": "accelsim synth deit_tiny --sparsity 0.9 --seed 1",
        },
        "layers": rows, "peak_macs": 512, "dram_peak_bytes_per_s": 76.8e9, "notes": {"dram_model": "pipe"},
        "array": ("gemm", "denser", "sparser"),
    }  # fmt: skip
    return RunRecord(result, **{**fields, **over})

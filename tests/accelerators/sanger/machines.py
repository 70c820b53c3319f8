"""Small Sangers, and attention to run on them."""

import random

import numpy as np

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.workload import Attention, AttentionMask, Workload

SMALL = (
    "array.rows=4", "array.ports=6", "array.pes=2", "array.adders=4", "predictor.width=5", "predictor.height=3",
    "predictor.strip_bytes=400", "merge.sums_bytes=400", "merge.lanes=4", "kv_buffer.capacity_bytes=900",
    "kv_buffer.port_bytes=4", "q_buffer.capacity_bytes=1500", "q_buffer.port_bytes=4",
    "predict_buffer.capacity_bytes=600", "predict_buffer.port_bytes=4", "output_buffer.capacity_bytes=400",
)  # fmt: skip


def sanger(*overrides: str) -> Arch:
    """The shipped machine with overrides."""
    return load_arch("sanger", schema, overrides)


def drawn(seed: int) -> Arch:
    """A machine of few PEs, small buffers and narrow ports in any reading. Some are too small for a network."""
    rng = random.Random(seed)
    ports = rng.randint(1, 7)
    values = {
        "array.rows": rng.randint(1, 6), "array.ports": ports, "array.pes": rng.randint(1, ports),
        "array.packs_ahead": rng.randint(1, 3), "array.adders": rng.randint(1, 8),
        "predictor.width": rng.randint(1, 6), "predictor.height": rng.randint(1, 6),
        "predictor.strip_bytes": rng.choice([400, 600, 2000]), "merge.lanes": rng.randint(1, 9),
        "merge.divide_cycles": rng.randint(1, 20), "merge.divide_interval": rng.randint(1, 4),
        "merge.sums_bytes": rng.choice([600, 1000, 3000]), "pack.subrows_per_cycle": rng.randint(1, 4),
        "pack": rng.choice(["column_tile", "block", "unit"]),
        "control": rng.choice(["wavefront", "per_stage", "global"]),
        "predict": rng.choice(["true", "false"]), "lengths": rng.choice(["true", "false"]),
        "kv_buffer.capacity_bytes": rng.choice([800, 1500, 4000]), "kv_buffer.port_bytes": rng.choice([3, 4, 16]),
        "q_buffer.capacity_bytes": rng.choice([1500, 4000]), "q_buffer.port_bytes": rng.choice([1, 4, 16]),
        "predict_buffer.capacity_bytes": rng.choice([500, 900, 3000]), "predict_buffer.port_bytes": rng.randint(1, 4),
        "output_buffer.capacity_bytes": rng.choice([300, 1000]), "dense.overlap": rng.choice(["auto", "none"]),
        "dense.ahead": rng.randint(1, 4), "dram.model": rng.choice(["exact", "pipe"]),
    }  # fmt: skip
    return sanger(*(f"{name}={value}" for name, value in values.items()))


def attention(keep: np.ndarray, dim: int = 8, value_dim: int = 8, **options) -> Workload:
    """One attention layer under bool[heads, q_tokens, kv_tokens]; no row may be empty."""
    heads, rows, columns = keep.shape
    order = np.tile(np.arange(columns, dtype=np.int32), (heads, 1))
    mask = AttentionMask(keep, order, np.zeros(heads, np.int32))
    layer = Attention("a", "a", heads, rows, columns, dim, value_dim)
    return Workload("one", "one", (layer,), {"a": mask}, **options)


def full(heads: int, rows: int, columns: int, density: float = 1.0) -> np.ndarray:
    """A mask with its diagonal kept, and a share of the rest."""
    keep = np.random.default_rng(7).random((heads, rows, columns)) < density
    keep[:, np.arange(rows), np.arange(rows) % columns] = True
    return keep


def finished(arch: Arch, workload: Workload, **options):
    """A simulator that has run, and its program."""
    sim, program = machine("sanger").build(arch, workload, **options)
    sim.run()
    machine("sanger").finish(arch, sim)
    return sim, program


def logged(arch: Arch, workload: Workload) -> dict[str, np.ndarray]:
    """What left every port, `at` in core cycles."""
    from accelsim.validation.evidence import gather

    return gather(machine("sanger"), arch, workload).log


def sized(side: int, *others: str):
    """As many rows as ports, with a memory that has no rows."""
    size = (f"array.rows={side}", f"array.ports={side}", f"array.pes={side // 4}", f"array.adders={side}")
    return sanger(*size, f"predictor.width={side}", f"predictor.height={side}", "dram.model=pipe", *others)

"""Small networks that can be pruned, and how to run them."""

import numpy as np

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.workload import Attention, Elementwise, Gemm, Norm, Workload

PIPE = ("dram.model=pipe", "dram.channels=16", "dram.bytes_per_cycle=32", "dram.interleave_bytes=32")


def spatten(*overrides: str, name: str = "spatten") -> Arch:
    """A shipped configuration with overrides."""
    return load_arch(name, schema, overrides)


def attention(queries: int, keys: int, heads: int = 1, dim: int = 64, values: int = 64) -> Workload:
    """One attention layer."""
    return Workload("one", "one", (Attention("a", "b", heads, queries, keys, dim, values),))


def blocks(count: int = 3, tokens: int = 21, heads: int = 3, dim: int = 8, *, stored: bool = True) -> Workload:
    """A network of so many blocks, with or without the operands of its attention."""
    rng, layers, tensors, wide = np.random.default_rng(3), [], {}, heads * dim
    for n in range(count):
        b = f"b{n}"
        layers += [
            Norm(f"{b}.norm", b, tokens, wide),
            Gemm(f"{b}.qkv", b, "qkv", tokens, wide, 3 * wide),
            Attention(f"{b}.attention", b, heads, tokens, tokens, dim, dim),
            Gemm(f"{b}.proj", b, "proj", tokens, wide, wide, residual=True),
            Gemm(f"{b}.mlp", b, "mlp", tokens, wide, wide, activation="gelu"),
        ]
        for operand in "qkv" if stored else "":
            tensors[f"{b}.attention.{operand}"] = rng.integers(-90, 90, (heads, tokens, dim), np.int8)
    layers.append(Elementwise("mean", f"b{count - 1}", "mean", tokens, wide))
    return Workload("blocks", "blocks", tuple(layers), tensors=tensors)


def finished(arch: Arch, workload: Workload, **options):
    """A simulator that has run."""
    skip = options.pop("skip", True)
    sim, _ = machine("spatten").build(arch, workload, **options)
    sim.run(skip=skip)
    machine("spatten").finish(arch, sim, skip)
    return sim


def cycles(arch: Arch, workload: Workload) -> int:
    """Of a whole run."""
    return finished(arch, workload).result().cycles()

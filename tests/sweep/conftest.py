"""A workload that is simulated in milliseconds, and sweep files over it."""

from pathlib import Path

import numpy as np
import pytest

from accelsim.workload import Attention, AttentionMask, Gemm, Workload, save

LAYERS = (
    Gemm("b0.qkv", "b0", "qkv", 12, 16, 2 * 3 * 8, encodes="b0.attention"),
    Attention("b0.attention", "b0", 2, 12, 12, 8, 8, encoded_heads=1),
    Gemm("b0.proj", "b0", "proj", 12, 16, 16),
)


def tiny(seed: int = 0, name: str = "tiny") -> Workload:
    rng = np.random.default_rng(seed)
    keep = rng.random((2, 12, 12)) < 0.3
    keep[:, np.arange(12), np.arange(12)] = True
    order = np.stack([rng.permutation(12) for _ in range(2)])
    return Workload(name, "test", LAYERS, masks={"b0.attention": AttentionMask(keep, order, np.array([2, 1]))})


@pytest.fixture
def work(tmp_path) -> Path:
    return save(tiny(), tmp_path / "tiny.yaml")


@pytest.fixture
def plan_file(tmp_path, work):
    """Writes a sweep file over the workload: its text follows the machine and the workload."""

    def write(text: str, name: str = "design") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"machines: [vitcod]\nworkloads: [{work}]\n{text}")
        return path

    return write

"""Figures that stand beside a run: what the memory moves at best, and which work is useful."""

import numpy as np
import pytest

from accelsim.accelerators import machine, main_memory, schema
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.workload import Attention, load


@pytest.mark.parametrize("model", ["pipe", "exact"])
def test_the_paper_s_memory_moves_its_bytes(model):
    arch = load_arch("vitcod", schema, [f"dram.model={model}"])
    assert main_memory.peak_bytes_per_s(arch) == pytest.approx(76.8e9, rel=2e-3)
    one = load_arch("vitcod", schema, [f"dram.model={model}", "dram.channels=1"])
    assert main_memory.peak_bytes_per_s(one) == pytest.approx(19.2e9, rel=2e-3)


def test_useful_work_is_what_the_mask_leaves():
    work = load(find("workloads", "deit_tiny_s90"))
    vitcod, arch = machine("vitcod"), load_arch("vitcod", schema)
    unpruned = load_arch("vitcod", schema, ["prune=false"])
    for layer in work.layers[:8]:
        useful = vitcod.useful_macs(arch, work, layer)
        if isinstance(layer, Attention):
            kept = int(np.count_nonzero(work.masks[layer.name].keep))
            assert useful == kept * 128 < layer.macs == 3 * 197 * 197 * 128
        else:
            assert useful == layer.macs
        assert vitcod.useful_macs(unpruned, work, layer) == layer.macs

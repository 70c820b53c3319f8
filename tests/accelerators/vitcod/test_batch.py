"""Several images at once: weights are read once, and no image takes longer than alone."""

from dataclasses import replace

import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.workload import Workload, load


@pytest.fixture(scope="module")
def block() -> Workload:
    """One block of DeiT-Tiny, whose heads are not all alike."""
    whole = load(find("workloads", "deit_tiny_s90"))
    layers = tuple(layer for layer in whole.layers if layer.block == "block4")
    masks = {layer.name: whole.masks[layer.name] for layer in layers if layer.name in whole.masks}
    return replace(whole, layers=layers, masks=masks, reads={})


@pytest.mark.parametrize("only", ["attention", "gemm", "all"])
def test_an_image_of_a_batch_takes_no_longer_than_alone(block, only):
    work, arch = block if only == "all" else block.only(only), load_arch("vitcod", schema)
    records = {batch: run(arch, replace(work, batch=batch)) for batch in (1, 2, 7, 16)}
    alone = records[1].result.cycles()
    slower = {n: record.result.cycles() / n / alone for n, record in records.items()}
    assert all(times <= 1.01 for times in slower.values()), slower
    if only == "gemm":  # weights are read once for as many images as the activations' buffer holds
        read = {n: record.result.total.counts["weight_gb"]["write_bytes"] for n, record in records.items()}
        assert read[16] < 16 * read[1]

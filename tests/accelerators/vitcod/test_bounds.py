"""Bounds that no run may break, and that more of a resource is never slower; over random machines and networks.

`ACCELSIM_BOUNDS=N` asks N times as many.
"""

import os

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.report.metrics import summarize
from accelsim.workload import Workload, load
from tests.accelerators.small import workloads
from tests.accelerators.vitcod.small import machines

MORE = int(os.environ.get("ACCELSIM_BOUNDS", "1"))
SLOWER = 1.01  # by so much a larger resource may be, through another order of what is equal
# what there is more or less of; `dma.burst_bytes` is a grain instead: longer bursts keep other streams waiting
RESOURCES = (
    "sparser.banks", "sparser.score_ports", "denser.q_port_bytes", "decoder.port_bytes", "decoder.lines",
    "decoder.macs", "decoder.queue", "encoder.lines", "softmax.lanes", "merge.places", "walker.word_bytes",
    "vector.lanes", "dma.outstanding", "weight_gb.outstanding", "act_gb0.outstanding",
    "index_buffer.outstanding", "dram.window", "dram.channels", "dram.bytes_per_cycle", "weight_gb.banks",
    "weight_gb.port_bytes", "act_gb0.banks", "act_gb0.port_bytes", "act_gb1.banks", "act_gb1.port_bytes",
    "index_buffer.banks", "index_buffer.port_bytes",
)  # fmt: skip
FASTER = ("softmax.exp_cycles", "softmax.divide_cycles", "softmax.divide_interval", "dram.latency")


@settings(max_examples=25 * MORE, deadline=None, suppress_health_check=list(HealthCheck))
@given(machines(), workloads())
def test_no_run_is_faster_than_its_multipliers_and_its_memory(arch, workload):
    try:
        record = run(arch, workload)
    except InputError:
        assume(False)
    result, total = record.result, record.result.total
    cycles, lanes = result.cycles(), arch.parts["engine"]["lines"] * arch.parts["engine"]["macs"]
    macs = sum(total.counts[unit]["mac_ops"] for unit in ("engine", "denser", "sparser"))
    assert macs <= lanes * cycles
    for unit in ("encoder", "decoder"):
        part = arch.parts[unit]
        assert total.counts[unit]["mac_ops"] <= part["lines"] * part["macs"] * cycles
    assert total.counts["vector"]["element_ops"] <= arch.parts["vector"]["lanes"] * cycles
    assert total.counts["softmax"]["exp_ops"] <= arch.parts["softmax"]["lanes"] * cycles
    moved = total.counts["dram"]["read_bytes"] + total.counts["dram"]["write_bytes"]
    assert moved <= record.dram_peak_bytes_per_s * result.end / float(result.time_base_hz)
    assert total.counts["decoder"]["read_bytes"] <= arch.parts["decoder"]["port_bytes"] * cycles
    for name, status in total.status.items():
        assert sum(status.values()) == result.cycles(result.parts[name].clock)
    summary = summarize(record)
    for stretch in (summary.total, *summary.layers):
        for share in (stretch.mac_utilization, stretch.bandwidth_utilization):
            assert share is None or 0 <= share <= 1
    assert sum(layer.cycles for layer in summary.layers) == cycles
    assert all(memory.occupancy is None or memory.occupancy <= 1 for memory in summary.memories)


@pytest.fixture(scope="module")
def attention() -> Workload:
    """All of a network: in one layer lines that are free in another order make some per cent (docs/mapping.md)."""
    return load(find("workloads", "deit_tiny_s90")).only("attention")


def cycles(workload: Workload, *over: str) -> int:
    return run(load_arch("vitcod", schema, ["dram.model=pipe", *over]), workload).result.cycles()


@pytest.mark.parametrize("coded", ["true", "false"])
def test_more_of_a_resource_is_never_slower(attention, coded):
    option = f"auto_encoder={coded}"
    parts, before = load_arch("vitcod", schema, ["dram.model=pipe"]).parts, cycles(attention, option)
    slower = {}
    for name in RESOURCES:
        part, parameter = name.split(".")
        for times in (2, 16):
            try:
                found = cycles(attention, option, f"{name}={parts[part][parameter] * times}")
            except InputError:  # beyond the parameter's bound
                continue
            if found > SLOWER * before:
                slower[name, times] = found / before
    for name in FASTER:
        part, parameter = name.split(".")
        found = cycles(attention, option, f"{name}={max(1, parts[part][parameter] // 2)}")
        if found > SLOWER * before:
            slower[name, 0.5] = found / before
    assert slower == {}


@settings(max_examples=15 * MORE, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_more_of_a_resource_is_never_slower_from_anywhere(attention, data):
    """From a machine that has less of several resources than the shipped one, where they bind."""
    parts = load_arch("vitcod", schema, ["dram.model=pipe"]).parts
    some = {}
    for name in data.draw(st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=4, unique=True)):
        part, parameter = name.split(".")
        some[name] = max(1, parts[part][parameter] // data.draw(st.sampled_from((2, 4))))
    name = data.draw(st.sampled_from(sorted(some)))
    over = [f"{n}={v}" for n, v in some.items()]
    try:
        before = cycles(attention, *over)
        found = cycles(attention, *over, f"{name}={2 * some[name]}")
    except InputError:  # too little, or more than another part's ports give
        assume(False)
    assert found <= SLOWER * before, (over, name, before, found)

"""Faults planted in what crossed the channels around the attention units."""

import numpy as np
import pytest

from tests.validation.faults import drop, faults


@pytest.mark.parametrize("port", ["decoder", "denser", "sparser", "engine", "act_gb0", "vector", "walker"])
def test_an_instruction_dispatched_too_early(run, port):
    log = run.log[f"sequencer.command.{port}"]
    log["at"][-1] = 3
    assert ("dispatch", "sequencer") in faults(run)


@pytest.mark.parametrize("unit", ["act_gb1.done", "denser.done", "act_gb0.done", "decoder.done"])
def test_work_that_was_done_later_than_the_program_thought(run, unit):
    run.log[unit]["at"] += 5_000
    assert "waits for" in faults(run)["dispatch", "sequencer"][0]


def test_an_instruction_that_is_never_dispatched(run):
    drop(run, "sequencer.command.decoder", 2)
    assert ("dispatch", "sequencer.command.decoder") in faults(run)


def test_two_instructions_in_one_cycle(run):
    log = run.log["sequencer.command.merge"]
    log["at"] = run.log["sequencer.command.softmax"]["at"]
    assert ("dispatch", "sequencer") in faults(run)


@pytest.mark.parametrize("unit", ["engine", "vector"])
def test_a_unit_that_is_faster_than_it_can_be(run, unit):
    run.log[f"{unit}.done"]["at"][0] -= 20
    assert "cycles of" in faults(run)["lines", unit][0]


@pytest.mark.parametrize("field", ["address", "bytes"])
def test_a_burst_that_is_not_of_its_tile(run, field):
    mine = np.flatnonzero(run.log["dma.request"]["stream"] == 3)
    run.log["dma.request"][field][mine[1]] -= 1
    assert ("bursts", "act_gb0 stream") in faults(run)


def test_too_many_bursts_under_way(run):
    run.log["dram.reply"]["at"] += 3_000
    assert "bursts are under way" in faults(run)["bursts", "dma"][0]


def test_bytes_that_never_come(run):
    drop(run, "dram.reply", 5)
    assert any(name == "bursts" for name, _ in faults(run))


@pytest.mark.parametrize("buffer", ["weight_gb", "act_gb0", "index_buffer"])
def test_a_load_told_before_its_bytes_came(run, buffer):
    run.log[f"{buffer}.done"]["at"][0] -= 5
    assert "its last byte came in or is written in" in faults(run)["loads", buffer][0]


def test_a_load_without_room(run):
    run.log["engine.release_weight"]["at"] += 3_000
    run.log["sequencer.command.weight_gb"]["at"] += 3_000
    assert "makes it" in faults(run)["buffers", "weight_gb"][0]


def test_a_load_before_its_fence_is_lifted(run):
    run.log["sequencer.command.act_gb0"]["fences"][:] = 0
    assert "are lifted" in faults(run)["order", "act_gb0"][0]


@pytest.mark.parametrize(("port", "word"), [("request", "come into"), ("done", "reached")])
def test_a_store_before_its_bytes_are_there(run, port, word):
    run.log[f"act_gb1.{port}"]["at"][1] -= 100
    assert "its last byte in" in faults(run)["stores", "act_gb1"][0]


@pytest.mark.parametrize("buffer", ["weight_gb", "act_gb0", "index_buffer", "act_gb1"])
@pytest.mark.parametrize("counter", ["read_bytes", "write_bytes"])
def test_more_bytes_than_the_ports_of_a_buffer_take(run, buffer, counter):
    run.result.spans[0].counts[buffer][counter] += 10**9
    assert "bytes in" in faults(run)["buffers", buffer][0]


@pytest.mark.parametrize(
    "part, counter, buffer",
    [
        ("vector", "read_bytes", "act_gb0"),
        ("decoder", "read_bytes", "act_gb0"),
        ("denser", "v_read_bytes", "weight_gb"),
        ("sparser", "v_read_bytes", "weight_gb"),
        ("walker", "read_bytes", "index_buffer"),
        ("merge", "row_read_bytes", "index_buffer"),
        ("denser", "table_read_bytes", "index_buffer"),
        ("sparser", "table_read_bytes", "index_buffer"),
        ("softmax", "mask_bits", "index_buffer"),
    ],
)
def test_readers_take_of_the_ports_of_the_buffer_they_read(run, part, counter, buffer):
    span = run.result.spans[-1]
    span.counts[part][counter] += 10**9
    assert "bytes in" in faults(run)["buffers", buffer][0]


def test_a_bit_more_than_the_ports_take_is_found(run):
    """The mask's bits are counted as bits, beside the bytes that others read and that arrive."""
    span, counts = run.result.spans[-1], run.result.spans[-1].counts
    cycles = run.result.cycles("core", span.end) - run.result.cycles("core", span.start)
    width = run.part("index_buffer", "banks") * run.part("index_buffer", "port_bytes")
    late = run.part("dma", "burst_bytes")
    others = ["walker.read_bytes", "merge.row_read_bytes", "denser.table_read_bytes", "sparser.table_read_bytes"]
    others += ["index_buffer.read_bytes", "index_buffer.write_bytes"]
    taken = sum(counts[part][counter] for part, counter in (name.split(".") for name in others))
    counts["softmax"]["mask_bits"] = 8 * (width * cycles + late - taken)
    assert ("buffers", "index_buffer") not in faults(run)
    counts["softmax"]["mask_bits"] += 1
    (said,) = faults(run)["buffers", "index_buffer"]
    assert said.endswith(f": {width * cycles + late} bytes and 1 bits in {cycles} cycles of {width}")

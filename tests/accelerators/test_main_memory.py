"""The exact memory inside a machine: what it leaves at the end, what its counters say, and that sleeping is exact."""

import numpy as np
import pytest

from accelsim.accelerators import machine, main_memory, schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.energy.bill import bill
from accelsim.energy.table import load_table
from accelsim.workload import Gemm, Workload, load


@pytest.fixture(scope="module")
def work():
    """A layer small enough to tick every clock."""
    return Workload(
        "small", "small", (Gemm("a.fc1", "a", "mlp", 24, 40, 72), Gemm("a.fc2", "a", "mlp", 24, 72, 40)), {}
    )


def exact(controller: str, *over: str):
    return load_arch("vitcod", schema, ["dram.model=exact", f"dram.controller={controller}", *over])


@pytest.mark.parametrize("controller", ["dramsim3", "frfcfs_rowhit"])
def test_sleeping_is_the_same_as_ticking_every_clock(work, controller):
    fast, slow = (run(exact(controller), work, skip=skip).result for skip in (True, False))
    assert fast.total == slow.total and fast.spans == slow.spans and fast.end == slow.end


def test_posted_writes_are_written_when_the_program_ends(work):
    """DRAMsim3 keeps up to eight writes a channel until more come; here they reach the banks, and are counted."""
    arch = exact("dramsim3")
    sim, _ = machine("vitcod").build(arch, work)
    sim.run()
    memory = next(c for c in sim.components if c.name == "dram")
    dram, before, end = memory.built(), memory.counts(), sim.at
    posted = int(dram.channel.writes.sum())
    assert 0 < posted <= 8 * 4 and dram.channel.outstanding.sum() == posted
    main_memory.finish(arch, sim)
    after = memory.counts()
    assert dram.channel.writes.sum() == dram.channel.outstanding.sum() == 0
    columns = {n: c["row_hits"] + c["activates"] for n, c in (("before", before), ("after", after))}
    assert columns["after"] - columns["before"] == posted
    assert sim.at > end and sim.quiet
    lines = int((dram.channel.read_lines + dram.channel.write_lines).sum())
    merged = int((dram.channel.merged + dram.channel.forwarded).sum())
    assert columns["after"] == lines - merged


@pytest.mark.parametrize("controller", ["dramsim3", "frfcfs"])
def test_refreshes_and_open_rows_are_counted_to_the_end(work, controller):
    arch = exact(controller, "dram.ranks=2")
    sim, _ = machine("vitcod").build(arch, work)
    sim.run()
    main_memory.finish(arch, sim)
    memory = next(c for c in sim.components if c.name == "dram")
    counts, clocks = memory.counts(), sim.at // sim.periods["dram"]
    assert abs(counts["refreshes"] - 8 * (clocks // 9360)) <= 8
    assert 0 < counts["open_cycles"] < 8 * clocks
    assert counts["open_cycles"] == int(memory.built().chip.active_cycles[0])
    assert np.all(memory.built().rank.opened_at <= clocks)


@pytest.mark.parametrize("name", ["generic_22nm", "generic_28nm", "generic_32nm", "generic_45nm", "generic_65nm"])
def test_every_shipped_table_prices_standby_by_state_and_io_apart(work, name):
    record = run(exact("frfcfs"), work)
    result, prices = record.result, record.prices
    counts, seconds = result.total.counts["dram"], result.end / float(result.time_base_hz)
    charges = {c.action: c.pj for c in bill(result, load_table(name, prices)) if c.component == "dram"}
    assert charges["dram_refresh"] == pytest.approx(counts["refreshes"] * 695000)
    assert charges["dram_open_clock"] == pytest.approx(counts["open_cycles"] * 72)
    assert charges["dram_precharged_standby"] == pytest.approx(4 * 326.4e-3 * seconds * 1e12)
    assert charges["dram_activate"] == pytest.approx(counts["activates"] * 3463)
    io = {action for action in charges if action.startswith("dram_io")}
    assert len(io) == 2 and all(charges[action] > 0 for action in io)
    off = load_table({"table": name, "override": {"options": {"dram_io": False, "dram_background": False}}}, prices)
    without = {c.action: c.pj for c in bill(result, off) if c.component == "dram"}
    assert {action for action in without if without[action] == 0 and charges[action] > 0} == io | {
        "dram_open_clock",
        "dram_precharged_standby",
    } | ({"dram_refresh"} if counts["refreshes"] else set())


def test_a_network_says_what_its_memory_did():
    """Refreshes while it computes and nothing is under way are in the count, and rows close for them."""
    record = run(exact("dramsim3"), load(find("workloads", "deit_tiny_s95")).only("attention"))
    counts = record.result.total.counts["dram"]
    clocks = record.result.cycles("dram")
    assert abs(counts["refreshes"] - 4 * (clocks // 9360)) <= 4
    assert 0.5 * 4 * clocks < counts["open_cycles"] < 4 * clocks
    assert counts["row_hits"] + counts["activates"] <= counts["read_lines"] + counts["write_bytes"] // 64 + 4 * 64
    assert "of the time" in record.notes["dram_refresh"]


@pytest.mark.parametrize(("name", "count", "near"), [("channels", 3, "2 or 4"), ("ranks", 6, "4 or 8")])
def test_address_bits_choose_among_channels_and_ranks(name, count, near):
    with pytest.raises(InputError, match=rf"vitcod.yaml: dram.{name} is {count}, but address bits .*; give {near}$"):
        exact("frfcfs", f"dram.{name}={count}")
    assert load_arch("vitcod", schema, ["dram.model=pipe", "dram.channels=3"]).parts["dram"]["channels"] == 3

"""Random traffic on every standard, controller, page policy and rank count, judged by an independent checker."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.dram.constraints import ACT, COMMANDS, PRE, RD, RDA, WRA
from accelsim.components.dram.replay import CONTROLLERS, replay
from accelsim.components.dram.standard import load_standard, names
from accelsim.components.dram.traces import Trace
from tests.components.dram.checker import violations


def traffic(seed: int, standard, channels: int, count: int) -> Trace:
    """Bursts and pauses over few rows and many, so that hits, conflicts, merges and refreshes all occur."""
    random = np.random.default_rng(seed)
    gaps = random.choice([0, 0, 0, 1, 9, 60, 900], count)
    size = channels * standard.ranks * standard.bankgroups * standard.banks_per_group * standard.lines_per_row * 64
    lines = random.integers(0, size, count)
    near = random.random(count) < 0.5
    lines[near] = (lines[0] + random.integers(0, 600, count)[near]) % size
    return Trace(np.cumsum(gaps).astype(np.int64), lines * 64, random.random(count) < 0.4)


def judge(found, trace, standard, channels):
    """Every rule kept, every request done once, by a command of its own unless it was forwarded or merged."""
    assert violations(found.commands, standard, channels) == []
    assert (found.accept >= trace.arrival).all() and (found.done > found.accept).all()
    counts = found.statistics
    columns = counts["RD"] + counts["RDA"] + counts["WR"] + counts["WRA"]
    assert columns == len(trace.arrival) - counts["forwarded"] - counts["merged"]
    # each read's data comes from a read command to its own row, the burst before its completion
    commands = found.commands
    read = np.isin(commands["command"], (RD, RDA))
    issued = {(int(c["cycle"]), int(c["row"])) for c in commands[read]}
    waited = ~trace.is_write & (found.done > found.accept + 1)
    row = trace.address >> (6 + int(np.log2(channels * standard.ranks * standard.lines_per_row)))
    row >>= int(np.log2(standard.bankgroups * standard.banks_per_group))
    served = [(int(d) - standard.read_cycles, int(r)) in issued for d, r in zip(found.done[waited], row[waited])]
    # a forwarded read may wait behind others for its turn, and has no command
    assert len(served) - sum(served) <= counts["forwarded"]
    refreshes = counts["REF"]
    expected = counts["cycles"] // standard.timing["tREFI"] * standard.ranks * channels
    assert abs(refreshes - expected) <= standard.ranks * channels


@pytest.mark.parametrize("closed_page", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("name", names())
def test_no_rule_is_ever_broken(name, controller, ranks, closed_page):
    standard = load_standard(name).with_ranks(ranks)
    seed = names().index(name) * 100 + CONTROLLERS.index(controller) * 10 + ranks
    trace = traffic(seed, standard, 2, 250)
    found = replay(trace, standard, controller, 2, closed_page=closed_page, commands=True)
    assert found.statistics["REF"] > 0
    judge(found, trace, standard, 2)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    name=st.sampled_from(names()),
    controller=st.sampled_from(CONTROLLERS),
    channels=st.sampled_from([1, 2, 4, 8, 16]),
    ranks=st.sampled_from([1, 2]),
    closed_page=st.booleans(),
)
def test_no_traffic_breaks_a_rule(seed, name, controller, channels, ranks, closed_page):
    standard = load_standard(name).with_ranks(ranks)
    trace = traffic(seed, standard, channels, 150)
    found = replay(trace, standard, controller, channels, closed_page=closed_page, commands=True)
    judge(found, trace, standard, channels)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_no_rule_is_ever_broken_in_long_runs(controller, seed):
    standard = load_standard(names()[seed % len(names())]).with_ranks(1 << seed % 3)
    channels = 1 << seed % 5
    trace = traffic(seed, standard, channels, 4000)
    found = replay(trace, standard, controller, channels, closed_page=seed % 2 == 1, commands=True)
    judge(found, trace, standard, channels)


@pytest.mark.parametrize("closed_page", [False, True], ids=["open", "closed"])
def test_the_checker_sees_a_command_moved_too_early(closed_page):
    """Pulling any rule-bound command forward by one clock must be noticed: else the checker proves nothing."""
    standard = load_standard("hbm2").with_ranks(2)
    trace = traffic(0, standard, 1, 120)
    commands = replay(trace, standard, "frfcfs", 1, closed_page=closed_page, commands=True).commands
    noticed = set()
    for i in range(1, len(commands)):
        moved = commands.copy()
        moved["cycle"][i] -= 1
        if any("in one clock" not in text for text in violations(moved, standard, 1)):
            noticed.add(COMMANDS[int(commands["command"][i])])
    assert noticed >= ({"ACT", "RDA", "WRA", "REF"} if closed_page else {"ACT", "PRE", "PREA", "RD", "WR", "REF"})


def test_the_checker_sees_wrong_rows_open_banks_and_a_missing_precharge():
    standard = load_standard("ddr4_2400_reference")
    trace = traffic(4, standard, 1, 200)
    commands = replay(trace, standard, "dramsim3", 1, commands=True).commands
    wrong = commands.copy()
    wrong["row"][np.flatnonzero(wrong["command"] == ACT)[5]] += 1
    assert any("open is" in text for text in violations(wrong, standard, 1))
    without = np.delete(commands, np.flatnonzero(commands["command"] == PRE)[2])
    assert any("while open" in text or "open bank" in text for text in violations(without, standard, 1))
    assert not np.isin(commands["command"], (RDA, WRA)).any()

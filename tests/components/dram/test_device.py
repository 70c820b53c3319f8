"""The device: every rule of every standard is kept to the clock, blocked one clock before and ready at it."""

import pytest
from numba import njit

from accelsim.components.dram import constraints as c
from accelsim.components.dram import device
from accelsim.components.dram.mapping import address_map
from accelsim.components.dram.standard import load_standard, names
from accelsim.components.dram.state import build

issue, ready_at = njit(device.issue.py_func), njit(device.ready_at.py_func)
START = 1_000_000  # long after reset


def banks_by_level(standard):
    """A bank per level that the first bank shares that level, and nothing nearer, with."""
    group, rank = standard.banks_per_group, standard.banks_per_group * standard.bankgroups
    return {
        c.BANK: 0,
        c.BANKGROUP: 1,
        c.RANK: group if standard.bankgroups > 1 else 1,
        c.OTHER_RANKS: rank,
        c.CHANNEL: rank,
    }


def tightest(standard, preceding, following, level):
    """What the data says of a pair between two banks: the longest of the rules of all levels both banks share."""
    shared = {
        c.BANK: (c.BANK, c.BANKGROUP, c.RANK, c.CHANNEL),
        c.BANKGROUP: (c.BANKGROUP, c.RANK, c.CHANNEL),
        c.RANK: (c.RANK, c.CHANNEL) if standard.bankgroups > 1 else (c.BANKGROUP, c.RANK, c.CHANNEL),
        c.OTHER_RANKS: (c.OTHER_RANKS, c.CHANNEL),
        c.CHANNEL: (c.OTHER_RANKS, c.CHANNEL),
    }[level]
    rows = [r for r in standard.constraints if r.preceding == preceding and r.following == following and r.window == 1]
    return max((r.latency for r in rows if r.level in shared), default=0)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("closed_page", [False, True], ids=["open", "closed"])
def test_every_rule_is_tight(name, closed_page):
    standard = load_standard(name).with_ranks(2)
    unused = {c.RD, c.WR} if closed_page else {c.RDA, c.WRA}
    checked = 0
    for rule in standard.constraints:
        if rule.window > 1 or {rule.preceding, rule.following} & unused:
            continue
        s = build(standard, address_map("m1", standard, 1), "frfcfs", closed_page=closed_page)
        if rule.preceding not in (c.ACT, c.REF):
            issue(s, 0, 0, c.ACT, 7, 0)  # long ago, so that only the rule under test binds
        issue(s, 0, 0, rule.preceding, 7, START)
        latency = tightest(standard, rule.preceding, rule.following, rule.level)
        assert latency >= rule.latency
        assert ready_at(s, banks_by_level(standard)[rule.level], rule.following) == START + latency, str(rule)
        checked += 1
    assert checked > 25


@pytest.mark.parametrize("name", names())
def test_the_fifth_activation_waits_for_the_window(name):
    standard = load_standard(name).with_ranks(2)
    s = build(standard, address_map("m1", standard, 1), "frfcfs")
    per_rank, now = standard.bankgroups * standard.banks_per_group, START
    # spread over bank groups, so that the group's own rule binds least
    order = sorted(range(per_rank), key=lambda b: (b % standard.banks_per_group, b))
    cycles = []
    for bank in order[:7]:
        now = max(now + 1, int(ready_at(s, bank, c.ACT)))
        issue(s, 0, bank, c.ACT, 1, now)
        cycles.append(now)
    assert all(late - early >= standard.timing["tFAW"] for early, late in zip(cycles, cycles[4:]))
    assert cycles[4] - cycles[0] == max(standard.timing["tFAW"], 4 * standard.timing["tRRD_S"])
    assert ready_at(s, per_rank, c.ACT) <= cycles[-1] + 4  # another rank has a window of its own


def test_rules_do_not_leak_into_other_channels():
    standard = load_standard("ddr4_2400_reference")
    s = build(standard, address_map("m1", standard, 2), "frfcfs")
    issue(s, 0, 3, c.ACT, 5, START)
    others = range(s.chip[0].banks, 2 * s.chip[0].banks)
    assert all(ready_at(s, bank, command) <= 0 for bank in others for command in range(len(c.COMMANDS)))
    assert s.bank[3].open_row == 5 and (s.bank.open_row[16:] == -1).all()

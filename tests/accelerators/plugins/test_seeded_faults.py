"""`check-machine` finds what is wrong with a machine: each of these has one fault."""

import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.contract import check_contract, failed
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from tests.accelerators.plugins.conftest import accelsim

TICK = "        if r.holds and now >= r.ready_at:\n            if not (can_push(outputs)"
ISSUE = "            p.issue(have.array,"
FAULTS = {
    "a tick that changes state when it is called too early": (
        {"dot_array.py": (TICK, f"        if r.holds and now < r.ready_at:\n            r.tiles += 1\n{TICK}")},
        "it runs to its end, the same stepped cycle by cycle",
    ),
    "one that forgets when it is to be woken": (
        {"dot_array.py": ("r.wake = r.ready_at", "r.wake = r.ready_at + (r.multipliers & 1) + 5")},
        "it runs to its end, the same stepped cycle by cycle",
    ),
    "one that counts on the order of components": (  # it looks at what was pushed in this very cycle
        {"dot_array.py": (TICK, f"        r.tiles += command.control.pushed\n{TICK}")},
        "in any order of its components",
    ),
    "a release that is dropped": (
        {"dot_array.py": ("tile.passes, tile.frees\n", "tile.passes, tile.frees - 1\n")},
        "what the program plans is done",
    ),
    "work that is left out": (
        {"dot_array.py": ("r.mac_ops += work", "r.mac_ops += work - 1")},
        "what the program plans is done",
    ),
    "more work than there are multipliers for": (
        {"dot_array.py": ("r.ready_at = now + (work + r.multipliers - 1) // r.multipliers", "r.ready_at = now + 1")},
        "no run is faster than its multipliers and its memory",
    ),
    "a parameter without a sentence": (
        {"dot_array.py": ('Param(64, "count", "products a cycle")', 'Param(64, "count", "")')},
        "every parameter, counter and port has a unit and a sentence",
    ),
    "a unit that is none": (
        {"dot_array.py": ('Param(64, "count",', 'Param(64, "parsecs",')},
        "every parameter, counter and port has a unit and a sentence",
    ),
    "a lock-up with channels of one item": (
        {"dot_array.py": ("if not can_pop(command):", "if outputs.control.depth < 2 or not can_pop(command):")},
        "it does not lock up with channels of one item",
    ),
    "a lock-up": (
        {"compiler.py": (ISSUE, f"            loaded = (loaded[0], loaded[1] + 1)\n{ISSUE}")},
        "it runs to its end, the same stepped cycle by cycle",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(loaded, fault):
    edits, rule = FAULTS[fault]
    broken = failed(check_contract(load_arch(loaded(edits).name, schema), cases=3))
    assert rule in [each.name for each in broken]


def test_the_command_says_what_is_broken_and_exits_with_1(new):
    folder = new(FAULTS["a release that is dropped"][0])
    done = accelsim(folder.parent, "--plugin", folder, "check-machine", folder.name, status=1)
    assert "BROKEN: what the program plans is done" in done.stdout
    assert "bytes are left in operand_gb" in done.stdout
    assert "4 networks, 1 rules BROKEN" in done.stdout


def test_an_index_outside_its_array_is_found_and_a_run_does_not_look(new):
    folder = new({"dot_array.py": (TICK, f"        r.tiles += 0 * command.slots[r.tiles - 1].rows\n{TICK}")})
    done = accelsim(folder.parent, "--plugin", folder, "check-machine", folder.name, status=1)
    assert "BROKEN: it runs to its end, the same stepped cycle by cycle" in done.stdout
    found = " ".join(done.stdout.split())
    assert "the tick of dot raised an exception in cycle 0: an index outside its array, most likely" in found


def test_a_counter_without_a_price_is_an_error(loaded):
    folder = loaded(
        {
            "dot_array.py": (
                '    tiles = Count("tiles begun")',
                '    tiles = Count("tiles begun")\n    more = Count("more of them")',
            )
        }
    )
    with pytest.raises(
        InputError, match=r"DotArray.more \(dot\) has no price; add it under components.DotArray.counters"
    ):
        check_contract(load_arch(folder.name, schema), cases=1)

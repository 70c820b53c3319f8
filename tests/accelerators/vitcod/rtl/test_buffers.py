"""The memory side against its modules: both kinds of buffers, the DMA engine and a pipe, in one bench (each alone, and
all settings, with -m slow), and the way between two buffers."""

import numpy as np
import pytest

from accelsim.accelerators.vitcod.rtl.buffers import MEMORY
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE
from accelsim.isa.tables import DESCRIPTOR
from accelsim.rtl.cosim import cosimulate, run_model
from accelsim.rtl.memory import TWINS, descriptors
from accelsim.rtl.memory_cases import SETTINGS, Side, cases, side


def test_not_one_transfer_differs():
    outcome = cosimulate("store_buffer", cases(PACKAGE, "store_buffer", 16, 7, settings=1))
    assert outcome.first == ""
    assert outcome.differences == 0 and outcome.cases == 16
    assert outcome.statuses == len(TWINS) * outcome.cycles
    assert all(outcome.counts.values()), f"a port without a transfer proves nothing: {outcome.counts}"


def test_nor_does_one_on_its_way_between_two_buffers():
    outcome = cosimulate("hand_over", MEMORY["hand_over"](8, 7))
    assert outcome.first == "" and outcome.differences == 0
    assert all(outcome.counts.values())


@pytest.mark.slow
@pytest.mark.parametrize("component", MEMORY)
def test_not_one_transfer_differs_in_300_cases_of_all_settings(component):
    outcome = cosimulate(component, MEMORY[component](300, 11))
    assert outcome.first == ""
    assert outcome.differences == 0 and outcome.cases == 300
    assert all(outcome.counts.values())


@pytest.mark.parametrize("component", MEMORY)
def test_sleeping_does_not_change_what_is_compared(component):
    for case in MEMORY[component](3, 3):
        assert np.array_equal(run_model(case)[0], run_model(case, skip=False)[0])


def test_cases_move_all_they_were_given():
    """A case may end with something left over; if most did, little would be compared."""
    for component, told, moved in (("load_buffer", "buffer_done", "loads"), ("store_buffer", "store_done", "stores")):
        finished = 0
        for case in cases(PACKAGE, component, 30, 5):
            done = case.netlist.logged().index(told)
            finished += (run_model(case)[0][:, 1] == done).sum() == len(case.tables[moved])
        assert finished >= 24


def test_a_module_has_as_many_ports_as_its_netlist_gives_it():
    values = SETTINGS["load_buffer"][1][0]
    text = side(PACKAGE, "bench", values, Side(2, 3, 0)).text()
    assert ".TILE_PORTS(4), .ARRIVED_PORTS(4)" in text
    assert ".READING_PORTS(0), .FILLING_PORTS(0), .KEEP_PORTS(0), .KEPT_PORTS(0)" in text
    assert "assign buffer_reading___valid = '0;" in text


def test_a_list_ends_with_a_row_without_bytes():
    table = np.array([(4096, 7, 3, 64, 2)], DESCRIPTOR).view(np.recarray)
    assert descriptors(table).tolist() == [[4096, 7, 3, 64, 2, 21], [0] * 6]

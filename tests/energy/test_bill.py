import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.energy import bill, bills, floor_plan, load_table

from .hand_made import COMPONENTS, priced, result

TABLE = load_table(priced())

BUFFER = {"capacity_bytes": 16 << 10, "port_bytes": 16, "banks": 1}
GEMM = {"gemm": ("Array", {"lines": 64})}


def pj(charges, component, action):
    found = [c for c in charges if (c.component, c.action) == (component, action)]
    assert len(found) == 1
    return found[0]


def test_an_action_costs_count_times_price():
    charge = pj(bill(result(GEMM, {"gemm": {"mac_ops": 1000, "register_bytes": 300}}), TABLE), "gemm", "mac_dot")
    assert (charge.count, charge.pj, charge.low_pj, charge.high_pj) == (
        1000,
        pytest.approx(410),
        300,
        pytest.approx(550),
    )
    charge = pj(bill(result(GEMM, {"gemm": {"mac_ops": 0, "register_bytes": 300}}), TABLE), "gemm", "register_bit")
    assert (charge.counter, charge.count, charge.pj) == ("register_bytes", 2400, pytest.approx(9.6))


def test_a_memory_costs_cacti_times_the_macro_factor_a_byte_and_leaks():
    charges = bill(
        result(
            {"act_gb0": ("Scratchpad", BUFFER)}, {"act_gb0": {"read_bytes": 160, "write_bytes": 16, "byte_cycles": 9}}
        ),
        TABLE,
    )
    assert pj(charges, "act_gb0", "data.read").pj == pytest.approx(2 * 10 * 3.49586)
    assert pj(charges, "act_gb0", "data.read").low_pj == pytest.approx(10 * 3.49586)
    assert pj(charges, "act_gb0", "data.write").pj == pytest.approx(2 * 4.0057)
    leakage = pj(charges, "act_gb0", "leakage")
    assert leakage.pj == pytest.approx(533.661 * 100 / 500e6 * 1e6)  # uW x 100 cycles of 2 ns, in pJ
    assert (leakage.counter, leakage.count) == (None, 0)
    assert sum(c.pj for c in charges) == pytest.approx(69.9172 + 8.0114 + 106.7322)


def dram(**counts):
    return result({"dram": ("Memory", {"channels": 4})}, {"dram": {"read_bytes": 0, "write_bytes": 0, **counts}})


def test_a_streaming_dram_by_events_standby_and_interface():
    charges = bill(dram(read_bytes=8192), TABLE)
    read = [c for c in charges if c.counter == "read_bytes"]
    assert {c.action: round(c.pj, 3) for c in read} == {
        "dram_read_bit": 8192 * 8 * 5.75,
        "dram_io_read_bit": round(8192 * 8 * 4.6, 3),
        "dram_activate": 3463,
    }
    assert pj(charges, "dram", "dram_standby").pj == pytest.approx(4 * 413e-3 * 200e-9 * 1e12)
    assert pj(charges, "dram", "dram_refresh_power").pj == pytest.approx(4 * 89e-3 * 200e-9 * 1e12)
    assert all(c.off_chip for c in charges)
    assert "leakage" not in {c.action for c in charges}


def test_interface_and_background_can_be_left_out():
    off = load_table(priced(options={"dram_io": False, "dram_background": False}))
    assert pj(bill(dram(read_bytes=100), off), "dram", "dram_io_read_bit").pj == 0
    assert pj(bill(dram(read_bytes=100), off), "dram", "dram_read_bit").pj == pytest.approx(4600)
    assert (
        pj(bill(dram(), off), "dram", "dram_standby").pj == pj(bill(dram(), off), "dram", "dram_refresh_power").pj == 0
    )


def test_cycles_of_a_status_may_be_priced():
    table = load_table(
        priced(
            components={"Array": {"counters": {**COMPONENTS["Array"]["counters"], "busy_cycles": {"register_bit": 10}}}}
        )
    )
    charges = bill(result(GEMM, {"gemm": {"mac_ops": 0, "register_bytes": 0}}), table)
    assert next(c for c in charges if c.counter == "busy_cycles").pj == pytest.approx(60 * 10 * 0.004)


def test_area_is_units_over_density_and_memories_times_their_factor():
    table = load_table(priced(components={"Array": {"area": {"mac_dot": "lines * 8"}}}))
    parts = result({**GEMM, "act_gb0": ("Scratchpad", BUFFER)}, {"gemm": {}, "act_gb0": {}}).parts
    gemm, buffer = floor_plan(parts, table)
    assert (gemm.component, gemm.um2) == ("gemm", pytest.approx(512 * 331 / 0.7))
    assert gemm.leakage_uw.nominal == pytest.approx(512 * 331 * 0.005)
    assert buffer.memory_um2 == pytest.approx((28783.3 * 1.5, 28783.3 * 1.2, 28783.3 * 2.5))
    assert buffer.um2 == buffer.memory_um2.nominal


MACHINE = {**GEMM, "act_gb0": ("Scratchpad", BUFFER), "dram": ("Memory", {"channels": 4})}
COUNTS = st.fixed_dictionaries(
    {
        "gemm": st.fixed_dictionaries({n: st.integers(0, 1 << 40) for n in ("mac_ops", "register_bytes")}),
        "act_gb0": st.fixed_dictionaries(
            {n: st.integers(0, 1 << 30) for n in ("read_bytes", "write_bytes", "byte_cycles")}
        ),
        "dram": st.fixed_dictionaries({n: st.integers(0, 1 << 30) for n in ("read_bytes", "write_bytes")}),
    }
)


@settings(max_examples=20, deadline=None)
@given(spans=st.lists(COUNTS, min_size=1, max_size=4))
def test_the_spans_bills_add_up_to_the_runs(spans):
    run, table = result(MACHINE, *spans), TABLE
    each, whole = bills(run, table), bill(run, table)
    assert len(each) == len(spans)
    for lines in zip(whole, *each, strict=True):
        total, *parts = lines
        assert {(c.component, c.action, c.counter) for c in lines} == {(total.component, total.action, total.counter)}
        assert total.pj == pytest.approx(sum(c.pj for c in parts))
        assert total.low_pj <= total.pj <= total.high_pj


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (
            result({"gemm": ("Aray", {})}, {"gemm": {}}),
            r"components\.Aray: the table has no entry for gemm.*\(did you mean 'Array'\?\)",
        ),
        (
            result(GEMM, {"gemm": {"mac_op": 1, "register_bytes": 0}}),
            r"Array\.mac_op \(gemm\) has no price; add it under components\.Array\.counters \(0 is a price\)"
            r" \(did you mean 'mac_ops'\?\)",
        ),
        (
            result(GEMM, {"gemm": {"mac_ops": 1}}),
            r"components\.Array\.counters\.register_bytes: gemm has no such counter",
        ),
        (
            result({"dram": ("Memory", {"chanels": 4})}, {"dram": {"read_bytes": 0, "write_bytes": 0}}),
            r"standing\.dram_standby: 'channels' names 'channels', which is no parameter.*\(did you mean 'chanels'\?\)",
        ),
    ],
)
def test_what_has_no_price_is_an_error_by_name(run, sentence):
    with pytest.raises(InputError, match=sentence):
        bill(run, TABLE)


def test_a_standing_power_is_no_action():
    table = load_table(priced(components={"Array": {"counters": {"mac_ops": "dram_standby"}}}))
    with pytest.raises(InputError, match=r"counters\.mac_ops: dram_standby is a standing power, not an action"):
        bill(result(GEMM, {"gemm": {"mac_ops": 1, "register_bytes": 0}}), table)


def test_bytes_of_another_components_memory_are_charged_to_who_moves_them():
    """Amounts and sizes may name another component's parameters too."""
    reader = {
        "Reader": {
            "memories": {"own": {"capacity_bytes": "act_gb0.capacity_bytes", "port_bytes": 16, "banks": 1}},
            "counters": {"taken_bytes": {"act_gb0.data.read": 0.5, "own.write": "gemm.lines"}},
        }
    }
    parts = {"act_gb0": ("Scratchpad", BUFFER), "reader": ("Reader", {}), **GEMM}
    counts = {
        "act_gb0": {"read_bytes": 0, "write_bytes": 0, "byte_cycles": 0},
        "reader": {"taken_bytes": 32},
        "gemm": {"mac_ops": 0, "register_bytes": 0},
    }
    charges = bill(result(parts, counts), load_table(priced(components=reader)))
    assert pj(charges, "reader", "act_gb0.data.read").pj == pytest.approx(32 * 0.5 * 2 * 3.49586 / 16)
    assert pj(charges, "reader", "own.write").pj == pytest.approx(32 * 64 * 2 * 4.0057 / 16)
    assert pj(charges, "reader", "leakage").pj == pj(charges, "act_gb0", "leakage").pj > 0
    reader["Reader"]["counters"]["taken_bytes"] = "act_gb1.data.read"
    with pytest.raises(
        InputError, match=r"the machine has no memory 'act_gb1\.data' \(did you mean 'act_gb0\.data'\?\)"
    ):
        bill(result(parts, counts), load_table(priced(components=reader)))

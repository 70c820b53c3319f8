from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.energy import bill, bills, floor_plan, load_table
from accelsim.report.figures import Energy

from .hand_made import COMPONENTS, priced, result

TABLE = load_table(priced())

# 16 KiB of 128 bits are two macros of 8 KiB and 64 bits, which cover less than one: pJ an access, uW, um2
READ, WRITE, LEAKS_UW, UM2 = 2 * 2.3581, 2 * 1.95638, 2 * 265.776, 2 * 11038.7
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
    assert pj(charges, "act_gb0", "data.read").pj == pytest.approx(3 * 10 * READ)
    assert pj(charges, "act_gb0", "data.read").low_pj == pytest.approx(10 * READ)
    assert pj(charges, "act_gb0", "data.write").pj == pytest.approx(3 * WRITE)
    leakage = pj(charges, "act_gb0", "leakage")
    assert leakage.pj == pytest.approx(LEAKS_UW * 100 / 500e6 * 1e6)  # uW x 100 cycles of 2 ns, in pJ
    assert (leakage.counter, leakage.count) == (None, 0)
    assert sum(c.pj for c in charges) == pytest.approx(30 * READ + 3 * WRITE + LEAKS_UW * 0.2)


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
    assert gemm.bounds_um2 == pytest.approx((512 * 331 / 0.7, 512 * 270 / 0.7, 512 * 513 / 0.7))
    assert gemm.leakage_uw.nominal == pytest.approx(512 * 331 * 0.005)
    assert buffer.memory_um2 == pytest.approx((UM2 * 1.5, UM2 * 1.2, UM2 * 2.5))
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


def one_by_one(each):
    """Charges for the same component, action and class of operands added, in the order in which they come."""
    sums = {}
    for c in (c for charges in each for c in charges):
        _, total = sums.setdefault((c.component, c.action, c.counter, c.factors), (c, [0, 0.0, 0.0, 0.0]))
        for n, figure in enumerate((c.count, c.pj, c.low_pj, c.high_pj)):
            total[n] += figure
    return [replace(c, **dict(zip(("count", "pj", "low_pj", "high_pj"), total))) for c, total in sums.values()]


@settings(max_examples=30, deadline=None)
@given(
    spans=st.lists(COUNTS, min_size=1, max_size=5),
    classes=st.dictionaries(st.integers(0, 4), st.sampled_from(["dense", "rectified", "attention"])),
    data=st.data(),
)
def test_sums_over_spans_are_those_of_their_charges_to_the_last_bit(spans, classes, data):
    each = bills(result(MACHINE, *spans), TABLE, classes)
    assert each.added() == one_by_one(each)
    assert [type(c.count) for c in each.added()] == [type(c.count) for c in one_by_one(each)]
    some = data.draw(st.lists(st.sampled_from(range(len(spans))), min_size=1, unique=True))
    assert Energy.over(each, some) == Energy.of(c for n in some for c in each[n])


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


def test_a_standing_power_is_no_action_and_an_action_no_standing_power():
    """What is named is the row, which a table of the user's may have made into the other kind."""
    table = load_table(priced(components={"Array": {"counters": {"mac_ops": "dram_standby"}}}))
    with pytest.raises(InputError, match=r": dram\.dram_standby is a standing power \(leakage_uw\), but an action in "):
        bill(result(GEMM, {"gemm": {"mac_ops": 1, "register_bytes": 0}}), table)
    table = load_table(priced(components={"Memory": {"standing": "mac"}}))
    with pytest.raises(InputError, match=r": logic\.mac is an action \(pj\), but a standing power in .*standing\.mac$"):
        bill(result({"dram": ("Memory", {"channels": 4})}, {"dram": {"read_bytes": 0, "write_bytes": 0}}), table)


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
    assert pj(charges, "reader", "act_gb0.data.read").pj == pytest.approx(32 * 0.5 * 3 * READ / 16)
    assert pj(charges, "reader", "own.write").pj == pytest.approx(32 * 64 * 3 * WRITE / 16)
    assert pj(charges, "reader", "leakage").pj == pj(charges, "act_gb0", "leakage").pj > 0
    reader["Reader"]["counters"]["taken_bytes"] = "act_gb1.data.read"
    with pytest.raises(
        InputError, match=r"the machine has no memory 'act_gb1\.data' \(did you mean 'act_gb0\.data'\?\)"
    ):
        bill(result(parts, counts), load_table(priced(components=reader)))


def test_the_clocks_tree_takes_a_share_of_the_chips_logic():
    charges = bill(result({"gemm": ("Array", {}), "dram": ("Memory", {"channels": 4})}, {
        "gemm": {"mac_ops": 1000, "register_bytes": 300}, "dram": {"read_bytes": 64, "write_bytes": 0},
    }), TABLE)  # fmt: skip
    tree = {c.counter: c for c in charges if c.action == "clock_tree"}
    assert {counter: c.pj for counter, c in tree.items()} == pytest.approx(
        {"mac_ops": 0.15 * 410, "register_bytes": 0.15 * 9.6}
    )
    assert (tree["mac_ops"].low_pj, tree["mac_ops"].high_pj) == pytest.approx((0.1 * 300, 0.3 * 550))
    assert {c.component for c in tree.values()} == {"gemm"}, "the memory's clock is not ours"


def test_multiply_accumulates_take_what_their_operands_make_them_take():
    """0.97 and 0.87 of the row; a layer without a class takes the row, and registers do not depend on it."""
    counts = {"gemm": {"mac_ops": 1000, "register_bytes": 300}}
    run, classes = result(GEMM, counts, counts, counts), {0: "dense", 1: "rectified"}
    each = bills(run, TABLE, classes)
    macs = [pj(charges, "gemm", "mac_dot").pj for charges in each]
    assert macs == pytest.approx([410 * 0.97, 410 * 0.87, 410])
    assert pj(each[1], "gemm", "mac_dot").high_pj == pytest.approx(550 * 0.97)
    assert [pj(charges, "gemm", "register_bit").pj for charges in each] == pytest.approx([9.6] * 3)
    whole = bill(run, TABLE, classes)
    assert {c.factors: c.pj for c in whole if c.action == "mac_dot"} == pytest.approx({
        ("mac_dot", "activity.dense"): 397.7, ("mac_dot", "activity.rectified"): 356.7, ("mac_dot",): 410,
    })  # fmt: skip
    for bound in ("pj", "low_pj", "high_pj"):
        assert sum(getattr(c, bound) for c in whole) == pytest.approx(
            sum(getattr(c, bound) for charges in each for c in charges)
        )

"""What every simulated machine owes to its prices: nothing that can be set is free in time and in price, a larger or
faster value is never the smaller one, and no counter costs nothing but those that say why."""

import numpy as np
import pytest

from accelsim.accelerators import machine, schema, simulated
from accelsim.accelerators.trial import draw_workload
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from accelsim.energy import bill, load_table
from accelsim.energy.tariff import tariffs
from accelsim.workload import Attention, AttentionMask, Gemm, Workload
from tests.accelerators.pricing import SMALLEST, priced

# Neither time nor price: the reason why. An entry here that has gained one of them must go.
VARIANTS = {
    "systolic": (["array.dataflow=ws"],),
    "vitcod": (["miss=dram", "reorder=false"],),
}  # what has no effect in the machine as shipped may have one here
FREE = {
    "vitcod": {},
    "systolic": {},
    "vitality": {},
    "sanger": {},
    "salo": {},
    "ita": dict.fromkeys(["engine.columns", "engine.length", "engine.weight_beats"], "the wrapper has one value of it"),
    "spatten": {"dram.standard": "no other standard has its clock"},
}
SHAPES = {("spatten", "array.depth")}  # not more of anything: the same multipliers in fewer, deeper sums
# Counters that cost nothing, and why.
PRICELESS = {
    **{f"ClusterBlock.lost_{why}": "time, not work" for why in ("out", "division", "sums", "weight", "input")},
    "ClusterBlock.denied_cycles": "time, not work",
    "MacArray.accumulator_bytes": "in the price of a mac",
    "SparserEngine.q_forward_hits": "its bytes are counted",
    "SparserEngine.q_forward_misses": "its bytes are counted",
    "SparserEngine.bank_conflicts": "cycles",
    "Decoder.vectors": "its bytes are counted",
    "LoadBuffer.byte_cycles": "occupancy",
    "StoreBuffer.byte_cycles": "occupancy",
    "SystolicArray.top_read_bytes": "charged by the buffers",
    "SystolicArray.fold_cycles": "cycles",
    "SystolicArray.edge_stall_cycles": "cycles",
    "SystolicArray.stall_cycles": "cycles",
    "LineBuffer.byte_cycles": "occupancy",
    "LowBits.byte_cycles": "occupancy",
    "WeightLines.byte_cycles": "occupancy",
    "QkArray.line_reads": "charged by the buffer",
    "QkArray.rows_again": "its lines are charged by the buffer",
    "PvArray.line_reads": "charged by the buffer",
    "DenseArrays.line_reads": "charged by the buffer",
    **{
        f"{kind}.{counter}": why
        for kind in ("General", "Diagonal")
        for counter, why in (
            ("left_read_bytes", "charged by the buffers, or by what takes its notices"),
            ("fold_cycles", "cycles"),
            ("edge_stall_cycles", "cycles"),
            ("stall_cycles", "cycles"),
        )
    },
    "Accumulators.row_ops": "its additions are counted",
    "Adders.row_ops": "its additions are counted",
    "DenseArray.psum_read_bytes": "sums stay in the PEs",
    "DenseArray.psum_write_bytes": "sums stay in the PEs",
    "DenseArray.top_read_bytes": "charged by the buffers",
    "DenseArray.fold_cycles": "cycles",
    "DenseArray.edge_stall_cycles": "cycles",
    "DenseArray.stall_cycles": "cycles",
    "PackUnit.cycles": "cycles",
    "WindowArray.tile_cycles": "cycles",
    "SparseArray.sub_rows": "its multiply-accumulates are counted",
    "SparseArray.pass_cycles": "cycles",
    "ExactDram.row_hits": "its bytes are counted",
    "ExactDram.row_misses": "activates are counted",
    "ExactDram.row_conflicts": "activates are counted",
    "ExactDram.read_lines": "its bytes are counted",
    "ExactDram.read_cycles": "cycles",
}


def steps(name: str):
    """Every parameter of every part, and values beside the shipped one."""
    arch = load_arch(name, schema)
    for part, values in arch.parts.items():
        params = schema(name).parts[part].params(arch.models.get(part, schema(name).parts[part].default_model))
        for parameter, value in values.items():
            param = params[parameter]
            if param.choices:
                others = [c for c in param.choices if c != value]
            else:
                beside = (2 * value, value // 2, value // 8, 1, 16 * value)
                others = [v for v in beside if v != value and legal(param, part, v)]
            yield f"{part}.{parameter}", param, value, others


def legal(param, part: str, value: int) -> bool:
    try:
        param.check(part, value)
    except InputError:
        return False
    return True


def loaded(name: str, setting: str, value, *others: str):
    """The machine with a setting; None when a rule forbids it."""
    try:
        return load_arch(name, schema, [*others, f"{setting}={value}"])
    except InputError:
        return None


def some_work():
    return draw_workload(3), draw_workload(8), large()


def large() -> Workload:
    """Work that fills what is shipped: several tiles of weights and activations, partial sums, 197 rows of scores."""
    layers = (
        Gemm("a", "a", "mlp", 197, 768, 192, residual=True),
        Attention("b", "b", 3, 197, 197, 64, 64, 2),
        Gemm("c", "c", "mlp", 50, 3072, 130),
    )
    keep = np.random.default_rng(1).random((3, 197, 197)) < 0.1
    keep[:, np.arange(197), np.arange(197)] = True
    mask = AttentionMask(keep, np.tile(np.arange(197), (3, 1)), np.array([10, 12, 14]))
    return Workload("dense", "none", layers, {"b": mask})


def outcome(arch, work):
    """Cycles and energy of a run; None where the work does not fit the machine."""
    try:
        sim, _ = machine(arch.machine).build(arch, work)
    except InputError:
        return None
    sim.run()
    table = load_table(arch.energy, machine(arch.machine).price_documents())
    return sim.result().end, sum(c.pj for c in bill(sim.result(), table))


def matters(arch, works, before) -> bool:
    """Whether a run ends in another cycle or takes other energy than before."""
    return any((now := outcome(arch, w)) is not None and now != was for w, was in zip(works, before))


@pytest.mark.parametrize("name", simulated())
def test_no_parameter_is_free_in_time_and_in_price(name):
    works, free = some_work(), {setting for setting, *_ in steps(name)}
    for variant in ([], *VARIANTS.get(name, ())):
        base = load_arch(name, schema, variant)
        prices, before = priced(base), [outcome(base, work) for work in works]
        for setting, _, _, others in steps(name):
            archs = (loaded(name, setting, other, *variant) for other in others if setting in free)
            if any(a and (priced(a) != prices or matters(a, works, before)) for a in archs):
                free.discard(setting)
    assert free == set(FREE[name])


@pytest.mark.parametrize("name", simulated())
def test_a_larger_or_faster_value_is_never_the_smaller_chip(name):
    """Twice as much of anything: fewer cycles, if that is its unit, else more of it."""
    base = priced(load_arch(name, schema))[0]
    smaller = {}
    for setting, param, value, _ in steps(name):
        if param.choices or (name, setting) in SHAPES:
            continue
        better = [value // 2, 1] if param.unit == "cycles" else [2 * value, 4 * value, 16 * value]
        for new in better:
            arch = loaded(name, setting, new) if new != value and legal(param, setting, new) else None
            try:
                um2 = priced(arch)[0] if arch is not None else base
            except InputError:  # too large for a buffer beside it
                continue
            if um2 < base * (1 - 1e-9):
                smaller[setting, new] = um2 / base
    assert smaller == {}


@pytest.mark.parametrize("name", simulated())
def test_no_counter_costs_nothing_but_those_that_say_why(name):
    arch = load_arch(name, schema)
    sim, _ = machine(name).build(arch, SMALLEST)
    parts, table = sim.parts(), load_table(arch.energy, machine(name).price_documents())
    paid = {(t.component, t.counter) for t in tariffs(parts, table) if t.price.nominal and t.amount}
    free = {f"{parts[c.name].kind}.{n}" for c in sim.components for n in c.counts() if (c.name, n) not in paid}
    known = {c for c in PRICELESS if c.split(".")[0] in {part.kind for part in parts.values()}}
    assert free == known


def test_a_module_that_machines_share_has_its_area_in_the_shared_table():
    """A machine that prices a shared class says what its own counters cost, and repeats no figure of its area."""
    shared, seen = load_table().document["components"], []
    for name in simulated():
        for prices in machine(name).price_documents():
            for kind in shared.keys() & prices["components"].keys():
                area = prices["components"][kind]["area"]
                assert area == shared[kind]["area"] and "module_um2" not in area, (name, kind)
                seen.append((name, kind))
    assert {name for name, kind in seen if kind == "Sequencer"} == set(simulated())


def test_a_one_cycle_softmax_is_not_smaller():
    """A pipeline of one stage has all the work in it."""
    base = priced(load_arch("vitcod", schema))[0]
    for setting in ("divide_cycles", "exp_cycles"):
        assert priced(load_arch("vitcod", schema, [f"softmax.{setting}=1"]))[0] > base
    assert priced(load_arch("vitcod", schema, ["softmax.divide_interval=16"]))[0] < base


def test_the_divider_is_its_rtls():
    """25,945.7 um2 of 45 nm cells for a reciprocal every cycle, a sixteenth for one every 16."""
    found = {}
    for interval in (1, 16):
        arch = load_arch("vitcod", schema, [f"softmax.divide_interval={interval}"])
        found[interval] = priced(arch)[0]
    assert found[1] - found[16] == pytest.approx(15 * 394 / 0.7)
    assert pytest.approx(25945.7 * 0.377 / 1.55, rel=0.002) == 16 * 394


@pytest.mark.parametrize("model", ["exact", "pipe"])
def test_four_channels_of_ddr4_2400_move_76_8_gigabytes_a_second(model):
    from accelsim.accelerators import main_memory

    assert main_memory.peak_bytes_per_s(load_arch("vitcod", schema, [f"dram.model={model}"])) == pytest.approx(76.8e9)


def test_a_clock_beyond_the_table_is_refused():
    from accelsim.accelerators.run import run

    with pytest.raises(
        InputError,
        match=r"clocks\.core: 5000 MHz is more than energy table generic_28nm has prices for: at 0\.9 V its logic is"
        r" taken to run at no more than 1200 MHz; choose at most that",
    ):
        run(load_arch("vitcod", schema, ["clocks.core=5 GHz"]), SMALLEST)
    assert run(load_arch("vitcod", schema, ["clocks.core=1200 MHz"]), SMALLEST).clock_hz == 1.2e9
    assert run(load_arch("vitcod", schema, ["clocks.dram=1600 MHz", "dram.model=pipe"]), SMALLEST), "DRAM's is its own"


def test_a_run_priced_by_hand_with_the_shipped_table():
    """ViTCoD's bill, line by line, from the counters of a run and figures copied from the table by hand."""
    from accelsim.accelerators.run import run

    record = run(load_arch("vitcod", schema), large())
    counts, result = record.result.total.counts, record.result
    table = load_table(record.arch["energy"], record.prices)
    found: dict[tuple[str, str], float] = {}
    for c in bill(result, table):
        found[c.component, c.action] = found.get((c.component, c.action), 0.0) + c.pj
    seconds = result.end / float(result.time_base_hz)
    dram, engine, vector = counts["dram"], counts["engine"], counts["vector"]
    # 20 bits an item: tiles, what it has finished, what it reads
    told = 20 * sum(n for link, n in result.total.transfers.items() if link.startswith("vector."))
    by_hand = {
        ("engine", "mac"): 0.76 * engine["mac_ops"],
        ("engine", "wire_bit"): 0.04 * 0.32 * 512**0.5 * (64 + 8 * 9) / 512 * engine["mac_ops"],
        ("denser", "mac_dot"): 0.41 * counts["denser"]["mac_ops"],
        ("sparser", "mac_dot"): 0.41 * counts["sparser"]["mac_ops"],
        ("sparser", "file_bit"): 0.02 * 8 * counts["sparser"]["accumulator_bytes"],
        ("vector", "requant"): 2.7 * vector["element_ops"],
        ("vector", "channel_bit"): 0.007 * told,
        ("vector", "clock_tree"): 0.15 * (2.7 * vector["element_ops"] + 0.007 * told),
        ("softmax", "exp"): 2.3 * counts["softmax"]["exp_ops"],
        ("softmax", "divide_int16"): 6.1 * counts["softmax"]["divide_ops"],
        ("sequencer", "control"): 5.0 * counts["sequencer"]["instructions"],
        ("dram", "dram_read_bit"): 5.75 * 8 * dram["read_bytes"],
        ("dram", "dram_write_bit"): 5.0 * 8 * dram["write_bytes"],
        ("dram", "dram_io_read_bit"): 4.6 * 8 * dram["read_bytes"],
        ("dram", "dram_activate"): 3463 * dram["activates"],
        ("dram", "dram_refresh"): 695000 * dram["refreshes"],
        ("dram", "dram_open_clock"): 72 * dram["open_cycles"],
        ("dram", "dram_precharged_standby"): 4 * 326400 * seconds * 1e6,
    }
    assert {key: found[key] for key in by_hand} == pytest.approx(by_hand)
    assert min(by_hand.values()) > 0
    # 64 bytes of the weight buffer: CACTI's read of 128 bits of 2 KiB, from four macros side by side, three times that
    reads = counts["weight_gb"]["read_bytes"]
    assert found["weight_gb", "data.read"] == pytest.approx(3 * 4 * 0.843076 / 64 * reads)

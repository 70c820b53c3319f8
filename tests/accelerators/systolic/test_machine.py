"""The systolic machine end to end: SCALE-Sim's compute cycles, DeiT-Tiny's blocks, traffic, errors."""

import csv
from collections import defaultdict
from dataclasses import replace

import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.run import run
from accelsim.accelerators.systolic.machine import resources
from accelsim.codesign.import_topology import import_topology
from accelsim.config import load_arch
from accelsim.config.shipped import find, listing
from accelsim.core import InputError
from accelsim.dataflows.products.folds import Array
from accelsim.dataflows.products.plan import Sizes, longest_stream
from accelsim.report.metrics import summarize
from accelsim.validation.evidence import gather
from accelsim.workload import Attention, Gemm, Workload, load
from tests.accelerators.systolic.machines import closed_form, data_bytes, finished, product, systolic

PIPE = "dram.model=pipe"
BLOCK = (
    Gemm("qkv", "b", "qkv", 197, 192, 576),
    Attention("attention", "b", 3, 197, 197, 64, 64),
    Gemm("proj", "b", "proj", 197, 192, 192, residual=True),
    Gemm("fc1", "b", "mlp", 197, 192, 768, activation="gelu"),
    Gemm("fc2", "b", "mlp", 197, 768, 192, residual=True),
)
PRODUCTS = [(197, 576, 192), *[(197, 197, 64), (197, 64, 197)] * 3, (197, 192, 192), (197, 768, 192), (197, 192, 768)]
TWELVE = {  # blocks of DeiT-Tiny on 512 MACs: SCALE-Sim's fold, and shadow; os, ws, is
    (64, 8): ((4_169_952, 4_111_020, 3_928_500), (3_127_512, 2_462_820, 2_497_380)),
    (32, 16): ((3_345_048, 3_385_800, 3_390_192), (2_739_912, 2_434_824, 2_559_960)),
    (16, 32): ((3_131_856, 3_188_808, 3_433_752), (2_557_920, 2_432_904, 2_738_112)),
    (8, 64): ((3_363_300, 3_415_500, 4_111_200), (2_490_540, 2_456_100, 3_120_912)),
}
DATAFLOWS = ("os", "ws", "is")


def block() -> Workload:
    return Workload("block", "deit_tiny", BLOCK, {})


def fold_cycles(record) -> dict[str, int]:
    """Of every layer, as `layers.csv` has it."""
    return {
        record.layers[span.label]["name"]: span.counts["array"]["fold_cycles"]
        for span in record.result.spans
        if span.label >= 0 and span.counts["array"]["fold_cycles"]
    }


def test_every_compute_cycle_of_scale_sim(reference, tmp_path):
    groups = defaultdict(list)
    with (reference / "systolic" / "gemms.csv").open() as file:
        for row in csv.DictReader(file):
            groups[row["dataflow"], row["rows"], row["cols"]].append(row)
    assert sum(map(len, groups.values())) == 507
    for (dataflow, rows, columns), some in groups.items():
        topology = tmp_path / "gemms.csv"
        topology.write_text("Layer,M,N,K\n" + "".join(f"{r['name']},{r['M']},{r['N']},{r['K']}\n" for r in some))
        shape = (f"array.rows={rows}", f"array.columns={columns}", f"array.dataflow={dataflow}")
        record = run(systolic(*shape, "array.timing=scalesim", PIPE), import_topology(topology))
        assert fold_cycles(record) == {r["name"]: int(r["demand_lines"]) for r in some}
        assert "array.fold_cycles" in record.layer_counters


@pytest.mark.parametrize("sides", TWELVE, ids=str)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_the_blocks_of_deit_tiny(sides, dataflow):
    scalesim, shadow = (cycles[DATAFLOWS.index(dataflow)] for cycles in TWELVE[sides])
    shape = (f"array.rows={sides[0]}", f"array.columns={sides[1]}", f"array.dataflow={dataflow}", PIPE)
    assert 12 * sum(fold_cycles(run(systolic(*shape, "array.timing=scalesim"), block())).values()) == scalesim
    record = run(systolic(*shape), block())
    assert 12 * sum(Array(*sides, dataflow, overlap="shadow").gemm_cycles(*each) for each in PRODUCTS) == shadow
    assert record.result.total.counts["array"]["mac_ops"] == sum(layer.macs for layer in BLOCK)
    # what else it takes: the softmax pass, the first operands and the last outputs of every layer
    assert shadow <= 12 * record.result.cycles() <= 1.35 * shadow


def test_a_whole_network_and_its_report():
    record = run(systolic(), load(find("workloads", "deit_tiny_s90")))
    summary = summarize(record)
    assert 2_739_912 < record.result.cycles() < 1.15 * 2_739_912
    assert summary.total.macs == summary.total.dense_macs == summary.total.mac_ops
    assert record.notes["masks"] == "not applied: every score is computed"
    assert record.notes["score_dram_bytes"] == str(12 * 3 * 197 * 197 * 6)


@pytest.mark.parametrize("name", [name for name in listing("arch_configs") if name.startswith("systolic")])
def test_every_shipped_array_runs_and_is_fed(name):
    arch = load_arch(name, schema, [PIPE])
    rows, columns = arch.parts["array"]["rows"], arch.parts["array"]["columns"]
    for dataflow in DATAFLOWS:
        model = closed_form(load_arch(name, schema, [f"array.dataflow={dataflow}"]))
        assert model.left_bytes >= rows and model.top_bytes >= columns
    model_os = closed_form(arch)
    for attention in ("unfused", "fused"):
        record = run(load_arch(name, schema, [PIPE, f"attention={attention}"]), block())
        counts = {record.layers[s.label]["name"]: s.counts for s in record.result.spans if s.label >= 0}
        # 197 probabilities of a row come as whole words, where the rows take all of the port
        word, left = model_os.left_word, model_os.left_bytes
        folds = [min(rows, 197 - row) for row in range(0, 197, rows)]
        longer = sum(max(0, -(-high * -(-197 // word) * word // left) - 197) for high in folds)
        assert counts["attention"]["array"]["edge_stall_cycles"] == 3 * -(-64 // columns) * longer
        # nothing but what outputs leave with ever waits for a port, and that no longer than it takes alone
        model = closed_form(load_arch(name, schema))
        for layer in (layer for layer in BLOCK if isinstance(layer, Gemm)):
            down, across = model.fold_counts(layer.tokens, layer.out_features, layer.in_features)
            added, constants = layer.residual * layer.tokens * layer.out_features, 8 * layer.out_features * down
            most = max(added / model.left_bytes, constants / model.top_bytes) + down * across
            assert counts[layer.name]["array"]["edge_stall_cycles"] <= most, layer.name
        assert summarize(record).total.energy.pj > 0


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_what_fits_is_read_once(dataflow):
    arch = systolic(f"array.dataflow={dataflow}", PIPE)
    sim, _ = finished(arch, product(100, 80, 200, residual=True))
    count = sim.result().total.counts
    assert data_bytes(count) == 100 * 200 + 80 * (200 + 8) + 100 * 80
    assert count["dram"]["write_bytes"] == 100 * 80
    count = finished(arch, product(100, 80, 90, input_elements=3000))[0].result().total.counts
    assert data_bytes(count) == 3000 + 80 * (90 + 8)


@pytest.mark.parametrize("timing", ["exact", "scalesim"])
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_any_product_runs_in_small_buffers(dataflow, timing):
    sizes = ("act_buffer.capacity_bytes=300", "weight_buffer.capacity_bytes=200", "output_buffer.capacity_bytes=128")
    arch = systolic("array.rows=4", "array.columns=4", f"array.dataflow={dataflow}", f"array.timing={timing}", *sizes)
    for shape in ((90, 70, 50), (1, 200, 333), (333, 1, 200), (200, 333, 1)):
        count = finished(arch, product(*shape))[0].result().total.counts
        m, n, k = shape
        assert count["array"]["mac_ops"] == m * n * k
        if timing == "scalesim":
            assert count["array"]["fold_cycles"] == closed_form(arch).gemm_cycles(*shape)


def test_late_data_stall_the_array_and_change_no_fold_cycles():
    slow = ("dram.model=pipe", "dram.bytes_per_cycle=1", "array.timing=scalesim", "act_buffer.capacity_bytes=20 KiB")
    for dataflow in DATAFLOWS:
        arch = systolic(*slow, f"array.dataflow={dataflow}")
        count = finished(arch, product(700, 300, 500))[0].result()
        model = closed_form(arch)
        assert count.total.counts["array"]["fold_cycles"] == model.gemm_cycles(700, 300, 500)
        assert count.cycles() > model.gemm_cycles(700, 300, 500)


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        (("act_buffer.capacity_bytes=20",), "fits twice into act_buffer.capacity_bytes = 20"),
        (("output_buffer.capacity_bytes=100",), r"outputs of a fold need 2 x 512 bytes of output_buffer"),
        (("array.dataflow=ws", "array.accumulator_bytes=10"), "one partial sum a column needs 4 x 16 bytes"),
    ],
)
def test_what_does_not_fit_is_said(sizes, sentence):
    with pytest.raises(InputError, match=sentence):
        finished(systolic(*sizes), product(100, 100, 100))


@pytest.mark.parametrize("dataflow", ["ws", "is"])
@pytest.mark.parametrize("narrow", [1, 2, 3, 4])
def test_a_stream_is_as_long_as_the_accumulators_of_a_column_hold(dataflow, narrow):
    """However many columns a fold leaves idle."""
    small = ("array.rows=4", "array.columns=4", "array.accumulator_bytes=200", f"array.dataflow={dataflow}")
    m, n = (narrow, 100) if dataflow == "is" else (100, narrow)
    have = resources(systolic(*small))
    for bytes_, most in ((100, 6), (200, 2 * 4)):  # or what has room behind the array
        more = replace(have, psum_bytes=bytes_)
        assert longest_stream(Sizes("one", m, n, 10, 10, 10 * m, False, 1, 1000, "output_buffer"), more) == most
    said = gather(machine("systolic"), systolic(*small), product(m, n, 10)).commands("array")
    assert said["stream"].max() <= 8 and (said["columns"] == narrow).all()


@pytest.mark.parametrize("attention", ["unfused", "fused"])
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_more_of_a_resource_is_never_slower(dataflow, attention):
    base = {
        "softmax.lanes": 4,
        "vector.lanes": 8,
        "dram.bytes_per_cycle": 2,
        "weight_buffer.port_bytes": 4,
        "act_buffer.port_bytes": 4,
        "dma.outstanding": 4,
        "softmax.score_bytes": 26 * 1024,
    }
    fixed = (PIPE, f"array.dataflow={dataflow}", f"attention={attention}")

    def cycles(**more: int) -> int:
        values = base | more
        return finished(systolic(*fixed, *(f"{n}={v}" for n, v in values.items())), block())[0].result().cycles()

    before = cycles()
    for name, value in base.items():
        assert cycles(**{name: 2 * value}) <= 1.01 * before, name


@pytest.mark.parametrize("buffer", ["act_buffer", "weight_buffer"])
def test_a_buffer_that_must_hold_two_operands_does(buffer):
    """Loads that wait for an empty buffer would wait for ever."""
    with pytest.raises(InputError, match=rf"{buffer}.overlap: no such parameter"):
        load_arch("systolic", schema, [f"{buffer}.overlap=false"])

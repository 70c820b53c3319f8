"""Where projections leave Q, K and V: as attention reads them, in every layout and however they are cut."""

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.accelerators.vitcod.checks.layout import stored
from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.machine import resources
from accelsim.validation.evidence import gather
from accelsim.workload import Attention, Gemm, Workload
from tests.accelerators.vitcod.small import small_machine
from tests.validation.faults import faults, planted, validated

LAYOUTS = ("packed", "token_major", "fused_qkv")
RULE = "its operands lie where projections have stored them"


def network(*, coded: int | None = None, windows: int = 1, batch: int = 1, apart: bool = False) -> Workload:
    """Projections and attention: 13 tokens a window, 3 heads of 5 and 7 features."""
    tokens, heads = 13, 3
    attention = Attention("a", "b", heads * windows, tokens, tokens, 5, 7, coded, windows=windows)
    roles = {"kv": 12, "q": 5} if apart else {"qkv": 17}
    layers = [Gemm(n, "b", n, tokens * windows, 6, heads * wide, encodes="a") for n, wide in roles.items()]
    after = Gemm("proj", "b", "proj", tokens * windows, heads * 7, 6)
    return Workload("lies", "lies", (*layers, attention, after), batch=batch)


CASES = {
    "": {},
    "coded": {"coded": 2},
    "coded, a batch": {"coded": 2, "batch": 2},
    "a batch": {"batch": 3},
    "windows": {"windows": 2},
    "windows of a batch": {"windows": 2, "batch": 2},
    "projections of their own": {"apart": True},
    "coded, projections of their own": {"apart": True, "coded": 2, "batch": 2},
}
SIZES = {
    "": (),
    "rows and columns are cut": ("act_gb0.capacity_bytes=300", "weight_gb.capacity_bytes=120"),
    "a step at a time": ("act_gb1.capacity_bytes=80", "act_gb0.capacity_bytes=1500"),
    "keys in blocks": ("denser.k_bytes=42",),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", CASES)
def test_attention_reads_what_its_projections_stored(layout, case):
    for sizes in SIZES.values():
        report = validated(small_machine(f"layout={layout}", *sizes), network(**CASES[case]))
        assert report.failed == []
        assert [check.name for check in report.checks if check.compared == RULE] == ["memory"] * (
            len(network(**CASES[case]).layers) - 2
        )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", CASES)
def test_the_compiler_and_the_judge_say_alike_where_a_value_lies(layout, case):
    """Each for itself, of every value of every row; no two lie on each other."""
    work, arch = network(**CASES[case]), small_machine(f"layout={layout}")
    run = gather(machine("vitcod"), arch, work)
    attention = work.layer("a")
    for layer in work.layers:
        if getattr(layer, "encodes", None) is None:
            continue
        kept = [one for some in columns_of(layer, attention, resources(arch)) for one in some.kept]
        rows = layer.tokens * work.batch
        said = [[one.place(row) + n for one in kept for n in range(one.count)] for row in range(rows)]
        found = stored(run, layer, np.arange(rows)[:, None], np.arange(sum(one.count for one in kept)))
        assert found.tolist() == said
        assert len(np.unique(found)) == found.size
        assert found.max() < layer.outputs * work.batch


@pytest.mark.parametrize("layout", LAYOUTS)
def test_stores_and_loads_that_do_not_meet(layout):
    run = gather(machine("vitcod"), small_machine(f"layout={layout}"), network(coded=2))
    first, end = (run.places[name] for name in ("qkv.output", "a.qkv.0" if layout == "fused_qkv" else "a.q.0"))
    mine = np.flatnonzero((run.tables["act_gb1"]["address"] >= first) & (run.tables["act_gb1"]["address"] < end))
    assert len(mine) > 2 and faults(run) == {}
    found = planted(run)
    stores = found.tables["act_gb1"]
    alike = [n for n in mine if (stores[n][["bytes", "segments"]] == stores[mine[0]][["bytes", "segments"]])][:2]
    stores["address"][alike] = stores["address"][alike][::-1]
    assert ("gemm", "layer qkv") in faults(found), "in another place than the judge's layout says"
    found = planted(run)
    found.tables["act_gb1"]["address"][mine] += 1
    assert {("memory", "a"), ("memory", "qkv.output")} & set(faults(found))


def test_a_projection_of_which_nobody_says_who_reads_it_lies_row_by_row():
    layer = Gemm("qkv", "b", "qkv", 13, 6, 51)
    (some,) = columns_of(layer, None, resources(small_machine()))
    assert some.kept == () and not some.packed
    assert validated(small_machine(), Workload("alone", "alone", (layer,))).failed == []

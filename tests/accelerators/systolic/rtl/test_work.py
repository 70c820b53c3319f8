"""What the array computes in a co-simulation: operands, lengths, cycles of outputs, and the operands of a workload."""

from dataclasses import replace

import numpy as np
import pytest

from accelsim.accelerators.systolic.machine import MACHINE
from accelsim.accelerators.systolic.rtl import layers
from accelsim.accelerators.systolic.rtl.cases import ARRAYS, cases
from accelsim.accelerators.systolic.rtl.lengths import NO_LIMIT, lengths
from accelsim.accelerators.systolic.rtl.modules import ARRAY
from accelsim.accelerators.systolic.rtl.work import Clock, Edge
from accelsim.components.systolic_array import PART
from accelsim.config.shipped import find
from accelsim.core import BLOCKED, BUSY
from accelsim.dataflows.products.folds import Array, Fold
from accelsim.rtl.cosim import by_channel, by_name, run_model
from accelsim.rtl.driven import recorded
from accelsim.workload import load
from accelsim.workload.layers import Attention, Gemm
from tests.accelerators.systolic.machines import systolic


@pytest.fixture(autouse=True)
def tools() -> None:
    """Nothing is built here."""


@pytest.fixture(scope="module")
def workload():
    return load(find("workloads", "fmnist_vit_s90"))


def covered(work) -> bool:
    """Whether each multiplication of each product is done once."""
    done = [np.zeros((len(p.a), *p.b.shape), np.int8) for p in work.products]
    for p in work.places:
        part = done[p.product][p.row : p.row + p.rows, p.depth : p.depth + p.deep, p.column : p.column + p.columns]
        assert part.shape == (p.rows, p.deep, p.columns)
        part += 1
    return all((one == 1).all() for one in done)


def test_random_cases_compute_products_once():
    for case in cases(8, 3):
        assert covered(case.operands)


@pytest.mark.parametrize("which", range(4))
def test_folds_are_as_long_as_the_closed_forms_say(which):
    values = ARRAYS[which]
    names = ("os", "ws", "is"), ("none", "shadow")
    array = Array(
        values["rows"], values["columns"], names[0][values["dataflow"]], "exact", names[1][values["overlap"]],
        values["psum_hop"], False, values["left_bytes"], values["top_bytes"],
        values["left_word"], values["top_word"],
    )  # fmt: skip
    case = list(cases(which + 1, 9))[which]
    commands, high = case.operands.commands, values["rows"]
    found = lengths(values, commands)
    for n, row in enumerate(commands.tolist()):
        said = dict(zip(PART, row))
        last = (said["rows"] - 1) % high + 1
        tokens, features = {
            "os": (last, said["columns"]), "ws": (said["stream"], said["columns"]),
            "is": (said["columns"], said["stream"]),
        }[array.dataflow]  # fmt: skip
        beside = features * said["constants"], features * tokens * said["added"]
        assert found["last_cycles"][n] == array.streaming(Fold(last, said["columns"], said["stream"]), *beside)
        assert found["last_load"][n] == array.load(last, said["columns"]) or not array.stationary
        assert found["last_rows"][n] == last and found["last_empty"][n] == high - last
        assert found["folds"][n] == -(-said["rows"] // high)
        beats = (said["stream"] - 1) * found["last_beat"][n] + 1
        assert found["last_beat"][n] == array.beat(last, said["columns"])
        assert found["last_lead"][n] + beats == found["last_cycles"][n]
        if found["folds"][n] > 1:
            more = (high * said["columns"] * said["added"], said["columns"] * said["constants"])
            more = (0, 0) if array.stationary else more[::-1]
            assert found["cycles"][n] == array.streaming(Fold(high, said["columns"], said["stream"]), *more)
            assert found["load"][n] == array.load(high, said["columns"]) or not array.stationary
        if array.stationary and not found["last_reads"][n]:
            assert found["last_spare"][n] == NO_LIMIT


def test_the_array_s_time_stands_still_while_it_is_blocked():
    clock = Clock(np.array([[2, BUSY], [5, BLOCKED], [8, BUSY], [9, BLOCKED], [10, BUSY]]))
    assert [clock.own(n) for n in range(12)] == [0, 1, 2, 3, 4, 5, 5, 5, 5, 6, 6, 7]
    assert clock.real(np.arange(8)).tolist() == [0, 1, 2, 3, 4, 8, 10, 11]
    assert Clock(np.array([[3, BUSY]])).real(np.array([7])).tolist() == [7]


def test_equal_blocks_of_operands_lie_once_at_an_edge():
    edge, block = Edge(4), np.arange(6, dtype=np.int8).reshape(2, 3)
    assert [edge.place((1,), block), edge.place((2,), block), edge.place((1,), block)] == [0, 2, 0]
    assert edge.words().view(np.uint8).tolist()[:2] == [[0, 1, 2, 0], [3, 4, 5, 0]] and len(edge.words()) == 5


def test_two_outputs_in_one_cycle_of_a_column_are_refused():
    case = next(cases(1, 7))
    work, moved = case.operands, by_name(case, run_model(case)[0])
    both = "out" if len(moved["out"]) > 1 else "scores"
    moved[both][1:, 0] = moved[both][0, 0]
    with pytest.raises(ValueError, match="two outputs leave a column in a cycle"):
        work.outputs(case.netlist.data.values, moved)


def test_a_command_of_other_sizes_than_its_place_is_refused():
    case = next(cases(1, 7))
    wrong = case.operands.commands.copy()
    wrong[0, 2] += 1
    with pytest.raises(ValueError, match="command 0 of the array is not of"):
        list(replace(case.operands, commands=wrong).folds(case.netlist.data.values))


@pytest.mark.parametrize("over", [(), ("array.dataflow=is", "attention=fused")], ids=str)
def test_every_product_of_a_workload_is_computed_once(workload, over):
    arch = systolic(*over)
    run = recorded(MACHINE, arch, workload, layers.UNIT)
    work = layers.work_of(arch, workload, run.moved["command"][:, 1:])
    assert covered(work)
    gemms = sum(layer.repeat for layer in workload.layers if isinstance(layer, Gemm))
    heads = sum(layer.heads for layer in workload.layers if isinstance(layer, Attention))
    assert len(work.products) == gemms + 2 * heads
    assert sum(p.a.size * p.b.shape[1] for p in work.products) == sum(layer.macs for layer in workload.layers)
    assert all(p.a.any() and p.b.any() for p in work.products)


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_the_array_alone_does_what_it_does_in_the_machine(workload, dataflow):
    arch = systolic(f"array.dataflow={dataflow}")
    (case,) = layers.array_case(arch, workload, False)
    run = recorded(MACHINE, arch, workload, layers.UNIT)
    model, _ = run_model(case)
    assert set(by_channel(case, model)) == set(ARRAY.ports())
    for name, moved in by_channel(case, model).items():
        wanted = run.moved[name]
        assert len(moved) > 50 and np.array_equal(moved[:, : wanted.shape[1]], wanted & 0xFFFFFFFF), name

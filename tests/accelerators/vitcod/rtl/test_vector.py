"""Values through the vector unit: what is compared, roots bit for bit, and a workload as the machine runs it."""

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import schema
from accelsim.accelerators.vitcod.rtl import vector_layers
from accelsim.accelerators.vitcod.rtl.cases import cases
from accelsim.accelerators.vitcod.rtl.dense_layers import network_of, recorded
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE
from accelsim.accelerators.vitcod.rtl.vector import VectorDatapath, VectorSizes
from accelsim.accelerators.vitcod.rtl.vector_jobs import Leaving, Normalised, Operated
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.rtl.cosim import AFTER, by_channel, check_values, library, run_model, run_module
from accelsim.rtl.vsim import Bench, build
from accelsim.workload import load
from accelsim.workload.functional import reciprocal_root
from accelsim.workload.layers import Attention, Gemm, Norm

BEHIND = 9  # cycles from the one in which the control lets something go to its last values, at most


@pytest.fixture(scope="module")
def arch():
    return load_arch("vitcod", schema)


@pytest.fixture(scope="module")
def workload():
    return load(find("workloads", "fmnist_vit_s90"))


@pytest.fixture(scope="module")
def run(arch, workload):
    return recorded(arch, workload, vector_layers.VECTOR)


@pytest.fixture(scope="module")
def jobs(arch, workload, run):
    outputs, told = (run.moved[name][:, 1:] for name in vector_layers.IN)
    return vector_layers.jobs_of(arch, workload, outputs, told, run.values["lanes"])


def test_every_value_is_compared_and_one_that_differs_is_named():
    case = next(cases("vector_unit", 1, 7, settings=1))
    model, sim = run_model(case)
    module = run_module(case, sim.at + AFTER, library(case.netlist))
    found = check_values(case, model, module)
    work = case.operands
    every = [job.wanted() for jobs in (work.items, work.commands) for job in jobs]
    assert found.differences == 0 and found.values == sum(map(len, every)) > 500
    mine = np.flatnonzero(module[:, 1] == len(case.netlist.logged()))
    first = next(iter(work.begun(by_channel(case, model))))
    what = "command" if first.tiled else "item"
    for column, said in ((2, f"{what}: number 0, element 0 is "), (0, "values: item 0 left ")):
        wrong = module.copy()
        wrong[mine[0], column] ^= 1
        found = check_values(case, model, wrong)
        assert found.differences == 1 and found.first.startswith(f"vector_unit 0: {said}"), found.first


def test_values_are_at_most_so_many_cycles_behind_the_control_and_none_comes_before_it():
    tight, kinds = 0, set()
    for case in cases("vector_unit", 12, 5):
        moved = by_channel(case, run_model(case)[0])
        work, data = case.operands, case.netlist.data
        everything = list(work.expected(data, moved))
        assert len(everything) == len(work.items) + len(work.commands)
        before = -1
        for (one, at, values), left in zip(everything, moved["tile"][:, 0].tolist()):
            assert at[0] > max(one.at, before) and at[-1] <= left + BEHIND
            before = int(at[-1])
            tight += at[-1] == left + BEHIND
            job = (work.commands if one.tiled else work.items)[one.number]
            kinds.add(getattr(job, "norm", None) or getattr(job, "op", "item"))
            assert np.array_equal(values, job.wanted())
    assert tight > 100 and kinds == {"item", "layernorm", "rmsnorm", "batchnorm", "add", "multiply", "gelu", "mean"}


def test_a_row_s_reciprocal_root_has_every_bit():
    unit, rng = Bench(build([PACKAGE.module("reciprocal_root")], "reciprocal_root")), np.random.default_rng(1)
    p, behind = unit.ports, 5 + 6 + 6  # three bits of root and quotient a stage
    features = rng.integers(1, 1 << 12, 4000)
    squares = (rng.random(4000) * features * (1 << 14) / 2.0 ** rng.integers(0, 24, 4000)).astype(np.int64)
    total = (np.sqrt(features * squares) * rng.uniform(-1, 1, 4000) * rng.integers(0, 2, 4000)).astype(np.int64)
    epsilon = rng.integers(0, 1 << 40, 4000) >> rng.integers(0, 48, 4000)
    # a V of every length, all its bits or the first one: even and odd exponents, roots that are whole and just not
    lengths = np.arange(1, 48)
    epsilon[:47], epsilon[47:94], epsilon[94:141] = 1 << lengths - 1, (1 << lengths) - 1, 1 << lengths - 1
    epsilon[94:141] -= 1
    squares[:141] = total[:141] = 0
    v = features * squares - total**2 + epsilon
    r, e = reciprocal_root(v)
    unit.reset()
    p["rst"][0] = 0
    rows = []
    for n in range(4000 + behind):
        one = min(n, 3999)
        p["valid"][0], p["row"][0] = n < 4000, n % 4
        p["squares"][0], p["features"][0] = squares[one], features[one]
        p["total"].view(np.uint32)[0] = int(total[one]) & (1 << 20) - 1
        p["epsilon"].view(np.uint64)[0] = int(epsilon[one])
        unit.eval()
        assert p["there"][0] == (n >= behind)
        if n >= behind:
            addend = int(p["addend"].view(np.uint64)[0])
            rows.append((int(p["there_row"][0]), int(p["factor"].view(np.uint32)[0]), addend, int(p["shift"][0])))
        unit.clock()
    unit.close()
    down = 21 + e
    for n, (row, factor, addend, shift) in enumerate(rows):
        assert row == n % 4
        if v[n]:
            assert shift == down[n] and factor == features[n] * r[n], n
            assert addend == int((1 << int(down[n]) - 1) - total[n] * r[n]) & (1 << 40) - 1, n


def test_fewer_cycles_than_a_root_takes_are_refused():
    assert VectorDatapath(VectorSizes(), 64, 8, 16, 64).root_bits == 3
    assert VectorDatapath(VectorSizes(), 64, 4, 10, 64).root_bits == 17
    with pytest.raises(InputError) as error:
        VectorDatapath(VectorSizes(), 64, 4, 9, 64).body()
    assert "needs 14 cycles" in str(error.value) and "rsqrt_cycles 9 are 13" in str(error.value)
    with pytest.raises(InputError) as error:
        job = Normalised(np.zeros((1, 63), np.int8), "layernorm", np.ones(63), np.zeros(63), 8)
        vector_layers.VectorWork([], [job], np.zeros((0, 2)), np.zeros((0, 6))).needed(
            VectorDatapath(VectorSizes(), 64, 8, 16, 64)
        )
    assert "rows of 63 features, but 64 to 4095" in str(error.value)


def test_the_vector_unit_alone_does_what_it_does_in_the_machine(arch, workload, run):
    (case,) = vector_layers.vector_case(arch, workload, False)
    model, _ = run_model(case)
    moved = by_channel(case, model)
    for name, wanted in run.moved.items():
        found = moved[name.replace(".", "_")]
        assert len(found) > 8 and np.array_equal(found[:, : wanted.shape[1]], wanted & 0xFFFFFFFF), name


def test_every_value_of_a_workload_leaves_once(arch, workload, jobs):
    items, commands = iter(jobs[0]), iter(jobs[1])
    network, names = network_of(arch, workload), {one.name: one for one in workload.attention_layers}
    for layer in workload.layers:
        if isinstance(layer, Attention):
            continue
        output, left = network.of(layer.name).output.ravel(), []
        if isinstance(layer, Norm):
            while sum(map(len, left)) < len(output):
                left.append(next(commands).wanted())
            assert np.array_equal(np.concatenate(left), output), layer.name
        elif isinstance(layer, Gemm):
            if layer.encodes:
                attention = names[layer.encodes]
                wide = attention.heads * attention.qk_dim
                columns = output.reshape(1, layer.tokens, -1)
                parts = [
                    vector_layers.codes_of(
                        network, attention, n, columns[..., at * wide : (at + 1) * wide], attention.heads
                    )
                    for at, n in enumerate("qk")
                ]
                output = np.concatenate([*map(np.ravel, parts), columns[..., 2 * wide :].ravel()])
            while sum(map(len, left)) < len(output):
                left.append(next(items).wanted())
            assert np.array_equal(np.sort(np.concatenate(left)), np.sort(output)), layer.name
    assert next(items, None) is None and next(commands, None) is None


def test_what_is_computed_of_a_network_of_every_layer(arch):
    workload = load(find("workloads", "levit_128_s90"))
    run = recorded(arch, workload, vector_layers.VECTOR)
    outputs, told = (run.moved[name][:, 1:] for name in vector_layers.IN)
    items, commands = vector_layers.jobs_of(arch, workload, outputs, told, run.values["lanes"])
    assert [type(one) for one in commands] == [Operated, Operated]
    assert [(one.op, one.x[0].shape) for one in commands] == [("mean", (16, 384)), ("add", (1, 1000))]
    assert all(isinstance(one, Leaving) for one in items) and any(one.table is not None for one in items)


@pytest.mark.slow
def test_not_one_value_of_a_workload_differs():
    done = CliRunner().invoke(cli.app, ["cosim", "vector_unit", "--workload", "fmnist_vit_s90"])
    assert done.exit_code == 0, done.output
    row = next(line.split() for line in done.output.splitlines() if line.startswith("vector_unit  "))
    assert row[-2:] == ["134,346", "0"]
    assert "vector_unit: at work in " in done.output

"""Programs: nothing waits for what never comes, buffers suffice, every byte is read and written in its place."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.dataflow.shares import encoded_columns
from accelsim.core.errors import InputError
from accelsim.dataflows.program import Program
from accelsim.isa.instructions import MARK, NOTHING
from accelsim.workload import Attention, Elementwise, Gemm, Norm
from tests.accelerators.vitcod.dataflow.machines import machine, machines, networks, program_of, workload
from tests.accelerators.vitcod.dataflow.test_passes import layer

BUFFERS = ("weight_gb", "act_gb0", "index_buffer", "program_gb")


class Walk:
    """A program carried out one instruction after the other, each load at the last moment, each store at the first.

    A machine that fetches ahead only where there is room, in the same order, is never worse off: what can be walked so
    cannot get stuck.
    """

    def __init__(self, program: Program, tables: dict[str, np.ndarray], sizes: dict[str, int]) -> None:
        self.tables, self.sizes = tables, sizes
        self.count = dict.fromkeys(program.counters, 0)
        self.held, self.fences = dict.fromkeys(sizes, 0), dict.fromkeys(sizes, 0)
        self.coded = self.produced = self.passes = 0
        counters, units = {n: name for name, n in program.counters.items()}, list(program.names.units.items())
        for number, todo in enumerate(tables["program"]):
            for wait, least in ((todo.wait, todo.count), (todo.wait2, todo.count2)):
                counter = counters.get(int(wait))
                while wait != NOTHING and self.count[counter] < least:
                    assert counter in BUFFERS, f"instruction {number} waits for {counter} {least}"
                    self.load(counter)
            if todo.unit != MARK:
                unit, fields = units[todo.unit]
                operands = tables["operands"][todo.first : todo.first + len(fields)].tolist()
                self.carry_out(unit, SimpleNamespace(**dict(zip(fields, operands))))

    def load(self, buffer: str) -> None:
        assert self.count[buffer] < len(self.tables[buffer]), f"a load of {buffer} that does not exist"
        load = self.tables[buffer][self.count[buffer]]
        assert load.fence <= self.fences[buffer], "a load that is needed before its fence is lifted"
        self.held[buffer] += load.bytes * load.segments
        assert self.held[buffer] <= self.sizes[buffer], f"{buffer} is overfull"
        self.count[buffer] += 1

    def free(self, buffer: str, size: int) -> None:
        self.held[buffer] -= size
        assert self.held[buffer] >= 0, f"more of {buffer} is freed than was loaded"

    def carry_out(self, unit: str, todo: SimpleNamespace) -> None:
        if unit == "engine":
            free = self.tables["frees"][self.count["engine"]]
            self.free("weight_gb", free.weight)
            self.free("act_gb0", free.act)
            if todo.constants:  # the last part of a tile
                self.produced += todo.tokens * encoded_columns(todo.met, todo.features, todo.heads, todo.encoded)
        elif unit == "vector":
            self.produced += todo.bytes
        elif unit in BUFFERS:
            self.free(unit, todo.bytes)
            self.fences[unit] += todo.fences
        elif unit == "merge":
            self.entry = self.tables["passes"][todo.number]
            self.passes += 1
            same = self.tables["passes"].first_row == self.entry.first_row
            self.blocks = np.flatnonzero(same)
            assert todo.number == self.blocks[0]
            self.made = {number: {"denser": 0, "sparser": 0} for number in self.blocks.tolist()}
        elif unit in ("denser", "sparser") and todo.phase == 1:
            outputs = self.entry.heads * self.entry.rows
            made = self.made[todo.number]
            assert todo.begin == made[unit] < todo.end <= outputs
            made[unit] = todo.end
            works = [
                (number, engine)
                for number in self.blocks.tolist()
                for engine, field in (("denser", "dense"), ("sparser", "sparse_columns"))
                if self.tables["passes"][field][number]
            ]
            done = [self.made[number][engine] for number, engine in works]
            if min(done) == max(done):
                some = self.entry.first_row + np.arange(todo.end)
                self.produced += int(self.tables["rows"]["values"][some].sum()) - self.carried(todo.end)
                self.count["merge"] += todo.end == outputs
        if unit in ("engine", "vector", "decoder", "denser", "sparser"):
            self.count[unit] += 1
        stores = self.tables["act_gb1"]
        while self.count["act_gb1"] < len(stores):
            store = stores[self.count["act_gb1"]]
            size = int(store.bytes * store.segments)
            if size > self.produced:
                break
            self.produced -= size
            self.count["act_gb1"] += 1

    def carried(self, end: int) -> int:
        """Bytes of this pass's outputs that were produced before."""
        before, self.so_far = getattr(self, "so_far", {}).get(self.passes, 0), {self.passes: end}
        return int(self.tables["rows"]["values"][self.entry.first_row : self.entry.first_row + before].sum())


def compiled(net, have):
    """The program and every tensor's place and size; a network that does not fit is left out."""
    tensors, allocate = {}, Program.allocate

    def noted(self, tensor, size):
        at = allocate(self, tensor, size)
        assert tensors.setdefault(tensor, (at, size)) == (at, size), f"{tensor} is allocated in two sizes"
        return at

    Program.allocate = noted
    try:
        program = program_of(net, have)
        program.finish()
        return program, tensors
    except InputError:
        return None, tensors
    finally:
        Program.allocate = allocate


@pytest.mark.parametrize(("v_bytes", "blocks"), [(39, 3), (7, 10)])
def test_values_of_the_next_block_come_early_only_where_both_fit(v_bytes, blocks):
    one, mask = layer(heads=1)
    have = machine(k_bytes=39, weight_bytes=v_bytes)  # V of a key has four bytes; of ten keys three blocks, or ten
    program, _ = compiled(workload(one, masks={one.name: mask}), have)
    tables = program.finish()
    sizes = dict(zip(BUFFERS, (have.weight_bytes, have.act_bytes, have.index_bytes, program.names.capacity)))
    assert Walk(program, tables, sizes).count["weight_gb"] == 2 * blocks, "of two passes"


@settings(max_examples=120, deadline=None)
@given(net=networks(), have=machines(), k_bytes=st.sampled_from([5, 12, 30, 400]), v_bytes=st.sampled_from([128, 600]))
def test_a_program_can_be_walked_to_its_end_within_the_buffers(net, have, k_bytes, v_bytes):
    have = replace(have, k_bytes=k_bytes, weight_bytes=v_bytes, constants=True)  # as the machine's are
    program, _ = compiled(net, have)
    if program is None:
        return
    tables = program.finish()
    sizes = dict(zip(BUFFERS, (have.weight_bytes, have.act_bytes, have.index_bytes, program.names.capacity)))
    walk = Walk(program, tables, sizes)
    for buffer in BUFFERS:
        assert walk.count[buffer] == len(tables[buffer]), "a load that nobody waits for"
    assert walk.held == dict.fromkeys(BUFFERS, 0) and walk.produced == 0
    assert walk.count["act_gb1"] == len(tables["act_gb1"]) == program.planned["act_gb1"]
    assert walk.count["engine"] == len(tables["frees"])
    assert walk.passes == len(np.unique(tables["passes"]["first_row"])) == program.planned["merge"]
    marks = tables["program"]["first"][tables["program"].unit == MARK]
    assert tables["operands"][marks].tolist() == list(range(len(net.layers)))
    for store in tables["act_gb1"]:
        assert store.bytes * store.segments <= have.store_bytes


@settings(max_examples=80, deadline=None)
@given(net=networks(), have=machines())
def test_every_descriptor_lies_in_one_tensor_and_tensors_do_not_overlap(net, have):
    program, tensors = compiled(net, have)
    if program is None:
        return
    places = sorted((at, at + size, name) for name, (at, size) in tensors.items())
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(places))
    tables = program.finish()
    stored = {}
    for kind in (*BUFFERS, "act_gb1"):
        for d in tables[kind]:
            assert d.bytes >= 1 and d.segments >= 1, f"an empty tile of {kind}"
            first, last = d.address, d.address + (d.segments - 1) * d.pitch + d.bytes
            inside = [name for begin, end, name in places if begin <= first and last <= end]
            assert inside, f"a tile of {kind} from {first} to {last} lies in no tensor"
            if kind == "act_gb1":
                byte = first + np.arange(d.bytes) + d.pitch * np.arange(d.segments)[:, None]
                stored.setdefault(inside[0], []).append(byte.reshape(-1))
    for name, parts in stored.items():
        written = np.sort(np.concatenate(parts))
        assert (np.diff(written) > 0).all(), f"a byte of {name} is written twice"
    coded = {layer.name for layer in net.layers if isinstance(layer, Gemm) and layer.encodes and have.auto_encoder}
    for name, (at, size) in tensors.items():
        if name.split(".")[-1:] == ["output"] and name.split(".")[0] not in coded:
            assert sorted(np.concatenate(stored[name]).tolist()) == list(range(at, at + size)), f"{name} is not whole"


def fences_of(program, buffer):
    """The instructions that lift a fence of a buffer."""
    tables = program.finish()
    mine = tables["program"][tables["program"].unit == program.units[buffer][0]]
    return mine[tables["operands"][mine["first"] + 1] == 1]


def test_a_gemm_reads_what_its_plan_says():
    have = machine()
    program = program_of(workload(Gemm("g", "b", "mlp", 24, 30, 16)), have)
    tables = program.finish()
    assert sum(d.bytes * d.segments for d in tables["weight_gb"]) == 30 * 16
    assert sum(d.bytes * d.segments for d in tables["act_gb0"]) == 24 * 30
    assert int(tables["frees"].weight.sum()) == 30 * 16


def test_the_table_of_an_activation_comes_with_the_program():
    found = {}
    for activation in (None, "gelu"):
        layers = (Gemm("a", "a", "mlp", 8, 16, 32, activation=activation), Gemm("b", "b", "mlp", 8, 32, 16))
        program = program_of(workload(*layers), machine())
        found[activation] = program.filled, program.finish()["functions"].entry.tolist()
    assert found[None] == (found["gelu"][0] - 256, []) and found["gelu"][1] == list(range(0, 256, 32))


def test_loads_of_a_layer_wait_for_the_stores_of_the_one_before():
    program = program_of(workload(Norm("a", "b", 6, 8), Norm("c", "b", 6, 8)), machine())
    tables = program.finish()
    fences = tables["act_gb0"].fence.tolist()
    assert sorted(set(fences)) == [0, 1]
    grant = fences_of(program, "act_gb0")[0]
    assert (grant.wait, grant.count) == (program.counters["act_gb1"], len(tables["act_gb1"]) // 2)


def test_values_of_attention_wait_for_their_projection_and_weights_do_not():
    qkv = Gemm("qkv", "b", "qkv", 6, 8, 2 * 3 * 4, encodes="a")
    layers = (qkv, Attention("a", "b", 2, 6, 6, 4, 4), Gemm("proj", "b", "proj", 6, 8, 8))
    program, tensors = compiled(workload(*layers), machine())
    tables = program.finish()
    stored = fences_of(program, "weight_gb")
    at, size = tensors["a.v.0"]
    values = [d.fence for d in tables["weight_gb"] if at <= d.address < at + size]
    assert values and set(values) == {1}
    # lifted when all stores of the projection are in DRAM
    first, length = tensors["qkv.output"]
    mine = [n for n, d in enumerate(tables["act_gb1"]) if first <= d.address < first + length]
    assert (stored[0].wait, stored[0].count) == (program.counters["act_gb1"], len(mine))
    at, size = tensors["qkv.weight"]
    assert {d.fence for d in tables["weight_gb"] if at <= d.address < at + size} == {0}


@pytest.mark.parametrize(
    ("layer", "change", "sentence"),
    [
        (
            Norm("n", "b", 4, 100),
            {"act_bytes": 499, "constants": True},
            "layer n: a row at a time needs act_gb0.capacity_bytes of 500 (it has 499); make them at least that large",
        ),
        (
            Norm("n", "b", 4, 100),
            {"act_bytes": 99, "store_bytes": 99},
            "layer n: a row at a time needs act_gb0.capacity_bytes of 100 (it has 99), act_gb1.capacity_bytes of 100 "
            "(it has 99); make them at least that large",
        ),
        (
            Elementwise("e", "b", "add", 4, 100, 3),
            {"act_bytes": 2},
            "layer e: an element at a time needs act_gb0.capacity_bytes of 3 (it has 2); make them at least that large",
        ),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_a_sentence(layer, change, sentence):
    with pytest.raises(InputError) as refused:
        program_of(workload(layer), machine(**change))
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("layer", "change", "elements"),
    [
        (Norm("n", "b", 4, 100), {"act_bytes": 100, "store_bytes": 100}, [100] * 4),
        (Norm("n", "b", 4, 100), {"act_bytes": 399, "store_bytes": 512}, [100] * 4),
        (Norm("n", "b", 4, 100), {"act_bytes": 800, "store_bytes": 512}, [200] * 2),
        (Elementwise("e", "b", "add", 2, 100, 3), {"act_bytes": 180}, [180, 120] * 2),
        (Elementwise("e", "b", "mean", 2, 10), {"store_bytes": 4}, [4, 4, 2] * 2),
    ],
)
def test_a_row_or_a_part_of_it_is_taken_where_no_more_fits(layer, change, elements):
    program, tensors = compiled(workload(layer), machine(**change))
    tables = program.finish()
    mine = tables["program"]["first"][tables["program"]["unit"] == program.units["vector"][0]]
    assert tables["operands"][mine].tolist() == elements
    assert sum(d.bytes * d.segments for d in tables["act_gb0"]) == sum(elements)
    at, size = tensors[f"{layer.name}.output"]
    stored = np.concatenate([d.address + np.arange(d.bytes) for d in tables["act_gb1"]])
    assert stored.tolist() == list(range(at, at + size))

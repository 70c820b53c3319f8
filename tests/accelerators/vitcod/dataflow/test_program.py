"""Programs: nothing waits for what never comes, buffers suffice, every byte is read and written in its place."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from accelsim.core.errors import InputError
from accelsim.dataflows.compile import compile_workload
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import encoded_columns
from accelsim.isa import instructions as isa
from accelsim.workload import Attention, Elementwise, Gemm, Norm
from tests.dataflows.machines import machine, machines, networks, workload

LOADED = {isa.WEIGHT_LOADED: "weight", isa.ACT_LOADED: "act", isa.INDEX_LOADED: "index"}
GRANTED = {isa.GRANT_WEIGHT: "weight", isa.GRANT_ACT: "act", isa.GRANT_INDEX: "index"}
DONE = {isa.ARRAY: isa.ARRAY_DONE, isa.VECTOR: isa.VECTOR_DONE, isa.DECODE: isa.DECODER_DONE,
        isa.DENSER: isa.DENSER_DONE, isa.SPARSER: isa.SPARSER_DONE}  # fmt: skip


class Walk:
    """A program carried out one instruction after the other, each load at the last moment, each store at the first.

    A machine that fetches ahead only where there is room, in the same order, is never worse off: what can be walked so
    cannot get stuck.
    """

    def __init__(self, tables: dict[str, np.ndarray], sizes: dict[str, int]) -> None:
        self.tables, self.sizes = tables, sizes
        self.count = dict.fromkeys(range(len(isa.COUNTERS)), 0)
        self.held, self.fences = dict.fromkeys(sizes, 0), dict.fromkeys(sizes, 0)
        self.coded = self.produced = self.passes = 0
        for number, todo in enumerate(tables["program"]):
            for counter, least in ((todo.wait, todo.count), (todo.wait2, todo.count2)):
                while self.count[counter] < least:
                    assert counter in LOADED, f"instruction {number} waits for {isa.COUNTERS[counter]} {least}"
                    self.load(counter)
            self.carry_out(todo)

    def load(self, counter: int) -> None:
        buffer = LOADED[counter]
        assert self.count[counter] < len(self.tables[buffer]), f"a load of {buffer} that does not exist"
        load = self.tables[buffer][self.count[counter]]
        assert load.fence <= self.fences[buffer], "a load that is needed before its fence is lifted"
        self.held[buffer] += load.bytes * load.segments
        assert self.held[buffer] <= self.sizes[buffer], f"{buffer} is overfull"
        self.count[counter] += 1

    def free(self, buffer: str, size: int) -> None:
        self.held[buffer] -= size
        assert self.held[buffer] >= 0, f"more of {buffer} is freed than was loaded"

    def carry_out(self, todo) -> None:
        if todo.op == isa.ARRAY:
            free = self.tables["frees"][self.count[isa.ARRAY_DONE]]
            self.free("weight", free.weight)
            self.free("act", free.act)
            if todo.f:  # the last part of a tile
                self.produced += todo.a * encoded_columns(todo.k, todo.b, todo.g, todo.h)
        elif todo.op == isa.VECTOR:
            self.produced += todo.c
        elif todo.op in GRANTED:
            self.free(GRANTED[todo.op], todo.a)
            self.fences[GRANTED[todo.op]] += todo.b
        elif todo.op == isa.MERGE:
            self.entry = self.tables["passes"][todo.b]
            assert todo.b == self.passes
            self.passes += 1
            self.made = {isa.DENSER: 0, isa.SPARSER: 0}
        elif todo.op in (isa.DENSER, isa.SPARSER) and todo.a == 1:
            outputs = self.entry.heads * self.entry.rows
            assert todo.b == self.passes - 1 and todo.c == self.made[todo.op] < todo.d <= outputs
            self.made[todo.op] = todo.d
            works = {isa.DENSER: self.entry.dense, isa.SPARSER: self.entry.sparse_columns}
            done = [n for op, n in self.made.items() if works[op]]
            if min(done) == max(done):
                some = self.entry.first_row + np.arange(todo.d)
                self.produced += int(self.tables["rows"]["values"][some].sum()) - self.carried(todo.d)
        if todo.op in DONE:
            self.count[DONE[todo.op]] += 1
        stores = self.tables["stores"]
        while self.count[isa.STORED] < len(stores):
            store = stores[self.count[isa.STORED]]
            size = int(store.bytes * store.segments)
            if size > self.produced:
                break
            self.produced -= size
            self.count[isa.STORED] += 1

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
        return compile_workload(net, have), tensors
    except InputError:
        return None, tensors
    finally:
        Program.allocate = allocate


@settings(max_examples=80, deadline=None)
@given(net=networks(), have=machines())
def test_a_program_can_be_walked_to_its_end_within_the_buffers(net, have):
    program, _ = compiled(net, have)
    if program is None:
        return
    tables = program.finish()
    walk = Walk(tables, {"weight": have.weight_bytes, "act": have.act_bytes, "index": have.index_bytes})
    for counter, buffer in LOADED.items():
        assert walk.count[counter] == len(tables[buffer]), "a load that nobody waits for"
    assert walk.held == {"weight": 0, "act": 0, "index": 0} and walk.produced == 0
    assert walk.count[isa.STORED] == len(tables["stores"]) == program.planned[isa.STORED]
    assert walk.count[isa.ARRAY_DONE] == len(tables["frees"])
    assert walk.passes == len(tables["passes"]) == program.planned[isa.PASSES_DONE]
    marks = tables["program"][tables["program"].op == isa.MARK]
    assert marks.a.tolist() == list(range(len(net.layers)))
    for store in tables["stores"]:
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
    for kind in ("weight", "act", "index", "stores"):
        for d in tables[kind]:
            assert d.bytes >= 1 and d.segments >= 1, f"an empty tile of {kind}"
            first, last = d.address, d.address + (d.segments - 1) * d.pitch + d.bytes
            inside = [name for begin, end, name in places if begin <= first and last <= end]
            assert inside, f"a tile of {kind} from {first} to {last} lies in no tensor"
            if kind == "stores":
                byte = first + np.arange(d.bytes) + d.pitch * np.arange(d.segments)[:, None]
                stored.setdefault(inside[0], []).append(byte.reshape(-1))
    for name, parts in stored.items():
        written = np.sort(np.concatenate(parts))
        assert (np.diff(written) > 0).all(), f"a byte of {name} is written twice"
    coded = {layer.name for layer in net.layers if isinstance(layer, Gemm) and layer.encodes and have.auto_encoder}
    for name, (at, size) in tensors.items():
        if name.split(".")[1] == "output" and name.split(".")[0] not in coded:
            assert sorted(np.concatenate(stored[name]).tolist()) == list(range(at, at + size)), f"{name} is not whole"


def test_a_gemm_reads_what_its_plan_says():
    have = machine()
    program = compile_workload(workload(Gemm("g", "b", "mlp", 24, 30, 16)), have)
    tables = program.finish()
    assert sum(d.bytes * d.segments for d in tables["weight"]) == 30 * 16
    assert sum(d.bytes * d.segments for d in tables["act"]) == 24 * 30
    assert int(tables["frees"].weight.sum()) == 30 * 16


def test_loads_of_a_layer_wait_for_the_stores_of_the_one_before():
    program = compile_workload(workload(Norm("a", "b", 6, 8), Norm("c", "b", 6, 8)), machine())
    tables = program.finish()
    fences = tables["act"].fence.tolist()
    assert sorted(set(fences)) == [0, 1]
    grant = tables["program"][(tables["program"].op == isa.GRANT_ACT) & (tables["program"].b == 1)][0]
    assert (grant.wait, grant.count) == (isa.STORED, len(tables["stores"]) // 2)


def test_values_of_attention_wait_for_their_projection_and_weights_do_not():
    qkv = Gemm("qkv", "b", "qkv", 6, 8, 2 * 3 * 4, encodes="a")
    layers = (qkv, Attention("a", "b", 2, 6, 6, 4, 4), Gemm("proj", "b", "proj", 6, 8, 8))
    program, tensors = compiled(workload(*layers), machine())
    tables = program.finish()
    stored = tables["program"][(tables["program"].op == isa.GRANT_WEIGHT) & (tables["program"].b == 1)]
    at, size = tensors["a.v.0"]
    values = [d.fence for d in tables["weight"] if at <= d.address < at + size]
    assert values and set(values) == {1}
    # lifted when all stores of the projection are in DRAM
    first, length = tensors["qkv.output"]
    mine = [n for n, d in enumerate(tables["stores"]) if first <= d.address < first + length]
    assert (stored[0].wait, stored[0].count) == (isa.STORED, len(mine))
    at, size = tensors["qkv.weight"]
    assert {d.fence for d in tables["weight"] if at <= d.address < at + size} == {0}


@pytest.mark.parametrize(
    ("layer", "change", "sentence"),
    [
        (
            Norm("n", "b", 4, 100), {"act_bytes": 399},
            "layer n: a row needs 4 x 100 bytes of act_gb0 (399) and 2 x 100 bytes of act_gb1 (512); make their "
            "capacity_bytes larger",
        ),
        (
            Elementwise("e", "b", "add", 4, 100, 3), {"store_bytes": 199},
            "layer e: a row needs 4 x 300 bytes of act_gb0 (2048) and 2 x 100 bytes of act_gb1 (199); make their "
            "capacity_bytes larger",
        ),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_refused_in_a_sentence(layer, change, sentence):
    with pytest.raises(InputError) as refused:
        compile_workload(workload(layer), machine(**change))
    assert str(refused.value) == sentence

"""Activations that stay on chip: bytes by closed form, room that binds, a user's word, a judge that sees faults."""

from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.mappings import as_data, pinned, written
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.isa.tables import BOTH, KEPT, TO_DRAM
from accelsim.validation import Report, validate
from accelsim.validation.evidence import Evidence, gather
from accelsim.validation.validate import examine
from accelsim.workload import Elementwise, Gemm, Norm, Workload, load
from tests.accelerators.small import one_of_each
from tests.accelerators.vitcod.small import small_machine

VITCOD = machine("vitcod")
TOKENS, WIDTH, HIDDEN = 197, 192, 768
ROWS = TOKENS * WIDTH  # bytes of an activation of the stream


def arch(*over: str) -> Arch:
    return load_arch("vitcod", schema, ["dram.model=pipe", *over])


def kept(found) -> dict[str, int]:
    return {one.layer.split(".")[-1]: one.stay.output for one in found if one.stay.output != TO_DRAM}


@pytest.fixture(scope="module")
def block() -> Workload:
    """A block of DeiT-Tiny, and the norm behind it."""
    whole = load(find("workloads", "deit_tiny_s90"))
    layers = tuple(layer for layer in whole.layers if layer.block == "block4" or layer.name == "block5.norm1")
    masks = {layer.name: whole.masks[layer.name] for layer in layers if layer.name in whole.masks}
    return replace(whole, layers=layers, masks=masks, reads={})


@pytest.fixture(scope="module")
def through_dram(block):
    return run(arch(), block).result


def test_bytes_of_dram_are_what_is_left(block, through_dram):
    found = VITCOD.mapping(arch("residency=keep"), block)
    # proj is the residual of mlp2 too; the hidden activations do not fit beside what they are computed from
    assert kept(found) == {"norm1": KEPT, "attention": KEPT, "proj": BOTH, "norm2": KEPT, "mlp2": KEPT}
    assert [one.input for one in found] == ["", "keep", "", "keep", "keep", "keep", "dram", "keep"]
    result = run(arch("residency=keep"), block).result
    # beside what it keeps mlp2 is cut otherwise; through DRAM with the same cut
    pin = {"block4.mlp2": {"outputs": next(one for one in found if one.layer == "block4.mlp2").parts[0].chosen.cut}}
    before, after = run(replace(arch(), mapping=pin), block).result.total.counts, result.total.counts
    # Q, K and V are three groups of columns, each of which loads the input
    loads = {"qkv": 3 * ROWS, "proj": ROWS, "norm2": ROWS, "mlp1": ROWS, "block5.norm1": ROWS}
    cuts = {one.layer: one.parts[0].chosen.cut for one in VITCOD.mapping(arch(), block)}
    assert {cuts[f"block4.{name}"].get("order") for name in ("qkv", "proj", "mlp1")} <= {"resident", "rows"}
    handed_on = 5 * ROWS
    assert after["act_gb0"]["write_bytes"] == before["act_gb0"]["write_bytes"] - sum(loads.values()) + handed_on
    assert after["dram"]["write_bytes"] == before["dram"]["write_bytes"] - 4 * ROWS
    for count in ("write_bytes", "read_bytes"):  # all of it goes through the output buffer, and is read once
        assert after["act_gb1"][count] == before["act_gb1"][count]
    assert after["hand_over"]["moved_bytes"] == handed_on
    assert result.cycles() < through_dram.cycles()


@pytest.mark.parametrize("stores", ["4 KiB", "64 KiB"])
def test_loads_of_the_first_layer_wait_for_the_room_of_its_output(block, stores):
    """Loads that came before the room was taken would leave too little of it, and nothing could move."""
    over = ["act_gb0.capacity_bytes=48 KiB", f"act_gb1.capacity_bytes={stores}", "act_gb0.banks=8"]
    assert kept(VITCOD.mapping(arch("residency=keep", *over), block))["norm1"] == KEPT
    here, there = (run(arch(f"residency={how}", *over), block).result.total for how in ("keep", "dram"))
    assert here.counts["dram"]["write_bytes"] < there.counts["dram"]["write_bytes"]


@pytest.mark.parametrize("small", ["act_gb0.capacity_bytes=30 KiB", "double_buffer=false"])
def test_where_nothing_can_stay_it_is_all_through_dram(block, small):
    """Outputs of 37.8 kB do not fit; and without double buffering a buffer holds one load at a time."""
    here, there = (run(arch(f"residency={how}", small), block).result for how in ("keep", "dram"))
    assert here.end == there.end
    assert all(here.total.status[name] == there.total.status[name] for name in there.parts)
    assert all(here.total.counts[name] == there.total.counts[name] for name in there.parts)


def test_more_room_keeps_more_and_is_never_slower(block, through_dram):
    cycles, keeps, moved = [through_dram.cycles()], [], []
    for size in ("148 KiB", "192 KiB", "512 KiB"):
        large = arch("residency=keep", f"act_gb0.capacity_bytes={size}")
        result = run(large, block).result
        cycles.append(result.cycles())
        moved.append(sum(result.total.counts["dram"][count] for count in ("read_bytes", "write_bytes")))
        keeps.append(set(kept(VITCOD.mapping(large, block))))
    # 151.3 kB beside 37.8 kB; beside both rooms mlp2 would read its weights four times at 192 KiB
    assert keeps[0] | {"mlp1"} == keeps[1] | {"mlp2"} == keeps[2] and "mlp1" not in keeps[0]
    assert moved == sorted(moved, reverse=True)
    assert all(after <= 1.01 * before for before, after in pairwise(cycles))


def test_the_time_of_what_is_kept_is_estimated(block):
    wide = arch("residency=keep", "act_gb0.capacity_bytes=512 KiB")
    estimated = sum(one.estimate.cycles for one in VITCOD.mapping(wide, block))
    assert abs(estimated / run(wide, block).result.cycles() - 1) < 0.02


def test_a_user_may_decide(block, through_dram, tmp_path):
    keep, path = arch("residency=keep"), tmp_path / "m.yaml"
    found = VITCOD.mapping(keep, block)
    again = pinned(keep, written(path, keep, block, found), block)
    assert as_data(VITCOD.mapping(again, block)) == as_data(found)
    assert as_data(found)["block4.norm2"] == {"input": "keep"}

    def pin(text: str, *over: str) -> Arch:
        path.write_text("layers:\n" + "".join(f"  {line}\n" for line in text.split("; ")))
        return pinned(arch(*over), path, block)

    none = "; ".join(f"{one.layer}: {{input: dram}}" for one in found)
    assert run(pin(none, "residency=keep"), block).result.cycles() == through_dram.cycles()
    assert kept(VITCOD.mapping(pin("block4.mlp1: {input: dram}", "residency=keep"), block)).keys() == {
        "norm1", "attention", "proj", "mlp2"
    }  # fmt: skip
    for text, over, rule in (
        ("block4.mlp1: {input: keep}", (), r"m.yaml:2: .*block4.mlp1.* keeps no activations .* set residency=keep"),
        ("block4.mlp1: {input: on}", ("residency=keep",), "input is 'on' but must be one of dram, keep"),
        ("block4.norm1: {input: keep}", ("residency=keep",), "block4.norm1.* cannot stay on chip"),
        ("block4.attention: {input: keep}", ("residency=keep",), "block4.attention.* cannot stay on chip"),
        (
            "block4.mlp2: {input: keep}",
            ("residency=keep", "act_gb0.capacity_bytes=120 KiB"),
            "does not hold its output",
        ),
        ("block4.norm2: {input: keep, outputs: {}}", ("residency=keep",), "names 'outputs', but of it"),
    ):
        with pytest.raises(InputError, match=rule):
            pin(text, *over)


def chain(batch: int) -> Workload:
    """Layers of every kind that hand on and are handed to, between those of `one_of_each`."""
    first = one_of_each()
    layers = (
        *first.layers[:-1],
        Norm("norm2", "b", 17, 24),
        Gemm("up", "b", "mlp", 17, 24, 40, activation="gelu"),
        Gemm("down", "b", "mlp", 17, 40, 24, residual=True),
        Elementwise("act", "b", "relu", 17, 24),
        Elementwise("mean", "b", "mean", 17, 24),
        Gemm("head", "b", "head", 1, 24, 10),
    )
    return replace(first, layers=layers, batch=batch)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return gather(VITCOD, small_machine("residency=keep", "act_gb0.capacity_bytes=3000", "dram.model=pipe"), chain(2))


def test_every_kind_of_layer_hands_on_legally_and_to_the_right_numbers():
    for over in (
        (),
        ("act_gb0.banks=1", "act_gb0.port_bytes=7", "decoder.port_bytes=7", "act_gb1.banks=1", "act_gb1.port_bytes=5"),
    ):
        small = small_machine("residency=keep", "act_gb0.capacity_bytes=3000", "dram.model=pipe", *over)
        keeps = kept(VITCOD.mapping(small, chain(2)))
        assert keeps == {
            "norm": KEPT, "attention": KEPT, "proj": BOTH, "norm2": KEPT, "up": KEPT, "down": KEPT, "act": KEPT,
            "mean": KEPT,
        }  # fmt: skip
        report = validate(VITCOD, small, chain(2))
        assert report.failed == []


def test_sleeping_and_slicing_change_nothing():
    ports = "act_gb0.port_bytes=9", "decoder.port_bytes=9"
    small = small_machine("residency=keep", "act_gb0.capacity_bytes=3000", "dram.model=pipe", *ports)

    def outcome(skip: bool, slices: int = 0):
        sim, _ = VITCOD.build(small, chain(1))
        while not sim.run(*([slices] if slices else []), skip=skip):
            pass
        result = sim.result()
        return result.end, asdict(result.total), [asdict(span) for span in result.spans], result.peaks

    assert outcome(True) == outcome(False) == outcome(True, 101)


def faults(run: Evidence) -> set[str]:
    report: Report = examine(VITCOD.judge()(run))
    return {check.name for check in report.failed}


def test_what_is_wrong_with_what_is_kept_is_found(evidence):
    assert faults(evidence) == set()

    def with_table(name: str, change) -> Evidence:
        table = evidence.tables[name].copy()
        change(table)
        return replace(evidence, tables=evidence.tables | {name: table})

    def with_log(port: str, change) -> Evidence:
        log = evidence.log[port].copy()
        change(log)
        return replace(evidence, log=evidence.log | {port: log})

    stores = evidence.tables["act_gb1"]
    of_proj = np.flatnonzero(stores["fence"] == BOTH)

    def keep_only(table):  # a later layer adds it, and it is not in DRAM
        table["fence"][of_proj] = KEPT

    def one_to_dram(table):
        table["fence"][of_proj[-1]] = TO_DRAM

    def reserve_less(words):
        words[words == -2 * 17 * 24] += 1

    def early(log):
        log["at"][5] = 0

    def later(log):
        log["at"][:] += 500

    for wrong in (
        with_table("act_gb1", keep_only),
        with_table("act_gb1", one_to_dram),
        with_table("operands", reserve_less),
        with_log("hand_over.out", lambda log: log["bytes"].__setitem__(3, 1)),
        with_log("act_gb1.keep.act_gb0", early),
        with_log("act_gb0.kept.act_gb1", early),
        with_log("act_gb0.kept.act_gb1", later),
    ):
        assert "kept" in faults(wrong)

    def read_before(program):  # the first command behind a layer waits for nothing
        ends = np.flatnonzero(program["unit"] == -1)
        program["count"][ends[0] : ends[0] + 4] = 0
        program["count2"][ends[0] : ends[0] + 4] = 0

    assert {"operands", "order"} <= faults(with_table("program", read_before))


def test_what_dram_has_sent_does_not_wait_for_what_stays():
    """An output that goes to DRAM and stays: the store buffer has two notices that parts are there, and waits for the
    reply that they are in DRAM; that is behind what the load buffer asked for, which must take it."""
    whole = load(find("workloads", "deit_tiny_s90"))
    layers = tuple(layer for layer in whole.layers if layer.block in ("block4", "block5"))
    masks = {layer.name: whole.masks[layer.name] for layer in layers if layer.name in whole.masks}
    blocks = replace(whole, layers=layers, masks=masks, reads={})
    capacities = {"act_gb0": 80, "act_gb1": 64, "weight_gb": 128}
    sizes = [f"{name}.capacity_bytes={size} KiB" for name, size in capacities.items()]
    others = ["act_gb0.banks=8", "act_gb1.port_bytes=64", "engine.lines=256", "vector.lanes=16", "dram.channels=4"]
    times = [run(arch(f"residency={how}", *sizes, *others), blocks).result.cycles() for how in ("keep", "dram")]
    assert times[0] < times[1]

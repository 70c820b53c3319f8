"""ViTCoD's mapper: what it chooses is simulated as estimated, can be pinned, and is no slower with more."""

from dataclasses import replace

import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.mappings import as_data, pinned, written
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.dataflows.program import Program
from accelsim.workload import Gemm, Norm, Workload, load

VITCOD = machine("vitcod")
SLOWER = 1.01
BUFFERS = (
    ("weight_gb.capacity_bytes",),
    ("act_gb0.capacity_bytes",),
    ("denser.q_bytes", "denser.k_bytes"),
    ("engine.psum_bytes", "softmax.score_bytes"),
    ("index_buffer.capacity_bytes",),
    ("act_gb1.capacity_bytes",),
    ("engine.lines",),
)


def arch(*over: str) -> Arch:
    return load_arch("vitcod", schema, ["dram.model=pipe", *over])


@pytest.fixture(scope="module")
def block() -> Workload:
    """A block of DeiT-Tiny with heads that are cut and heads that go together."""
    whole = load(find("workloads", "deit_tiny_s90"))
    layers = tuple(layer for layer in whole.layers if layer.block == "block4")
    masks = {layer.name: whole.masks[layer.name] for layer in layers if layer.name in whole.masks}
    return replace(whole, layers=layers, masks=masks, reads={})


@pytest.fixture(scope="module")
def simulated(block) -> list[int]:
    """Cycles of every layer."""
    result = run(arch(), block).result
    ends = [*(result.cycles(end=span.end) for span in result.spans[: len(block.layers) - 1]), result.cycles()]
    return [end - before for before, end in zip([0, *ends], ends)]


def test_layers_take_what_is_estimated(block, simulated):
    found = VITCOD.mapping(arch(), block)
    errors = {one.layer: one.estimate.cycles / cycles - 1 for one, cycles in zip(found, simulated)}
    del errors["block4.norm1"]  # the first layer shares DRAM with what is fetched ahead for those behind it
    assert abs(sum(one.estimate.cycles for one in found) / sum(simulated) - 1) < 0.02
    assert all(abs(error) < 0.1 for error in errors.values()), errors


def test_what_is_chosen_is_no_slower_than_the_rule(block, simulated):
    by_rule = VITCOD.mapping(arch(), block, objective="rule")
    pins = replace(arch(), mapping=as_data(by_rule))
    assert sum(simulated) < run(pins, block).result.cycles()


def test_a_mapping_that_was_written_gives_the_same_run(block, simulated, tmp_path):
    found = VITCOD.mapping(arch(), block)
    path = written(tmp_path / "m.yaml", arch(), block, found)
    again = pinned(arch(), path, block)
    assert again.hash != arch().hash
    made = VITCOD.mapping(again, block)
    assert as_data(made) == as_data(found)
    assert {part.pinned for one in made for part in one.parts if part.chosen.cut} == {True}
    record = run(again, block)
    assert record.result.cycles() == sum(simulated)
    assert record.mapping == as_data(found)


def test_a_pinned_cut_is_what_runs_and_a_wrong_one_is_refused(block, tmp_path):
    path = tmp_path / "mine.yaml"
    cut = {"order": "stream", "rows": 40, "features": 64, "depth_tiles": 2, "step_tokens": 8, "step_features": 64}

    def pin(text: str) -> Arch:
        path.write_text(f"layers:\n  {text}\n")
        return pinned(arch(), path, block)

    made = VITCOD.mapping(pin(f"block4.mlp1: {{outputs: {cut}}}"), block)
    assert next(one for one in made if one.layer == "block4.mlp1").parts[0].chosen.cut == cut
    for text, rule in (
        ("block4.mlp3: {outputs: {}}", r"mine.yaml:2: .* has no layer 'block4.mlp3' \(did you mean 'block4.mlp"),
        (f"block4.mlp1: {{outputs: {cut | {'rows': 0}}}}", "mine.yaml:2: .*rows is 0 but must be a whole number"),
        (f"block4.mlp1: {{outputs: {cut | {'order': 'row'}}}}", "order is 'row' but must be one of resident, rows"),
        (f"block4.mlp1: {{outputs: {cut | {'features': 768, 'depth_tiles': 1}}}}", "does not fit: .*weight_gb"),
        (f"block4.mlp1: {{output: {cut}}}", r"names 'output', but of it outputs can be pinned"),
        ("block4.norm1: {rows: {}}", "nothing can be pinned"),
        ("block4.attention: {passes: {passes: []}}", "an attention layer has passes, halves, stays, piece_tokens"),
    ):
        with pytest.raises(InputError, match=rule):
            pin(text)


@pytest.mark.parametrize("times", [2, 16])
def test_more_of_a_buffer_is_never_slower(block, simulated, times):
    parts, before, slower = arch().parts, sum(simulated), {}
    for names in BUFFERS:
        over = [f"{name}={times * parts[name.split('.')[0]][name.split('.')[1]]}" for name in names]
        if (cycles := run(arch(*over), block).result.cycles()) > SLOWER * before:
            slower[names] = cycles / before
    assert slower == {}


@pytest.mark.parametrize("times", [2, 16])
def test_more_room_for_the_program_is_never_slower(times):
    network = load(find("workloads", "fmnist_vit_s90"))
    before, after = (
        run(load_arch("vitcod", schema, [f"program_gb.capacity_bytes={n * 4096}"]), network).result.cycles()
        for n in (1, times)
    )
    assert after <= 1.001 * before


def test_weights_that_find_no_room_do_not_come_before_the_last_store(monkeypatch):
    cut = {"order": "resident", "rows": 2, "features": 60, "depth_tiles": 1, "step_tokens": 2, "step_features": 60}
    layers = []
    for n in range(6):
        layers += [Norm(f"norm{n}", "b", 6, 112), Gemm(f"gemm{n}", "b", "mlp", 6, 112, 60)]
    few = arch("dram.channels=1", "weight_gb.capacity_bytes=16KiB", "engine.macs=2")
    few = replace(few, mapping={f"gemm{n}": {"outputs": cut} for n in range(6)})

    def cycles(name: str) -> int:  # a program is kept under its network's name
        return run(few, Workload(name, "random", tuple(layers))).result.cycles()

    held = cycles("held")
    monkeypatch.setattr(Program, "hold_after", lambda *args: None)
    assert held < 0.95 * cycles("not held")

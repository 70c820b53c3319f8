"""A network in integers: who reads whom, in which shape, and that every layer's values come from those before it."""

from dataclasses import replace

import numpy as np
import pytest

from accelsim.codesign.models import model
from accelsim.core.errors import InputError
from accelsim.workload import Attention, Elementwise, Gemm, Norm, Workload, functional, load, save, shaping
from accelsim.workload.network import Network, Rule
from accelsim.workload.wiring import wiring


def tiny(**change) -> Workload:
    """Patches, one block with a class token, a classifier."""
    layers = (
        Gemm("embed", "e", "embed", 16, 48, 8, residual=True, input_elements=768),
        Norm("norm1", "b", 17, 8),
        Gemm("qkv", "b", "qkv", 17, 8, 24, encodes="attention"),
        Attention("attention", "b", 2, 17, 17, 4, 4, encoded_heads=1),
        Gemm("proj", "b", "proj", 17, 8, 8, residual=True),
        Norm("norm2", "b", 17, 8, "rmsnorm"),
        Gemm("mlp1", "b", "mlp", 17, 8, 16, activation="gelu"),
        Gemm("mlp2", "b", "mlp", 17, 16, 8, residual=True),
        Gemm("head", "h", "head", 1, 8, 5),
    )
    return Workload(**({"name": "tiny", "model": "test", "layers": layers, "batch": 2} | change))


def rule(layer: Attention, coded: bool = True, mode: str = "bounded") -> Rule:
    return Rule(np.ones((layer.heads, layer.q_tokens, layer.kv_tokens), bool), coded, mode)


def run(workload: Workload, rule=rule) -> dict:
    network = Network(workload, rule)
    return {layer.name: network.of(layer.name) for layer in workload.layers} | {"": network}


@pytest.mark.parametrize("name", ["deit_tiny", "deit_base", "levit_128", "levit_256"])
def test_the_networks_of_the_paper_are_wired_as_published(name):
    workload = Workload("w", name, model(name).layers)
    reads = wiring(workload)
    if name.startswith("deit"):
        assert reads["patch_embed"] == ((), None)
        assert reads["block0.proj"] == (("block0.attention",), "patch_embed")
        assert reads["block5.norm1"] == (("block4.mlp2",), None)
        assert reads["block5.attention"] == (("block5.qkv",), None)
        assert reads["block5.proj"] == (("block5.attention",), "block4.mlp2")
        assert reads["block5.mlp2"] == (("block5.mlp1",), "block5.proj")
        assert reads["head"] == (("norm",), None)
    else:
        assert reads["stage0.block0.proj"] == (("stage0.block0.attention",), "stem.conv3")
        assert reads["stage1.down.q"] == reads["stage1.down.kv"] == (("stage1.block3.mlp2",), None)
        assert reads["stage1.down.attention"] == (("stage1.down.kv", "stage1.down.q"), None)
        assert reads["stage1.down.mlp2"] == (("stage1.down.mlp1",), "stage1.down.proj")
        assert reads["stage2.block0.proj"].residual == "stage1.down.mlp2"
        assert reads["head_dist"] == reads["head"] == (("pool",), None)
        assert reads["head_add"] == (("head", "head_dist"), None)


def test_what_a_workload_says_goes_before_what_follows_from_the_order():
    said = tiny(reads={"mlp2": ("mlp1", "norm1"), "head": ("norm2",)})
    assert wiring(said)["mlp2"] == (("mlp1",), "norm1") and wiring(said)["head"] == (("norm2",), None)
    assert said.hash != tiny().hash
    first, other = run(tiny()), run(said)
    assert np.array_equal(first["mlp1"].output, other["mlp1"].output)
    assert not np.array_equal(first["mlp2"].output, other["mlp2"].output)
    with pytest.raises(InputError, match="reads of 'mlp1' names 'mlp2', which is no layer before it"):
        tiny(reads={"mlp1": ("mlp2",)})


def test_every_layer_is_its_definition_on_the_outputs_before_it():
    workload = tiny()
    found = run(workload)
    network = found[""]
    assert network.loose == []
    out = {name: found[name].output for name in found if name}
    for image in range(2):
        token = found["norm1"].operands["x"][image][0]
        assert np.array_equal(found["norm1"].operands["x"][image][1:], out["embed"][image])
        x = found["qkv"].operands["x"][image, 0]
        assert np.array_equal(x, out["norm1"][image])
        sums = x.astype(int) @ found["qkv"].operands["weight"][0].astype(int)
        assert np.array_equal(found["qkv"].sums[image, 0], sums)
        qkv = functional.requantise(sums + found["qkv"].operands["bias"], *found["qkv"].operands["requant"][0].T)
        assert np.array_equal(out["qkv"][image], qkv)
        attention = found["attention"]
        v = qkv[:, 16:].reshape(17, 2, 4).transpose(1, 0, 2)
        assert np.array_equal(attention.operands["v"][image], v)
        chosen = attention.operands["scaling"].tolist()
        sums = functional.attention(
            *(attention.operands[n][image] for n in "qkv"), np.ones((2, 17, 17), bool), *chosen, "bounded"
        )
        assert np.array_equal(attention.sums[image], sums)
        y = functional.requantise(sums, *attention.operands["requant"])
        assert np.array_equal(out["attention"][image], y.transpose(1, 0, 2).reshape(17, 8))
        proj = found["proj"]
        stream = np.concatenate([token[None], out["embed"][image]])
        wide = functional.rescale(proj.sums[image, 0] + proj.operands["bias"], *proj.operands["requant"][0].T)
        rest = out["proj"][image].astype(int) - wide
        inside = np.abs(out["proj"][image]) < 127
        assert np.corrcoef(rest[inside], stream[inside])[0, 1] > 0.99
        norm = found["norm2"]
        made = functional.normalise(
            out["proj"][image], "rmsnorm", *(norm.operands[n] for n in ("gamma", "beta", "shift", "epsilon"))
        )
        assert np.array_equal(out["norm2"][image], made)
        assert np.array_equal(found["head"].operands["x"][image, 0], out["mlp2"][image][:1])


def test_a_change_anywhere_reaches_the_end_and_the_same_name_gives_the_same_values():
    one, again, other = run(tiny()), run(tiny()), run(tiny(name="other"))
    assert np.array_equal(one["head"].output, again["head"].output)
    assert not np.array_equal(one["head"].output, other["head"].output)
    x = one["embed"].operands["x"][0].copy()
    x = -x
    before, after = (
        run(tiny(**some), lambda layer: rule(layer, mode="max")) for some in ({}, {"tensors": {"embed.x": x}})
    )
    assert all(not np.array_equal(after[n].output[0], before[n].output[0]) for n in before if n)
    plain = run(tiny(), lambda layer: rule(layer, coded=False))
    assert np.array_equal(plain["qkv"].output, one["qkv"].output)
    assert not np.array_equal(plain["attention"].operands["q"], one["attention"].operands["q"])
    assert np.array_equal(plain["attention"].operands["v"], one["attention"].operands["v"])


def test_what_is_made_up_is_said_and_what_is_stored_is_used():
    network = run(tiny())[""]
    assert network.made["qkv.weight"] == "seeded" and network.made["qkv.requant"] == "calibrated"
    assert any("were made up (synthetic)" in remark for remark in network.remarks())
    stored = {
        "qkv.weight": np.ones((1, 8, 24), np.int8),
        "qkv.requant": np.tile(np.array([1, 4], np.int32), (1, 24, 1)),
        "norm1.gamma": np.full(8, 100, np.int16),
        "attention.scaling": np.array([20000, 20, 5], np.int64),
        "embed.residual": np.full((16, 8), 7, np.int8),
        "norm1.class_token": np.arange(8, dtype=np.int8),
        "mlp1.table": np.arange(-128, 128).astype(np.int8),
    }
    found = run(tiny(tensors=stored))
    assert not set(stored) & set(found[""].made)
    assert found["norm1"].operands["x"][1, 0].tolist() == list(range(8))
    assert found["attention"].operands["scaling"].tolist() == [20000, 20, 5]
    assert (found["qkv"].operands["weight"] == 1).all() and (found["qkv"].operands["requant"] == [1, 4]).all()


def test_constants_are_written_as_version_2_and_bounded(tmp_path):
    stored = {"norm1.shift": np.array([12], np.int32), "qkv.requant": np.ones((1, 24, 2), np.int32)}
    workload = tiny(tensors=stored, reads={"head": ("norm2",)})
    path = save(workload, tmp_path / "tiny.yaml")
    text = path.read_text()
    assert "version: 2" in text and "reads:\n  head: [norm2]\n" in text
    again = load(path)
    assert again.hash == workload.hash and again.reads["head"] == ("norm2",)
    assert "version: 1" in save(tiny(), tmp_path / "plain.yaml").read_text()
    path.write_text(text.replace("version: 2", "version: 1"))
    with pytest.raises(InputError, match=r"reads is an entry of files of version 2; say version: 2\.$"):
        load(path)
    path.write_text(text.replace("version: 2", "version: 1").replace("reads:\n  head: [norm2]\n", ""))
    with pytest.raises(InputError, match=r"'norm1.shift' is a constant, which files of version 1 do not have"):
        load(path)
    path.write_text(text.replace("[norm2]", "norm2"))
    with pytest.raises(InputError, match="head"):
        load(path)
    for name, array, rule in (
        ("qkv.requant", np.full((1, 24, 2), 63, np.int32), "has the shift 63 but it must be 0 to 62"),
        ("attention.scaling", np.array([1 << 16, 3, 0]), "has the multiplier 65536 but it must be 0 to 65535"),
        ("norm1.shift", np.array([-1], np.int32), "is -1 but a shift must be 0 to 62"),
        ("norm1.epsilon", np.array([-1]), r"is -1 but must be 0 to 2\^61 - 1"),
        ("norm1.gamma", np.zeros(8, np.int32), "must be int16"),
        ("norm1.table", np.zeros(256, np.int8), "names no operand of its layer"),
    ):
        with pytest.raises(InputError, match=rule):
            tiny(tensors={name: array})


@pytest.mark.parametrize(("stride", "kernel", "side"), [(16, 16, 64), (2, 3, 14), (2, 3, 13), (1, 3, 5), (1, 1, 4)])
def test_im2col_is_a_convolution(stride, kernel, side):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    pad = kernel // 2 if kernel > stride else 0
    x, w = rng.integers(-9, 9, (2, side, side, 3)), rng.integers(-9, 9, (4, 3, kernel, kernel))
    wanted = torch.nn.functional.conv2d(
        torch.tensor(x).permute(0, 3, 1, 2), torch.tensor(w), stride=stride, padding=pad
    )
    out = wanted.shape[-1]
    windows = shaping.fit(x.reshape(2, -1, 3).astype(np.int8), out * out, 3 * kernel**2, None)
    found = windows.astype(int) @ w.transpose(2, 3, 1, 0).reshape(-1, 4)
    assert np.array_equal(found, wanted.permute(0, 2, 3, 1).reshape(2, -1, 4).numpy())


def test_shapes_that_are_no_rule_s_are_made_up_and_said():
    x = np.arange(49 * 2, dtype=np.int8).reshape(1, 49, 2)
    assert shaping.fit(x, 16, 2, None)[0, :, 0].tolist() == [
        2 * (7 * r + c) for r in range(0, 7, 2) for c in range(0, 7, 2)
    ]
    assert shaping.fit(x, 5, 2, None)[0].tolist() == x[0, :5].tolist()
    assert shaping.fit(x, 50, 3, None) is None
    layers = (Gemm("a", "b", "other", 5, 4, 3), Gemm("c", "b", "other", 7, 9, 2), Elementwise("d", "b", "max", 7, 2))
    found = run(Workload("loose", "test", layers))
    assert found[""].loose == ["c"] and found["d"].output.shape == (1, 1, 2)
    assert any("1 layers read made-up values" in remark for remark in found[""].remarks())


def test_windows_and_heads_are_side_by_side():
    layer = Attention("a", "b", 4, 3, 3, 2, 2, windows=2)
    x = np.arange(6 * 12, dtype=np.int8).reshape(1, 6, 12)
    got = shaping.split(layer, [x])
    assert got["k"].shape == (1, 4, 3, 2) and got["k"][0, 3].tolist() == x[0, 3:, 6:8].tolist()
    assert np.array_equal(shaping.join(layer, got["v"]), x[..., 8:])
    assert shaping.split(replace(layer, qk_dim=3), [x]) is None

import pytest

from accelsim.codesign.models import MODELS, model
from accelsim.core.errors import InputError


@pytest.mark.parametrize("name", MODELS)
def test_macs_agree_with_the_published_count(name):
    network = model(name)
    gmacs = sum(layer.macs for layer in network.layers) / 1e9
    assert gmacs == pytest.approx(network.published_gmacs, rel=0.02), f"{name}: {gmacs:.3f} GMAC"


def test_deit_tiny_block_by_hand():
    network = model("deit_tiny")
    macs = {layer.name: layer.macs for layer in network.layers}
    assert macs["patch_embed"] == 196 * 768 * 192
    assert macs["block0.qkv"] == 197 * 192 * 576
    assert macs["block11.attention"] == 3 * 197 * 197 * 128
    assert macs["block0.mlp1"] == macs["block0.mlp2"] == 197 * 192 * 768
    assert len(network.layers) == 1 + 12 * 7 + 2
    assert [
        a.encoded_heads for name in ("tiny", "small", "base") for a in model(f"deit_{name}").attention_layers[:1]
    ] == [2, 3, 6]


def test_levit_subsampling_attention_is_not_square():
    shapes = [(a.heads, a.q_tokens, a.kv_tokens, a.qk_dim, a.v_dim) for a in model("levit_128").attention_layers]
    assert shapes[4] == (8, 49, 196, 16, 64) and shapes[9] == (16, 16, 49, 16, 64)
    assert shapes[0] == (4, 196, 196, 16, 32) and shapes[-1] == (12, 16, 16, 16, 32)


def test_an_unknown_model_names_the_closest():
    with pytest.raises(InputError, match=r"'deit_tinny' is no known model; .*\(did you mean 'deit_tiny'\?\)"):
        model("deit_tinny")

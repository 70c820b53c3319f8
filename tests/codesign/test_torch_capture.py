"""Attention is seen, and changed, however it is written."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")

from accelsim.codesign.attention_maps import mean_maps  # noqa: E402
from accelsim.codesign.auto_encoder import auto_encoders, encoded_heads, head_moments  # noqa: E402
from accelsim.codesign.capture import find_sites, watch  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from tests.codesign.networks import ATTENTIONS, Fused, images, network  # noqa: E402

KINDS = pytest.mark.parametrize("kind", ATTENTIONS, ids=lambda k: k.__name__)


def expected_map(model, x, keep=None):
    """The softmax by its definition, from the fused network's own projection."""
    tokens = model.norm1(
        torch.cat([model.cls.expand(len(x), -1, -1), model.embed(x).flatten(2).transpose(1, 2)], 1) + model.position
    )
    q, k, _ = model.attn.qkv(tokens).unflatten(-1, (3, 3, 4)).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(-2, -1) / 2
    return (scores if keep is None else scores.masked_fill(~keep, -torch.inf)).softmax(-1)


@KINDS
def test_maps_are_those_of_the_definition(kind):
    x = images(5)
    model = network(kind)
    maps = mean_maps(model, x.split(2), find_sites(model, x[:1]))
    with torch.no_grad():
        expected = expected_map(network(Fused), x).mean(0)
    assert len(maps) == 1 and maps[0].shape == (3, 17, 17)
    np.testing.assert_allclose(maps[0], expected, atol=1e-6)
    np.testing.assert_allclose(maps[0].sum(-1), 1, atol=1e-6)


@KINDS
def test_watching_changes_nothing_and_a_mask_masks(kind):
    x, model = images(3), network(kind)
    site = find_sites(model, x[:1])
    keep = torch.rand(3, 17, 17, generator=torch.Generator().manual_seed(1)) < 0.4
    keep |= torch.eye(17, dtype=torch.bool)
    with torch.no_grad():
        plain = model(x)
        with watch(model, on_call=lambda call: None):
            assert torch.allclose(model(x), plain, atol=1e-5)
        with watch(model, sites=site, keep={0: keep}):
            masked = model(x)
        seen = []
        with watch(model, sites=site, keep={0: keep}, on_call=lambda call: seen.append(call.p)):
            assert torch.allclose(model(x), masked, atol=1e-5)
        assert torch.allclose(model(x), plain, atol=1e-5)  # and afterwards it is as before
        expected = expected_map(network(Fused), x, keep)
    assert not torch.allclose(masked, plain, atol=1e-3)
    assert torch.allclose(seen[0].reshape(3, 3, 17, 17), expected, atol=1e-6)


@KINDS
def test_an_auto_encoder_of_all_heads_is_the_identity_and_of_fewer_is_the_best(kind):
    x, model = images(4), network(kind)
    sites = find_sites(model, x[:1])
    moments = head_moments(model, x.split(3), sites)
    with torch.no_grad():
        plain = model(x)
        whole = auto_encoders(sites, 1.0, moments).eval()
        with watch(model, sites=sites, transform=whole.transform):
            assert torch.allclose(model(x), plain, atol=1e-4)
    half = auto_encoders(sites, 0.5, moments).train()
    with watch(model, sites=sites, transform=half.transform):
        model(x)
    least = []
    for name in "qk":
        mean, second = moments[0][name]
        spectrum = torch.linalg.eigvalsh(second - torch.outer(mean, mean))
        least.append(float(spectrum[:1].sum() / second.diagonal().sum()))
    assert half.loss().item() == pytest.approx(np.mean(least), rel=1e-4)


def test_gradients_reach_the_network_and_the_auto_encoders():
    x, model = images(2), network()
    sites = find_sites(model, x[:1])
    coded = auto_encoders(sites, 0.5, head_moments(model, [x], sites)).train()
    with watch(model, sites=sites, transform=coded.transform, keep={0: torch.ones(3, 17, 17, dtype=torch.bool)}):
        loss = model(x).square().mean() + coded.loss()
    loss.backward()
    for parameter in (model.attn.qkv.weight, *coded.pairs[0].parameters(), *coded.pairs[1].parameters()):
        assert parameter.grad.abs().max() > 0


def test_memory_holds_one_batch():
    def batches():
        for _ in range(3):
            yield images(2)

    model = network()
    done = []
    mean_maps(model, batches(), find_sites(model, images(1)), on_batch=done.append)
    assert done == [2, 2, 2]
    with pytest.raises(InputError, match=r"^the calibration set has no images; attention maps need at least one\.$"):
        mean_maps(model, [], find_sites(model, images(1)))


@pytest.mark.parametrize(("heads", "ratio", "coded"), [(3, 0.5, 2), (6, 0.5, 3), (12, 0.5, 6), (4, 0.25, 1), (5, 1, 5)])
def test_encoded_heads(heads, ratio, coded):
    assert encoded_heads(heads, ratio) == coded


@pytest.mark.parametrize("ratio", [0, -1, 1.5, "half"])
def test_a_bad_ratio_is_refused(ratio):
    with pytest.raises(
        InputError, match=r"^auto-encoder ratio is .* but must be above 0 and at most 1, e\.g\. 0\.5\.$"
    ):
        encoded_heads(4, ratio)


def test_a_model_without_attention_is_named():
    with pytest.raises(InputError, match=r"^Sequential ran no attention that could be seen .*; is it an eager PyTorch"):
        find_sites(torch.nn.Sequential(torch.nn.Linear(8, 8)), images(1))

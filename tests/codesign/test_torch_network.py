"""The demo's own forward pass is the watched model's, and what the rivals keep is what their machines would."""

import importlib.util

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")
if importlib.util.find_spec("timm") is None:
    pytest.skip("needs the extra accelsim[torch]", allow_module_level=True)

from accelsim.accelerators.sanger.prediction import predict  # noqa: E402
from accelsim.accelerators.spatten.pruning import Options, add_up, still_alive  # noqa: E402
from accelsim.codesign.auto_encoder import auto_encoders, head_moments  # noqa: E402
from accelsim.codesign.capture import find_sites, watch  # noqa: E402
from accelsim.codesign.network import Network  # noqa: E402
from accelsim.codesign.rivals import Sanger, SpAtten  # noqa: E402
from accelsim.codesign.train_demo import Recipe, small_vit  # noqa: E402

RECIPE = Recipe(patch=2, dim=24, depth=7, heads=3)


@pytest.fixture(scope="module")
def vit():
    """(model, images, sites), in float64 so that no rounding is in the way."""
    torch.manual_seed(3)
    torch.set_num_threads(1)
    model = small_vit(8, RECIPE).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    images = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    return model, images, find_sites(model, images[:1])


def test_the_network_is_the_watched_model(vit):
    model, images, sites = vit
    encoders = auto_encoders(sites, 0.5, head_moments(model, [images], sites)).double().eval()
    keep = {site.index: torch.rand(3, 17, 17) < 0.4 for site in sites}
    for mask in keep.values():
        mask[:, :, 0] = True
    with torch.no_grad():
        dense, own = model(images), Network(model)(images)
        with watch(model, transform=encoders.transform, keep=keep, sites=sites):
            pruned = model(images)
        assert torch.allclose(own, dense, atol=1e-10)
        assert torch.allclose(Network(model, encoders, keep)(images), pruned, atol=1e-10)
        assert not torch.allclose(pruned, dense, atol=1e-3)


def test_in_training_an_image_may_show_some_patches_only_each_where_it_was(vit):
    model, images, _ = vit
    taken = []
    hook = model.blocks[0].norm1.register_forward_pre_hook(lambda module, given: taken.append(given[0].detach()))
    try:
        with torch.no_grad():
            whole = Network(model)(images)
            assert torch.equal(Network(model, seen=5)(images), whole)  # tested with all
            Network(model, seen=5).train()(images)
    finally:
        hook.remove()
        model.eval()
    full, _, thin = taken
    assert thin.shape == (3, 6, 24) and torch.equal(thin[:, 0], full[:, 0])
    places = [[int((full[i] == row).all(-1).nonzero()) for row in thin[i, 1:]] for i in range(3)]
    assert all(len(set(p)) == 5 and 0 not in p for p in places) and len({tuple(p) for p in places}) == 3


def test_its_reconstruction_term_and_gradients_are_the_watched_ones(vit):
    model, images, sites = vit
    encoders = auto_encoders(sites, 0.5, head_moments(model, [images], sites)).double().train()
    grads = []
    for lean in (False, True):
        for module in (model, encoders):
            module.zero_grad()
        if lean:
            Network(model, encoders)(images)
        else:
            with watch(model, transform=encoders.transform, sites=sites):
                model(images)
        loss = encoders.loss()
        loss.backward()
        grads.append([loss.detach(), encoders.pairs[5][0].weight.grad, model.blocks[1].attn.qkv.weight.grad])
    assert grads[0][0] > 0.01 and all(torch.allclose(a, b.to(a), rtol=1e-4, atol=1e-7) for a, b in zip(*grads))


def test_sanger_keeps_what_the_machine_predicts():
    rng = np.random.default_rng(0)
    q, k, v = (2 * rng.standard_normal((1, 3, 40, 16)) for _ in range(3))
    rival = Sanger(0.02, 1)
    rival.collect = 1
    out = rival.attend(0, *(torch.from_numpy(x) for x in (q, k, v)))
    mask = predict(q[0], k[0], True).mask(0.02)
    assert 0.1 < mask.mean() < 0.6 and (rival.masks[0][0] == mask).all()
    s = np.where(mask, q[0] @ k[0].transpose(0, 2, 1) / 4, -np.inf)
    e = np.exp(s - s.max(-1, keepdims=True))
    assert np.allclose(out[0].numpy(), e / e.sum(-1, keepdims=True) @ v[0])
    said = rival.statistics()
    assert said["kept"] == pytest.approx(mask.mean()) and said["rows_in_full"] == [0]
    assert np.allclose(said["kept_of"][0], mask.mean((1, 2)), atol=1e-6)


def test_sangers_rows_without_a_score_are_computed_in_full_and_its_scale_is_frozen():
    q = torch.zeros(2, 1, 20, 4)
    q[..., 0] = 1.0
    rival = Sanger(0.06, 1)  # every probability is 0.05
    rival.attend(0, q, q, q)
    assert rival.statistics()["kept"] == 1 and rival.statistics()["rows_in_full"] == [1]
    before = float(rival.largest[0])
    other = torch.nn.functional.normalize(torch.ones(2, 1, 20, 4), dim=-1)  # its largest magnitude is 0.5
    rival.attend(0, other, other, other)
    assert float(rival.largest[0]) == before == 1
    rival.training = True
    rival.attend(0, other, other, other)
    assert float(rival.largest[0]) == pytest.approx(0.995)


def test_spatten_keeps_what_the_machine_would(vit):
    model, images, _ = vit
    rival = SpAtten(700, 700, 7)
    seen, drawn = {}, []
    attend = rival.attend

    def spied(index, q, k, v):
        p = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
        drawn.append((p[0].numpy(), None if rival.heads is None else rival.heads[0].numpy(), (p @ v)[0].abs()))
        seen[index] = rival.places[0].numpy()
        return attend(index, q, k, v)

    rival.attend = spied
    with torch.no_grad():
        Network(model, rival=rival)(images)
    options = Options(prune="stages", keep=700, keep_heads=700)
    alive, sums, heads, head_sums = np.arange(17), np.zeros(17), np.ones(3, bool), np.zeros(3)
    for index, (p, dead, out) in enumerate(drawn):
        assert (seen[index] == alive).all()
        assert dead is None or (dead == heads).all()
        sums = sums.copy()
        sums[alive] += p[heads].sum((0, 1))
        head_sums += np.where(heads, out.sum((1, 2)).numpy(), 0)
        assert rival.selects_after(index) == options.selects_after(index, 7)
        if rival.selects_after(index):
            found = np.rint(1e9 * sums).astype(np.int64)  # the machine adds integers
            alive = still_alive(found, alive, max(1, len(alive) * 700 // 1000), True)
            ranked = np.where(heads, head_sums, -1)
            best = np.argsort(-ranked)[: max(1, heads.sum() * 700 // 1000)]
            heads = np.isin(np.arange(3), best)
    assert rival.statistics()["tokens"] == [17, 17, 17, 11, 11, 11, 7]
    assert rival.statistics()["heads"] == [3, 3, 3, 2, 2, 2, 1]
    assert rival.statistics()["kept"] == pytest.approx((9 * 289 + 6 * 121 + 49) / (7 * 3 * 289))
    assert add_up(np.zeros(17, int), np.ones((3, 17, 17), int), np.arange(17)).tolist() == [51] * 17


def test_without_pruning_spatten_is_dense(vit):
    model, images, _ = vit
    with torch.no_grad():
        assert torch.allclose(Network(model, rival=SpAtten(1000, 1000, 7))(images), model(images), atol=1e-10)
        assert torch.allclose(Network(model, rival=Sanger(0.0, 7))(images), model(images), atol=1e-10)

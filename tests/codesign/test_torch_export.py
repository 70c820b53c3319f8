"""From a model to a workload and back; equivalence, determinism, operands, and every refusal."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")

from accelsim.codesign.capture import find_sites, watch  # noqa: E402
from accelsim.codesign.export import Choices, export_workload, save_export, theta_d, workload_name  # noqa: E402
from accelsim.codesign.plot_attention import measured_maps  # noqa: E402
from accelsim.codesign.prune import prune  # noqa: E402
from accelsim.codesign.quantize import decoded, quantization_error, quantize  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from accelsim.workload import functional, load, save  # noqa: E402
from tests.codesign.networks import ATTENTIONS, Explicit, Fused, images, network  # noqa: E402

ALL = Choices(sparsity=0.6, auto_encoder=0.5, operands="all")


def made(kind=Fused, choices=ALL, **options):
    return export_workload(network(kind), images(8), name="small", choices=choices, **options)


@pytest.mark.parametrize("kind", ATTENTIONS, ids=lambda k: k.__name__)
def test_however_it_is_written_it_is_the_same_workload(kind):
    one, other = made(kind).workload, made(Fused).workload
    assert one.attention_layers[0].encoded_heads == 2 and one.sparsity == pytest.approx(0.6, abs=1e-3)
    for name, mask in zip(one.masks, other.masks.values()):
        assert (one.masks[name].keep == mask.keep).all() and (one.masks[name].order == mask.order).all()
    a, b = (
        {k.removeprefix(f"{w.attention_layers[0].name}."): v for k, v in w.tensors.items() if v.shape[0] in (2, 3)}
        for w in (one, other)
    )
    assert a.keys() == b.keys() and len(a) == 11
    scales = [{k.rpartition(".")[2]: v for k, v in w.scales.items() if k.startswith("attn")} for w in (one, other)]
    for operand in ("q", "k", "v", "code_k"):
        assert scales[0][operand] == pytest.approx(scales[1][operand], rel=1e-5)
    for key in a:  # the same but for the last bit of a float here and there
        assert np.abs(a[key].astype(int) - b[key]).max() <= 1, key


def test_round_trip_is_byte_identical(tmp_path):
    (tmp_path / "b").mkdir()
    first = save_export(made(), tmp_path / "small.yaml", measured=True)
    again = save_export(made(), tmp_path / "b" / "small.yaml", measured=True)
    for suffix in (".yaml", ".npz", ".measured.npz"):
        assert first.with_suffix(suffix).read_bytes() == again.with_suffix(suffix).read_bytes()
    loaded = load(first)
    assert loaded.hash == made().workload.hash
    third = save(loaded, tmp_path / "loaded.yaml")
    assert third.read_bytes() == first.read_bytes().replace(b"small.npz", b"loaded.npz")
    assert third.with_suffix(".npz").read_bytes() == first.with_suffix(".npz").read_bytes()
    np.testing.assert_allclose(measured_maps(first)["attn"], made().maps["attn"], atol=1e-3)
    assert measured_maps(tmp_path / "other.yaml") == {}
    save_export(made(), first)  # without what was measured: an earlier file would be of other masks
    assert measured_maps(first) == {} and not first.with_suffix(".measured.npz").exists()


def test_masks_are_those_of_the_maps_and_keep_the_class_token():
    export = made(choices=Choices(sparsity=0.7))
    (keep,) = prune([export.maps["attn"]], sparsity=0.7, class_token=True)
    assert (export.workload.masks["attn"].keep == keep).all()
    assert keep[:, 0].all() and keep[:, :, 0].all()
    assert export.workload.provenance["class_token"] is True
    free = made(choices=Choices(sparsity=0.7, class_token=False))
    assert not free.workload.masks["attn"].keep[:, 0].all()


def test_reordering_the_tokens_of_a_head_changes_no_result():
    """The reordered, masked attention is the masked attention: per head, and in the whole model's numbers."""
    export, model, x = made(), network(), images(1)
    mask = export.workload.masks["attn"]
    seen = []
    keep = {0: torch.from_numpy(mask.keep.copy())}
    with torch.no_grad(), watch(model, sites=find_sites(model, x), keep=keep, on_call=seen.append):
        model(x)
    q, k, v, out = (t[0].double() for t in (seen[0].q, seen[0].k, seen[0].v, seen[0].out))
    for head in range(3):
        order = torch.from_numpy(mask.order[head].astype(np.int64))
        scores = q[head][order] @ k[head][order].T * seen[0].factor
        allowed = keep[0][head][order][:, order]
        p = scores.masked_fill(~allowed, -torch.inf).softmax(-1)
        assert torch.allclose(p @ v[head][order], out[head][order], atol=1e-6)
    assert (mask.global_tokens > 0).any()


def test_operands_are_the_networks_numbers():
    export = made(choices=Choices(sparsity=0.6, operands="all"))
    tensors, scales = export.workload.tensors, export.workload.scales
    model, x, seen = network(), images(1), []
    with torch.no_grad(), watch(model, on_call=seen.append):
        model(x)
    for name in "qkv":
        real = getattr(seen[0], name)[0].numpy()
        assert (
            np.abs(tensors[f"attn.{name}"] * scales[f"attn.{name}"] - real).max() <= scales[f"attn.{name}"] / 2 + 1e-6
        )
    weight = model.attn.qkv.weight.detach().numpy().T
    step = scales["attn.qkv.weight"]
    assert np.abs(tensors["attn.qkv.weight"][0] * step - weight).max() <= step / 2 + 1e-6
    assert tensors["attn.qkv.weight"].min() == -127 or tensors["attn.qkv.weight"].max() == 127


def test_errors_are_of_the_functional_twin_against_the_model():
    export = made()
    kinds = {row.kind for row in export.errors}
    assert kinds == {"attention", "gemm"} and len(export.errors) == 7
    assert all(0 < row.relative < 0.06 for row in export.errors), export.errors
    row = next(r for r in export.errors if r.kind == "attention")
    tensors, scales = export.workload.tensors, export.workload.scales
    scaling = functional.choose_scaling(scales["attn.q"], scales["attn.k"], 4)
    twin = functional.attention(*(tensors[f"attn.{n}"] for n in "qkv"), export.workload.masks["attn"].keep, *scaling)
    twin = twin / 127 * scales["attn.v"]
    assert row.largest == pytest.approx(np.abs(twin - export.outputs["attn"]).max())
    assert row.sqnr_db == pytest.approx(-20 * np.log10(row.relative))
    # an output that is not the network's is far off
    wrong = quantization_error(export.workload, {"attn": export.outputs["attn"][::-1]})
    assert wrong[0].relative > 0.5


class Normed(torch.nn.Module):
    """Batch norms behind and before products (LeViT), a layer scale, and a grouped convolution."""

    def __init__(self, dim=12, heads=3):
        super().__init__()
        self.inner, self.gamma = Explicit(dim, heads), torch.nn.Parameter(torch.linspace(0.2, 2, dim))
        self.before, self.after = torch.nn.BatchNorm1d(dim), torch.nn.BatchNorm1d(dim)
        self.first, self.depthwise = torch.nn.Linear(dim, dim), torch.nn.Conv2d(dim, dim, 3, 2, 1, groups=4)
        for norm in (self.before, self.after):
            torch.nn.init.uniform_(norm.running_var, 0.5, 2)
            for tensor in (norm.weight, norm.bias, norm.running_mean):
                torch.nn.init.uniform_(tensor, -1, 1)

    def forward(self, x):
        x = self.inner(x) * self.gamma / 2 - 0.25
        x = self.after(self.first(self.before(x.flatten(0, 1)))).unflatten(0, (len(x), -1))
        return self.depthwise(x[:, 1:].transpose(1, 2).unflatten(2, (4, 4))).flatten(2).transpose(1, 2).mean(1)[:, None]


def test_what_is_folded_into_weights_is_in_the_operands():
    torch.manual_seed(3)
    from tests.codesign.networks import Network

    export = export_workload(Network(Normed).eval(), images(4), name="n", choices=Choices(operands="all"))
    gemms = {layer.name: layer for layer in export.workload.layers if layer.kind == "gemm"}
    assert {n: g.repeat for n, g in gemms.items()}["attn.depthwise"] == 4
    assert [layer.name for layer in export.workload.layers if layer.kind == "norm"] == ["norm1", "norm2"]
    assert gemms["attn.first"].bias and {r.layer for r in export.errors} == {*gemms, "attn.inner"}
    assert all(row.relative < 0.06 for row in export.errors), export.errors


def test_q_and_k_are_what_the_integer_decoder_makes_of_their_codes():
    workload = made().workload
    for operand in "qk":
        again = decoded(workload.tensors, workload.scales, "attn", operand)
        assert (again == workload.tensors[f"attn.{operand}"]).all() and again.any()
    assert workload.tensors["attn.code_q"].shape == (2, 17, 4)


def test_scores_with_a_bias_say_so():
    class Biased(Explicit):
        def scores(self, q, k):
            return super().scores(q, k) + torch.linspace(0, 1, 17)

    export = made(Biased, Choices(sparsity=0.6, operands="attention"))
    assert [row.biased for row in export.errors] == [True] and export.errors[0].relative < 0.06


def test_scores_too_small_for_any_shift_are_all_alike():
    """As in a deep network with random weights, whose activations vanish."""

    class Vanishing(Explicit):
        def split(self, x):
            return super().split(x) * 1e-12

    export = made(Vanishing, Choices(sparsity=0.6, operands="attention"))
    assert not export.workload.tensors["attn.q"].any() and export.workload.tensors["attn.k"].any()
    assert export.errors[0].relative < 0.02


def test_quantize_by_hand():
    ints, scale = quantize(np.array([-2.54, 0.0, 1.27, 0.011]))
    assert ints.tolist() == [-127, 0, 64, 1] and scale == pytest.approx(0.02) and ints.dtype == np.int8
    assert quantize(np.zeros(3))[1] == 1.0
    with pytest.raises(InputError, match=r"^a tensor to quantize holds a value that is not finite"):
        quantize(np.array([1.0, np.nan]))


def test_a_model_in_training_is_refused():
    with pytest.raises(InputError, match=r"^Network is in training mode; call model\.eval\(\) first"):
        export_workload(network().train(), images(1), name="small")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"operands": "atention"}, r"^operands is 'atention' .* \(did you mean 'attention'\?\)\.$"),
        ({"sparsity": 0.5, "theta": 0.5}, r"^give either a sparsity or an information threshold, not both\.$"),
        ({"threshold": "automatic"}, r"^threshold is 'automatic' but must be a number of nonzeros or 'auto'\.$"),
    ],
)
def test_bad_choices_are_refused(values, text):
    with pytest.raises(InputError, match=text):
        Choices(**values)


def test_a_sparsity_that_would_empty_rows_is_refused():
    with pytest.raises(InputError, match=r"^sparsity 0\.99 cannot be reached in the network: .* the most is 0\."):
        made(choices=Choices(sparsity=0.99))


def test_texts():
    assert theta_d("auto") == "auto" and theta_d("12") == 12 and theta_d(None) is None
    with pytest.raises(InputError, match=r"^threshold is 'x' but must be a number"):
        theta_d("x")
    assert workload_name("google/vit base") == "google_vit_base"
    assert json.dumps(dict(made().workload.provenance))

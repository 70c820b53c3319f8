"""The traced layers: against the hand-checked lists, against torch's own counter, and what cannot be represented."""

import importlib.util
from dataclasses import fields, replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")

from torch import nn  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from accelsim.codesign.lowering import lower  # noqa: E402
from accelsim.codesign.models import model as listed  # noqa: E402
from accelsim.codesign.trace import trace  # noqa: E402
from accelsim.codesign.zoo import open_model  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from accelsim.workload import Attention, Elementwise, Gemm, Norm, Workload  # noqa: E402
from tests.codesign.networks import ATTENTIONS, Fused, Network, images, network  # noqa: E402


def layers_of(model, x):
    return [step.layer for step in lower(trace(model, x))]


def sizes(layer, *without):
    dropped = {"name", "block", "encodes", *without}
    return (layer.kind, *(getattr(layer, f.name) for f in fields(layer) if f.name not in dropped))


def zoo(name):
    if importlib.util.find_spec("timm" if "/" not in name else "transformers") is None:
        pytest.skip("needs the extra accelsim[torch]")
    with torch.device("meta"):  # sizes without numbers
        opened = open_model(name)
        return opened.model, torch.zeros(1, *opened.size)


def counted(model, x) -> float:
    """Multiply-accumulates by torch's own counter."""
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("kind", ATTENTIONS, ids=lambda k: k.__name__)
def test_a_small_network_by_hand(kind):
    layers = layers_of(network(kind), images(1))
    names = [layer.name for layer in layers]
    assert len(set(names)) == len(names)
    assert [replace(layer, name="x", block="x") for layer in layers] == [
        Gemm("x", "x", "embed", 16, 4, 12, residual=True, input_elements=64),
        Norm("x", "x", 17, 12),
        Gemm("x", "x", "qkv", 17, 12, 36, encodes=layers[3].name),
        Attention("x", "x", 3, 17, 17, 4, 4),
        Gemm("x", "x", "proj", 17, 12, 12, residual=True),
        Norm("x", "x", 17, 12),
        Gemm("x", "x", "mlp", 17, 12, 48, activation="gelu"),
        Gemm("x", "x", "mlp", 17, 48, 12, residual=True),
        Gemm("x", "x", "head", 1, 12, 5),
    ]


@pytest.mark.parametrize(
    ("known", "name"),
    [("deit_tiny", "deit_tiny_patch16_224"), ("deit_small", "deit_small_patch16_224"), ("levit_128", "levit_128"),
     ("levit_192", "levit_192"), ("levit_256", "levit_256")],
)  # fmt: skip
def test_the_traced_layers_are_the_hand_checked_ones(known, name):
    traced = layers_of(*zoo(name))
    # a trace shows neither the auto-encoder nor how many different biases the scores have
    unseen = {"encoded_heads": None, "bias_offsets": None}
    expected = [replace(a, **unseen) if isinstance(a, Attention) else a for a in listed(known).layers]
    if known.startswith("levit"):  # the sum of the two heads goes into the second
        assert isinstance(expected.pop(), Elementwise)
        expected[-1] = replace(expected[-1], residual=True)
    assert [sizes(a) for a in traced] == [sizes(a) for a in expected]
    feeds = [[(g.role, g.tokens) for g in some if getattr(g, "encodes", None)] for some in (traced, expected)]
    assert feeds[0] == feeds[1]


@pytest.mark.parametrize(
    "name",
    ["deit_tiny_patch16_224", "deit_small_patch16_224", "deit_base_patch16_224", "vit_base_patch16_224", "levit_128",
     "levit_192", "levit_256", "swin_tiny_patch4_window7_224", "transformers/levit", "transformers/swin"],
)  # fmt: skip
def test_macs_equal_torchs_flop_counter(name):
    model, x = zoo(name)
    assert sum(layer.macs for layer in layers_of(model, x)) == counted(model, x)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["transformers/deit", "transformers/clip", "beit_base_patch16_224",
     "vit_small_patch14_dinov2", "twins_svt_small", "pvt_v2_b0", "eva02_tiny_patch14_224",
     "mobilevit_s", "tiny_vit_5m_224", "transformers/vit", "transformers/beit", "transformers/dinov2"],
)  # fmt: skip
def test_macs_of_more_models(name):
    model, x = zoo(name)
    assert sum(layer.macs for layer in layers_of(model, x)) == counted(model, x)


def test_windows_are_separate_attention_problems_that_share_a_projection():
    layers = layers_of(*zoo("swin_tiny_patch4_window7_224"))
    first = next(a for a in layers if isinstance(a, Attention))
    assert (first.windows, first.heads, first.q_tokens, first.qk_dim) == (64, 192, 49, 32)
    assert first.shape == "64 w x 3 h, 49 x 49, 32/32"
    Workload("swin", "swin", layers)  # its projection, of 3136 tokens and 3 heads, feeds it: checked there
    roles = {g.role for g in layers if isinstance(g, Gemm)}
    assert roles == {"embed", "qkv", "proj", "mlp", "downsample", "head"}


def test_what_is_computed_from_constants_is_no_work():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.table = network(), nn.Linear(3, 1)

        def forward(self, x):
            return self.inner(x) + self.table(torch.ones(5, 3))[..., 0]

    assert [sizes(a) for a in layers_of(Positions(), images(1))] == [sizes(a) for a in layers_of(network(), images(1))]


class Talking(Fused):
    """Mixes the heads' scores (CaiT)."""

    def __init__(self, dim, heads):
        super().__init__(dim, heads)
        self.mix = nn.Linear(heads, heads)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        p = self.mix((q @ k.transpose(-2, -1)).permute(0, 2, 3, 1)).permute(0, 3, 1, 2).softmax(-1)
        return self.proj((p @ v).transpose(1, 2).flatten(2))


class Fourier(Fused):
    def forward(self, x):
        return torch.fft.fft(x).real


class Pooled(Fused):
    def forward(self, x):
        return nn.functional.avg_pool1d(x, 3, 1, 1)


class Produced(Fused):
    """A product of activations that no softmax follows."""

    def forward(self, x):
        return (x @ x.transpose(-2, -1)) @ x


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Talking, r"^attn\.mix: 'linear of attention scores' cannot be represented in a workload, which knows"),
        (Fourier, r"^attn: 'fft_fft' cannot be represented"),
        (Pooled, r"^attn: 'avg_pool1d over windows that overlap or are padded' cannot be represented"),
        (Produced, r"^.*cannot be represented"),
    ],
)
def test_what_cannot_be_represented_is_named(kind, text):
    with pytest.raises(InputError, match=text):
        lower(trace(Network(kind).eval(), images(1)))


def test_a_trace_is_of_one_image():
    with pytest.raises(InputError, match=r"^a trace runs on one image, but the batch has 3; give image\[:1\]\.$"):
        trace(network(), images(3))


def test_what_another_operation_reads_too_is_not_folded():
    class Quick(Fused):
        """x sigmoid(1.702 x), CLIP's activation: the product's result is needed twice."""

        def forward(self, x):
            x = self.proj(super().forward(x))
            return x * torch.sigmoid(1.702 * x)

    inside = [layer for layer in layers_of(Network(Quick).eval(), images(1)) if layer.name.startswith("attn")]
    assert [(a.kind, getattr(a, "activation", None)) for a in inside[2:]] == [
        ("gemm", None),
        ("gemm", None),
        ("elementwise", None),
        ("elementwise", None),
    ]
    assert [(a.op, a.operands) for a in inside[-2:]] == [("sigmoid", 1), ("multiply", 2)]

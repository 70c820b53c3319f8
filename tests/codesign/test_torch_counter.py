"""The second count of a model's work, and the export that stops where the two differ."""

import importlib.util

import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")

from torch import nn  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from accelsim.codesign.counter import Count, check_macs, count_macs  # noqa: E402
from accelsim.codesign.export import Choices, export_workload  # noqa: E402
from accelsim.codesign.lowering import lower  # noqa: E402
from accelsim.codesign.trace import trace  # noqa: E402
from accelsim.codesign.zoo import open_model  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from tests.codesign.networks import ATTENTIONS, Explicit, Fused, Network, images, network  # noqa: E402


@pytest.mark.parametrize("kind", ATTENTIONS, ids=lambda k: k.__name__)
def test_it_is_torchs_count_module_by_module(kind):
    model = network(kind)
    count = count_macs(model, images(1))
    attention = 3 * 17 * 17 * (4 + 4)
    assert count.constant.total() == 0
    assert count.macs["embed"] == 16 * 4 * 12 and count.macs["head"] == 12 * 5
    assert sum(n for p, n in count.macs.items() if p.startswith("attn")) == 4 * 17 * 12 * 12 + attention
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(Explicit)(images(1))
    assert count.macs.total() == counter.get_total_flops() / 2
    check_macs(lower(trace(model, images(1))), count)


def test_nothing_stays_behind():
    model, x = network(), images(2)
    before, fast = model(x), torch.backends.mha.get_fastpath_enabled()
    count_macs(model, x[:1])
    assert torch.equal(model(x), before) and torch.backends.mha.get_fastpath_enabled() == fast
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


class Positions(nn.Module):
    """A position table that is computed, from nothing the image has: views, in-place writes, a shape."""

    def __init__(self):
        super().__init__()
        self.inner, self.table = network(), nn.Linear(3, 1)

    def forward(self, x):
        out = self.inner(x)
        grid = torch.zeros_like(out).expand(3, 5).clone().t()
        grid[:, 0] = torch.arange(out.shape[1])
        return out + self.table(grid)[..., 0]


def test_what_depends_on_no_image_is_counted_apart():
    count = count_macs(Positions(), images(1))
    assert count.constant == {"table": 15} and "table" not in count.macs
    check_macs(lower(trace(Positions(), images(1))), count)


class Halves(Explicit):
    """The two products of attention in modules of their own."""

    class Product(nn.Module):
        def forward(self, a, b):
            return a @ b

    def __init__(self, dim, heads):
        super().__init__(dim, heads)
        self.first, self.second = self.Product(), self.Product()

    def scores(self, q, k):
        return self.first(q * self.scale, k.transpose(-2, -1))

    def values(self, p, v):
        return self.second(p, v).transpose(1, 2).flatten(2)


def test_both_halves_of_attention_are_where_they_ran():
    model = Network(Halves).eval()
    count = count_macs(model, images(1))
    assert count.macs["attn.first"] == count.macs["attn.second"] == 3 * 17 * 17 * 4
    check_macs(lower(trace(model, images(1))), count)


class Windows(Fused):
    """A depthwise convolution in each of four windows (EfficientViT), which are a batch to it."""

    def __init__(self, dim, heads):
        super().__init__(dim, heads)
        self.local = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)

    def forward(self, x):
        windows = x[:, 1:].transpose(1, 2).reshape(-1, x.shape[-1], 4, 2, 2).permute(0, 2, 1, 3, 4).flatten(0, 1)
        local = self.local(windows).unflatten(0, (-1, 4)).permute(0, 2, 1, 3, 4).flatten(2).transpose(1, 2)
        return super().forward(x) + torch.cat([x[:, :1], local], 1)


def test_a_convolution_works_on_every_window():
    torch.manual_seed(1)
    export = export_workload(Network(Windows).eval(), images(2), name="w", choices=Choices(operands="all"))
    local = export.workload.layer("attn.local")
    assert (local.tokens, local.in_features, local.out_features, local.repeat) == (16, 9, 1, 12)
    assert export.workload.tensors["attn.local.x"].shape == (12, 16, 9)
    assert next(row for row in export.errors if row.layer == "attn.local").relative < 0.03


class Hidden(Fused):
    """A part of the network that goes past Python's functions, as compiled code does."""

    def __init__(self, dim, heads):
        super().__init__(dim, heads)
        self.mlp = nn.Linear(dim, dim)

    def forward(self, x):
        attended = super().forward(x)
        with torch._C.DisableTorchFunction():
            return attended + self.mlp(x.detach())


def test_work_that_the_trace_does_not_see_stops_the_export():
    with pytest.raises(
        InputError,
        match=r"^the traced layers have 37,140 multiply-accumulates but torch counts 39,588 "
        r"\(attn\.mlp: 0, not 2,448\): "
        r"part of the model cannot be seen, e\.g\. because it is scripted or compiled, and nothing is exported\.$",
    ):
        export_workload(Network(Hidden).eval(), images(1), name="hidden")


def test_at_most_three_modules_are_named():
    steps = lower(trace(network(), images(1)))
    count = Count()
    count.macs.update({step.node.path: 1 for step in steps if step.kind == "gemm"})
    with pytest.raises(InputError, match=r"\(embed: 768, not 1; attn\.qkv: 7,344, not 1; .*; and 4 more\): part"):
        check_macs(steps, count)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "constant"),
    [("xcit_nano_12_p16_224", 1_605_632), ("maxvit_rmlp_pico_rw_256", 14_745_600), ("efficientvit_m0", 0)],
)
def test_models_that_compute_their_position_tables(name, constant):
    if importlib.util.find_spec("timm") is None:
        pytest.skip("needs the extra accelsim[torch]")
    with torch.device("meta"):
        opened = open_model(name)
        image = torch.zeros(1, *opened.size)
    count = count_macs(opened.model, image)
    check_macs(lower(trace(opened.model, image)), count)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        opened.model(image)
    assert count.constant.total() == constant
    assert count.macs.total() + constant == counter.get_total_flops() / 2

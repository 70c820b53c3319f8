"""Multi-query and grouped-query attention: heads that share keys and values, by broadcasting."""

import importlib.util

import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")

from torch import nn  # noqa: E402

from accelsim.codesign.counter import check_macs, count_macs  # noqa: E402
from accelsim.codesign.export import Choices, export_workload  # noqa: E402
from accelsim.codesign.lowering import lower  # noqa: E402
from accelsim.codesign.trace import trace  # noqa: E402
from accelsim.codesign.zoo import open_model  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from tests.codesign.networks import Network, images  # noqa: E402


class Shared(nn.Module):
    """Four heads of three features, one key head and one value head."""

    heads, groups = 4, 1

    def __init__(self, dim=12, heads=4):
        super().__init__()
        each = dim // self.heads
        self.q, self.proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.k, self.v = nn.Linear(dim, self.groups * each), nn.Linear(dim, self.groups * each)

    def forward(self, x):
        q = self.q(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.k(x).unsqueeze(1), self.v(x).unsqueeze(1)
        return self.proj(self.attend(q, k, v).transpose(1, 2).flatten(2))

    def attend(self, q, k, v):
        return nn.functional.scaled_dot_product_attention(q, k, v)


class Products(Shared):
    def attend(self, q, k, v):
        return (q @ k.transpose(-2, -1) * 3**-0.5).softmax(-1) @ v


class Letters(Shared):
    """As timm writes it: rows before heads, no axis for the one key head."""

    def attend(self, q, k, v):
        scores = torch.einsum("blhk,bpk->blhp", q.transpose(1, 2), k[:, 0]) * 3**-0.5
        return torch.einsum("blhp,bpk->blhk", scores.softmax(-1), v[:, 0]).transpose(1, 2)


class Groups(Shared):
    """Two key heads, each of two heads: an axis more, and one of its size 1."""

    groups = 2

    def forward(self, x):
        q = self.q(x).unflatten(-1, (2, 2, -1)).permute(0, 2, 3, 1, 4)
        k, v = (t(x).unflatten(-1, (2, -1)).transpose(1, 2).unsqueeze(2) for t in (self.k, self.v))
        return self.proj(self.attend(q, k, v).permute(0, 3, 1, 2, 4).flatten(2))


class GroupsOfProducts(Groups):
    attend = Products.attend


class Enabled(Shared):
    """The fused operator's own grouping."""

    groups = 2

    def forward(self, x):
        q = self.q(x).unflatten(-1, (4, -1)).transpose(1, 2)
        k, v = (t(x).unflatten(-1, (2, -1)).transpose(1, 2) for t in (self.k, self.v))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
        return self.proj(mixed.transpose(1, 2).flatten(2))


KINDS = (Shared, Products, Letters, Groups, GroupsOfProducts, Enabled)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_heads_that_share_keys_have_their_sizes_and_operands(kind):
    torch.manual_seed(0)
    model = Network(kind).eval()
    export = export_workload(model, images(4), name="s", choices=Choices(sparsity=0.6, operands="all"))
    (layer,) = export.workload.attention_layers
    assert (layer.heads, layer.windows, layer.q_tokens, layer.kv_tokens, layer.qk_dim, layer.v_dim) == (
        4,
        1,
        17,
        17,
        3,
        3,
    )
    assert layer.macs == 4 * 17 * 17 * (3 + 3)
    check_macs(lower(trace(model, images(1))), count_macs(model, images(1)))
    tensors, shared = export.workload.tensors, 4 // kind.groups
    for operand in "kv":
        stored = tensors[f"{layer.name}.{operand}"].reshape(kind.groups, shared, 17, 3)
        assert (stored == stored[:, :1]).all() and stored.any()
    q = tensors[f"{layer.name}.q"]
    assert q.shape == (4, 17, 3) and (q[0] != q[1]).any()
    assert all(row.relative < 0.06 for row in export.errors), export.errors
    assert export.workload.sparsity == pytest.approx(0.6, abs=2e-3)
    # the projections are one product where they read one input
    widths = [g.out_features for g in export.workload.layers if g.kind == "gemm" and "attn" in g.name]
    assert sum(widths) == 12 + 2 * kind.groups * 3 + 12


def test_however_it_is_written_the_masks_are_the_same():
    masks = []
    for kind in (Shared, Products, Letters):
        torch.manual_seed(0)
        export = export_workload(Network(kind).eval(), images(4), name="s", choices=Choices(sparsity=0.6))
        masks.append(export.workload.masks[export.workload.attention_layers[0].name].keep)
    assert (masks[0] == masks[1]).all() and (masks[0] == masks[2]).all()


def test_an_auto_encoder_of_shared_heads_is_refused():
    with pytest.raises(
        InputError, match=r"Q and K do not come straight from a projection .*export without an auto-enc"
    ):
        export_workload(Network(Shared).eval(), images(2), name="s", choices=Choices(auto_encoder=0.5))


@pytest.mark.slow
def test_a_network_of_timm_with_one_key_head():
    if importlib.util.find_spec("timm") is None:
        pytest.skip("needs the extra accelsim[torch]")
    with torch.device("meta"):
        opened = open_model("mobilenetv4_hybrid_medium")
        image = torch.zeros(1, *opened.size)
    steps = lower(trace(opened.model, image))
    check_macs(steps, count_macs(opened.model, image))
    attention = [step.layer for step in steps if step.kind == "attention"]
    assert {(a.heads, a.q_tokens, a.kv_tokens) for a in attention} == {(4, 256, 64), (4, 64, 64)}

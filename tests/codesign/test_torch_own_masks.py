"""Masks that a network brings itself: kept however it writes them, joined with pruning, or said where they vary."""

import importlib.util

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")

from torch import nn  # noqa: E402

from accelsim.codesign.attention_mode import MASKED  # noqa: E402
from accelsim.codesign.capture import find_sites  # noqa: E402
from accelsim.codesign.export import Choices, export_workload, summary  # noqa: E402
from accelsim.codesign.own_masks import own_masks  # noqa: E402
from accelsim.codesign.pytorch import need  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from tests.codesign.networks import Explicit, Fused, Library, Network, images  # noqa: E402

CAUSAL, BAND = np.tri(17, dtype=bool), np.tri(17, k=4, dtype=bool) & ~np.tri(17, k=-5, dtype=bool)
ALLOWED = torch.from_numpy(BAND)


class FusedWith(Fused):
    def options(self, x):
        return {"attn_mask": ALLOWED}

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, **self.options(x))
        return self.proj(mixed.transpose(1, 2).flatten(2))


class Causal(FusedWith):
    def options(self, x):
        return {"is_causal": True}


class Infinite(FusedWith):
    def options(self, x):
        return {"attn_mask": torch.zeros(1, 1, 17, 17).masked_fill(~ALLOWED, float("-inf"))}


class Added(Explicit):
    def scores(self, q, k):
        return super().scores(q, k) + torch.where(ALLOWED, 0.0, -1e4)


class Filled(Explicit):
    def scores(self, q, k):
        scores = super().scores(q, k)
        return scores.masked_fill(~ALLOWED, torch.finfo(scores.dtype).min)


class Chosen(Explicit):
    def scores(self, q, k):
        return torch.where(ALLOWED, super().scores(q, k), torch.tensor(-1e9))


class Written(Explicit):
    def scores(self, q, k):
        scores = super().scores(q, k)
        scores[..., ~ALLOWED] = -torch.inf
        return scores


class Biased(Explicit):
    """A bias beside the mask, and a mask as Swin adds it."""

    def scores(self, q, k):
        return super().scores(q, k) + torch.where(ALLOWED, torch.linspace(0, 1, 17), -100.0)


class Zeroed(Explicit):
    """Masked behind the softmax."""

    def values(self, p, v):
        return super().values(p * ALLOWED, v)


class OfLibrary(Library):
    def forward(self, x):
        return self.inner(x, x, x, attn_mask=~ALLOWED, need_weights=False)[0]


class OfEveryHead(Library):
    def forward(self, x):
        return self.inner(x, x, x, attn_mask=(~ALLOWED).expand(3 * len(x), -1, -1), need_weights=False)[0]


def net(kind):
    torch.manual_seed(0)
    return Network(kind).eval()


def made(kind, **choices):
    return export_workload(net(kind), images(4), name="masked", choices=Choices(**choices))


KINDS = (FusedWith, Causal, Infinite, Added, Filled, Chosen, Written, Biased, Zeroed, OfLibrary, OfEveryHead)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_a_fixed_mask_is_in_the_workload(kind):
    export = made(kind, operands="attention")
    (mask,) = export.workload.masks.values()
    assert (mask.keep == (CAUSAL if kind is Causal else BAND)).all() and mask.heads == 3 and not export.remarks
    told = export.workload.provenance["masked_by_the_network"]
    assert told == f"{export.workload.sparsity:.2%} of the scores, in 1 of 1 attentions"
    assert ("masked by the network itself", told) in summary(export)
    (row,) = export.errors
    assert row.relative < 0.06 and row.biased == (kind is Biased)


def test_pruning_joins_the_networks_own_mask():
    export = made(FusedWith, sparsity=0.7, class_token=True)
    (mask,) = export.workload.masks.values()
    assert not (mask.keep & ~BAND).any() and export.workload.sparsity == pytest.approx(0.7, abs=2e-3)
    light = made(FusedWith, sparsity=0.1).workload  # less than the network masks itself
    assert (light.masks["attn"].keep == BAND).all()
    given = export_workload(net(FusedWith), images(1), name="given", keep=[np.ones((3, 17, 17), bool)]).workload
    assert (given.masks["attn"].keep == BAND).all()
    with pytest.raises(InputError, match=r"^attn: row 0 of head 0 keeps no score"):
        export_workload(net(FusedWith), images(1), name="given", keep=[np.repeat(~BAND[None], 3, 0)])


class BestOnly(Explicit):
    """Each row keeps its three largest scores."""

    def scores(self, q, k):
        scores = super().scores(q, k)
        return scores.masked_fill(scores < scores.topk(3, -1).values[..., -1:], -torch.inf)


class Bright(FusedWith):
    """Tokens are masked by what they hold, beside the band."""

    def options(self, x):
        dark = x.argmax(-1) % 2 == 0
        return {"attn_mask": ALLOWED & (~dark[:, None, None] | torch.eye(17, dtype=torch.bool))}


@pytest.mark.parametrize("kind", [BestOnly, Bright])
def test_a_mask_that_depends_on_the_picture_is_said(kind):
    export = made(kind, operands="attention")
    assert export.remarks == [
        "attn: the network itself masks scores, others on every picture; a workload's masks are fixed, so that these "
        "are left out."
    ]
    assert export.workload.provenance["masks_left_out"] == "attn"
    assert export.workload.masks == {}
    pruned = made(kind, sparsity=0.6)
    assert pruned.workload.sparsity == pytest.approx(0.6, abs=2e-3) and pruned.remarks == export.remarks
    assert [row.biased for row in export.errors] == [True] and export.errors[0].relative < 0.06


def test_what_masks_nothing_has_no_mask():
    class Sharp(Explicit):
        """Scores so far apart that most probabilities are 0, without any mask."""

        def scores(self, q, k):
            return super().scores(q, k) * 300

    class Row(FusedWith):
        """A row that is masked whole attends to all."""

        def options(self, x):
            return {"attn_mask": torch.zeros(17, 17).index_fill(0, torch.tensor([3]), -10 * MASKED)}

    for kind in (Fused, Explicit, Library, Sharp, Row):
        export = made(kind)
        assert export.workload.masks == {} and not export.remarks, kind
        assert not {"masked_by_the_network", "masks_left_out"} & export.workload.provenance.keys()


def test_the_mask_of_shifted_windows_is_kept():
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("needs the extra accelsim[torch]")
    library = need("transformers", "the test")
    torch.manual_seed(0)
    sizes = {"embed_dim": 8, "depths": [2, 1], "num_heads": [2, 2], "window_size": 4}
    model = library.SwinForImageClassification(library.SwinConfig(image_size=32, patch_size=4, **sizes)).eval()
    image = images(1, channels=3, side=32)
    own = own_masks(model, image, find_sites(model, image))
    assert own.masked == [False, True, False] and own.varying == ()
    # of four windows, the first is whole, the last is cut twice
    assert own.allowed[1].reshape(4, 2, 256).mean((1, 2)).tolist() == [1, 0.5, 0.5, 0.25]

import numpy as np
import pytest

from accelsim.codesign.plot_attention import measured_maps, plot_attention, polarized
from accelsim.core.errors import InputError
from accelsim.workload import AttentionMask
from tests.workload.small import small


def test_polarized_puts_the_global_tokens_first():
    keep = np.eye(4, dtype=bool)[None].copy()
    keep[0, :, 2] = True
    mask = AttentionMask(keep, np.array([[2, 0, 1, 3]]), np.array([1]))
    assert polarized(mask, 0).tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [True, False, True, False],
        [True, False, False, True],
    ]
    wide = AttentionMask(np.ones((1, 2, 3), bool), np.array([[1, 0, 2]]), np.array([0]))
    assert polarized(wide, 0).shape == (2, 3)


def test_same_workload_same_picture(tmp_path):
    workload = small()
    files = [plot_attention(workload, tmp_path / f"{i}.png", maps) for i, maps in enumerate(({}, {}, None))]
    assert files[0].read_bytes() == files[1].read_bytes() == files[2].read_bytes()
    with_maps = plot_attention(workload, tmp_path / "maps.png", {"b0.attention": np.full((2, 6, 6), 1 / 6)})
    assert with_maps.read_bytes() != files[0].read_bytes()
    assert measured_maps(tmp_path / "small.yaml") == {}


def test_refusals(tmp_path):
    with pytest.raises(InputError, match=r"^workload 'small' has no attention masks, so that there is nothing to draw"):
        plot_attention(small(masks={}), tmp_path / "x.png")
    with pytest.raises(InputError, match=r"no mask for a layer 'b0.atention' \(did you mean 'b0.attention'\?\)\.$"):
        plot_attention(small(), tmp_path / "x.png", layer="b0.atention")
    with pytest.raises(InputError, match=r"^the map of 'b0.attention' is \[2, 5, 6\] but its mask is \[2, 6, 6\]; exp"):
        plot_attention(small(), tmp_path / "x.png", {"b0.attention": np.zeros((2, 5, 6))})
    with pytest.raises(InputError, match=r"^heads is 0 but must be at least 1\.$"):
        plot_attention(small(), tmp_path / "x.png", heads=0)

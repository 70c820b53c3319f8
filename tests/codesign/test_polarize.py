import numpy as np
import pytest

from accelsim.codesign.polarize import polarize
from accelsim.core.errors import InputError


def test_the_published_mask_gives_the_published_global_tokens(reference):
    keep = ~np.load(reference / "vitcod_masks" / "info_0.95.npy")
    published = np.load(reference / "vitcod_masks" / "global_token_info_0.95.npy")
    assert np.array_equal([polarize(layer, 50).global_tokens for layer in keep], published)
    assert np.array_equal([polarize(layer).global_tokens for layer in keep], published)


def test_more_than_the_threshold_is_global_and_order_is_stable():
    keep = np.zeros((1, 4, 5), bool)
    keep[0, :, 1] = True
    keep[0, :3, 3] = True
    keep[0, :2, 0] = True
    mask = polarize(keep, 2)
    assert mask.global_tokens.tolist() == [2] and mask.order.tolist() == [[1, 3, 0, 2, 4]]
    assert polarize(keep, 3).order.tolist() == [[1, 0, 2, 3, 4]]
    assert polarize(keep, 4).global_tokens.tolist() == [0]
    # 50 of 197 is 1.02 of 4 tokens: two nonzeros are more
    assert polarize(keep).global_tokens.tolist() == [3]


def test_bad_arguments_are_refused():
    with pytest.raises(
        InputError, match=r"a mask to polarize is int64\[2, 2\] but must be bool\[heads, q_tokens, kv_tokens\]\."
    ):
        polarize(np.ones((2, 2), np.int64))
    with pytest.raises(InputError, match=r"threshold is -1 but must be a number of nonzeros, 0 or more\."):
        polarize(np.ones((1, 2, 2), bool), -1)

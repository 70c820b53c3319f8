import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.codesign.import_mask import import_mask
from accelsim.codesign.models import model
from accelsim.core.errors import InputError
from accelsim.workload import load, save


def diagonal() -> np.ndarray:
    """A mask file for DeiT-Tiny that keeps the diagonal, the CLS row and the CLS column; True = pruned."""
    keep = np.eye(197, dtype=bool)
    keep[0] = keep[:, 0] = True
    return np.tile(~keep, (12, 3, 1, 1))


def test_the_published_files(reference, tmp_path):
    folder = reference / "vitcod_masks"
    by_threshold = import_mask(folder / "info_0.95.npy", "deit_tiny")
    by_counts = import_mask(folder / "info_0.95.npy", "deit_tiny", folder / "global_token_info_0.95.npy")
    assert by_threshold.hash == by_counts.hash and not by_threshold.synthetic
    assert by_threshold.sparsity == pytest.approx(0.94675, abs=1e-5)
    assert load(save(by_counts, tmp_path / "published.yaml")).hash == by_counts.hash
    with pytest.raises(InputError, match=r"the mask is \[12, 3, 197, 197\], but block0.attention needs .* = \[12, 197"):
        import_mask(folder / "info_0.95.npy", "deit_base")


def test_either_polarity(tmp_path):
    np.save(tmp_path / "pruned.npy", diagonal())
    np.save(tmp_path / "kept.npy", ~diagonal())
    workload = import_mask(tmp_path / "pruned.npy", "deit_tiny")
    assert workload.hash == import_mask(tmp_path / "kept.npy", "deit_tiny", true_is_kept=True).hash
    assert workload.masks["block3.attention"].global_tokens.tolist() == [1, 1, 1]
    assert workload.masks["block3.attention"].nnz.tolist() == [589] * 3


def test_a_model_of_many_shapes_comes_as_npz(tmp_path):
    layers = model("levit_128").attention_layers
    arrays = {a.name: np.zeros((a.heads, a.q_tokens, a.kv_tokens), bool) for a in layers}
    np.savez(tmp_path / "levit.npz", **arrays)
    assert import_mask(tmp_path / "levit.npz", "levit_128").sparsity == 0
    with pytest.raises(InputError, match=r"one array of global-token counts does not fit; leave it out"):
        import_mask(tmp_path / "levit.npz", "levit_128", tmp_path / "counts.npy")
    arrays["stage9.attention"] = arrays.pop("stage0.block0.attention")
    np.savez(tmp_path / "levit.npz", **arrays)
    with pytest.raises(InputError, match=r"levit_128 has no attention layer 'stage9.attention'"):
        import_mask(tmp_path / "levit.npz", "levit_128")
    del arrays["stage9.attention"]
    np.savez(tmp_path / "levit.npz", **arrays)
    with pytest.raises(
        InputError, match=r"the mask of attention layer 'stage0.block0.attention' of levit_128 is missing\."
    ):
        import_mask(tmp_path / "levit.npz", "levit_128")
    np.save(tmp_path / "flat.npy", diagonal())
    with pytest.raises(InputError, match=r"differ in shape, so that one .npy cannot hold them; give a .npz"):
        import_mask(tmp_path / "flat.npy", "levit_128")


@pytest.mark.parametrize("kind", ["uint8", "int64", "float16", "float64"])
def test_zeros_and_ones_are_masks_too(tmp_path, kind):
    for name in ("bool", kind):
        np.save(tmp_path / f"{name}.npy", diagonal().astype(name))
    assert (
        import_mask(tmp_path / f"{kind}.npy", "deit_tiny").hash == import_mask(tmp_path / "bool.npy", "deit_tiny").hash
    )


def levit_masks() -> dict[str, np.ndarray]:
    """LeViT's masks by stage, each of its own density; True = pruned."""
    rng, made = np.random.default_rng(0), {}
    for key, shape in (
        ("dpt0", (4, 4, 196, 196)),
        ("subsample0", (1, 8, 49, 196)),
        ("dpt1", (4, 8, 49, 49)),
        ("subsample1", (1, 16, 16, 49)),
        ("dpt2", (4, 12, 16, 16)),
    ):
        made[key] = rng.random(shape) < 0.5
        made[key][..., 0] = False
    return made


def test_the_five_files_of_a_levit_are_a_folder(tmp_path):
    masks, layers = levit_masks(), model("levit_128").attention_layers
    assert [m.shape[1:] for m in masks.values()] == list(
        dict.fromkeys((a.heads, a.q_tokens, a.kv_tokens) for a in layers)
    )
    folder = tmp_path / "0.9"
    folder.mkdir()
    for key, mask in masks.items():
        np.save(folder / f"mask_{key}.npy", mask)
        (folder / f"._mask_{key}.npy").write_bytes(b"\0\5\x16\7")
    workload = import_mask(folder, "levit_128")
    np.savez(tmp_path / "0.9.npz", **dict(zip((a.name for a in layers), (m for g in masks.values() for m in g))))
    assert workload.hash == import_mask(tmp_path / "0.9.npz", "levit_128").hash
    assert (workload.masks["stage1.down.attention"].keep == ~masks["subsample1"][0]).all()
    assert (workload.masks["stage2.block3.attention"].keep == ~masks["dpt2"][3]).all()
    np.save(folder / "mask_subsample1.npy", masks["subsample1"][0])  # of one layer, without its axis
    assert import_mask(folder, "levit_128").hash == workload.hash


def test_a_folder_that_is_not_of_a_levit_is_refused(tmp_path):
    for key, mask in levit_masks().items():
        np.save(tmp_path / f"mask_{key}.npy", mask)
    with pytest.raises(InputError, match=r"is a folder, but the masks of deit_tiny are one file; give it\.$"):
        import_mask(tmp_path, "deit_tiny")
    with pytest.raises(
        InputError, match=r"the mask of stage0.block0.attention is bool\[4, 196, 196\] but levit_192 nee"
    ):
        import_mask(tmp_path, "levit_192")
    np.save(tmp_path / "mask_dpt1.npy", levit_masks()["dpt1"][:3])
    with pytest.raises(
        InputError, match=r"mask_dpt1\.npy: the mask is \[3, 8, 49, 49\] but must be of 4 layers, layers"
    ):
        import_mask(tmp_path, "levit_128")
    np.save(tmp_path / "other_dpt1.npy", levit_masks()["dpt1"])
    with pytest.raises(InputError, match=r"has 2 files whose name ends in dpt1\.npy but must have one; the masks of"):
        import_mask(tmp_path, "levit_128")
    (tmp_path / "mask_dpt0.npy").unlink()
    with pytest.raises(
        InputError, match=r"has no file whose name ends in dpt0\.npy .* each for dpt0, subsample0, dpt1, "
    ):
        import_mask(tmp_path, "levit_128")


def test_counts_choose_the_fullest_columns(tmp_path):
    pruned = diagonal()
    pruned[2, 1, :9, 7] = False
    np.save(tmp_path / "mask.npy", pruned)
    counts = np.zeros((12, 3))
    counts[2, 1] = 2
    np.save(tmp_path / "counts.npy", counts)
    mask = import_mask(tmp_path / "mask.npy", "deit_tiny", tmp_path / "counts.npy").masks["block2.attention"]
    assert mask.global_tokens.tolist() == [0, 2, 0] and mask.order[1, :4].tolist() == [0, 7, 1, 2]


@pytest.mark.parametrize(
    "mask, counts, text",
    [
        (diagonal()[:4], None, r"the mask is \[4, 3, 197, 197\]: of 4 layers, but there are 12 with attention\.$"),
        (diagonal()[:, 0], None, r"is \[12, 197, 197\], but .*; is it one a layer\? Then give \[12, 1, 197, 197\]\.$"),
        (diagonal()[0, 0, 0], None, r"the mask is \[197\], but must be \[layers, heads, q_tokens, kv_tokens\]; "),
        (
            diagonal()[:, :2],
            None,
            r"the mask is \[12, 2, 197, 197\], but block0.attention needs .* = \[3, 197, 197\]\.$",
        ),
        (diagonal().astype(np.uint8) * 2, None, r"the mask has 2 at .* only 0 and 1"),
        (np.where(diagonal(), np.nan, 1), None, r"the mask has nan at .* only 0 and 1"),
        (diagonal().astype("S1"), None, r"the mask is of \|S1, but a mask is of true and false, or of 0 and 1\.$"),
        (
            ~(diagonal() & False),
            None,
            r"layer 0 \(block0.attention\): row 0 of head 0 keeps no score.*\(is True = kept in this file\?\)$",
        ),
        (
            diagonal(),
            np.zeros((12, 4)),
            r"the global-token counts are float64\[12, 4\] but deit_tiny needs numbers\[layers, heads\] = \[12",
        ),
        (
            diagonal(),
            np.full((12, 3), 1.5),
            r"layer 0, head 0 has 1\.5 global tokens but must have a whole number from 0 to 197\.$",
        ),
        (diagonal(), np.full((12, 3), 198), r"layer 0, head 0 has 198 global tokens but"),
        (diagonal(), np.full((12, 3), np.nan), r"layer 0, head 0 has nan global tokens but"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, mask, counts, text):
    np.save(tmp_path / "mask.npy", mask)
    if counts is not None:
        np.save(tmp_path / "counts.npy", counts)
    with pytest.raises(InputError, match=text) as caught:
        import_mask(tmp_path / "mask.npy", "deit_tiny", None if counts is None else tmp_path / "counts.npy")
    assert str(caught.value).startswith(str(tmp_path))


def test_files_that_cannot_be_read_are_refused(tmp_path):
    np.save(tmp_path / "mask.npy", diagonal())
    with pytest.raises(InputError, match=r"mas.npy: no such mask file \(did you mean 'mask.npy'\?\)\.$"):
        import_mask(tmp_path / "mas.npy", "deit_tiny")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    (tmp_path / "text.npy").write_text("hello")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "mask.npy").read_bytes()[:5000])
    for name in ("objects", "text", "cut"):
        with pytest.raises(InputError, match=rf"{name}.npy: not a readable .npy or .npz of plain arrays"):
            import_mask(tmp_path / f"{name}.npy", "deit_tiny")
    with pytest.raises(InputError, match=r"^give either globals_file or threshold"):
        import_mask(tmp_path / "mask.npy", "deit_tiny", tmp_path / "counts.npy", threshold=3)


@pytest.mark.parametrize("kind", ["u1", "<i8", ">i4", "f2", "f8"])
def test_zeros_and_ones_of_any_type_are_masks(tmp_path, kind):
    np.save(tmp_path / "m.npy", diagonal())
    expected = import_mask(tmp_path / "m.npy", "deit_tiny").hash
    np.save(tmp_path / "m.npy", diagonal().astype(kind))
    assert import_mask(tmp_path / "m.npy", "deit_tiny").hash == expected
    half = diagonal().astype(kind)
    half[0, 0, 0, 0] = 3
    np.save(tmp_path / "m.npy", half)
    with pytest.raises(InputError, match=r"the mask has 3.* at \[0, 0, 0, 0\], but"):
        import_mask(tmp_path / "m.npy", "deit_tiny")


def test_a_mask_that_announces_more_than_a_model_needs_is_not_allocated(tmp_path):
    path = tmp_path / "m.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|b1", "fortran_order": False, "shape": (12, 3, 197, 1 << 50)}
        )
    with pytest.raises(InputError, match=r"m\.npy: the array is bool.* which is more than deit_tiny can need"):
        import_mask(path, "deit_tiny")


@given(st.binary(max_size=300))
def test_any_bytes_are_masks_or_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.npy"
    for head in (b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00"):
        path.write_bytes(head + data)
        with pytest.raises(InputError) as error:
            import_mask(path, "deit_tiny")
        assert "\n" not in str(error.value)

"""Masks of any file, broadcast, onto a model, a workload, or as attention alone."""

import numpy as np
import pytest

from accelsim.codesign.import_mask import import_mask, import_onto
from accelsim.codesign.mask_file import read_masks
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.workload import load

KEEP = np.tri(197, dtype=bool)
WANTED = np.broadcast_to(KEEP, (12, 3, 197, 197))


def masks_of(made) -> np.ndarray:
    return np.stack([made.masks[a.name].keep for a in made.attention_layers])


@pytest.mark.parametrize("shape", [(197, 197), (1, 197, 197), (3, 197, 197), (12, 1, 197, 197), (1, 12, 3, 197, 197)])
@pytest.mark.parametrize("kind", ["?", "u1", "f4"])
def test_what_is_missing_on_the_left_is_broadcast(tmp_path, shape, kind):
    np.save(tmp_path / "m.npy", np.broadcast_to(~KEEP, shape).astype(kind))
    assert (masks_of(import_mask(tmp_path / "m.npy", "deit_tiny")) == WANTED).all()


def test_every_axis_goes_where_it_belongs(tmp_path):
    keep = np.random.default_rng(1).random((12, 3, 197, 197)) < 0.2
    keep[..., 0] = True
    np.savez(tmp_path / "m.npz", keep)
    made = import_onto(tmp_path / "m.npz", load(find("workloads", "deit_tiny_s90")), true_is_kept=True)
    assert (masks_of(made) == keep).all() and made.name == "deit_tiny_s90_m" and not made.synthetic
    assert made.layers == load(find("workloads", "deit_tiny_s90")).layers
    assert made.provenance["source"] == "m.npz"


def test_arrays_by_name_and_by_key(tmp_path):
    np.savez(tmp_path / "two.npz", other=np.zeros(3), mask=~KEEP)
    assert (masks_of(import_mask(tmp_path / "two.npz", "deit_tiny", key="mask")) == WANTED).all()
    with pytest.raises(InputError, match=r"it has no array 'masks' \(did you mean 'mask'\?\); its arrays are 'other'"):
        import_mask(tmp_path / "two.npz", "deit_tiny", key="masks")
    with pytest.raises(InputError, match=r"no attention layer 'other'; of several arrays --key says which"):
        import_mask(tmp_path / "two.npz", "deit_tiny")
    with pytest.raises(InputError, match="one array is needed; --key says which is the mask"):
        import_onto(tmp_path / "two.npz", None)
    work = load(find("workloads", "deit_tiny_s90"))
    np.savez(tmp_path / "named.npz", **{a.name: np.broadcast_to(~KEEP, (3, 197, 197)) for a in work.attention_layers})
    assert (masks_of(import_onto(tmp_path / "named.npz", work)) == WANTED).all()


def test_attention_alone(tmp_path):
    np.save(tmp_path / "m.npy", ~np.tri(20, dtype=bool)[None])
    (layer,) = import_onto(tmp_path / "m.npy", None, dims=(32, 16)).layers
    assert (layer.heads, layer.q_tokens, layer.kv_tokens, layer.qk_dim, layer.v_dim) == (1, 20, 20, 32, 16)
    np.save(tmp_path / "m.npy", np.tri(20, dtype=bool)[None])
    with pytest.raises(InputError, match=r"row 19 of head 0 keeps no score.*\(are kept and pruned scores mixed up\?\)"):
        import_onto(tmp_path / "m.npy", None)


def test_files_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    pruned = torch.from_numpy(~KEEP)
    for name, held in {
        "bool.pt": pruned, "half.pt": pruned.half(), "brain.pth": pruned.bfloat16(), "list.pt": [pruned[None]] * 12,
        "named.pt": {"mask": pruned}, "other_name.bin": pruned.expand(3, 197, 197),
    }.items():  # fmt: skip
        torch.save(held, tmp_path / name)
        assert (masks_of(import_mask(tmp_path / name, "deit_tiny")) == WANTED).all(), name
    torch.save({"a": pruned, "b": pruned}, tmp_path / "two.pt")
    with pytest.raises(InputError, match=r"it has the arrays 'a', 'b', but no attention layer 'block0.attention'"):
        import_mask(tmp_path / "two.pt", "deit_tiny")
    assert (masks_of(import_mask(tmp_path / "two.pt", "deit_tiny", key="b")) == WANTED).all()
    torch.save(tmp_path, tmp_path / "path.pt")
    with pytest.raises(InputError, match="it holds more than tensors, or is damaged"):
        import_mask(tmp_path / "path.pt", "deit_tiny")
    torch.save(3, tmp_path / "number.pt")
    with pytest.raises(InputError, match="it holds a int, but a mask is a tensor, or tensors by name"):
        read_masks(tmp_path / "number.pt")


def test_a_pt_that_would_run_something_does_not(tmp_path):
    pytest.importorskip("torch")
    import pickle

    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").write_text, ("x",))

    (tmp_path / "e.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match="it holds more than tensors, or is damaged"):
        read_masks(tmp_path / "e.pt")
    assert not (tmp_path / "ran").exists()


def test_more_than_a_mask_can_need_is_not_read(tmp_path):
    np.save(tmp_path / "m.npy", np.zeros((100, 100)))
    with pytest.raises(InputError, match=r"the array is float64\[100, 100\], which is more than a mask can need"):
        read_masks(tmp_path / "m.npy", most=1000)

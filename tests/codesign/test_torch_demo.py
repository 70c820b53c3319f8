"""The whole co-design on scikit-learn's digits, small enough for a test; and the shipped network that it made."""

import gzip
import importlib.util
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")
if importlib.util.find_spec("timm") is None or importlib.util.find_spec("sklearn") is None:
    pytest.skip("needs the extra accelsim[torch]", allow_module_level=True)

from accelsim.codesign.demo_data import load_data  # noqa: E402
from accelsim.codesign.export import save_export  # noqa: E402
from accelsim.codesign.train_demo import Recipe, export_demo, load_weights, save_weights, train_demo  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402

RECIPE = Recipe(
    patch=2, dim=16, depth=2, heads=4, epochs=6, tuning_epochs=2, batch=32, rate=5e-3, sparsities=(0.5, 0.7),
    calibration=256, device="cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def trained():
    torch.set_num_threads(1)
    data = load_data("digits", train=800)
    said = []
    return data, said, *train_demo(data, RECIPE, said.append)


def test_every_step_is_in_the_table(trained):
    _, said, rows, made = trained
    assert [row.step.split(",")[0].split(":")[0] for row in rows] == [
        "dense", "control", "auto-encoder from PCA", "auto-encoder", "pruned", "pruned", "pruned", "pruned"
    ]  # fmt: skip
    assert len(said) == RECIPE.steps == 16
    accuracy = [row.accuracy for row in rows]
    assert accuracy[0] > 0.2 and accuracy[1] > accuracy[0]  # chance is 0.1
    assert accuracy[5] > accuracy[4] and accuracy[7] > accuracy[6]  # fine-tuning mends
    for tuned, target in zip(made, RECIPE.sparsities):
        assert tuned.sparsity == pytest.approx(target, abs=0.01)


def test_the_networks_masks_hold_in_training(trained):
    data, _, rows, made = trained
    export = export_demo(made[-1], RECIPE, data, rows, "digits", "digits")
    assert export.workload.sparsity == pytest.approx(made[-1].sparsity)
    for site, mask in zip(made[-1].sites, export.workload.masks.values()):
        assert (mask.keep == made[-1].keep[site.index]).all()
    assert all(row.relative < 0.1 for row in export.errors)
    assert export.workload.provenance["accuracy, pruned, fine-tuned"] == round(rows[-1].accuracy, 4)


def test_weights_round_trip(trained, tmp_path):
    data, _, rows, made = trained
    first = save_weights(made[0], tmp_path / "a.npz")
    again = load_weights(first, RECIPE, 8)
    assert save_weights(again, tmp_path / "b.npz").read_bytes() == first.read_bytes()
    one, other = (export_demo(m, RECIPE, data, rows, "digits", "digits") for m in (made[0], again))
    assert one.workload.hash == other.workload.hash
    assert save_export(one, tmp_path / "one.yaml").is_file()


def test_bad_recipes_and_data_are_refused(tmp_path):
    data = load_data("digits", train=64, test=16)
    with pytest.raises(InputError, match=r"^patch is 3 but must divide the images' side, 8\.$"):
        train_demo(data, replace(RECIPE, patch=3))
    with pytest.raises(InputError, match=r"^dim is 18 but must be a multiple of the 4 heads\.$"):
        train_demo(data, replace(RECIPE, dim=18))
    with pytest.raises(InputError, match=r"^'fashon-mnist' is no data set; .*did you mean 'fashion-mnist'\?\)\.$"):
        load_data("fashon-mnist")
    with pytest.raises(InputError, match=r"^train is 9999 but digits has 1 to 1437 images to train with\.$"):
        load_data("digits", train=9999)
    with pytest.raises(
        InputError, match=r"train-images-idx3-ubyte\.gz: no such file; Debian has it in the package dat"
    ):
        load_data("fashion-mnist", tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte\.gz: not a readable \.gz file"):
        load_data("fashion-mnist", tmp_path)


def test_fashion_mnist_files_are_read(tmp_path):
    rng = np.random.default_rng(0)
    for name, count in (("train", 6), ("t10k", 4)):
        pixels = rng.integers(0, 256, count * 784, np.uint8).tobytes()
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"x" * 16 + pixels))
        (tmp_path / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"x" * 8 + bytes(range(count))))
    data = load_data("fashion-mnist", tmp_path, train=5)
    assert data.train.shape == (5, 1, 28, 28) and data.test.shape == (4, 1, 28, 28)
    assert data.train_labels.tolist() == [0, 1, 2, 3, 4] and abs(data.train.mean()) < 1e-5

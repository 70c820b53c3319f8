"""Images that need no download: Fashion-MNIST as Debian packages it, and the digits of scikit-learn."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError, suggest

DATASETS = ("fashion-mnist", "digits")
FOLDER = Path("/usr/share/datasets/fashion-mnist")
_FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


class Data(NamedTuple):
    """Images float32[n, 1, side, side] of mean 0 and deviation 1 (over the training images), labels int64[n]."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def load_data(name: str, folder: Path | None = None, train: int | None = None, test: int | None = None) -> Data:
    """The first `train` and `test` images of a data set (None: all). Errors: InputError when it is unknown, absent or
    smaller."""
    if name not in DATASETS:
        raise InputError(f"{name!r} is no data set; there are {', '.join(DATASETS)}{suggest(name, DATASETS)}.")
    images, labels, more, more_labels = _digits() if name == "digits" else _fashion(folder or FOLDER)
    for what, wanted, there in (("train", train, len(images)), ("test", test, len(more))):
        if wanted is not None and not 1 <= wanted <= there:
            raise InputError(f"{what} is {wanted} but {name} has 1 to {there} images to {what} with.")
    images, labels, more, more_labels = images[:train], labels[:train], more[:test], more_labels[:test]
    mean, deviation = images.mean(), images.std()
    scaled = [((x - mean) / deviation).astype(np.float32)[:, None] for x in (images, more)]
    return Data(scaled[0], labels.astype(np.int64), scaled[1], more_labels.astype(np.int64))


def _digits() -> tuple[np.ndarray, ...]:
    loaded = need("sklearn.datasets", "the digits data set").load_digits()
    order = np.random.default_rng(0).permutation(len(loaded.target))
    x, y = loaded.images[order] / 16, loaded.target[order]
    return x[:1437], y[:1437], x[1437:], y[1437:]


def _fashion(folder: Path) -> tuple[np.ndarray, ...]:
    found = []
    for name in _FILES:
        path = folder / f"{name}-ubyte.gz"
        try:
            raw = gzip.decompress(path.read_bytes())
        except FileNotFoundError:
            raise InputError(
                f"{path}: no such file; Debian has it in the package dataset-fashion-mnist (apt-get install "
                "dataset-fashion-mnist), or name the folder with the four .gz files."
            ) from None
        except (OSError, EOFError) as error:
            raise InputError(f"{path}: not a readable .gz file ({error}).") from None
        images = "images" in name
        values = np.frombuffer(raw, np.uint8, offset=16 if images else 8)
        if images and values.size % 784:
            raise InputError(f"{path}: {values.size} bytes are no 28 x 28 images.")
        found.append(values.reshape(-1, 28, 28) / 255 if images else values)
    return tuple(found)

"""The calibration set: a folder of pictures, scaled as the model wants them, read batch by batch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accelsim.codesign.pytorch import need
from accelsim.codesign.zoo import Opened
from accelsim.core.errors import InputError

KINDS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff")
CROP = 0.875
"""The centre that is kept of the shorter side, as models are evaluated on ImageNet."""
LONGEST_SIDE, SIXTEEN_BITS = 100, 65535


@dataclass(frozen=True)
class ImageFolder:
    """Batches [n, channels, rows, columns] of the pictures below a folder, in the order of their paths; can be read
    again and again, and holds one batch at a time."""

    paths: tuple[Path, ...]
    opened: Opened
    batch: int = 16

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator:
        torch = need("torch", "reading images")
        for first in range(0, len(self.paths), self.batch):
            pictures = [read_image(p, self.opened) for p in self.paths[first : first + self.batch]]
            yield torch.from_numpy(np.stack(pictures))


def image_folder(folder: str | Path, opened: Opened, limit: int | None = None, batch: int = 16) -> ImageFolder:
    """The pictures below `folder`, the first `limit` of them; files and folders whose names begin with a dot are passed
    over, as the companions are that some systems write. Errors: InputError when there are none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of images.")
    if limit is not None and limit < 1:
        raise InputError(f"the number of images is {limit} but must be at least 1.")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in KINDS and _shown(p, folder) and p.is_file())
    if not paths:
        raise InputError(f"{folder}: no images there; they end in {', '.join(KINDS)}.")
    return ImageFolder(tuple(paths[:limit]), opened, batch)


def _shown(path: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)


def read_image(path: Path, opened: Opened) -> np.ndarray:
    """float32[channels, rows, columns]: the centre of the picture, scaled and normalised. Transparency is left out, as
    by the loaders that networks are trained with. Errors: InputError for a file that is no picture, or one whose
    brightest value is not known."""
    from PIL import Image

    channels, rows, columns = opened.size
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as picture:
            picture.load()
            if max(picture.size) > LONGEST_SIDE * min(picture.size):
                raise InputError(
                    f"{path}: a picture of {picture.width} x {picture.height} is too narrow to be cropped."
                )
            picture = _eight_bits(picture, path).convert("L" if channels == 1 else "RGB")
            scale = max(rows / picture.height, columns / picture.width) / CROP
            size = max(columns, round(picture.width * scale)), max(rows, round(picture.height * scale))
            picture = picture.resize(size, Image.Resampling.BICUBIC)
            left, top = (size[0] - columns) // 2, (size[1] - rows) // 2
            values = np.asarray(picture.crop((left, top, left + columns, top + rows)), np.float32) / 255
    except InputError:
        raise
    except Exception as error:  # a damaged file raises what its reader likes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: not a readable picture ({reason}); mend or remove the file.") from None
    values = values.reshape(rows, columns, channels).transpose(2, 0, 1)
    mean, deviation = (np.asarray(x, np.float32).reshape(-1, 1, 1) for x in (opened.mean, opened.deviation))
    return ((values - mean) / deviation).astype(np.float32)


def _eight_bits(picture, path: Path):
    """The picture with its whole range in 8 bits, where it has more: the library cuts off what is above 255."""
    from PIL import Image

    if picture.mode == "P" and "transparency" in picture.info:
        return picture.convert("RGBA")
    if picture.mode != "F" and not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture).astype(np.float64)
    white = 1.0 if picture.mode == "F" else SIXTEEN_BITS
    least, most = (float(x) for x in (values.min(), values.max()))
    if not (least >= 0 and most <= white):
        raise InputError(
            f"{path}: its values are from {least:g} to {most:g}, so that it is not known which is white; save the "
            "picture with 8 or 16 bits."
        )
    return Image.fromarray(np.rint(values * (255 / white)).astype(np.uint8))


def random_images(opened: Opened, count: int, seed: int):
    """Noise instead of pictures: a tensor [count, channels, rows, columns]."""
    torch = need("torch", "making images")
    values = np.random.default_rng(seed).standard_normal((count, *opened.size))
    return torch.from_numpy(values.astype(np.float32))

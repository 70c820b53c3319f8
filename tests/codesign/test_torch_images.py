"""Folders of pictures as people have them: companions of other systems, sixteen bits, palettes, transparency."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")
Image = pytest.importorskip("PIL.Image", reason="needs the extra accelsim[torch]")

from accelsim.codesign.images import image_folder, read_image  # noqa: E402
from accelsim.codesign.zoo import Opened  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402

GREY = Opened(None, "grey", (1, 8, 8), (0.0,), (1.0,), "")
COLOUR = Opened(None, "colour", (3, 8, 8), (0.0,) * 3, (1.0,) * 3, "")
RAMP = np.linspace(0, 255, 24 * 24).astype(np.uint8).reshape(24, 24)


def read(tmp_path, picture, kind="png", opened=COLOUR, **options):
    picture.save(tmp_path / f"picture.{kind}", **options)
    return read_image(tmp_path / f"picture.{kind}", opened)


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    for name in ("cat.PNG", "deep/dog.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(RAMP).save(tmp_path / name)
    for name in ("._cat.png", ".hidden.jpg", "__MACOSX/._cat.jpg", ".Trashes/old.png", "deep/.ipynb_checkpoints/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    assert [p.name for p in image_folder(tmp_path, GREY).paths] == ["cat.PNG", "dog.png"]
    hidden = tmp_path / ".Trashes"  # a hidden folder that is asked for is read
    assert [p.name for p in image_folder(hidden, GREY).paths] == ["old.png"]


@pytest.mark.parametrize("opened", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("kind", ["png", "tif"])
def test_sixteen_bits_are_scaled(tmp_path, opened, kind):
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    plain = read(tmp_path, Image.fromarray(RAMP), opened=opened)
    np.testing.assert_array_equal(read(tmp_path, deep, kind, opened), plain)
    np.testing.assert_array_equal(read(tmp_path, Image.fromarray(RAMP.astype(np.int32) * 257), "tif", opened), plain)
    np.testing.assert_array_equal(read(tmp_path, Image.fromarray(RAMP.astype(np.float32) / 255), "tif", opened), plain)


def test_transparency_palettes_and_other_modes_have_their_colours(tmp_path):
    picture = Image.fromarray(np.stack([RAMP, RAMP.T, RAMP[::-1]], -1))
    colours = read(tmp_path, picture)
    seen = picture.copy()
    seen.putalpha(Image.fromarray(RAMP))
    np.testing.assert_array_equal(read(tmp_path, seen), colours)
    few = picture.quantize(16)
    np.testing.assert_array_equal(read(tmp_path, few, transparency=3), read(tmp_path, few.convert("RGB")))
    np.testing.assert_array_equal(read(tmp_path, few, transparency=bytes([9] * 16)), read(tmp_path, few.convert("RGB")))
    grey = read(tmp_path, Image.fromarray(RAMP))
    np.testing.assert_array_equal(read(tmp_path, Image.fromarray(RAMP).convert("LA")), grey)
    assert np.ptp(read(tmp_path, Image.fromarray(RAMP > 99))) == 1
    assert read(tmp_path, picture.convert("CMYK"), "jpg").shape == (3, 8, 8)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.jpg", b"", r"a\.jpg: not a readable picture \(cannot identify"),
        ("b.png", b"\x89PNG\r\n\x1a\n" + bytes(30), r"b\.png: not a readable picture \(.+\); mend or remove the"),
        ("c.tif", b"II*\0\x08\0\0\0" + b"\xff" * 40, r"c\.tif: not a readable picture \(.+\); mend or remove the"),
        ("d.webp", b"RIFF\x10\0\0\0WEBPVP8 ", r"d\.webp: not a readable picture \(.+\); mend or remove the"),
    ],
)
def test_a_damaged_picture_is_named(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=text):
        list(image_folder(tmp_path, GREY))


def test_values_without_a_known_white_are_refused(tmp_path):
    for values in (RAMP.astype(np.float32), RAMP.astype(np.int32) << 20, -RAMP.astype(np.float32)):
        with pytest.raises(
            InputError, match=r"its values are from -?\d.* to .*, so that it is not known which is white"
        ):
            read(tmp_path, Image.fromarray(values), "tif")
    with pytest.raises(InputError, match=r"picture\.png: a picture of 1 x 900 is too narrow to be cropped\.$"):
        read(tmp_path, Image.new("L", (1, 900)))

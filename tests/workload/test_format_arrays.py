import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.workload import arrays as npz
from accelsim.workload import load, save
from tests.workload.small import small


@pytest.fixture
def saved(tmp_path):
    return save(small(), tmp_path / "small.yaml")


@pytest.mark.parametrize("cut", [0, 1, 30, 200, -1, -20])
def test_a_truncated_npz_is_refused(saved, cut):
    file = saved.with_suffix(".npz")
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"small.npz: the arrays cannot be read, the file is truncated or corrupt"):
        load(saved)


def test_no_single_flipped_byte_passes_unnoticed(saved):
    file, original = saved.with_suffix(".npz"), small().hash
    body = file.read_bytes()
    harmless = 0
    for at in range(0, len(body), 7):
        file.write_bytes(body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1 :])
        try:
            assert load(saved).hash == original
            harmless += 1
        except InputError as error:
            assert str(error).startswith(str(file))
    # time stamps, permissions and the like carry no data; everything else must be noticed
    assert harmless < len(body) // 7 // 3


def _rewrite(saved, change):
    """Replace arrays and give the manifest their new sha256, as a foreign writer of the format would."""
    file = saved.with_suffix(".npz")
    stored = npz.decode(file)
    old = npz.fingerprint(stored)
    stored = {k: v for k, v in {**stored, **change(stored)}.items() if v is not None}
    file.write_bytes(npz.encode(stored))
    saved.write_text(saved.read_text().replace(old, npz.fingerprint(stored)))


KEEP, ORDER, COUNTS = (f"b0.attention.{part}" for part in ("keep", "order", "global_tokens"))


@pytest.mark.parametrize(
    "change, text",
    [
        (
            lambda a: {KEEP: a[KEEP].astype(np.int64)},
            r"b0.attention.keep is int64\[2, 6, 1\] but packed bits are uint8\[2, 6, 1\]\.$",
        ),
        (
            lambda a: {KEEP: a[KEEP][:1]},
            r"b0.attention.keep is uint8\[1, 6, 1\] but packed bits are uint8\[2, 6, 1\]\.$",
        ),
        (lambda a: {KEEP: a[KEEP] | 1}, r"b0.attention.keep has bits set beyond its 6 columns\.$"),
        (lambda a: {KEEP: a[KEEP] & 0}, r"mask of 'b0.attention': row 0 of head 0 keeps no score"),
        (lambda a: {ORDER: a[ORDER] * 0}, r"mask of 'b0.attention': order of head 0 must name every token 0 to 5 once"),
        (
            lambda a: {COUNTS: a[COUNTS] + 5},
            r"mask of 'b0.attention': global_tokens of head 0 is 7 but must be between 0 and 6",
        ),
        (lambda a: {ORDER: None}, r"the array 'b0.attention.order' is missing but small.yaml needs it"),
        (
            lambda a: {"b0.attention.ordr": a[ORDER]},
            r"'b0.attention.ordr' is not named by small.yaml \(did you mean 'b0.attention.order'",
        ),
    ],
)
def test_bad_arrays_are_refused(saved, change, text):
    _rewrite(saved, change)
    with pytest.raises(InputError, match=text) as caught:
        load(saved)
    assert str(caught.value).startswith(str(saved.with_suffix(".npz")))


def test_a_tensor_of_the_wrong_type_is_refused(saved):
    _rewrite(saved, lambda a: {"b0.attention.q": a["b0.attention.q"].astype(np.int16)})
    with pytest.raises(
        InputError, match=r"small.yaml: workload 'small': tensor 'b0.attention.q' is int16\[2, 6, 4\] but must be int8"
    ):
        load(saved)


def test_two_files_that_do_not_belong_together_are_refused(saved, tmp_path):
    other = save(replace(small(seed=5), name="small"), tmp_path / "other.yaml")
    saved.with_suffix(".npz").write_bytes(other.with_suffix(".npz").read_bytes())
    with pytest.raises(InputError, match=r"so the two files do not belong together; save the workload again\.$"):
        load(saved)


def test_an_npz_with_pickles_or_strangers_is_refused(saved):
    file = saved.with_suffix(".npz")
    body = io.BytesIO()
    stored = npz.decode(file)
    np.savez(body, **{**stored, KEEP: np.array([{}], dtype=object)})
    file.write_bytes(body.getvalue())
    with pytest.raises(InputError, match=r"small.npz: the arrays cannot be read"):
        load(saved)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match=r"every member must be one .npy with a name of its own"):
        load(saved)


def test_a_header_that_ends_too_early_is_refused(saved):
    """Whose tokens numpy counts, since it is no literal."""
    file = saved.with_suffix(".npz")
    stored = npz.decode(file)
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in stored.items():
            body = io.BytesIO()
            np.lib.format.write_array(body, array, version=(1, 0))
            archive.writestr(f"{name}.npy", body.getvalue().replace(b"}", b"(", 1))
    with pytest.raises(InputError, match=r"small.npz: the arrays cannot be read, the file is truncated or corrupt"):
        load(saved)

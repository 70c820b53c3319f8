"""Files of a user: what may be a name, links and devices as outputs, and what of a value reaches a sentence."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.core import Component, Param
from accelsim.core.document import parse, read_once
from accelsim.core.errors import InputError, shown
from accelsim.core.files import as_name, beside, check_name, write


@pytest.mark.parametrize(
    "name", ["a/b", "../a", "/tmp/a", "..", ".hidden", "-o", "a\nb", "a\x1b[2J", "", " a", "x" * 101]
)
def test_a_name_that_could_leave_its_folder_is_refused(name):
    with pytest.raises(InputError, match="x: name is .* but must be a plain name"):
        check_name(name, "x: name")


@given(st.text(max_size=150))
def test_any_stem_gives_a_plain_name(stem):
    assert check_name(as_name(stem), "x") == as_name(stem)


def test_a_link_stays_one_and_what_it_points_to_is_written(tmp_path):
    real, link = tmp_path / "real" / "a.txt", tmp_path / "link.txt"
    real.parent.mkdir()
    real.write_bytes(b"old")
    link.symlink_to(real)
    write(link, b"new")
    assert link.is_symlink() and real.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["link.txt", "real"] and os.listdir(real.parent) == ["a.txt"]


def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(pipe, b"bytes")
    assert os.read(reading, 10) == b"bytes" and not pipe.is_file()
    os.close(reading)


def test_what_lies_beside_a_file_is_found_through_links(tmp_path):
    (tmp_path / "store").mkdir()
    for name in ("w.yaml", "w.npz"):
        (tmp_path / "store" / name).touch()
    (tmp_path / "one.yaml").symlink_to("store/w.yaml")
    (tmp_path / "two.yaml").symlink_to("one.yaml")
    assert beside(tmp_path / "two.yaml", "w.npz").samefile(tmp_path / "store" / "w.npz")
    assert beside(tmp_path / "two.yaml", "none.npz") == tmp_path / "none.npz"


def test_long_values_are_cut_and_no_terminal_obeys_a_sentence():
    assert len(str(InputError(f"x: {'v' * 5000!r} is no value"))) < 100
    assert len(str(InputError("x: " + "9" * 5000))) < 100
    assert str(InputError("a\x1b[31m\x07b\u202ec\ud800")) == "a\\x1b[31m\\x07b\\u202ec\\ud800"
    assert len(shown([1] * 100_000)) < 80 and len(shown(10**5000)) < 80
    path = "/" + "/".join(["folder"] * 40)
    assert path in str(InputError(f"{path}:3: wrong")), "a path stays whole"


@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    try:
        read_once(path)
    except InputError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)


def test_what_aliases_repeat_is_counted():
    rows = ["a0: &z0 [1, 1, 1, 1, 1, 1, 1, 1]"] + [
        f"a{n}: &z{n} [{', '.join([f'*z{n - 1}'] * 9)}]" for n in range(1, 9)
    ]
    with pytest.raises(InputError, match=r"x:\d+: with what its aliases repeat there are more than 100,000 entries"):
        parse("\n".join(rows), "x", aliases=True)
    with pytest.raises(InputError, match="x:1: anchors and aliases"):
        parse(rows[0], "x")
    with pytest.raises(InputError, match=r"x:1: the alias \*b has no anchor &b before it"):
        parse("a: *b", "x", aliases=True)


class Wide(Component):
    """Parameters without a range of their own."""

    lanes = Param(1, "count", "lanes")
    wait = Param(1, "cycles", "a wait")
    room = Param(1, "bytes", "a size")


@pytest.mark.parametrize("values", [{"lanes": 1 << 30}, {"wait": 1 << 40}, {"room": 1 << 60}, {"lanes": 10**400}])
def test_every_parameter_has_an_upper_bound(values):
    with pytest.raises(InputError, match=r"wide\.\w+: must be >= 1 and <= \d+ "):
        Wide("wide", **values)

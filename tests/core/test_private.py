"""Kept files: only whole ones are used, from where nobody else can write; a temporary folder is removed."""

import hashlib
import logging
import os
import stat
import subprocess
import sys

import pytest

from accelsim.core import private
from tests.conftest import ROOT

STRANGER = 54321
AS_ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture(autouse=True)
def no_other_temporary(tmp_path, monkeypatch):
    """Temporary folders are made here, and removed with it."""
    monkeypatch.setattr(private.tempfile, "tempdir", str(tmp_path))


def folder_for(monkeypatch, path, caplog) -> tuple[bool, str]:
    """Whether a folder is used, and what is said where another is."""
    monkeypatch.setenv("ACCELSIM_CACHE", str(path))
    with caplog.at_level(logging.WARNING, "accelsim"):
        found = private.cache_folder()
    assert found.stat().st_uid == os.geteuid() and not found.stat().st_mode & 0o022
    assert os.environ["ACCELSIM_CACHE"] == str(found) or found == path.resolve()
    return found == path.resolve(), caplog.text


def test_a_folder_is_made_for_its_owner_alone(tmp_path, monkeypatch, caplog):
    before = os.umask(0)
    try:
        assert folder_for(monkeypatch, tmp_path / "a" / "b", caplog) == (True, "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b" / "__pycache__").stat().st_mode) == 0o700
    assert private.put(tmp_path / "a" / "b" / "file", b"content")
    assert stat.S_IMODE((tmp_path / "a" / "b" / "file").stat().st_mode) == 0o600


@pytest.mark.parametrize("inner", ["", "__pycache__"])
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o702])
def test_a_folder_that_others_may_write_is_not_used(tmp_path, monkeypatch, caplog, inner, mode):
    (tmp_path / "cache" / "__pycache__").mkdir(parents=True, mode=0o700)
    (tmp_path / "cache").chmod(0o755)
    assert folder_for(monkeypatch, tmp_path / "cache", caplog) == (True, "")
    (tmp_path / "cache" / inner).chmod(mode)
    used, said = folder_for(monkeypatch, tmp_path / "cache", caplog)
    assert not used and "can be written by others (chmod go-w)" in said and str(tmp_path / "cache" / inner) in said
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["__pycache__"]  # nothing was put there


@AS_ROOT
@pytest.mark.parametrize("inner", ["", "__pycache__"])
def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch, caplog, inner):
    (tmp_path / "cache" / "__pycache__").mkdir(parents=True, mode=0o700)
    (tmp_path / "cache").chmod(0o755)
    os.chown(tmp_path / "cache" / inner, STRANGER, STRANGER)
    used, said = folder_for(monkeypatch, tmp_path / "cache", caplog)
    assert not used and "belongs to another user" in said


@pytest.mark.parametrize("kind", ["file", "dangling", "circle"])
def test_what_is_no_folder(tmp_path, monkeypatch, caplog, kind):
    path = tmp_path / "cache"
    if kind == "file":
        path.write_text("")
        used, said = folder_for(monkeypatch, path, caplog)
        assert not used and "cannot be written" in said
    elif kind == "circle":
        path.symlink_to(path)
        monkeypatch.setenv("ACCELSIM_CACHE", str(path))
        assert private.cache_folder().parent == tmp_path.resolve()
    else:
        path.symlink_to(tmp_path / "elsewhere")
        assert folder_for(monkeypatch, path, caplog)[0] and (tmp_path / "elsewhere").is_dir()


def test_neither_home_nor_entry_in_the_password_file(tmp_path, monkeypatch, caplog):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("ACCELSIM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(private.Path, "home", no_home)
    found = private.cache_folder()
    assert found.parent == tmp_path.resolve() and "there is no folder for it" in caplog.text
    assert private.cache_folder() == found  # and not one for every module
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("ACCELSIM_CACHE")
    assert private.cache_folder() == (tmp_path / "xdg" / "accelsim").resolve()
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert private.cache_folder().parent == tmp_path.resolve()


def test_a_temporary_folder_goes_with_the_process_that_made_it(tmp_path):
    code = (
        "import os, subprocess, sys; from accelsim.core.private import cache_folder, put; f = cache_folder();"
        "put(f / 'x', b'x'); os.fork() or sys.exit(); os.wait();"  # a fork's end is not the end
        "print(f, f.exists());"
        "c = 'from accelsim.core.private import cache_folder; print(cache_folder())';"
        "subprocess.run([sys.executable, '-c', c])"
    )
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    environment = os.environ | {
        "TMPDIR": str(tmp_path),
        "ACCELSIM_CACHE": str(tmp_path / "open"),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    first, there, second = done.stdout.split()
    assert first == second and there == "True" and first.startswith(str(tmp_path.resolve())), done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["open"]
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("note: compiled code is kept for this command only")


def test_only_a_whole_file_is_used(tmp_path):
    path = tmp_path / "file"
    content = bytes(range(256)) * 9
    assert private.get(path) is None and private.put(path, content) and private.get(path) == content
    whole = path.read_bytes()
    damaged = [whole[:n] for n in (0, 1, 20, whole.index(b"\n"), whole.index(b"\n") + 1, 200, len(whole) - 1)]
    damaged += [whole + b"\0", whole[:500] + b"x" + whole[501:], b"\0" * len(whole), content]
    for data in damaged:
        path.write_bytes(data)
        assert private.get(path) is None
        assert path.exists()
    assert private.put(path, b"") and private.get(path) == b""
    assert private.put(path, content) and path.read_bytes() == whole
    (tmp_path / "other").write_bytes(whole)
    assert private.get(tmp_path / "other") is None  # it is what another file ought to be
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "other"]


def test_a_file_that_others_made_or_may_write_is_not_used(tmp_path):
    path = tmp_path / "file"
    private.put(path, b"content")
    for mode, used in ((0o644, True), (0o620, False), (0o602, False), (0o600, True)):
        path.chmod(mode)
        assert (private.get(path) == b"content") is used
    (tmp_path / "aside").mkdir()
    path.rename(tmp_path / "aside" / "file")
    path.symlink_to(tmp_path / "aside" / "file")
    assert private.get(path) is None and private.get(tmp_path / "aside" / "file") == b"content"
    path.unlink()
    os.mkfifo(path)
    assert private.get(path) is None  # nor waited for
    assert private.put(path, b"new") and private.get(path) == b"new"


@AS_ROOT
def test_a_file_of_another_user_is_not_used(tmp_path):
    private.put(tmp_path / "file", b"content")
    os.chown(tmp_path / "file", STRANGER, STRANGER)
    assert private.get(tmp_path / "file") is None


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    private.put(tmp_path / "file", b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private.os, "replace", full)
    assert not private.put(tmp_path / "file", b"new")
    assert private.get(tmp_path / "file") == b"old" and [p.name for p in tmp_path.iterdir()] == ["file"]
    assert not private.put(tmp_path / "no folder" / "file", b"new")


def test_the_seal_is_of_name_length_and_content():
    digest = hashlib.sha256(b"name\0content").hexdigest()
    assert private.seal("name", b"content") == f"# 7 bytes, {digest}\n".encode()

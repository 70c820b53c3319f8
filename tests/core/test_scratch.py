"""Hidden folders: those of killed processes are removed, and nobody else's."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from accelsim.core import files

HOLD = """
import os, signal, sys, time
from pathlib import Path
from accelsim.core.files import scratch
with scratch(Path(sys.argv[1]), "result") as room:
    (room / "half").write_text("x")
    if sys.argv[2:]:
        (room / "replaced").mkdir()
        os.replace(Path(sys.argv[1]) / sys.argv[2], room / "replaced" / sys.argv[2])
    print(room, flush=True)
    time.sleep(60)
"""


def holder(folder: Path, *replaced: str) -> tuple[subprocess.Popen, Path]:
    """A process that is writing."""
    made = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), *replaced], stdout=subprocess.PIPE, text=True)
    return made, Path(made.stdout.readline().strip())


def kill(process: subprocess.Popen) -> None:
    process.kill()
    process.communicate()


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    running, room = holder(tmp_path)
    with running:
        (tmp_path / ".other.1-00000000.abc.accelsim").mkdir()  # of another machine
        (tmp_path / ".mine.accelsim").mkdir()  # nobody's
        files.write(tmp_path / "a", b"1")
        assert (room / "half").exists()  # it lives
        kill(running)
    files.write(tmp_path / "a", b"2")
    assert sorted(os.listdir(tmp_path)) == [".mine.accelsim", ".other.1-00000000.abc.accelsim", "a"]


def test_a_number_that_another_process_has_by_now_does_not_save_it(tmp_path):
    running, room = holder(tmp_path)
    with running:
        kill(running)
    taken = room.rename(room.with_name(room.name.replace(str(running.pid), str(os.getppid()))))
    files.sweep(tmp_path)
    assert taken.exists()  # it could have been made just now
    past = time.time() - 2 * files.TAKEN
    os.utime(taken, (past, past))
    files.sweep(tmp_path)
    assert not taken.exists()


def test_a_folder_that_is_locked_is_somebodys_whatever_its_number_says(tmp_path):
    """As of a process in another container, whose numbers are others."""
    running, room = holder(tmp_path)
    with running:
        held = room.rename(room.with_name(room.name.replace(str(running.pid), "999999999")))
        files.sweep(tmp_path)
        assert held.exists()
        kill(running)
    files.sweep(tmp_path)
    assert not held.exists()


def test_what_was_moved_away_comes_back_if_nothing_took_its_place(tmp_path):
    for name in ("kept", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(name)
        running, _ = holder(tmp_path, name)
        with running:
            kill(running)
    (tmp_path / "new").mkdir()
    files.sweep(tmp_path)
    assert (tmp_path / "kept" / "result.json").read_text() == "kept"
    assert sorted(os.listdir(tmp_path)) == ["kept", "new"]


def test_a_failure_names_the_file_and_leaves_nothing(tmp_path):
    with pytest.raises(OSError) as error:
        files.write(tmp_path / "no" / "a", b"1")
    assert error.value.filename == str(tmp_path / "no" / "a")
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        files.write(tmp_path / "a", b"1")
    assert os.listdir(tmp_path) == ["a"]

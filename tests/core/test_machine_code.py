"""Machine code is loaded when it is whole and made anew when it is not; nothing planted is run or unpickled."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from accelsim.core import keep, machine_code, private
from tests.conftest import ROOT
from tests.core.toys import build


@pytest.fixture(scope="module")
def folder(tmp_path_factory, with_kernel):
    """A cache, filled by the first test that runs in it."""
    return with_kernel(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def run(folder, monkeypatch):
    """Runs a netlist as a new process would: its result, and the functions that were loaded."""
    monkeypatch.setenv("ACCELSIM_CACHE", str(folder))
    monkeypatch.setattr(keep, "processors", lambda: 1)  # nothing is compiled by others, so that it can be counted

    def start() -> tuple[object, set[str]]:
        loaded = set()
        address_of = keep.address_of

        def counted(module):
            if found := address_of(module):
                loaded.add(module.stem.split("_")[0])
            return found

        with monkeypatch.context() as patch:
            patch.setattr(keep, "addresses", {})
            patch.setattr(keep, "address_of", counted)
            sim = build(np.arange(1, 9))
            sim.run()
        return sim.result().total, loaded

    run.expected, _ = start()
    return start


ALL = {"Source", "Server", "Sink", "kernel"}


START = """\
import numpy as np
from tests.core.toys import build

sim = build(np.arange(1, 9))
sim.run()
print(sim.at)
"""


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    middle = len(data) - 40
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [lambda data: b"", cut, flipped], ids=["empty", "cut", "flipped"])
def test_what_is_damaged_is_made_anew(folder, run, damage):
    """The machine code, and the module that it is made anew from."""
    expected, _ = run()
    assert run() == (expected, ALL)
    files = [*folder.glob("Server_*.py"), *folder.glob("__pycache__/Server_*.o")]
    assert len(files) == 2
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    assert run() == (expected, ALL - {"Server"})
    assert [*folder.glob("Server_*.py"), *folder.glob("__pycache__/Server_*.o")] == files  # and whole again:
    assert all(private.get(file) for file in files)
    assert run() == (expected, ALL)


def test_a_module_is_not_even_read_when_its_machine_code_is_whole(folder, run):
    expected, _ = run()
    (file,) = folder.glob("Server_*.py")
    whole = file.read_bytes()
    file.write_bytes(cut(whole))
    assert run() == (expected, ALL)
    file.write_bytes(whole)


def test_machine_code_of_another_kind_of_processor_is_not_taken(folder, run, monkeypatch):
    run()
    monkeypatch.setattr(machine_code, "processor", lambda: "another")
    monkeypatch.setattr(keep, "compile_kept", lambda *_: pytest.fail("compiled anew, as it has to be"))
    with pytest.raises(pytest.fail.Exception):
        run()


def test_nothing_of_the_compiler_is_imported_when_machine_code_is_kept(folder, run):
    run()
    environment = os.environ | {"ACCELSIM_CACHE": str(folder), "PYTHONPATH": str(ROOT)}
    code = f"{START}import sys\nprint('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100)
    assert done.stdout.split()[-1] == "False", done.stderr


def files_of_parts(folder):
    """Everything but the kernel's, which takes long to compile."""
    return [p for p in folder.rglob("*.*") if not p.name.startswith("kernel_")]


class Planted:
    """Says that it was unpickled."""

    def __reduce__(self):
        return os.mkdir, (os.environ["PLANTED"],)


def test_nothing_that_was_planted_is_run_or_unpickled(folder, run, tmp_path, monkeypatch):
    expected, _ = run()
    monkeypatch.setenv("PLANTED", str(tmp_path / "was unpickled"))
    for file in files_of_parts(folder):
        data = file.read_bytes()
        if file.suffix == ".py":
            file.write_bytes(data + f"\nimport os; os.mkdir({str(tmp_path / 'was run')!r})\n".encode())
        else:
            file.write_bytes(pickle.dumps(Planted()))
    assert run() == (expected, {"kernel"}) and list(tmp_path.iterdir()) == []
    assert run() == (expected, ALL)


def test_data_of_another_module_is_not_taken(folder, run):
    expected, _ = run()
    data = {p.name.split("_")[0]: p for p in folder.glob("__pycache__/*.o")}
    one, other = data["Server"].read_bytes(), data["Sink"].read_bytes()
    data["Server"].write_bytes(other)
    data["Sink"].write_bytes(one)
    assert run() == (expected, ALL - {"Server", "Sink"})


def test_no_bytecode_is_kept(folder, run):
    run()
    assert not list(folder.rglob("*.pyc"))


def test_a_full_disk_costs_only_time(folder, run, monkeypatch):
    expected, _ = run()
    for file in files_of_parts(folder):
        file.unlink()
    monkeypatch.setattr(machine_code, "put", lambda *_: False)
    monkeypatch.setattr(keep, "put", lambda *_: False)
    assert run() == (expected, {"kernel"}) and not files_of_parts(folder)


def test_two_first_starts_at_once(tmp_path, with_kernel):
    """Both compile and keep the same; what is left is whole, and nothing else is left."""
    with_kernel(tmp_path / "cache")
    environment = os.environ | {"ACCELSIM_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", START]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [process.communicate(timeout=200)[0] for process in both]
    assert ends[0] == ends[1] != "" and [process.returncode for process in both] == [0, 0]
    names = sorted(p.name.split("_")[0] for p in (tmp_path / "cache").glob("*.py"))
    assert names == sorted(ALL)
    files = list((tmp_path / "cache" / "__pycache__").glob("*.o"))
    assert len(files) == 4 and all(private.get(file) for file in files)
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_nothing_in_the_folder_it_is_started_in_is_run_by_those_that_compile(tmp_path, with_kernel):
    """It may be a folder where anybody writes."""
    with_kernel(tmp_path / "cache")
    for name in ("pathlib", "numba", "accelsim"):
        (tmp_path / f"{name}.py").write_text("open('was_run', 'w').close()\nraise ImportError\n")
    environment = os.environ | {"ACCELSIM_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    code = f"import accelsim.core.keep as keep\nkeep.processors = lambda: 2\n{START}"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0 and not (tmp_path / "was_run").exists(), done.stderr

"""Where entries are kept: compiled by several processes, called by all that they are made of."""

import os
import time

import numpy as np
import pytest

from accelsim.core import imports, keep
from accelsim.core.elaborate import kernel_module
from tests.core.toys import build


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Nothing is compiled but the kernel, and two processes may be used; names the modules that are compiled here."""
    build(np.arange(1, 3)).run()
    kernel = kernel_module().name
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(keep, "processors", lambda: 2)
    monkeypatch.setattr(keep, "addresses", {kernel: keep.addresses[kernel]})
    here, compile_kept = [], keep.compile_kept
    monkeypatch.setattr(keep, "compile_kept", lambda path, text: (here.append(path.stem), compile_kept(path, text))[1])
    return here


def test_several_processes_compile_what_is_missing(tmp_path, fresh, monkeypatch):
    compile_kept = keep.compile_kept

    def made(path, text):
        code, end = compile_kept(path, text), time.monotonic() + 60
        while len(list(tmp_path.glob("__pycache__/*.o"))) <= len(fresh) and time.monotonic() < end:
            time.sleep(0.01)  # until the other process, which has to start, has made one
        return code

    monkeypatch.setattr(keep, "compile_kept", made)
    build(np.arange(1, 9)).run()
    assert 0 < len(fresh) < 3
    assert len(list(tmp_path.glob("__pycache__/*.o"))) == 3


def test_what_a_worker_cannot_import_is_compiled_here(fresh, monkeypatch):
    monkeypatch.setattr(keep.sys, "executable", "false")
    sim = build(np.arange(1, 9))
    sim.run()
    assert sim.result().end > 0 and len(fresh) == 3


def test_each_file_is_taken_by_one_process(tmp_path):
    paths = [tmp_path / str(n) for n in range(5)]
    queue, ordered = os.pipe()
    os.write(ordered, bytes(range(5)))
    os.close(ordered)
    one, other = keep.taken(paths, queue), keep.taken(paths, queue)
    assert [next(one), next(other), next(other)] == paths[:3]
    assert [*other, *one] == paths[3:]
    os.close(queue)


def test_what_a_component_imports_is_part_of_it():
    found = set()
    imports.sources(imports.PACKAGE / "components" / "dram" / "memory.py", found)
    assert {"frfcfs.py", "dramsim3.py", "queues.py", "tables.py", "state.py"} <= {file.name for file in found}


def test_what_a_users_component_imports_is_part_of_it_too(tmp_path):
    """A change in a helper's file must not leave an old entry in the cache."""
    package = tmp_path / "mine"
    package.mkdir()
    for name in ("part", "arithmetic", "sizes", "constants"):
        (package / f"{name}.py").write_text("")
    lines = "from .sizes import WIDTH\nfrom mine.arithmetic import add\nfrom mine import (\n    constants,\n)\n"
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text(lines)
    found = set()
    imports.sources(package / "part.py", found)
    assert {"part.py", "arithmetic.py", "sizes.py", "constants.py"} <= {file.name for file in found}

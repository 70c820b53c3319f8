"""Where entries are kept: compiled by several processes, called by all that they are made of."""

import sys

import numpy as np

from accelsim.core import imports, keep
from tests.core.toys import build


def test_several_processes_compile_what_is_missing(tmp_path, monkeypatch):
    """The first hand here is another process's: when this one comes to it, its machine code lies there already."""
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(keep, "processors", lambda: 2)
    sim = build(np.arange(1, 9))
    for name in [n for n in sys.modules if n.startswith(("Source_", "Server_", "Sink_"))]:
        monkeypatch.delitem(sys.modules, name)
    sim.run()
    compiled_here = [
        name
        for name, module in sys.modules.items()
        if name.startswith(("Source_", "Server_", "Sink_")) and module.entry.cache_hits == 0
    ]
    assert 0 < len(compiled_here) < 3
    assert len(list(tmp_path.glob("__pycache__/*.nbc"))) >= 3


def test_what_a_worker_cannot_import_is_compiled_here(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(keep, "processors", lambda: 2)
    monkeypatch.setattr(keep.sys, "executable", "false")
    for name in [n for n in sys.modules if n.startswith(("Source_", "Server_", "Sink_"))]:
        monkeypatch.delitem(sys.modules, name)
    sim = build(np.arange(1, 9))
    sim.run()
    assert sim.result().end > 0


def test_work_is_dealt_out_evenly(tmp_path):
    weights = {tmp_path / str(n): weight for n, weight in enumerate([9, 5, 4, 3, 1])}
    hands = keep.deal(weights, 2)
    assert sorted(sum(weights[p] for p in hand) for hand in hands) == [10, 12]
    assert sorted(p for hand in hands for p in hand) == sorted(weights)


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

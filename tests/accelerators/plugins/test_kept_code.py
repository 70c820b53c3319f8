"""Machine code of a user's component is kept, and made anew when any file that it is made of has changed."""

import re

import pytest

from tests.accelerators.plugins.conftest import edit, python

PART = '''\
"""A component that counts; what it adds comes from many files."""

from accelsim.core import BUSY, IDLE, Component, Count, Simulator, tick
{imports}

class Adder(Component):
    """Adds once."""

    total = Count("what was added")

    @tick
    def tick(now, r):
        if r.total:
            return IDLE
        r.total += {expression}
        return BUSY


if __name__ != "__main__":
    sim = Simulator()
    adder = sim.add(Adder("adder"))
'''
RUN = "import mine.part as p; p.sim.run(); print(p.adder.value('total'), p.sim.kernel is not None)"
HELD = """\
from numba import njit

AMOUNT = 5


@njit
def amount():
    return AMOUNT
"""
FORMS = {
    "from": ("from mine.held import AMOUNT\n", "AMOUNT", "mine/held.py"),
    "import": ("import mine.held\n", "mine.held.AMOUNT", "mine/held.py"),
    "import as": ("import mine.held as h\n", "h.AMOUNT", "mine/held.py"),
    "relative": ("from .held import AMOUNT\n", "AMOUNT", "mine/held.py"),
    "relative module": ("from . import held\n", "held.AMOUNT", "mine/held.py"),
    "several lines": ("from mine import (\n    held,\n)\n", "held.AMOUNT", "mine/held.py"),
    "continued": ("from mine \\\n    import held\n", "held.AMOUNT", "mine/held.py"),
    "second of a line": ("import os, mine.held\n", "mine.held.AMOUNT", "mine/held.py"),
    "behind a statement": ("X = 1; import mine.held as h\n", "h.AMOUNT", "mine/held.py"),
    "conditional": (
        "try:\n    from mine.held import AMOUNT\nexcept ImportError:\n    pass\n",
        "AMOUNT",
        "mine/held.py",
    ),
    "function": ("from mine.held import amount\n", "amount()", "mine/held.py"),
    "beside": ("import held\n", "held.AMOUNT", "held.py"),
    "elsewhere": ("import far\n", "far.AMOUNT", "lib/far.py"),
    "package": ("import deep.inner\n", "deep.inner.AMOUNT", "lib/deep/inner.py"),
    "second hand": ("from mine.between import AMOUNT\n", "AMOUNT", "mine/held.py"),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory, with_kernel):
    """A cache of this file's tests."""
    return with_kernel(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def compiled(tmp_path, cache):
    """Runs a component in a process of its own: what it added, and how many entries a test has compiled so far."""
    before = len(list(cache.glob("Adder_*.py")))

    def run() -> tuple[int, int]:
        paths = {"PYTHONPATH": f"{tmp_path}:{tmp_path / 'lib'}", "ACCELSIM_CACHE": str(cache)}
        said = python(tmp_path, "-B", "-c", RUN, **paths).stdout.split()
        return int(said[0]), len(list(cache.glob("Adder_*.py"))) - before

    return run


ALL_RUN = """\
import importlib, sys
for package in sys.argv[1:]:
    part = importlib.import_module(f"{package}.part")
    part.sim.run()
    print(part.adder.value("total"))
"""


def test_an_edit_in_an_imported_file_is_noticed(tmp_path, cache):
    """Of every form of import: each in a package of its own, all of them run by one process before the edits, by one
    without an edit, and by one after."""

    def numbered(number: int, text: str) -> str:
        return re.sub(r"\b(mine|held|far|deep)\b", rf"\g<1>{number}", text)

    def run() -> tuple[list[int], int]:
        before = len(list(cache.glob("Adder_*.py")))
        paths = {"PYTHONPATH": f"{tmp_path}:{tmp_path / 'lib'}", "ACCELSIM_CACHE": str(cache)}
        said = python(tmp_path, "-B", "-c", ALL_RUN, *(f"mine{n}" for n in range(len(FORMS))), **paths).stdout.split()
        return [int(total) for total in said], len(list(cache.glob("Adder_*.py"))) - before

    for number, (imports, expression, file) in enumerate(FORMS.values()):
        part = PART.format(imports=imports, expression=expression)
        for path, text in (("mine/part.py", part), ("mine/between.py", "from mine.held import AMOUNT\n"), (file, HELD)):
            place = tmp_path / numbered(number, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(numbered(number, text))
    assert run() == ([5] * len(FORMS), len(FORMS))
    assert run() == ([5] * len(FORMS), 0)
    for number, (_, _, file) in enumerate(FORMS.values()):
        edit(tmp_path / numbered(number, file), "AMOUNT = 5", f"AMOUNT = {10 + number}")
    found, compiled = run()
    assert dict(zip(FORMS, found)) == {form: 10 + n for n, form in enumerate(FORMS)} and compiled == len(FORMS)


CHILD = '''\
"""A component that inherits its tick."""

{imports}
from accelsim.core import Simulator


class Adder({base}):
    """Nothing of its own."""


sim = Simulator()
adder = sim.add(Adder("adder"))
'''


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("from other.part import Adder as Base", "Base"),
        ("import other.part", "other.part.Adder"),
        ("import importlib\n\nBase = importlib.import_module('other.part').Adder", "Base"),  # no import to be seen
    ],
)
def test_an_edit_in_the_file_of_a_base_class_is_noticed(tmp_path, compiled, imports, base):
    """The tick, and what it imports, lie in another plug-in, elsewhere."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "lib" / "other").mkdir(parents=True)
    (tmp_path / "mine" / "part.py").write_text(CHILD.format(imports=imports, base=base))
    parent = tmp_path / "lib" / "other" / "part.py"
    parent.write_text(PART.format(imports="from other.held import AMOUNT\n", expression="AMOUNT"))
    (tmp_path / "lib" / "other" / "held.py").write_text(HELD)
    assert compiled() == (5, 1)
    edit(parent, "r.total += AMOUNT", "r.total += AMOUNT + 1")
    assert compiled() == (6, 2)
    edit(tmp_path / "lib" / "other" / "held.py", "AMOUNT = 5", "AMOUNT = 7")
    assert compiled() == (8, 3)

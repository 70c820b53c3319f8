"""A machine from outside works wherever one of ours does: by folder, file and entry point, in every process."""

import json
import shutil
from pathlib import Path

import pytest

from tests.accelerators.plugins.conftest import accelsim, edit, python
from tests.sweep.conftest import tiny

DERIVED = '''\
"""ViTCoD with a vector unit of twice the lanes."""

from dataclasses import replace

from accelsim.accelerators.vitcod.machine import SCHEMA, ViTCoD
from accelsim.components.vector_unit import VectorUnit
from accelsim.config.schema import Part
from accelsim.core import Param


class WideVector(VectorUnit):
    """Behaves as its base class does, and costs the same."""

    lanes = Param(128, "count", "elements worked on in a cycle")


class Derived(ViTCoD):
    """With one part replaced."""

    schema = replace(
        SCHEMA, name="derived", parts={**SCHEMA.parts, "vector": Part("element-wise work", "core", WideVector)}
    )


MACHINE = Derived()
'''
SWEEP = (
    "import sys; from accelsim.sweep.campaign import sweep\n"
    "if __name__ == '__main__':\n"
    "    s = sweep('plan.yaml', 's.sqlite', processes=int(sys.argv[1]))\n"
    "    print(s.kept, s.computed, s.failures)\n"
)


@pytest.fixture
def place(new, outside) -> Path:
    """A working directory with a machine `swift` in machines/, a workload and a sweep file; and a folder in the way."""
    from accelsim.workload import save

    (outside / "machines").mkdir()
    new(name="machines/swift")
    (outside / "swift").mkdir()
    save(tiny(), outside / "tiny.yaml")
    (outside / "plan.yaml").write_text(
        "machines: [swift]\nworkloads: [tiny.yaml]\naxes: {dot.multipliers: [8, 16], vector.lanes: [4, 8]}\n"
    )
    (outside / "sweep.py").write_text(SWEEP)
    return outside


def test_a_folder(place):
    """The machine is meant by its name, whatever lies in the working directory; the result says what it was made of."""
    done = accelsim(place, "--plugin", "machines/swift", "run", "swift", "tiny.yaml", "--no-plots", "-o", "out")
    assert "written to out" in done.stdout
    notes = json.loads((place / "out" / "result.json").read_text())["notes"]
    assert notes["plugin"].startswith("swift, sources sha256 ")
    assert len(notes["plugin"].split()[-1]) == 64
    assert "  swift" in accelsim(place, "--plugin", "machines/swift", "list").stdout.splitlines()
    assert "DotArray, clock core" in accelsim(place, "--plugin", "machines/swift", "describe", "swift").stdout
    edit(place / "machines" / "swift" / "README.md", "# swift", "# Swift")
    again = accelsim(
        place, "--plugin", "machines/swift", "run", "swift", "tiny.yaml", "--no-plots", "-v", "-o", "again"
    )
    assert notes["plugin"] in " ".join(again.stdout.split())
    assert "is not known" in accelsim(place, "run", "machines/swift/swift.yaml", "tiny.yaml", status=2).stderr


def test_a_single_file_that_derives_from_a_shipped_machine(place):
    """Its vector unit has no tick and no price of its own."""
    (place / "derived.py").write_text(DERIVED)
    (place / "derived.yaml").write_text("machine: derived\nparts: {dram: {model: pipe}}\n")
    done = accelsim(place, "--plugin", "derived.py", "run", "derived", "tiny.yaml", "--no-plots", "-v", "-o", "out")
    assert "WideVector" in done.stdout
    result = json.loads((place / "out" / "result.json").read_text())
    plain = accelsim(
        place, "run", "vitcod", "tiny.yaml", "--no-plots", "-o", "plain", "--set", "dram.model=pipe", "--set",
        "vector.lanes=128", "--set", "clocks.dram=1200 MHz",
    )  # fmt: skip
    other = json.loads((place / "plain" / "result.json").read_text())
    assert plain.returncode == 0
    assert result["components"]["vector"].pop("class") == "WideVector"
    assert other["components"]["vector"].pop("class") == "VectorUnit"
    for figure in ("counters", "components", "energy", "area_um2"):
        assert result[figure] == other[figure]


def test_an_installed_one(place):
    site = place / "site"
    shutil.copytree(place / "machines" / "swift", site / "swift_package")
    for file in (site / "swift_package").glob("*.py"):
        file.write_text(file.read_text().replace("from swift.", "from swift_package."))
    info = site / "swift-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: swift\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[accelsim.machines]\nswift = swift_package.machine:MACHINE\n")
    there = {"PYTHONPATH": str(site)}
    assert "  swift" in accelsim(place, "list", **there).stdout.splitlines()
    assert "all rules hold" in accelsim(place, "check-machine", "swift", "--cases", 1, **there).stdout
    assert python(place, "sweep.py", 2, **there).stdout == "0 4 []\n"
    assert "swift" in accelsim(place, "--plugin", "machines/swift", "describe", "swift", **there).stdout
    (info / "entry_points.txt").write_text("[accelsim.machines]\nquick = swift_package.machine:MACHINE\n")
    said = accelsim(place, "describe", "quick", status=2, **there).stderr
    assert said.endswith("its schema is called 'swift', but its folder or entry point 'quick'\n")
    (info / "entry_points.txt").write_text("[accelsim.machines]\nswift = swift_package.machin\n")
    said = accelsim(place, "describe", "swift", status=2, **there).stderr
    assert said.startswith(
        "error: the installed plug-in 'swift' (swift_package.machin): it cannot be imported: ModuleNot"
    )


def test_workers_and_what_is_kept(place):
    """Every process finds the machine; a change of its source, or of a file it imports, makes its results anew."""
    named = {"ACCELSIM_PLUGINS": str(place / "machines" / "swift")}
    assert python(place, "sweep.py", 2, **named).stdout == "0 4 []\n"
    assert python(place, "sweep.py", 0, **named).stdout == "4 0 []\n"
    (place / "machines" / "swift" / "more.py").write_text("")
    assert python(place, "sweep.py", 0, **named).stdout == "0 4 []\n"
    (place / "machines" / "beside.py").write_text("A = 1\n")
    (place / "machines" / "swift" / "more.py").write_text("import beside\n")
    assert python(place, "sweep.py", 0, **named).stdout == "0 4 []\n"
    (place / "machines" / "beside.py").write_text("A = 2\n")
    assert python(place, "sweep.py", 0, **named).stdout == "0 4 []\n"
    assert python(place, "sweep.py", 0, **named).stdout == "4 0 []\n"


def test_a_worker_started_anew(place):
    text = SWEEP.replace("import sys;", "import sys, multiprocessing; import accelsim.sweep.processes as p;").replace(
        "    s = ", "    p.start_method = lambda: multiprocessing.get_context('spawn')\n    s = "
    )
    (place / "sweep.py").write_text(text)
    assert python(place, "sweep.py", 2, ACCELSIM_PLUGINS=str(place / "machines" / "swift")).stdout == "0 4 []\n"


def test_the_command_lines_of_many_runs(place):
    named = ("--plugin", "machines/swift")
    assert "4" in accelsim(place, *named, "sweep", "plan.yaml", "--store", "s.sqlite", "-j", 2).stdout
    table = accelsim(place, "results", "s.sqlite").stdout
    assert table.count("swift") >= 4
    compared = accelsim(place, *named, "compare", "swift", "vitcod", "tiny.yaml", "-j", 2).stdout
    assert "swift" in compared and "vitcod" in compared


def test_search(place):
    pytest.importorskip("optuna")
    (place / "space.yaml").write_text(
        "machines: [swift]\nworkloads: [tiny.yaml]\n"
        "axes: {dot.multipliers: [8, 16, 32, 64], vector.lanes: [4, 8, 16]}\n"
    )
    done = accelsim(
        place, "--plugin", "machines/swift", "search", "space.yaml", "--store", "s.sqlite", "--budget", 4, "--no-grid",
        "-j", 0,
    )  # fmt: skip
    assert "cycles" in done.stdout


def test_a_cluster(place):
    pytest.importorskip("distributed")
    (place / "cluster.py").write_text(
        "import distributed\nfrom accelsim.accelerators.plugins import name_plugin\n"
        "from accelsim.sweep.campaign import sweep\n"
        "if __name__ == '__main__':\n"
        "    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made:\n"
        "        name_plugin('machines/swift')\n"
        "        s = sweep('plan.yaml', 's.sqlite', scheduler=made.scheduler_address)\n"
        "        print(s.kept, s.computed, s.failures)\n"
    )
    assert python(place, "cluster.py").stdout == "0 4 []\n"

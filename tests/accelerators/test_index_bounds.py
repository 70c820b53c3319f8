"""No tick reads or writes outside its arrays: numba looks at every index of a network's run."""

import os
import subprocess
import sys

import pytest

from accelsim.accelerators import simulated

SETTINGS = {"vitcod": (["dram.controller=frfcfs_rowhit"], ["miss=dram", "forward=false", "dram.controller=dramsim3"])}


@pytest.mark.parametrize(
    "machine", [name if name in SETTINGS else pytest.param(name, marks=pytest.mark.slow) for name in simulated()]
)
def test_every_index_is_inside_its_array(machine, tmp_path):
    of_this_test = {"NUMBA_BOUNDSCHECK": "1", "ACCELSIM_CACHE": str(tmp_path / "cache")}
    for settings in SETTINGS.get(machine, ([],)):
        changed = [part for one in settings for part in ("--set", one)]
        command = ["accelsim", "run", machine, "fmnist_vit_s90", "--no-plots", "-o", tmp_path / "run", *changed]
        done = subprocess.run(
            [sys.executable, "-m", *command], capture_output=True, text=True, env=os.environ | of_this_test
        )
        assert done.returncode == 0, done.stderr

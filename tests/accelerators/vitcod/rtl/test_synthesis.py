"""yosys makes hardware of every module: gates, flip-flops and memories, no latch, no loop, nothing without a driver."""

import json
from dataclasses import replace

import pytest

from accelsim.accelerators.vitcod.rtl.datapath import Sizes
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TABLES
from accelsim.accelerators.vitcod.rtl.settings import SMALL
from accelsim.accelerators.vitcod.rtl.twins import tops
from accelsim.rtl import synthesis
from accelsim.rtl.synthesis import CELLS, synthesize_all
from accelsim.rtl.write import write

TINY = {
    **SMALL,
    "denser": SMALL["denser"] | {"lines": 2, "macs": 2, "q_port_bytes": 4},
    "sparser": SMALL["sparser"] | {"lines": 2, "macs": 2, "banks": 2, "score_ports": 1, "segment": 4},
    "softmax": SMALL["softmax"] | {"lanes": 1, "mode": 1, "exp_cycles": 1, "divide_cycles": 4, "divide_interval": 1},
    "decoder": SMALL["decoder"] | {"lines": 2, "macs": 2, "port_bytes": 4, "queue": 2, "q_from": 0},
    "merge": SMALL["merge"] | {"places": 2},
    "encoder": {"lines": 2, "macs": 2, "sum_port_bytes": 4},
    "mac_array": {"lines": 2, "macs": 2, "step_cycles": 0, "psum_banks": 1, "psum_port_bytes": 4, "weight_banks": 1,
                  "weight_port_bytes": 2, "act_banks": 1, "act_port_bytes": 2},
    "vector_unit": {"lanes": 2, "reduce_cycles": 4, "rsqrt_cycles": 10, "rows": 8, "banks": 1, "port_bytes": 2},
}  # fmt: skip
ROWS = {"passes": 2, "dense": 4, "columns": 4, "index": 8, "rows": 4}
SIZES = Sizes(heads=2, all=2, encoded=1, tokens=4, features=4, scores=16, all_scores=16)


@pytest.fixture
def yosys() -> None:
    why = synthesis.missing()
    if why:
        pytest.skip(why)


def test_yosys_synthesizes_every_module(yosys, tmp_path):
    nets = [replace(net, bits=8) for net in tops(TINY, ROWS, SIZES)]  # or wider: minutes
    files = write(nets, tmp_path)
    found = synthesize_all(tmp_path, files, [net.top for net in nets], TABLES, mapped=False)
    made = {path.stem for path in PACKAGE.modules()}.difference(PACKAGE.simulated)
    assert {one.module for one in found} == made | {net.top for net in nets}
    assert all(one.gates + one.memory_bits > 0 for one in found if one.module not in [net.top for net in nets])
    kinds_of_cells = {kind for one in found for kind in one.cells}
    assert not [k for k in kinds_of_cells if not k.startswith("$_") or "LATCH" in k], "gates and flip-flops only"
    count = {name: sum(one.instances for one in found if one.module == name) for name in ("channel", "mac_line")}
    assert count == {"channel": sum(len(net.wires) for net in nets) + 4, "mac_line": 3 * 2}
    sparser = next(one for one in found if one.module == "sparser_engine")
    assert {"index", "outputs_of", "listed", "passes"} >= {m.name for m in sparser.memories} >= {"index", "passes"}
    kept = json.loads((tmp_path / CELLS).read_text())
    assert [one["cells"] for one in kept] == [one.cells for one in found]
    assert (tmp_path / CELLS).exists() and not list(tmp_path.glob("tmp*"))

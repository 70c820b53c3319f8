"""The merge's data path alone: parts of a row that come one by one and, what whole passes seldom show, both at once."""

import numpy as np

from accelsim.accelerators.vitcod.rtl.datapath import LAG
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE
from accelsim.rtl.vsim import Bench, build
from accelsim.workload.functional import Scaling, requantise

PLACES = 2  # the module's default


def test_parts_are_added_wherever_they_meet(tmp_path):
    isa = tmp_path / "isa.sv"
    isa.write_text(PACKAGE.text(20))
    bench = Bench(build([isa, PACKAGE.module("requantise"), PACKAGE.module("merge_datapath")], "merge_datapath"))
    p, rng, scaling = bench.ports, np.random.default_rng(6), Scaling(21000, 20)
    bench.reset()
    p["rst"][0] = 0
    p["multiplier"][0], p["shift"][0] = scaling
    oldest, held, left, rows, both = 0, {}, [], [], 0
    for _ in range(1500):
        parts = rng.integers(-3000, 3000, (2, 2)).astype(np.int32)
        rows.append(parts)
        places = [int(rng.integers(oldest, oldest + PLACES)) if rng.random() < 0.6 else None for _ in range(2)]
        for name, place, part in zip(("dense", "sparse"), places, parts):
            p[f"takes_{name}"][0], p[f"{name}_place"][0] = place is not None, place or 0
            if place is not None:
                p[f"{name}_first"][0] = place not in held
                held[place] = held.get(place, 0) + part
        both += places[0] is not None and places[0] == places[1]
        leaves = oldest in held and rng.random() < 0.5
        p["leaves"][0], p["leaves_place"][0] = leaves, oldest
        left.append((oldest, held[oldest].copy()) if leaves else None)
        oldest += leaves
        if len(left) > LAG:
            for name, part in zip(("dense", "sparse"), rows[-1 - LAG]):
                p[f"{name}_row"].view(np.int32)[:2] = part
            bench.eval()
            wanted = left[-1 - LAG]
            assert p["finished"][0] == (wanted is not None)
            if wanted:
                assert p["finished_place"][0] == wanted[0]
                assert p["sums"].view(np.int32)[:2].tolist() == wanted[1].tolist()
                assert p["values"].view(np.int8)[:2].tolist() == requantise(wanted[1], *scaling).tolist()
        bench.clock()
    assert oldest > 200 and both > 100
    bench.close()

"""The pack unit on the wires: a column a cycle, and what ends a pass."""

import numpy as np
import pytest

from tests.accelerators.sanger.machines import attention, finished, full, logged, sized


@pytest.mark.parametrize("reading", ["column_tile", "block", "unit"])
def test_the_pack_unit_takes_a_column_a_cycle(reading):
    keep = full(1, 8, 19, 0.4)
    keep[0, 0] = True
    keep[0, :, 8:16] = False  # a tile without a pass
    arch = sized(8, f"pack={reading}", "pack.subrows_per_cycle=3", "array.packs_ahead=16")
    log = logged(arch, attention(keep))
    at, sizes = log["predictor.strip"]["at"][0] + 1, np.add.reduceat(keep[0], [0, 8, 16], axis=1, dtype=int)
    assert log["pack.drained"]["columns"].tolist() == [8, 8, 3]
    began = at
    for tile, (columns, found) in enumerate(zip((8, 8, 3), log["pack.drained"]["at"])):
        if reading == "unit":
            used, emits, ready = np.zeros(8, int), 0, []
            for n, column in enumerate(keep[0, :, 8 * tile : 8 * tile + columns].T):
                if (column & (used == 2)).any():
                    used, emits = 0 * used, emits + 1
                    ready.append(at + 1 + n + emits)
                used = used + column
            at += 1 + columns + emits
            if used.any():
                ready.append(at)
        else:
            subrows = -(-sizes[:, tile] // 2)
            at += 1 + columns + -(-subrows.sum() // 3)
            ready = []
        assert found == at
        if ready:
            passes = log["pack.ready"]["at"]
            assert [t for t in ready if t not in passes] == []
    assert finished(arch, attention(keep))[0].result().total.counts["pack"]["cycles"] == at - began

"""The arithmetic in hardware, bit for bit against the functional twin."""

import numpy as np
import pytest

from accelsim.accelerators.vitcod.rtl.modules import PACKAGE
from accelsim.rtl.vsim import Bench, build
from accelsim.workload.functional import EXP2, exponentials, octaves, probabilities, scores


def bench(name: str) -> Bench:
    return Bench(build([PACKAGE.module(name)], name))


def test_a_mac_line_computes_scores_and_values():
    unit, rng = bench("mac_line"), np.random.default_rng(1)
    p = unit.ports
    unit.reset()
    p["rst"][0] = 0
    for dim in (8, 16, 64):
        q, k = (rng.integers(-128, 128, (1, 1, dim)).astype(np.int8) for _ in range(2))
        p["values"][0] = 0
        for beat in range(dim // 8):
            p["valid"][0], p["first"][0] = 1, beat == 0
            p["stream"].view(np.int8)[:] = q[0, 0, 8 * beat : 8 * beat + 8]
            p["held"].view(np.int8)[:] = k[0, 0, 8 * beat : 8 * beat + 8]
            unit.clock()
        assert p["score"].view(np.int32)[0] == scores(q, k)[0, 0, 0]
        count = int(rng.integers(1, 30))
        v, e = rng.integers(-128, 128, (count, 8)).astype(np.int8), rng.integers(0, 128, count)
        p["values"][0] = 1
        for n in range(count):
            p["first"][0], p["probability"][0] = n == 0, e[n]
            p["stream"].view(np.int8)[:] = v[n]
            unit.eval()
            p["accumulated"][:] = p["sums"]
        assert p["accumulated"].view(np.int32).tolist() == (e[:, None] * v.astype(np.int64)).sum(axis=0).tolist()
        unit.clock()
        assert p["score"].view(np.int32)[0] == scores(q, k)[0, 0, 0], "the other mode must leave the score alone"
    unit.close()


@pytest.mark.parametrize("shift", [0, 7, 20, 30])
def test_the_exponential_has_every_bit(shift):
    unit, rng = bench("exponential"), np.random.default_rng(shift)
    p, some = unit.ports, 4000
    multiplier = int(rng.integers(2**14, 2**15))
    s = (rng.integers(-(2**20), 2**20, some) >> rng.integers(0, 18, some)).astype(np.int32)
    bound = int(octaves(s, multiplier, shift)[0])
    keep = np.ones((1, some), bool)
    expected = exponentials(s[None], keep, multiplier, shift, bound, "bounded")[0]
    p["multiplier"][0], p["shift"][0] = multiplier, shift
    p["bound"].view(np.int64)[0] = bound & (2**48 - 1)
    found = []
    for value in s:
        p["score"].view(np.int32)[0] = value
        unit.eval()
        found.append(int(p["value"][0]))
    assert found == expected.tolist()
    unit.close()


def test_the_exponential_of_every_fraction_and_octave():
    unit = bench("exponential")
    p = unit.ports
    p["multiplier"][0], p["shift"][0] = 1, 0
    for u in range(18 * 64):
        p["score"].view(np.int32)[0] = -u
        unit.eval()
        assert p["value"][0] == EXP2[u % 64] >> (u // 64)
    unit.close()


def test_probabilities_have_every_bit():
    divide, scale, rng = bench("reciprocal"), bench("normalise"), np.random.default_rng(3)
    rows = [rng.integers(0, 2**15 + 1, int(rng.integers(1, 198))) >> int(rng.integers(0, 16)) for _ in range(200)]
    rows += [np.zeros(3, np.int64), np.array([1]), np.array([2**15]), np.array([0, 1, 0])]
    known, behind = [], 15  # the last of 16 stages ends in a register of whoever takes the result
    for n in range(len(rows) + behind):
        divide.ports["sum"][0] = rows[n].sum() if n < len(rows) else 0
        divide.eval()
        if n >= behind:
            known.append(int(divide.ports["value"][0]))
        divide.clock()
    for row, reciprocal in zip(rows, known):
        scale.ports["reciprocal"][0] = reciprocal
        found = []
        for e in row:
            scale.ports["exponential"][0] = e
            scale.eval()
            found.append(int(scale.ports["probability"][0]))
        assert found == probabilities(row).tolist()
    divide.close(), scale.close()

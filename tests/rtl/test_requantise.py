"""A sum back to 8 bits, bit for bit against the functional twin."""

import numpy as np

from accelsim.rtl.vsim import SOURCES, Bench, build
from accelsim.workload.functional import encode


def test_requantising_has_every_bit():
    unit, rng = Bench(build([SOURCES / "requantise.sv"], "requantise")), np.random.default_rng(4)
    p = unit.ports
    for _ in range(400):
        multiplier, shift, heads = int(rng.integers(1, 2**15)), int(rng.integers(0, 24)), int(rng.integers(1, 13))
        x = rng.integers(-128, 128, (heads, 1, 4)).astype(np.int8)
        w = rng.integers(-128, 128, (1, heads)).astype(np.int8)
        bias = rng.integers(-(2**16), 2**16, 1).astype(np.int32)
        expected = encode(x, w, multiplier, shift, bias)[0, 0]
        for n in range(4):
            total = int((w[0].astype(np.int64) * x[:, 0, n]).sum()) + int(bias[0])
            p["sum"].view(np.int32)[0], p["multiplier"][0], p["shift"][0] = total, multiplier, shift
            unit.eval()
            assert p["value"].view(np.int8)[0] == expected[n]
    unit.close()

"""The exponential, the predicted mask, and both arrays register by register, against the published RTL."""

import csv

import numpy as np
import pytest

from accelsim.accelerators.sanger.calibration import ARRAYS, arrays
from accelsim.accelerators.sanger.exponential import exponential
from accelsim.accelerators.sanger.prediction import predict, quantise
from accelsim.accelerators.sanger.twin import Fixed, PredictionTwin, SparseTwin

SIXTEENTH = 1 << 12  # of a number with 16 bits below the point


def test_every_exponential_of_the_rtl(reference):
    with (reference / "sanger" / "exp_unit.csv").open() as file:
        rows = np.array([[int(x) for x in line] for line in list(csv.reader(file))[1:]])
    assert len(rows) == 5684
    for width, point in ((20, 8), (32, 16)):
        mine = rows[(rows[:, 0] == width) & (rows[:, 1] == point)]
        assert len(mine) > 1000
        assert (exponential(mine[:, 2], width, point) == mine[:, 3]).all()


def test_the_exponential_is_near():
    x = np.arange(8 << 16, step=997)
    error = exponential(x, 32, 16) / 2**16 / np.exp(x / 2**16) - 1
    assert np.abs(error).max() < 0.031 and -0.02 < error.mean() < -0.01


def test_every_predicted_mask(reference):
    data = np.load(reference / "sanger" / "prediction.npz")
    with (reference / "sanger" / "prediction.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    for r in rows:
        case, way = r["case"], "norm" if r["normalise"] == "1" else "plain"
        q, k = (data[f"c{case}_{n}"][None] / 32 for n in "QK")
        found = predict(q, k, way == "norm")
        for name in ("q4", "k4", "score"):
            assert (getattr(found, name)[0] == data[f"c{case}_{way}_{name}"]).all()
        assert found.scales == pytest.approx(data[f"c{case}_{way}_scale"], rel=1e-12)
        mask = np.unpackbits(data[f"c{case}_{way}_mask_{r['threshold']}"], axis=1)[:, : k.shape[1]]
        assert (found.mask(float(r["threshold"]))[0] == mask).all()
        assert found.mask(float(r["threshold"])).sum() == int(r["kept"])


def test_thresholds_at_their_ends():
    rng = np.random.default_rng(2)
    q, k = rng.standard_normal((2, 1, 9, 5))
    for lengths in (False, True):
        found = predict(q, k, lengths)
        assert found.mask(0).all() and not found.mask(1).any()
        other = predict(7 * q, 7 * k, lengths)
        assert (found.q4 == other.q4).all() and (found.k4 == other.k4).all()
        assert (found.probability != other.probability).any()
    even = predict(np.zeros((1, 4, 3)), k[:, :4, :3], True)
    assert even.mask(0.24).all() and not even.mask(0.25).any(), "equal to the threshold is not kept"
    assert quantise(np.array([0.5, 1.5, -2.5, 7.0]))[0].tolist() == [0, 2, -2, 7], "halves to even"


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("dim", [4, 8])
def test_the_prediction_array_as_its_rtl(reference, seed, dim):
    data = arrays(reference / ARRAYS)
    q, k, out = (data[f"dense_s{seed}_k{dim}_{n}"].astype(int) for n in ("Q", "K", "out"))
    array, products = PredictionTwin(8, 8, Fixed(20, 8)), dim + 8 + 8 - 1
    columns, sums = array.tile(q, k, products)
    first = 1 + dim + 16  # clear, products, one of which is idle
    assert (out[first : first + 8, :8] == columns).all()
    assert (out[first + 8, 8:] == sums).all(), "one cycle behind"
    assert (array.tile(q, k, products - 1)[0] != columns).any(), "no cycle less will do"


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("dim", [8, 12])
def test_the_sparse_array_as_its_rtl(reference, seed, dim):
    data = arrays(reference / ARRAYS)
    names = ("Q", "K", "V", "sel", "out", "score_exp", "result")
    q, k, v, select, out, exps, result = (data[f"sparse_s{seed}_d{dim}_{n}"].astype(np.int64) for n in names)
    array, phase = SparseTwin(select, 8, Fixed(32, 16)), dim + 8 + 8 - 1
    array.scores(q * SIXTEENTH, k * SIXTEENTH, phase)
    array.exponentials()
    assert (array.exps == np.take_along_axis(exps, select, axis=1)).all()
    left = array.values(v.T * SIXTEENTH, phase)
    begin = 1 + phase + 1  # clear, scores, exponentials
    for row in range(8):
        mine = slice(8 + row, 8 + row + dim)  # feature f of row i after step f + W + i
        assert (left[mine, row] == result[row]).all()
        assert (out[begin:][mine, row] == result[row]).all()
    assert (out[begin + phase : begin + phase + 4, 8:] == array.sums()).all()
    assert len(out) == begin + phase + 4 + 1


def test_no_phase_of_the_sparse_array_is_shorter():
    """With operands that are nowhere 0, the last PE's last product comes in the last cycle."""
    rng = np.random.default_rng(1)
    q, k, v = (rng.integers(1, 4, shape) * SIXTEENTH for shape in ((5, 3), (3, 6), (2, 6)))
    select = np.tile([0, 2, 5], (5, 1))
    found = []
    for less in (0, 1):
        array = SparseTwin(select, 6, Fixed(32, 16))
        array.scores(q, k, 3 + 6 + 5 - 1 - less)
        array.exponentials()
        found.append(array.exps)
        if not less:
            values = array.values(v, 2 + 6 + 5 - 1)
            wanted = (array.exps[4] * v[1, select[4]] >> 16).sum()
            assert values[-1, 4] == wanted and values[-2, 4] != wanted
    assert (found[0] != found[1]).any()

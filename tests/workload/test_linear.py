"""Linear attention by its definition, in integers, in files, and in place of softmax."""

import csv
from fractions import Fraction

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.workload import Gemm, LinearAttention, Workload, load, save
from accelsim.workload.functional import linear
from accelsim.workload.linear import LinearRule, converted, negative_weights
from accelsim.workload.network import Network
from accelsim.workload.summary import summary
from tests.workload.small import small


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def operands(rng, heads=2, q=7, kv=9, dim=5, wide=4):
    return (rng.integers(-128, 128, (heads, n, d), np.int8) for n, d in ((q, dim), (kv, dim), (kv, wide)))


@pytest.mark.parametrize("size", ["n1_d64", "n7_d5", "n16_d16", "n49_d32", "n197_d64"])
def test_taylor_is_the_reference(reference, size):
    stored = np.load(reference / "vitality" / "taylor.npz")
    q, k, v, g, z, vsum, divisors = (stored[f"{size}_{n}"] for n in ("Q", "K", "V", "G", "Z", "vsum", "tD"))
    found = linear.taylor(q, k, v)
    assert np.allclose(found.vsum, vsum, rtol=1e-12) and np.allclose(found.divisors, divisors, rtol=1e-12)
    for mine, theirs in ((found.g, g), (found.z, z)):  # stored in single precision
        assert np.abs(mine - theirs).max() <= np.spacing(np.float32(np.abs(theirs).max()))
    q, k, v, *wanted = (stored[f"{size}_{n}8"] for n in ("Q", "K", "V", "mean", "G", "ksum", "vsum", "QK", "QG"))
    sums, q = linear.sums(k, v, centred=True), q.astype(np.int64)
    for mine, theirs in zip((sums.mean, sums.g, sums.ksum, sums.vsum, q @ sums.ksum, q @ sums.g), wanted, strict=True):
        assert np.array_equal(mine, theirs)


def test_l1_is_the_reference_in_either_order(reference):
    stored = np.load(reference / "sima" / "cases.npz")
    for row in rows(reference / "sima" / "cases.csv"):
        q, k, v, out = (stored[f"{row['case']}.{n}"] for n in ("q", "k", "v", "out"))
        for scores_first in (True, False):
            assert np.allclose(linear.l1(q, k, v, scores_first), out, rtol=0, atol=1e-13)
        heads, tokens, dim = q.shape
        layer = LinearAttention("a", "b", "l1", heads, tokens, tokens, dim, dim)
        assert layer.scores_first == (row["order"] == "(QK)V")
        assert layer.softmax_macs == int(row["products_QK_V"])
        assert LinearAttention("a", "b", "l1", heads, tokens, tokens, dim, dim, "kv").macs == int(row["products_Q_KV"])


def test_hash_counts_are_the_reference(reference):
    for row in rows(reference / "ecoformer" / "operations.csv"):
        tokens, dim, heads, bits = (int(row[n]) for n in ("tokens", "dim", "heads", "hash_bits"))
        coded, plain = linear.hash_operations(tokens, dim, heads, bits), linear.softmax_operations(tokens, dim, heads)
        for counts, name in ((coded, "ecoformer"), (plain, "softmax")):
            assert counts == (int(row[f"{name}_multiplications"]), int(row[f"{name}_additions"]))
            assert f"{counts.pj:.1f}" == f"{float(row[f'{name}_pj']):.1f}"


@pytest.mark.parametrize("name", ["deit_t", "deit_s", "deit_b", "levit128_s1", "levit128_s2", "levit128_s3"])
def test_taylor_counts_are_the_reference(reference, name):
    (row,) = (row for row in rows(reference / "vitality" / "ops.csv") if row["model"] == name)
    many, heads, tokens, dim = (int(row[n]) for n in ("layers", "heads", "tokens", "head_dim"))
    layer = LinearAttention("a", "b", "taylor", heads, tokens, tokens, dim, dim)
    wanted = sum(int(row[f"taylor_macs_{part}"]) for part in ("g", "qg", "diag"))
    assert (many * layer.macs, many * layer.softmax_macs) == (wanted, int(row["softmax_macs"]))
    assert f"{layer.softmax_macs / layer.macs:.4f}" == f"{float(row['mac_ratio']):.4f}"


def test_taylor_is_its_closed_sum_and_its_key_sum_is_zero():
    rng = np.random.default_rng(3)
    q, k, v = (rng.standard_normal((3, n, d)) for n, d in ((7, 5), (9, 5), (9, 4)))
    found = linear.taylor(q, k, v)
    weights = linear.taylor_weights(q, k)
    assert np.allclose(found.z, linear.weighted(weights, v), atol=1e-12) and np.allclose(weights.sum(axis=-1), 9)
    exact = [[Fraction(int(x)) for x in row] for row in rng.integers(-99, 99, (9, 5))]
    means = [sum(column) / 9 for column in zip(*exact)]
    assert all(sum(row[f] - means[f] for row in exact) == 0 for f in range(5))
    assert np.allclose(linear.taylor(q, k + rng.standard_normal(5), v).z, found.z)  # the same added to all keys
    assert np.allclose(linear.taylor(q, k, np.ones_like(v)).z, 1)
    assert np.allclose(linear.taylor(q, k[:, :1], v[:, :1]).z, v[:, :1])
    small = 1e-3
    scores = np.exp(small * q @ np.swapaxes(k, 1, 2) / np.sqrt(5))
    assert np.abs(linear.taylor(small * q, k, v).z - linear.weighted(scores, v)).max() < small**2 * 100


def test_integer_sums_are_the_definition():
    rng = np.random.default_rng(4)
    q, k, v = operands(rng)
    found = linear.sums(k, v, centred=True)
    assert (np.abs(found.ksum) * 2 <= 9).all() and found.keys.max() > 127  # nine bits are needed
    after = np.einsum("hnd,hnv->hdv", k.astype(int), v) - found.mean[..., None] * found.vsum[:, None]
    assert np.array_equal(found.g, after)  # centred behind the product: the same
    narrow = linear.sums(k, v, centred=True, key_bits=8)
    assert narrow.keys.max() == 127 and not np.array_equal(narrow.g, found.g)
    codes = np.where(q >= 0, 1, -1), np.where(k >= 0, 1, -1)
    plain = linear.sums(codes[1], v, centred=False)
    num = codes[0] @ plain.g + 6 * plain.vsum[:, None]
    den = linear.divisors(codes[0], plain.ksum, 9 * 6)
    assert np.allclose(num / den[..., None], linear.weighted(linear.hash_weights(*codes), v)) and den.min() >= 9
    halves = linear.divide(np.array([5, -5, 4]), np.array([2, 2, 3]), 0)
    assert halves.tolist() == [3, -2, 1]


def test_a_normalised_operand_is_the_nearest_integer():
    x = np.array([[3, 0], [-1, 0]], np.int8)
    assert linear.l1_shift(2) == 5 and linear.l1_normalised(x).tolist() == [[24, 0], [-8, 0]]
    assert linear.l1_normalised(np.array([[1], [0], [0], [0]], np.int8)).tolist() == [[64]] + 3 * [[0]]
    assert linear.l1_normalised(np.eye(64, dtype=np.int8)[:, :1]).max() == 127  # 1024 does not fit


@pytest.mark.parametrize("rule", ["taylor", "l1", "hash"])
def test_a_network_in_place_of_softmax(tmp_path, rule):
    workload = small(bits={"activation": 8, "weight": 8})
    made = converted(workload, rule)
    path = save(made, tmp_path / "made.yaml")
    again = load(path)
    assert again.hash == made.hash and again.layers == made.layers and path.read_text().split("\n")[1] == "version: 3"
    assert again.name == f"small_{rule}" and "in place of softmax" in again.provenance["attention"] and not again.masks
    network = Network(again, lambda layer: LinearRule())
    for layer in again.layers:
        found = network.of(layer.name)
        if isinstance(layer, LinearAttention):
            assert found.output.shape[1:] == (layer.q_tokens, layer.heads * layer.v_dim) and found.output.any()
    text = "\n".join(map(str, summary(made)))
    assert f"Linear attention, {rule}:" in text and ("More MACs than with softmax in" in text) == (rule == "hash")


def test_values_follow_the_real_ones():
    rng = np.random.default_rng(5)
    layer = LinearAttention("a", "b", "taylor", 2, 40, 50, 16, 8)
    tensors = {f"a.{n}": np.rint(rng.standard_normal(s) * 32).clip(-127, 127).astype(np.int8)
               for n, s in (("q", (2, 40, 16)), ("k", (2, 50, 16)), ("v", (2, 50, 8)))}  # fmt: skip
    workload = Workload("w", "m", (layer,), tensors=tensors)
    q, k, v = (tensors[f"a.{n}"] / 32 for n in "qkv")
    out = Network(workload, lambda layer: None).of("a").output.reshape(40, 2, 8).transpose(1, 0, 2)
    real = linear.taylor(q, k, v).z
    factor = (out * real).sum() / (real * real).sum()
    assert np.abs(out - factor * real).mean() < 0.06 * np.abs(out).mean()
    below, many = negative_weights(tensors["a.q"], tensors["a.k"], 1 / 1024)
    assert many == 2 * 40 * 50 and below == (linear.taylor_weights(q, k) < 0).sum() > 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"rule": "tailor"}, r"rule is 'tailor' but must be one of taylor, l1, hash \(did you mean 'taylor'\?\)"),
        ({"order": "qk"}, "order is 'qk' but only rule l1 takes its products in an order; this rule is taylor"),
        ({"coded_dim": 8}, "coded_dim is 8 but only rule hash has codes; this rule is taylor"),
        ({"windows": 2}, "heads is 3 but must be a multiple of the 2 windows it counts over"),
        ({"qk_dim": 0}, "qk_dim is 0 but must be a whole number of at least 1"),
    ],
)
def test_a_layer_that_is_wrong_is_refused(change, text):
    values = {"rule": "taylor", "heads": 3, "q_tokens": 4, "kv_tokens": 4, "qk_dim": 2, "v_dim": 2}
    with pytest.raises(InputError, match=text):
        LinearAttention("a", "b", **(values | change))


def test_an_older_file_may_not_have_it(tmp_path):
    path = save(Workload("w", "m", (LinearAttention("a", "b", "l1", 1, 2, 2, 2, 2),)), tmp_path / "w.yaml")
    path.write_text(path.read_text().replace("version: 3", "version: 2"))
    with pytest.raises(InputError, match="the kind linear_attention is of files of version 3, but this one is of ver"):
        load(path)
    with pytest.raises(InputError, match="has no softmax attention layer to be exchanged"):
        converted(Workload("w", "m", (Gemm("g", "b", "mlp", 2, 2, 2),)), "taylor")

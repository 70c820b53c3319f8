"""Sub-rows and passes: boundaries by hand, and every mask of the reference data in all three readings."""

import csv
import functools

import numpy as np
import pytest

from accelsim.accelerators.sanger.calibration import PUBLISHED, SYNTHETIC, heads
from accelsim.accelerators.sanger.checks.plain import pack_by_hand
from accelsim.accelerators.sanger.packing import READINGS, pack, segments, subrow_counts


def row(*columns: int, width: int = 197) -> np.ndarray:
    """A mask of one row."""
    keep = np.zeros((1, 1, width), bool)
    keep[0, 0, list(columns)] = True
    return keep


def passes(keep: np.ndarray, reading: str = "column_tile", **sizes: int) -> int:
    packed = pack(keep, **{"rows": 64, "ports": 64, "pes": 16} | sizes, reading=reading)
    assert packed.entries.sum() == packed.count.sum() == keep.sum()
    assert packed.subrows.max(initial=0) <= sizes.get("rows", 64)
    assert packed.count.max(initial=0) <= sizes.get("pes", 16)
    return len(packed.head)


def test_sub_rows_of_known_masks():
    full = np.ones((1, 197, 197), bool)
    assert subrow_counts(full, 64, 16).sum() == 197 * (3 * 4 + 1) == 2561
    assert subrow_counts(np.eye(197, dtype=bool)[None], 64, 16).sum() == 197
    assert subrow_counts(row(*range(197)), 64, 16).sum() == 13
    assert subrow_counts(row(), 64, 16).sum() == 0
    assert subrow_counts(row(*range(16)), 64, 16).sum() == 1
    assert subrow_counts(row(*range(17)), 64, 16).sum() == 2
    assert subrow_counts(row(63, 64), 64, 16).sum() == 2, "they never share a sub-row"


@pytest.mark.parametrize("reading", READINGS)
def test_passes_of_known_masks(reading):
    assert passes(np.zeros((2, 70, 70), bool), reading) == 0
    assert passes(np.eye(64, dtype=bool)[None], reading) == 1
    assert passes(np.eye(65, dtype=bool)[None], reading) == 2
    assert passes(np.ones((1, 64, 16), bool), reading) == 1
    assert passes(np.ones((1, 64, 64), bool), reading) == 4
    assert passes(row(*range(192, 197)), reading) == 1, "the last tile has five columns"


def test_the_readings_differ_as_they_must():
    keep = np.zeros((1, 128, 64), bool)
    keep[0, ::2, 5] = True  # 64 sub-rows in two blocks
    assert [passes(keep, reading) for reading in READINGS] == [1, 2, 2]
    keep[0, 0, :17] = True  # one row of a block has two sub-rows
    assert [passes(keep, reading) for reading in READINGS] == [2, 2, 3]


def test_rows_of_two_groups_share_no_pass():
    keep = np.zeros((1, 12, 4), bool)
    keep[0, :, 1] = True
    sizes = {"rows": 4, "ports": 4, "pes": 2, "reading": "column_tile"}
    assert len(pack(keep[:, ::2], **sizes).head) == 2 and len(pack(keep[:, ::2], **sizes, group=4).head) == 2
    keep[0, 3] = False
    assert len(pack(keep, **sizes).head) == 3 and len(pack(keep, **sizes, group=4).head) == 3
    assert pack(keep, **sizes).last_row.tolist() == [4, 8, 11]
    assert pack(keep, **sizes, group=4).last_row.tolist() == [2, 7, 11]


@pytest.mark.parametrize("reading", READINGS)
def test_random_masks_as_by_hand(reading):
    rng = np.random.default_rng(3)
    for _ in range(60):
        heads, rows, columns = (int(n) for n in rng.integers(1, [4, 20, 20]))
        keep = rng.random((heads, rows, columns)) < rng.choice([0.0, 0.1, 0.5, 1.0])
        high, ports = (int(n) for n in rng.integers(1, 8, 2))
        pes, group = int(rng.integers(1, ports + 1)), int(rng.integers(0, 3)) * high
        packed, at = pack(keep, high, ports, pes, reading, group), 0
        for head, mask in enumerate(keep):
            apart = high if reading == "block" else group or rows
            plain = pack_by_hand(mask, high, ports, pes, reading, apart)
            mine = packed.head == head
            assert packed.spot[mine].tolist() == [p.spot for p in plain.passes]
            for field in ("scanned", "emitted", "moved"):
                assert getattr(packed, field)[mine].tolist() == [getattr(p, field) for p in plain.passes], field
            for one in plain.passes:
                found = slice(at, at + len(one.subrows))
                assert packed.row[found].tolist() == [r for r, _ in one.subrows]
                assert packed.count[found].tolist() == [len(c) for _, c in one.subrows]
                at += len(one.subrows)
            assert packed.tile_emits[head].tolist() == plain.emits
            assert packed.tile_moves[head].tolist() == plain.moves
        assert at == len(packed.row)


def test_order_of_rows_is_nothing_to_the_pack_unit():
    rng = np.random.default_rng(1)
    keep = rng.random((1, 64, 64)) < 0.4
    moved = keep[:, rng.permutation(64)]
    assert passes(keep, "unit") == passes(moved, "unit")


@pytest.fixture(scope="module")
def masks(reference):
    """(source, layer, head) -> the mask, of all sources of the reference data."""
    files = reference / PUBLISHED, reference / SYNTHETIC
    return functools.cache(lambda source, layer, head: heads(source, layer, *files)[head])


def rows_of(path):
    with path.open() as file:
        yield from csv.DictReader(file)


def test_every_pass_of_the_reference_data(reference, masks):
    alike, many = {}, 0
    for r in rows_of(reference / "sanger" / "passes.csv"):
        keep = masks(r["source"], int(r["layer"]), int(r["head"]))
        alike.setdefault((len(keep), int(r["pes"])), []).append((r, keep))
    for (_, pes), some in alike.items():
        keep = np.stack([mask for _, mask in some])
        counts = [subrow_counts(keep, 64, pes).sum(axis=(1, 2))]
        for reading in READINGS:
            packed = pack(keep, 64, 64, pes, reading)
            assert packed.entries.sum() == packed.count.sum() == keep.sum()
            counts.append(np.bincount(packed.head, minlength=len(keep)))
        for n, (r, mask) in enumerate(some):
            found, many = [int(c[n]) for c in counts], many + 1
            wanted = [int(r[n]) for n in ("subrows", "passes_column_tile", "passes_block", "packs_unit")]
            assert found == wanted, r
            used = [mask.sum() / n / pes for n in (found[0], *(64 * n for n in found[1:]))]
            assert used == pytest.approx([float(r[f"util_{n}"]) for n in ("subrows", *READINGS)], abs=1e-6)
            assert found[1] <= found[2] <= found[3] and mask.sum() <= 64 * pes * found[1]
    assert many == 582


def test_every_sub_row_of_the_reference_data(reference, masks):
    rows = list(rows_of(reference / "sanger" / "pack_split.csv"))
    assert len(rows) == 582
    for r in rows:
        keep, pes = masks(r["source"], int(r["layer"]), int(r["head"]))[None], int(r["pes"])
        size = np.add.reduceat(keep[0], np.arange(0, keep.shape[2], 64), axis=1, dtype=int)
        subrows = int(subrow_counts(keep, 64, pes).sum())
        assert (size.size, (size == 0).sum(), subrows) == tuple(
            int(r[n]) for n in ("vectors", "empty_vectors", "subrows")
        )
        assert keep.sum() / pes / subrows == pytest.approx(float(r["util_skip"]), abs=1e-6)
        intended = keep.sum() / pes / (subrows + (size == 0).sum())
        assert intended == pytest.approx(float(r["util_noskip_intended"]), abs=1e-6)


def test_every_tile_of_the_pack_units_rtl(reference, masks):
    rows, packed = list(rows_of(reference / "sanger" / "pack_unit.csv")), {}
    assert len(rows) == 5124
    for r in rows:
        key = r["source"], int(r["layer"]), int(r["head"]), int(r["pes"])
        if key not in packed:
            packed[key] = pack(masks(*key[:3])[None], 64, 64, key[3], "unit")
        found, tiles = packed[key], -(-masks(*key[:3]).shape[1] // 64)
        spot = int(r["row_block"]) * tiles + int(r["col_tile"])
        emits = int(found.tile_emits[0, spot])
        assert (int((found.spot == spot).sum()), emits) == (int(r["packs"]), int(r["emits"]))
        assert 1 + int(r["cols"]) + emits == int(r["cycles"])


def test_every_cycle_of_the_pack_units_rtl(reference):
    logs = np.load(reference / "sanger" / "pack_unit_logs.npz")
    names = sorted(name.removesuffix("_log") for name in logs if name.endswith("_log"))
    assert len(names) == 8
    for name in names:
        high, wide = logs[f"{name}_shape"]
        mask = np.unpackbits(logs[f"{name}_mask"], axis=1)[:high, :wide]
        ends, _ = segments(np.ascontiguousarray(mask.T[:, :, None]), int(name[3:5]))
        cuts, lines, nowhere, begin = [int(c) for c in ends[0] if c < wide], [], 64, 0
        for column in range(wide):
            if column in cuts:  # the counters are cleared, and the column is presented again
                lines.append((1, np.where(mask[:, column], column - begin, nowhere).tolist()))
                begin = column
            lines.append((0, np.where(mask[:, column], column - begin, nowhere).tolist()))
        log = logs[f"{name}_log"]
        assert log[:, 0].tolist() == [emit for emit, _ in lines], name
        for n, (_, outputs) in enumerate(lines):
            assert log[n, 1] == any(o != nowhere for o in outputs)
            assert log[n, 2 : 2 + high].tolist() == outputs, (name, n)


@pytest.mark.parametrize("reading", READINGS)
def test_arrays_larger_than_the_mask(reading):
    """As many PEs as anyone may ask for, and rows of more than 255 scores."""
    keep = np.ones((1, 3, 700), bool)
    assert passes(keep, reading, rows=65536, ports=65536, pes=65536) == 1
    assert passes(keep, reading, rows=3, ports=700, pes=300) == 3

"""The published RTL: its pack unit on tiles, its arrays on runs, all of them predicted by the units alone."""

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim.accelerators.sanger.calibration import CALIBRATIONS
from accelsim.cli import app
from accelsim.core import InputError
from accelsim.validation.calibration import predict, read_cases

PACK, PREDICTION, SPARSE = CALIBRATIONS
HEADER = "source,layer,head,pes,row_block,col_tile,packs,emits,cycles\n"


def exact(found, count: int) -> None:
    assert [(one.case, one.differing) for one in found.outcomes if one.differing] == []
    assert len(found.outcomes) == found.exact == count


def test_tiles_of_the_pack_unit(reference):
    """Those of 32 PEs, and of uniform masks."""
    cases = PACK.read(reference / PACK.file, reference)
    assert len(cases) == 5124
    some = [case for case in cases if case["source"].startswith("uniform") or case["pes"] == "32"]
    exact(predict("sanger", PACK, some), 1254)


@pytest.mark.slow
def test_all_tiles_of_the_pack_unit(reference):
    exact(predict("sanger", PACK, PACK.read(reference / PACK.file, reference)), 5124)


@pytest.mark.parametrize("kind", [PREDICTION, SPARSE], ids=lambda kind: kind.name)
def test_runs_of_the_arrays(reference, kind):
    found = predict("sanger", kind, kind.read(reference / kind.file))
    exact(found, 6)
    assert sorted({one.measured["total"] for one in found.outcomes}) == ([30, 34] if kind is PREDICTION else [52, 60])


def test_cases_of_ones_own(tmp_path):
    """A mask beside the file: 65 tokens, of which one attends to all."""
    keep, path = np.eye(65, dtype=bool), tmp_path / "mine.csv"
    keep[3] = True
    np.savez(tmp_path / "synthetic_masks.npz", mine=np.packbits(keep, axis=1))
    path.write_text(HEADER + "mine,0,0,16,0,0,4,3,68\nmine,0,0,16,1,1,1,0,2\nmine,0,0,16,1,0,,,65\n")
    done = CliRunner().invoke(app, ["calibrate", "sanger", "--cases", str(path)])
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "worst error 0.00 %"), done.output
    path.write_text(HEADER + "mine,0,0,16,0,0,4,3,64\n")
    done = CliRunner().invoke(app, ["calibrate", "sanger", "--cases", str(path)])
    assert done.exit_code == 1 and "case 0: cycles 68 for 64" in done.output


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "mine,0,0,16,0,0",
            "mine.csv:2: source 'mine' is no shipped workload, and no mask of a file synthetic_masks.npz",
        ),
        ("deit_tiny_s90,0,3,16,0,0", "mine.csv:2: deit_tiny_s90 has no layer 0 with a head 3"),
        ("deit_tiny_s90,0,0,16,4,0", "mine.csv:2: the mask has 4 x 4 tiles, and no tile 4, 0"),
        ("deit_tiny_s90,0,0,65,0,0", "mine.csv:2: pes must be from 1 to 64, not 65"),
        ("deit_tiny_s90,0,0,16,a,0", "mine.csv:2: row_block must be a whole number, not 'a'"),
    ],
)
def test_a_tile_that_is_none(tmp_path, row, said):
    path = tmp_path / "mine.csv"
    path.write_text(HEADER + row + ",1,1,68\n")
    with pytest.raises(InputError, match=said):
        predict("sanger", PACK, read_cases(path))

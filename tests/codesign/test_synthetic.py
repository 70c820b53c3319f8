import re

import numpy as np
import pytest

from accelsim.codesign.synthetic import SHIPPED, synthesize
from accelsim.core.errors import InputError
from accelsim.workload import arrays as npz
from accelsim.workload import load, save
from tests.conftest import ROOT


@pytest.mark.parametrize("name, sparsity", [("deit_tiny", 0.9), ("levit_128", 0.9)])
def test_the_shipped_files_are_what_the_generator_makes(name, sparsity, tmp_path):
    workload = synthesize(name, sparsity, seed=1)
    made = save(workload, tmp_path / f"{workload.name}.yaml")
    shipped = ROOT / "workloads" / made.name
    version = re.compile(r"made_by: accelsim [0-9.a-z]+,")
    assert version.sub("", made.read_text()) == version.sub("", shipped.read_text())
    made_arrays, shipped_arrays = npz.decode(made.with_suffix(".npz")), npz.decode(shipped.with_suffix(".npz"))
    assert npz.fingerprint(made_arrays) == npz.fingerprint(shipped_arrays)


@pytest.mark.parametrize("name, sparsity", SHIPPED)
def test_the_shipped_files_say_what_they_are(name, sparsity):
    workload = load(ROOT / "workloads" / f"{name}_s{sparsity * 100:g}.yaml")
    scores = sum(a.heads * a.q_tokens * a.kv_tokens for a in workload.attention_layers)
    kept = sum(int(m.nnz.sum()) for m in workload.masks.values())
    assert kept == round(scores * (1 - sparsity))
    assert (
        workload.synthetic
        and workload.model == name
        and set(workload.masks) == {a.name for a in workload.attention_layers}
    )
    assert "not trained" in workload.provenance["note"]


def _character(keep: np.ndarray) -> dict[str, float]:
    """What the docs list as matched, of bool[layers, heads, 197, 197]."""
    nnz = keep.sum(axis=(2, 3)).ravel()
    columns = keep.sum(axis=2)
    is_global = columns > 50
    counts = is_global.sum(axis=-1).ravel()
    in_global = sum(keep[i][h][:, is_global[i, h]].sum() for i in range(len(keep)) for h in range(keep.shape[1]))
    _, _, row, column = np.nonzero((keep & ~is_global[:, :, None, :])[:, :, 1:, 1:])
    far = np.maximum(abs(row // 14 - column // 14), abs(row % 14 - column % 14))
    return {
        "spread of log nnz over heads": float(np.log(nnz).std()),
        "median nnz per head": float(np.median(nnz)),
        "densest head's nnz": float(nnz.max()),
        "global tokens in all": float(counts.sum()),
        "heads with more than the CLS token": float((counts > 1).sum()),
        "share of nonzeros in global columns": in_global / keep.sum(),
        "share of the rest within one patch": float((far <= 1).mean()),
        "share of the rest beyond four patches": float((far > 4).mean()),
    }


def test_the_character_is_that_of_the_published_mask(reference):
    """At the published sparsity, the mean of four seeds is within 20 % of the published mask in every figure."""
    published = ~np.load(reference / "vitcod_masks" / "info_0.95.npy")
    target = _character(published)
    made = [synthesize("deit_tiny", 1 - published.mean(), seed) for seed in range(1, 5)]
    figures = [_character(np.stack([m.keep for m in w.masks.values()])) for w in made]
    for name, value in target.items():
        assert np.mean([f[name] for f in figures]) == pytest.approx(value, rel=0.2), name


def test_cls_row_and_column_are_kept_and_levit_has_none():
    deit = synthesize("deit_tiny", 0.97, seed=2)
    assert all(m.keep[:, 0, :].all() and m.keep[:, :, 0].all() for m in deit.masks.values())
    levit = synthesize("levit_128", 0.9, seed=2)
    assert not all(m.keep[:, :, 0].all() for m in levit.masks.values())
    assert levit.masks["stage0.down.attention"].keep.shape == (8, 49, 196)


def test_seed_and_model_decide_the_mask():
    first = synthesize("deit_tiny", 0.9, seed=1)
    assert first.hash == synthesize("deit_tiny", 0.9, seed=1).hash != synthesize("deit_tiny", 0.9, seed=2).hash
    assert first.name == "deit_tiny_s90"


def test_a_sparser_mask_is_part_of_a_denser_one():
    dense, sparse = (synthesize("deit_tiny", s, seed=1) for s in (0.6, 0.9))
    assert all((dense.masks[n].keep | ~sparse.masks[n].keep).all() for n in dense.masks)


def test_what_cannot_be_made_is_refused():
    with pytest.raises(
        InputError, match=r"^sparsity 0\.999 cannot be reached in deit_tiny: 21204 of 1397124 scores must stay"
    ):
        synthesize("deit_tiny", 0.999)
    with pytest.raises(
        InputError, match=r"^sparsity is 90 but must be at least 0 and below 1, a fraction of the scores\.$"
    ):
        synthesize("deit_tiny", 90)
    with pytest.raises(InputError, match=r"^seed is -1 but must be a whole number of at least 0\.$"):
        synthesize("deit_tiny", 0.9, seed=-1)

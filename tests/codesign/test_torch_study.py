"""From a study to workloads and machines: a network small enough for a test, on random images."""

import importlib.util
import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")
if importlib.util.find_spec("timm") is None:
    pytest.skip("needs the extra accelsim[torch]", allow_module_level=True)

from accelsim import cli  # noqa: E402
from accelsim.accelerators.spatten.pruning import Options, plan  # noqa: E402
from accelsim.codesign import fit  # noqa: E402
from accelsim.codesign.demo_data import Data  # noqa: E402
from accelsim.codesign.study import Strengths, Study  # noqa: E402
from accelsim.codesign.study_workloads import Outcome, sanger_workloads, unpacked, vitcod_workload  # noqa: E402
from accelsim.codesign.train_demo import Recipe  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from accelsim.reproduce.equal_accuracy import READINGS, pruning  # noqa: E402
from accelsim.sweep.campaign import executor  # noqa: E402
from accelsim.workload import load  # noqa: E402
from accelsim.workload.arrays import decode  # noqa: E402
from benchmarks.equal_accuracy import compare  # noqa: E402
from benchmarks.learned_masks import traits  # noqa: E402

RECIPE = Recipe(
    patch=2, dim=24, depth=4, heads=3, thin_epochs=0.5, epochs=1, tuning_epochs=1, batch=4, sparsities=(0.5, 0.7),
    calibration=16, device="cpu",
)  # fmt: skip
STRENGTHS = Strengths((0.059, 0.058), ((600, 1000), (600, 700)))


@pytest.fixture(scope="module", autouse=True)
def hasty():
    """Steps are timed once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "WARM_STEPS", 0)
        patch.setattr(fit, "PROBE_STEPS", 1)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished study of 17 tokens."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x, y = 3 * rng.standard_normal((24, 1, 8, 8)).astype(np.float32), rng.integers(0, 10, 24)
    made = tmp_path_factory.mktemp("study")
    Study(Data(x[:16], y[:16], x[16:], y[16:]), RECIPE, STRENGTHS, made, lambda line: None).run()
    return made


@pytest.fixture(scope="module")
def workloads(folder):
    """What the command makes of it: (output of the command, folder of workloads, folder of the outcome)."""
    words = ["study-workloads", folder, "-o", folder / "made", "--name", "tiny", "--outcome", folder / "left"]
    done = CliRunner(env={"COLUMNS": "300"}).invoke(cli.app, [str(w) for w in (*words, "--images", 2, "--rivals")])
    assert done.exit_code == 0, done.output
    return done.stdout, folder / "made", folder / "left"


def test_thin_epochs_come_first_and_are_told(folder):
    log = (folder / "log.txt").read_text()
    assert 0 < log.index("dense, 1 patch of 4: epoch 0.5 of 0.5") < log.index("dense: epoch 1 of 1")
    assert json.loads((folder / "study.json").read_text())["recipe"]["thin_epochs"] == 0.5
    words = ["train-study", "-o", str(folder), "--seconds", "9", "--thin-epochs", "1"]
    done = CliRunner(env={"COLUMNS": "300"}).invoke(cli.app, words)
    assert done.exit_code == 2 and "leave out either it or --thin-epochs" in done.stderr


def test_a_finished_study_trains_nothing_again(folder):
    before = json.loads((folder / "study.json").read_text())
    data = Data(*(np.zeros((16, 1, 8, 8), np.float32), np.zeros(16, np.int64)) * 2)
    again = Study(data, RECIPE, STRENGTHS, folder, lambda line: None).run()
    assert [again[k] for k in ("rows", "sparsities", "rivals")] == [before[k] for k in ("rows", "sparsities", "rivals")]


def test_workloads_hold_the_masks_that_were_trained_with(folder, workloads):
    said, made, _ = workloads
    known = json.loads((folder / "study.json").read_text())
    stored = decode(folder / "masks.npz")
    for sparsity in ("0.5", "0.7"):
        work = load(made / f"tiny_s{100 * float(sparsity):g}.yaml")
        found = known["sparsities"][sparsity]
        assert work.sparsity == pytest.approx(found["pruned"]) == pytest.approx(float(sparsity), abs=0.01)
        assert work.provenance["accuracy, pruned, fine-tuned"] == round(found["accuracy"], 4)
        assert not work.tensors and not work.synthetic
        assert f"{found['pruned']:.2%} of the attention scores pruned, accuracy {found['accuracy']:.2%}" in said
        for index, layer in enumerate(work.attention_layers):
            keep = np.unpackbits(stored[f"keep.{sparsity}.{index}"], axis=2)[:, :, :17].astype(bool)
            assert (work.masks[layer.name].keep == keep).all()
            assert (layer.heads, layer.q_tokens, layer.encoded_heads, layer.qk_dim) == (3, 17, 2, 8)


def test_the_same_study_gives_the_same_bytes(folder, workloads, tmp_path):
    _, made, left = workloads
    runner = CliRunner()
    words = ["study-workloads", folder, "-o", tmp_path, "--name", "tiny", "--outcome", tmp_path, "--images", 2]
    assert runner.invoke(cli.app, [str(w) for w in words]).exit_code == 0
    for name in ("tiny_s50.yaml", "tiny_s50.npz", "tiny_s70.yaml", "tiny_s70.npz"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()
    for name in ("study.json", "sanger.npz"):
        assert (tmp_path / name).read_bytes() == (left / name).read_bytes()


def test_sangers_workloads_are_its_masks_of_each_image(folder, workloads):
    _, made, left = workloads
    network = load(made / "tiny_s50.yaml")
    found = list(sanger_workloads(Outcome(left), 0.059, network))
    masks = decode(folder / "sanger.npz")
    assert len(found) == 2 and masks["0.059.0"].shape[0] == 8
    kept = [unpacked(masks[f"0.059.{i}"]) for i in range(4)]
    for image, work in enumerate(found):
        assert work.sparsity == pytest.approx(1 - np.mean([k[image].mean() for k in kept]))
        for layer, keep in zip(work.attention_layers, kept):
            assert (work.masks[layer.name].keep == keep[image]).all()
        assert work.name == f"{network.name}_sanger_0.059_image{image}"
    assert 0 < found[0].sparsity < 1 and found[0].sparsity != found[1].sparsity
    assert load(made / "tiny_sanger_0.059_image1.yaml").masks.keys() == found[1].masks.keys()


def test_the_machine_prunes_as_many_as_spatten_did_in_training(folder, workloads):
    network = load(workloads[1] / "tiny_s50.yaml")
    rivals = [one for one in Outcome(folder).known["rivals"] if one["method"] == "spatten"]
    assert len(rivals) == 2
    for one in rivals:
        given = dict(setting.split("=") for setting in pruning(one))
        options = Options(given.pop("prune"), **{name: int(value) for name, value in given.items()})
        found = plan(network, options).alive.values()
        assert [len(a.keys) for a in found] == one["tokens"] and [len(a.heads) for a in found] == one["heads"]


def test_every_machine_is_simulated_with_what_its_algorithm_left(workloads, tmp_path, monkeypatch):
    _, made, left = workloads
    first = ("output-stationary", "unit, global", "dense, as the paper")
    fewer = {name: {n: how for n, how in readings.items() if n in first} for name, readings in READINGS.items()}
    monkeypatch.setattr("accelsim.reproduce.equal_accuracy.READINGS", fewer)
    grids = compare(Outcome(left), str(made / "tiny"), tmp_path, "macs", 1.0, executor(0))
    cells = {row[:3]: row[3:] for row in grids[0].rows}
    outcome = Outcome(left)
    assert len(cells) == 2 + 1 + 2 + 2
    for one in outcome.known["rivals"]:
        accuracy, lost, kept, attention, whole = cells[
            ("Sanger", "unit, global", f"threshold {one['threshold']:g}")
            if one["method"] == "sanger"
            else ("SpAtten", "as the paper", "keeps 60 %" + ", 70 % of heads" * (one["keep_heads"] == 700))
        ]
        assert accuracy == f"{one['accuracy']:.2%}".replace("%", " %") and kept == f"{100 * one['kept']:.2f} %"
        assert lost == f"{100 * (outcome.control - one['accuracy']):.2f}"
        assert 0 < int(attention.replace(",", "")) < int(whole.replace(",", ""))
    least = [int(cells["ViTCoD", "", f"{s} % pruned"][3].replace(",", "")) for s in (50, 70)]
    assert least[1] < least[0] < int(cells["dense", "output-stationary", ""][3].replace(",", ""))
    assert {row[0] for row in grids[1].rows} == {"ViTCoD", "dense", "Sanger", "SpAtten"}
    assert (tmp_path / "equal_accuracy.csv").read_text().splitlines()[1].startswith("ViTCoD,,50 % pruned,")


def test_without_rivals_the_others_are_compared(folder, workloads, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "accelsim.reproduce.equal_accuracy.READINGS",
        {"dense": {"output-stationary": READINGS["dense"]["output-stationary"]}},
    )
    known = json.loads((folder / "study.json").read_text()) | {"rivals": []}
    (tmp_path / "study.json").write_text(json.dumps(known))
    assert [path.name for path in Outcome(tmp_path).save(tmp_path / "left", 2)] == ["study.json"]
    grids = compare(Outcome(tmp_path / "left"), str(workloads[1] / "tiny"), tmp_path, "macs", 1.0, executor(0))
    assert [row[0] for row in grids[0].rows] == ["ViTCoD", "ViTCoD", "dense"]


def test_traits_of_a_mask_between_patches():
    keep = np.zeros((2, 10, 10), bool)  # 3 x 3 patches and CLS
    keep[:, :, 0] = keep[:, 0] = True
    keep[0, 1:, 1:] = np.eye(9)
    keep[1, 1, [2, 4, 5, 3]] = True  # of the first patch: right, below, across, and one too far
    assert traits(keep) == (13, 12, 9)


def test_what_is_no_study_or_not_in_it_is_said(folder, tmp_path):
    with pytest.raises(InputError, match=r"study\.json: cannot be read .*give the folder that `accelsim train-study"):
        assert Outcome(tmp_path).known
    with pytest.raises(InputError, match=r"no network was pruned to '0\.8', but to 0\.5, 0\.7"):
        vitcod_workload(Outcome(folder), "0.8", "x")
    shutil.copy(folder / "study.json", tmp_path)
    cut = json.loads((folder / "study.json").read_text()) | {"rows": []}
    (tmp_path / "study.json").write_text(json.dumps(cut))
    with pytest.raises(InputError, match="the control has not been trained"):
        assert Outcome(tmp_path).control
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(InputError, match="it has no 'recipe'"):
        assert Outcome(tmp_path).known

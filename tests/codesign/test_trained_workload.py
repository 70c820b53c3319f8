"""The shipped workload of a trained network: a mask nobody drew, and the numbers of a real picture."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.accelerators.spatten.pruning import Options, plan
from accelsim.codesign.models import Model
from accelsim.codesign.plot_attention import measured_maps
from accelsim.codesign.polarize import polarize
from accelsim.codesign.prune import prune
from accelsim.codesign.quantize import decoded, quantization_error
from accelsim.codesign.study_workloads import Outcome, sanger_workloads
from accelsim.codesign.synthetic import attention_maps
from accelsim.config import load_arch
from accelsim.report import metrics
from accelsim.workload import Attention, load
from accelsim.workload.arrays import decode
from accelsim.workload.summary import summary
from benchmarks.learned_masks import traits

ROOT = Path(__file__).parents[2]
FILE = ROOT / "workloads" / "fmnist_vit_s90.yaml"
PAGE, DATA = ROOT / "docs" / "export.md", Path(__file__).parent / "data"
PAPER, OUTCOME = ROOT / "docs" / "paper.md", ROOT / "accelsim" / "reproduce" / "fmnist_vit197"


@pytest.fixture(scope="module")
def trained():
    return load(FILE)


def test_it_is_measured_and_says_how_accurate_it_is(trained):
    assert not trained.synthetic and trained.sparsity == pytest.approx(0.9, abs=1e-3)
    accuracy = {k: v for k, v in trained.provenance.items() if k.startswith("accuracy, ")}
    control = accuracy["accuracy, control: dense, trained on as long as the pruned"]
    before, after = (accuracy[f"accuracy, pruned, {when}"] for when in ("before fine-tuning", "fine-tuned"))
    assert before < after < 1 and control - after < 0.05
    assert [(a.heads, a.q_tokens, a.encoded_heads) for a in trained.attention_layers] == [(4, 50, 2)] * 4
    for mask in trained.masks.values():
        assert mask.keep[:, 0].all() and mask.keep[:, :, 0].all() and (mask.global_tokens >= 1).all()


def test_its_masks_keep_the_largest_scores_of_its_maps(trained):
    maps = measured_maps(FILE)
    for name, mask in trained.masks.items():
        patches, kept = maps[name][:, 1:], mask.keep[:, 1:]
        least_kept = np.where(kept, patches, np.inf)[..., 1:].min(-1)
        most_pruned = np.where(kept, 0, patches)[..., 1:].max(-1)
        assert (least_kept >= most_pruned).all()  # row by row, beside the CLS column


def test_its_operands_fit_together_and_are_close_to_the_network(trained):
    stored = decode(FILE.with_suffix(".measured.npz"))
    outputs = {n.removesuffix(".output"): a for n, a in stored.items() if n.endswith(".output")}
    rows = quantization_error(trained, outputs)
    assert len(rows) == 22 and all(row.relative < 0.03 for row in rows), rows
    for layer in trained.attention_layers:
        for operand in "qk":
            again = decoded(trained.tensors, trained.scales, layer.name, operand)
            assert (again == trained.tensors[f"{layer.name}.{operand}"]).all()


def cycles(work, *overrides: str) -> int:
    arch = load_arch("vitcod", schema, list(overrides))
    return metrics.summarize(run(arch, work)).total.cycles


def said(pattern: str) -> list[int]:
    """Numbers of the page on exports."""
    found = re.search(pattern, PAGE.read_text(encoding="utf-8"))
    assert found is not None, pattern
    return [int(number.replace(",", "")) for number in found.groups()]


def test_it_is_simulated_and_its_masks_save_time(trained):
    work = trained.only("attention")
    pruned, dense = cycles(work), cycles(work, "prune=false")
    least = sum(work.masked_macs(layer) for layer in work.attention_layers) / 512
    assert least < pruned < dense
    told = said(r"it takes ([\d,]+) cycles \(([\d,]+) for attention alone, ([\d,]+) unpruned\)")
    assert told == [cycles(trained), pruned, dense]


@pytest.mark.slow
def test_synthetic_masks_of_its_size_take_about_as_long(trained):
    grids = {layer.name: ((7, 7), (7, 7)) for layer in trained.attention_layers}
    network, takes, found = Model("small", trained.layers, grids, True, 0.0), [], []
    for seed in (1, 2, 3):
        keep = prune(attention_maps(network, seed), sparsity=trained.sparsity, class_token=True)
        masks = {layer.name: polarize(k) for layer, k in zip(trained.attention_layers, keep)}
        found.append(sum(int(mask.global_tokens.sum()) for mask in masks.values()))
        takes.append(cycles(replace(trained, masks=masks, tensors={}, scales={})))
    own = sum(int(mask.global_tokens.sum()) for mask in trained.masks.values())
    pattern = r"grid take ([\d,]+) to ([\d,]+), with (\d+) to (\d+) global tokens in all where the .* has (\d+)\."
    assert said(pattern) == [min(takes), max(takes), min(found), max(found), own]


def test_the_network_exports_to_it_again(trained):
    torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")
    from accelsim.codesign.export import Choices, export_workload
    from accelsim.codesign.train_demo import Recipe, load_weights

    network = load_weights(DATA / "fmnist_vit_s90.npz", Recipe(patch=4), 28)
    image = torch.from_numpy(np.load(DATA / "fmnist_image.npy"))
    again = export_workload(
        network.model,
        image,
        name="again",
        choices=Choices(operands="all"),
        encoders=network.encoders,
        keep=network.keep,
        maps=network.maps,
    ).workload
    assert again.layers == trained.layers and all(isinstance(a, Attention) for a in again.attention_layers)
    for name, mask in again.masks.items():
        assert (mask.keep == trained.masks[name].keep).all() and (mask.order == trained.masks[name].order).all()
    for name, array in again.tensors.items():  # another machine's float may round another way
        assert np.abs(array.astype(int) - trained.tensors[name]).max() <= 2, name


def test_its_masks_are_even_where_drawn_ones_are_not(trained):
    drawn, page = load(ROOT / "workloads" / "deit_tiny_s90.yaml"), PAGE.read_text(encoding="utf-8")
    own, other = (np.concatenate([m.global_tokens for m in work.masks.values()]) for work in (trained, drawn))
    assert f"each of the {len(own)} heads has {own.min()} to {own.max()} global tokens of 50" in page
    alone = int((other == 1).sum())
    assert (
        f"{alone} of\nthe {len(other)} heads of `deit_tiny_s90` have none but CLS and one has {other.max()} of 197"
        in page
    )
    shares = []
    for work in (trained, drawn):
        kept, _, diagonal = np.sum([traits(mask.keep) for mask in work.masks.values()], axis=0)
        shares.append(f"{100 * diagonal / kept:.1f} %")
    assert f"between patches {shares[0]} are a patch's with itself, {shares[1]} in the drawn ones" in page


@pytest.mark.parametrize("percent", [60, 80, 90, 95])
def test_masks_of_197_tokens_were_trained_and_say_their_accuracy(percent):
    work = load(ROOT / "workloads" / f"fmnist_vit197_s{percent}.yaml")
    known = Outcome(OUTCOME).known
    found, told = known["sparsities"][f"{percent / 100:g}"], work.provenance
    assert not work.synthetic and not work.tensors
    assert work.sparsity == pytest.approx(percent / 100, abs=1e-3)
    assert [(a.heads, a.q_tokens, a.kv_tokens, a.qk_dim) for a in work.attention_layers] == [(3, 197, 197, 32)] * 6
    assert told["accuracy, pruned, fine-tuned"] == round(found["accuracy"], 4) > 0.75
    assert told["accuracy, control: dense, trained on as long as the pruned"] == Outcome(OUTCOME).control > 0.8
    assert told["thin_epochs"] == 3 and told["data"].endswith("60000 training and 2000 test images")
    for mask in work.masks.values():
        assert mask.keep[:, 0].all() and mask.keep[:, :, 0].all()


def test_the_shipped_study_is_what_the_machines_run():
    outcome = Outcome(OUTCOME)
    network = load(ROOT / "workloads" / "fmnist_vit197_s90.yaml")
    assert {one["method"] for one in outcome.known["rivals"]} == {"sanger", "spatten"}
    for one in outcome.known["rivals"]:
        if one["method"] == "sanger":
            kept = [1 - work.sparsity for work in sanger_workloads(outcome, one["threshold"], network)]
            assert np.mean(kept) == pytest.approx(one["kept"], rel=0.25)  # a few images of two thousand
        else:
            alive = plan(network, Options("stages", one["keep"], one["keep_heads"])).alive.values()
            assert [len(a.keys) for a in alive] == one["tokens"] and [len(a.heads) for a in alive] == one["heads"]


def test_a_summary_says_the_accuracy():
    lines = [line for line in summary(load(ROOT / "workloads" / "fmnist_vit197_s90.yaml")) if isinstance(line, str)]
    (said,) = (line for line in lines if line.startswith("Accuracy: "))
    assert said.startswith("Accuracy: dense 80.85%; control: dense, trained on as long as the pruned 81.00%; ")
    assert said.endswith("; pruned, before fine-tuning 74.90%; pruned, fine-tuned 76.90%")
    drawn = summary(load(ROOT / "workloads" / "deit_tiny_s90.yaml"))
    assert not any(str(line).startswith("Accuracy") for line in drawn)


def test_the_page_says_the_accuracy_that_was_measured():
    rows = [line.split("|")[1:-1] for line in PAPER.read_text().splitlines() if line.startswith("| ViTCoD |  |")]
    said = {cells[2].split()[0]: cells[3].split()[0] for cells in rows if "pruned" in cells[2]}
    known = Outcome(OUTCOME).known["sparsities"]
    assert said == {f"{100 * float(name):g}": f"{100 * one['accuracy']:.2f}" for name, one in known.items()}
    page = PAGE.read_text()
    assert "accuracy 78.90, 79.15, 76.90 and 76.20 %, the control\n81.00 %" in page

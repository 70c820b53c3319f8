"""The whole co-design of ViTCoD (HPCA 2023) on a small vision transformer, from scratch: train, add auto-encoders,
train on, prune, train on; with the accuracy after every step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from accelsim.codesign.attention_maps import mean_maps
from accelsim.codesign.auto_encoder import auto_encoders, head_moments
from accelsim.codesign.calls import Site
from accelsim.codesign.capture import find_sites
from accelsim.codesign.demo_data import Data
from accelsim.codesign.export import Choices, Export, export_workload
from accelsim.codesign.fit import Run
from accelsim.codesign.prune import prune
from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError
from accelsim.core.files import write
from accelsim.workload.arrays import decode, encode


@dataclass(frozen=True)
class Recipe:
    """patch: side of a patch (28 x 28 at 2: 197 tokens with CLS); dim, depth, heads: of the transformer; epochs: of the
    dense training; tuning_epochs: of each fine-tuning; auto_encoder: ratio h' / h; weight: of the reconstruction term;
    sparsities: in turn, each from the network with auto-encoders (50 tokens cannot be pruned to 95 %, 197 can);
    calibration: images the maps are averaged over; device: 'cpu', 'cuda', or 'auto'."""

    patch: int = 4
    dim: int = 64
    depth: int = 4
    heads: int = 4
    epochs: int = 8
    tuning_epochs: int = 2
    batch: int = 128
    rate: float = 2e-3
    tuning_rate: float = 1e-3
    sparsities: tuple[float, ...] = (0.8, 0.9)
    auto_encoder: float = 0.5
    weight: float = 0.1
    calibration: int = 4096
    seed: int = 1
    device: str = "auto"

    @property
    def steps(self) -> int:
        """Epochs in all: dense, control, auto-encoder, and one fine-tuning for each sparsity."""
        return self.epochs + (3 + len(self.sparsities)) * self.tuning_epochs


class Row(NamedTuple):
    """One line of the accuracy table: what was trained, accuracy in [0, 1], pruned fraction of the scores."""

    step: str
    accuracy: float
    sparsity: float = 0.0


class Trained(NamedTuple):
    """A co-designed network: the model, its auto-encoders, the kept scores and the maps they were chosen from."""

    model: Any
    encoders: Any
    sites: list[Site]
    keep: list[np.ndarray]
    maps: list[np.ndarray]
    sparsity: float


def small_vit(side: int, recipe: Recipe, channels: int = 1, classes: int = 10):
    """timm's vision transformer at the recipe's size."""
    if side % recipe.patch:
        raise InputError(f"patch is {recipe.patch} but must divide the images' side, {side}.")
    if recipe.dim % recipe.heads:
        raise InputError(f"dim is {recipe.dim} but must be a multiple of the {recipe.heads} heads.")
    timm = need("timm", "the demo's vision transformer")
    return timm.models.vision_transformer.VisionTransformer(
        img_size=side,
        patch_size=recipe.patch,
        in_chans=channels,
        num_classes=classes,
        embed_dim=recipe.dim,
        depth=recipe.depth,
        num_heads=recipe.heads,
    )


def train_demo(data: Data, recipe: Recipe, say: Callable[[str], None] = lambda text: None):
    """Run the recipe. Returns (rows of the accuracy table, [Trained] one per sparsity); `say` hears of progress.

    The control is the dense network with as much further training as the pruned one had: compare pruned accuracy with
    it, not with 'dense'.
    """
    torch = need("torch", "training the demo")
    torch.manual_seed(recipe.seed)
    device = recipe.device if recipe.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    x, y, test, labels = (torch.from_numpy(a).to(device) for a in data)
    model = small_vit(x.shape[-1], recipe).to(device)
    run = Run(torch, recipe, x, y, test, labels, say)
    run.fit(model, recipe.epochs, recipe.rate, "dense")
    rows = [Row("dense", run.accuracy(model))]
    control = copy.deepcopy(model)
    run.fit(control, 2 * recipe.tuning_epochs, recipe.tuning_rate, "control")
    rows.append(Row("control: dense, trained on as long as the pruned", run.accuracy(control)))
    sites = find_sites(model.eval(), x[:1])
    some = x[: recipe.calibration]
    encoders = auto_encoders(sites, recipe.auto_encoder, head_moments(model, some.split(256), sites)).to(device)
    rows.append(Row("auto-encoder from PCA, before fine-tuning", run.accuracy(model, encoders, sites)))
    run.fit(model, recipe.tuning_epochs, recipe.tuning_rate, "auto-encoder", encoders, sites)
    rows.append(Row("auto-encoder, fine-tuned", run.accuracy(model, encoders, sites)))
    maps = mean_maps(model.eval(), some.split(256), sites, transform=encoders.eval().transform)
    made = []
    # all masks before any fine-tuning: a sparsity that cannot be reached is found early
    masks_of = {s: prune(maps, sparsity=s, class_token=True) for s in recipe.sparsities}
    for sparsity, kept in masks_of.items():
        masks = {site.index: torch.from_numpy(k).to(device) for site, k in zip(sites, kept)}
        real = 1 - sum(int(k.sum()) for k in kept) / sum(k.size for k in kept)
        tuned, coded = copy.deepcopy(model), copy.deepcopy(encoders)
        rows.append(Row("pruned, before fine-tuning", run.accuracy(tuned, coded, sites, masks), real))
        run.fit(tuned, recipe.tuning_epochs, recipe.tuning_rate, f"pruned {sparsity:g}", coded, sites, masks)
        rows.append(Row("pruned, fine-tuned", run.accuracy(tuned, coded, sites, masks), real))
        made.append(Trained(tuned.cpu().eval(), coded.cpu().eval(), sites, kept, maps, real))
    return rows, made


def export_demo(trained: Trained, recipe: Recipe, data: Data, rows: list[Row], name: str, source: str) -> Export:
    """The workload of a trained network, with all int8 operands of the first test image, and its accuracy in the
    provenance."""
    torch = need("torch", "exporting the demo")
    side = data.test.shape[-1]
    accuracy = {row.step: round(row.accuracy, 4) for row in rows if row.sparsity in (0.0, trained.sparsity)}
    return export_workload(
        trained.model, torch.from_numpy(data.test[:1]), [torch.from_numpy(data.test[:1])], name=name,
        choices=Choices(operands="all"), encoders=trained.encoders, keep=trained.keep, maps=trained.maps,
        provenance={
            "note": "Trained masks and operands: the co-design was run on a small network, and its accuracy measured.",
            "model": f"ViT of dim {recipe.dim}, depth {recipe.depth}, {recipe.heads} heads, patch {recipe.patch}, "
            f"{side} x {side}",
            "data": source, "epochs": recipe.epochs, "tuning_epochs": recipe.tuning_epochs, "seed": recipe.seed,
            **{f"accuracy, {step}": value for step, value in accuracy.items()},
        },
    )  # fmt: skip


def save_weights(trained: Trained, path: Path) -> Path:
    """The network, its auto-encoders, masks and maps as one .npz; same network, same bytes. Returns the path."""
    arrays = {f"model.{n}": t.numpy() for n, t in trained.model.state_dict().items()}
    arrays |= {f"encoders.{n}": t.numpy() for n, t in trained.encoders.state_dict().items()}
    arrays |= {f"keep.{i}": np.packbits(k, axis=2) for i, k in enumerate(trained.keep)}
    arrays |= {f"map.{i}": m.astype(np.float16) for i, m in enumerate(trained.maps)}
    write(path, encode(arrays))
    return path


def load_weights(path: Path, recipe: Recipe, side: int) -> Trained:
    """What `save_weights` wrote, for the same recipe and side of the images."""
    torch = need("torch", "reading the demo's weights")
    arrays = {n: torch.from_numpy(a) for n, a in decode(path).items()}
    model = small_vit(side, recipe).eval()
    model.load_state_dict({n.removeprefix("model."): t for n, t in arrays.items() if n.startswith("model.")})
    sites = find_sites(model, torch.zeros(1, 1, side, side))
    moment = {n: (torch.zeros(recipe.heads), torch.eye(recipe.heads)) for n in "qk"}
    encoders = auto_encoders(sites, recipe.auto_encoder, [moment] * len(sites)).eval()
    encoders.load_state_dict({n.removeprefix("encoders."): t for n, t in arrays.items() if n.startswith("encoders.")})
    packed = [arrays[f"keep.{i}"].numpy() for i in range(len(sites))]
    keep = [np.unpackbits(p, axis=2)[:, :, : s.kv_tokens].view(bool) for p, s in zip(packed, sites)]
    maps = [arrays[f"map.{i}"].numpy().astype(np.float64) for i in range(len(sites))]
    real = 1 - sum(int(k.sum()) for k in keep) / sum(k.size for k in keep)
    return Trained(model, encoders, sites, keep, maps, real)

"""The whole co-design of ViTCoD (HPCA 2023) on a small vision transformer, from scratch: train, add auto-encoders,
train on, prune, train on; with the accuracy after every step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
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
from accelsim.codesign.network import Network
from accelsim.codesign.prune import prune
from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError
from accelsim.core.files import write
from accelsim.workload.arrays import decode, encode

THIN = 4  # patches of which one is shown in the thin epochs
CONTROL = "control: dense, trained on as long as the pruned"


@dataclass(frozen=True)
class Recipe:
    """patch: side of a patch (28 x 28 at 2: 197 tokens with CLS); dim, depth, heads: of the transformer; epochs: of the
    dense training; thin_epochs: before it, with a quarter of each image's patches, which takes a fifth of the time (the
    dense training then has the fine-tuning's rate); tuning_epochs: of each fine-tuning; auto_encoder: ratio h' / h;
    weight: of the reconstruction term;
    sparsities: in turn, each from the network with auto-encoders (50 tokens cannot be pruned to 95 %, 197 can);
    calibration: images the maps are averaged over; device: 'cpu', 'cuda', or 'auto'; precision: of products,
    'float32', 'bfloat16', or 'auto', the latter on a GPU."""

    patch: int = 4
    dim: int = 64
    depth: int = 4
    heads: int = 4
    epochs: float = 8
    thin_epochs: float = 0
    tuning_epochs: float = 2
    batch: int = 128
    rate: float = 2e-3
    tuning_rate: float = 1e-3
    sparsities: tuple[float, ...] = (0.8, 0.9)
    auto_encoder: float = 0.5
    weight: float = 0.1
    calibration: int = 4096
    seed: int = 1
    device: str = "auto"
    precision: str = "auto"

    @property
    def steps(self) -> int:
        """Epochs in all: dense, control, auto-encoder, and one fine-tuning for each sparsity."""
        tuning = ceil(2 * self.tuning_epochs) + (1 + len(self.sparsities)) * ceil(self.tuning_epochs)
        return ceil(self.thin_epochs) + ceil(self.epochs) + tuning


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


class Demo:
    """The networks of one recipe, made in turn: dense, control, with auto-encoders, pruned.

    `say` hears of progress; `done` is given every row of the accuracy table as soon as it is known.
    """

    def __init__(
        self,
        data: Data,
        recipe: Recipe,
        say: Callable[[str], None] = lambda text: None,
        done: Callable[[Row], None] = lambda row: None,
    ):
        self.torch, self.recipe, self.done = need("torch", "training the demo"), recipe, done
        self.torch.manual_seed(recipe.seed)
        model = small_vit(data.train.shape[-1], recipe)
        self.run, self.rows = Run(recipe, data, say), []
        self.model = model.to(self.run.device)
        self.sites = find_sites(self.model.eval(), self.run.x[:1])
        self.encoders: Any = None
        self.maps: list[np.ndarray] = []

    def fresh_encoders(self) -> Any:
        """Auto-encoders of the recipe's sizes, whose weights mean nothing yet."""
        return blank_encoders(self.recipe, self.sites).to(self.run.device)

    def note(self, step: str, network: Network, sparsity: float = 0.0) -> Row:
        """Measure a network, as a row of the table."""
        row = Row(step, self.run.accuracy(network), sparsity)
        self.rows.append(row)
        self.done(row)
        return row

    def train_dense(self) -> None:
        """The network all others begin with."""
        network, recipe = Network(self.model), self.recipe
        rate = recipe.tuning_rate if recipe.thin_epochs else recipe.rate
        if recipe.thin_epochs:
            seen = max(1, self.model.patch_embed.num_patches // THIN)
            self.run.fit(Network(self.model, seen=seen), recipe.thin_epochs, recipe.rate, f"dense, 1 patch of {THIN}")
        self.run.fit(network, recipe.epochs, rate, "dense")
        self.note("dense", network)

    def train_control(self) -> None:
        """The dense network with as much further training as the pruned ones have: compare those with it."""
        network = Network(copy.deepcopy(self.model))
        self.run.fit(network, 2 * self.recipe.tuning_epochs, self.recipe.tuning_rate, "control")
        self.note(CONTROL, network)

    def add_encoders(self) -> None:
        """Auto-encoders from PCA, fine-tuned with a copy of the dense network, which `coded` then is."""
        self.coded, recipe = copy.deepcopy(self.model), self.recipe
        some = self.run.x[: recipe.calibration].split(256)
        moments = head_moments(self.coded.eval(), some, self.sites)
        self.encoders = auto_encoders(self.sites, recipe.auto_encoder, moments).to(self.run.device)
        network = Network(self.coded, self.encoders)
        self.note("auto-encoder from PCA, before fine-tuning", network)
        self.run.fit(network, recipe.tuning_epochs, recipe.tuning_rate, "auto-encoder")
        self.note("auto-encoder, fine-tuned", network)
        transform = self.encoders.eval().transform
        self.maps = mean_maps(self.coded.eval(), some, self.sites, transform=transform)

    def masks(self, sparsity: float) -> list[np.ndarray]:
        """The kept scores of the network with auto-encoders at a sparsity."""
        return prune(self.maps, sparsity=sparsity, class_token=True)

    def prune(self, sparsity: float) -> Trained:
        """The network with auto-encoders, pruned and fine-tuned; moved to the CPU."""
        kept, recipe = self.masks(sparsity), self.recipe
        real = pruned_share(kept)
        keep = {s.index: self.torch.from_numpy(k).to(self.run.device) for s, k in zip(self.sites, kept)}
        network = Network(copy.deepcopy(self.coded), copy.deepcopy(self.encoders), keep)
        self.note("pruned, before fine-tuning", network, real)
        self.run.fit(network, recipe.tuning_epochs, recipe.tuning_rate, f"pruned {sparsity:g}")
        self.note("pruned, fine-tuned", network, real)
        return Trained(network.model.cpu().eval(), network.encoders.cpu().eval(), self.sites, kept, self.maps, real)


def train_demo(data: Data, recipe: Recipe, say: Callable[[str], None] = lambda text: None):
    """Run the recipe. Returns (rows of the accuracy table, [Trained] one per sparsity); `say` hears of progress."""
    demo = Demo(data, recipe, say)
    demo.train_dense()
    demo.train_control()
    demo.add_encoders()
    for sparsity in recipe.sparsities:  # one that cannot be reached is found before any fine-tuning
        demo.masks(sparsity)
    made = [demo.prune(sparsity) for sparsity in recipe.sparsities]
    return demo.rows, made


def pruned_share(keep: list[np.ndarray]) -> float:
    """The share of the scores that masks prune."""
    return 1 - sum(int(k.sum()) for k in keep) / sum(k.size for k in keep)


def export_demo(trained: Trained, recipe: Recipe, data: Data, rows: list[Row], name: str, source: str) -> Export:
    """The workload of a trained network, with all int8 operands of the first test image, and its accuracy in the
    provenance."""
    torch = need("torch", "exporting the demo")
    side = data.test.shape[-1]
    return export_workload(
        trained.model, torch.from_numpy(data.test[:1]), [torch.from_numpy(data.test[:1])], name=name,
        choices=Choices(operands="all"), encoders=trained.encoders, keep=trained.keep, maps=trained.maps,
        provenance={
            "note": "Trained masks and operands: the co-design was run on a small network, and its accuracy measured.",
            **told(recipe, side, source, rows, trained.sparsity),
        },
    )  # fmt: skip


def told(recipe: Recipe, side: int, source: str, rows: Iterable[Row], sparsity: float) -> dict[str, Any]:
    """What a workload says of how its network was trained, and of the accuracy up to the pruning to a sparsity."""
    return {
        "model": f"ViT of dim {recipe.dim}, depth {recipe.depth}, {recipe.heads} heads, patch {recipe.patch}, "
        f"{side} x {side}",
        "data": source, "epochs": recipe.epochs, "tuning_epochs": recipe.tuning_epochs, "seed": recipe.seed,
        **{f"accuracy, {r.step}": round(r.accuracy, 4) for r in rows if r.sparsity in (0.0, sparsity)},
    }  # fmt: skip


def save_weights(trained: Trained, path: Path) -> Path:
    """The network, its auto-encoders, masks and maps as one .npz; same network, same bytes. Returns the path."""
    arrays = {f"model.{n}": t.numpy() for n, t in trained.model.state_dict().items()}
    arrays |= {f"encoders.{n}": t.numpy() for n, t in trained.encoders.state_dict().items()}
    arrays |= {f"keep.{i}": np.packbits(k, axis=2) for i, k in enumerate(trained.keep)}
    arrays |= {f"map.{i}": m.astype(np.float16) for i, m in enumerate(trained.maps)}
    write(path, encode(arrays))
    return path


def untrained(recipe: Recipe, side: int) -> tuple[Any, list[Site], Any]:
    """The network of a recipe, its attentions, and auto-encoders for them: their sizes, and weights that mean
    nothing."""
    torch = need("torch", "making the demo's network")
    model = small_vit(side, recipe).eval()
    sites = find_sites(model, torch.zeros(1, 1, side, side))
    return model, sites, blank_encoders(recipe, sites).eval()


def blank_encoders(recipe: Recipe, sites: list[Site]) -> Any:
    """Auto-encoders of a recipe's sizes, whose weights mean nothing yet."""
    torch = need("torch", "making the demo's network")
    moment = {n: (torch.zeros(recipe.heads), torch.eye(recipe.heads)) for n in "qk"}
    return auto_encoders(sites, recipe.auto_encoder, [moment] * len(sites))


def load_weights(path: Path, recipe: Recipe, side: int) -> Trained:
    """What `save_weights` wrote, for the same recipe and side of the images."""
    torch = need("torch", "reading the demo's weights")
    arrays = {n: torch.from_numpy(a) for n, a in decode(path).items()}
    model, sites, encoders = untrained(recipe, side)
    for part, module in (("model", model), ("encoders", encoders)):
        held = {n.removeprefix(f"{part}."): t for n, t in arrays.items() if n.startswith(f"{part}.")}
        module.load_state_dict(held)
    packed = [arrays[f"keep.{i}"].numpy() for i in range(len(sites))]
    keep = [np.unpackbits(p, axis=2)[:, :, : s.kv_tokens].view(bool) for p, s in zip(packed, sites)]
    maps = [arrays[f"map.{i}"].numpy().astype(np.float64) for i in range(len(sites))]
    return Trained(model, encoders, sites, keep, maps, pruned_share(keep))

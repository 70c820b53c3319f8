"""Methods at equal accuracy: from one dense network ViTCoD's, Sanger's and SpAtten's own algorithm at several
strengths, each with the same further training, within a budget of seconds. Everything is written once it is known.

A folder holds `study.json` (recipe, accuracy, what each method kept), `log.txt`, `masks.npz` (kept scores of every
sparsity, average maps before pruning), `sanger.npz` (masks of the first test images at every threshold), `spatten.npz`
(tokens alive of the same images), and the weights in float16 from which a run that was cut off goes on.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.codesign.demo_data import Data
from accelsim.codesign.network import Network
from accelsim.codesign.pytorch import need
from accelsim.codesign.rivals import Sanger, SpAtten
from accelsim.codesign.train_demo import CONTROL, Demo, Recipe
from accelsim.core.errors import InputError
from accelsim.core.files import write
from accelsim.workload.arrays import decode, encode

DEIT_TINY = Recipe(
    patch=2, dim=192, depth=12, heads=3, epochs=20, tuning_epochs=2, batch=256, rate=1e-3, tuning_rate=4e-4,
    sparsities=(0.9, 0.8, 0.95, 0.98), calibration=8192,
)  # fmt: skip
"""DeiT-Tiny's shape on 28 x 28 images; the sparsities in order of importance."""
LEAST_TUNING, MOST_TUNING = 0.05, 3.0  # epochs
DENSE = 10  # epochs of dense training for one of fine-tuning
SPARE = 0.88  # of the budget that is planned with
IMAGES = 8  # of which Sanger's masks and SpAtten's tokens are kept
LEVEL = 6  # of compression


@dataclass(frozen=True)
class Strengths:
    """thresholds: of Sanger, probabilities (the published ones are 0.002, 0.01 and 0.02); keeps: of SpAtten, tokens and
    heads in thousandths of those alive, at each of its choices."""

    thresholds: tuple[float, ...] = (0.01, 0.02, 0.002, 0.05)
    keeps: tuple[tuple[int, int], ...] = ((600, 1000), (400, 1000), (800, 1000), (200, 1000), (600, 700))


class Study:
    """One folder, and what is known in it."""

    def __init__(self, data: Data, recipe: Recipe, strengths: Strengths, folder: Path, say: Callable[[str], None]):
        self.begun, self.folder, self.told = time.monotonic(), folder, say
        self.data, self.recipe, self.strengths = data, recipe, strengths
        folder.mkdir(parents=True, exist_ok=True)
        self.known: dict[str, Any] = {"rows": [], "sparsities": {}, "rivals": [], "skipped": [], "timing": {}}
        if (folder / "study.json").is_file():
            self.known |= json.loads((folder / "study.json").read_text(encoding="utf-8"))
            self.known["skipped"] = []

    @property
    def seconds(self) -> float:
        """Since the study began."""
        return time.monotonic() - self.begun

    def say(self, text: str) -> None:
        """A line of the log."""
        line = f"{self.seconds:7.1f} s  {text}"
        self.told(line)
        with (self.folder / "log.txt").open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def save(self) -> None:
        """Write what is known."""
        self.known["seconds"] = round(self.seconds, 1)
        write(self.folder / "study.json", (json.dumps(self.known, indent=1) + "\n").encode())

    def add(self, file: str, arrays: dict[str, np.ndarray]) -> None:
        """Put arrays into a file of the folder, beside those that are there."""
        path = self.folder / file
        before = decode(path) if path.is_file() else {}
        write(path, encode(before | arrays, LEVEL))

    def run(self, budget: float = 0.0) -> dict[str, Any]:
        """Do what is not there yet, fitted into `budget` seconds (0: the recipe as it is). Returns what is known."""
        torch = need("torch", "training the demo")
        done = self.known.get("recipe")
        if done is not None:  # a run goes on with the recipe it was begun with
            lengths = ("epochs", "thin_epochs", "tuning_epochs")
            self.recipe = replace(self.recipe, **{name: done.get(name, 0) for name in lengths})
        demo = Demo(self.data, self.recipe, self.say, self.took)
        demo.run.tests_epochs = True
        self.costs = self.step_costs(demo)
        if budget and done is None:
            demo.recipe = self.recipe = self.fitted(budget, demo.run.steps_an_epoch)
        self.until = budget or float("inf")
        self.known |= {
            "recipe": asdict(self.recipe),
            "data": {"training": len(self.data.train), "test": len(self.data.test)},
            "made_with": {
                "torch": torch.__version__,
                "device": torch.cuda.get_device_name(0) if demo.run.on_gpu else "cpu",
                "bfloat16": demo.run.half,
            },
        }
        self.save()
        self.own(demo)
        for threshold, keep in zip_longest(self.strengths.thresholds, self.strengths.keeps):
            if threshold is not None:
                self.rival(demo, "sanger", Sanger(threshold, self.recipe.depth))
            if keep is not None:
                self.rival(demo, "spatten", SpAtten(*keep, self.recipe.depth))
        self.say(f"done; skipped for want of time: {', '.join(self.known['skipped']) or 'nothing'}")
        self.save()
        return self.known

    def took(self, row: Any) -> None:
        """A row of the accuracy table is known."""
        self.say(f"{row.accuracy:.4f}  {row.step}, {row.sparsity:.2%} pruned")
        self.known["rows"].append(row._asdict())
        self.save()

    def own(self, demo: Demo) -> None:
        """Dense, control, auto-encoders, and the pruned networks."""
        recipe, steps = self.recipe, demo.run.steps_an_epoch
        if (self.folder / "dense.npz").is_file():
            self.load("dense.npz", demo.model)
        else:
            demo.train_dense()
            self.store("dense.npz", demo.model)
        if not any(row["step"] == CONTROL for row in self.known["rows"]):
            demo.train_control()
        if (self.folder / "coded.npz").is_file():
            self.restore(demo)
        else:
            demo.add_encoders()
            self.add("masks.npz", {f"map.{i}": m.astype(np.float16) for i, m in enumerate(demo.maps)})
            self.store("coded.npz", demo.coded, demo.encoders)
        for sparsity in recipe.sparsities:
            name = f"{sparsity:g}"
            if name in self.known["sparsities"] or not self.affords(
                f"pruned {name}", recipe.tuning_epochs * steps * self.costs["vitcod"]
            ):
                continue
            trained = demo.prune(sparsity)
            before, after = demo.rows[-2:]
            packed = {f"keep.{name}.{i}": np.packbits(k, axis=2) for i, k in enumerate(trained.keep)}
            self.add("masks.npz", packed)
            self.known["sparsities"][name] = {
                "accuracy": after.accuracy,
                "before_fine_tuning": before.accuracy,
                "pruned": trained.sparsity,
            }
            self.save()

    def rival(self, demo: Demo, method: str, rival: Any) -> None:
        """A rival's algorithm with the dense network, trained on for as long as the pruned ones and the control."""
        recipe, run = self.recipe, demo.run
        strength = (
            {"threshold": rival.threshold} if method == "sanger" else {"keep": rival.keep, "heads": rival.keep_heads}
        )
        name = f"{method}, " + ", ".join(f"{n} {v:g}" for n, v in strength.items())
        cost = 2 * recipe.tuning_epochs * run.steps_an_epoch * self.costs[method]
        if any(one["name"] == name for one in self.known["rivals"]) or not self.affords(name, cost):
            return
        network = Network(copy.deepcopy(demo.model), rival=rival)
        before = run.accuracy(network)
        run.fit(network, 2 * recipe.tuning_epochs, recipe.tuning_rate, name)
        if method == "sanger":
            rival.count()
        accuracy = run.accuracy(network)
        found = {"name": name, "method": method, "accuracy": accuracy, "before_fine_tuning": before}
        self.known["rivals"].append(found | rival.statistics())
        self.say(f"{accuracy:.4f}  {name}, {before:.4f} before fine-tuning, {rival.statistics()['kept']:.2%} kept")
        self.save()
        self.examples(demo, network, method)

    def examples(self, demo: Demo, network: Network, method: str) -> None:
        """What a rival keeps of the first test images."""
        torch, rival = need("torch", "training the demo"), network.rival
        if method == "sanger":
            rival.collect = IMAGES
        with torch.inference_mode(), demo.run.precise():
            network(demo.run.test[:IMAGES])
        if method == "sanger":
            rival.collect = 0
            made = {f"{rival.threshold:g}.{i}": np.packbits(m, axis=3) for i, m in rival.masks.items()}
        else:
            made = {
                f"{rival.keep}.{rival.keep_heads}.{i}": a.cpu().numpy().astype(np.int16)
                for i, a in rival.alive.items()
                if i == 0 or rival.selects_after(i - 1)
            }
        self.add(f"{method}.npz", made)

    def step_costs(self, demo: Demo) -> dict[str, float]:
        """Seconds of a step of training, of every method."""
        ones = {s.index: demo.torch.ones(s.maps, s.q_tokens, s.kv_tokens, dtype=bool) for s in demo.sites}
        keep = {i: one.to(demo.run.device) for i, one in ones.items()}
        costs = {}
        for method, rival in (
            ("dense", None),
            ("vitcod", None),
            ("sanger", Sanger(self.strengths.thresholds[0], self.recipe.depth)),
            ("spatten", SpAtten(*self.strengths.keeps[0], self.recipe.depth)),
        ):
            network = Network(copy.deepcopy(demo.model), rival=rival)
            if method == "vitcod":
                network = Network(network.model, demo.fresh_encoders(), keep)
            costs[method] = demo.run.step_seconds(network)
        self.known["timing"] = {"step_ms": {n: round(1000 * c, 3) for n, c in costs.items()}}
        self.say(", ".join(f"{n} {1000 * c:.2f} ms" for n, c in costs.items()) + " a step")
        return costs

    def fitted(self, budget: float, steps: int) -> Recipe:
        """The recipe with as many epochs as the budget allows. Raises InputError where it allows none."""
        one = self.costs["vitcod"] * (1 + len(self.recipe.sparsities)) + self.costs["dense"] * (2 + DENSE)
        one += 2 * self.costs["sanger"] * len(self.strengths.thresholds)
        one += 2 * self.costs["spatten"] * len(self.strengths.keeps)
        tuning = (SPARE * budget - self.seconds) / (one * steps)
        if tuning < LEAST_TUNING:
            raise InputError(
                f"seconds is {budget:g}, but {LEAST_TUNING:g} epochs of every fine-tuning and the rest take "
                f"{(LEAST_TUNING * one * steps + self.seconds) / SPARE:.0f}."
            )
        tuning = min(tuning, MOST_TUNING)
        self.say(f"{DENSE * tuning:.2f} epochs, and {tuning:.2f} of each fine-tuning")
        return replace(self.recipe, epochs=round(DENSE * tuning, 2), tuning_epochs=round(tuning, 2))

    def affords(self, what: str, cost: float) -> bool:
        """Whether there is time for it; if not, it is noted."""
        if self.seconds + cost <= self.until:
            return True
        self.known["skipped"].append(what)
        self.say(f"{what}: skipped, it would take {cost:.0f} s")
        return False

    def store(self, file: str, model: Any, encoders: Any = None) -> None:
        """Weights in float16, with which a run that was cut off goes on."""
        parts = {"model": model} | ({"encoders": encoders} if encoders is not None else {})
        self.add(
            file,
            {
                f"{p}.{n}": t.cpu().numpy().astype(np.float16)
                for p, m in parts.items()
                for n, t in m.state_dict().items()
            },
        )

    def load(self, file: str, model: Any, encoders: Any = None) -> None:
        """What `store` wrote."""
        torch, stored = need("torch", "training the demo"), decode(self.folder / file)
        for part, module in (("model", model), ("encoders", encoders)):
            if module is not None:
                held = {n.removeprefix(f"{part}."): a for n, a in stored.items() if n.startswith(f"{part}.")}
                module.load_state_dict({n: torch.from_numpy(a.astype(np.float32)) for n, a in held.items()})

    def restore(self, demo: Demo) -> None:
        """The network with auto-encoders, and its maps, of an earlier run."""
        demo.coded, demo.encoders = copy.deepcopy(demo.model), demo.fresh_encoders()
        self.load("coded.npz", demo.coded, demo.encoders)
        stored = decode(self.folder / "masks.npz")
        demo.maps = [stored[f"map.{i}"].astype(np.float64) for i in range(self.recipe.depth)]

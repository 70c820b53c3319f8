"""Workloads of what a study (`study.Study`) kept: ViTCoD's masks, and Sanger's of single test images; no weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.codesign.export import Choices, export_workload
from accelsim.codesign.polarize import polarize
from accelsim.codesign.pytorch import need
from accelsim.codesign.train_demo import CONTROL, Recipe, Row, told, untrained
from accelsim.core.errors import InputError, suggest
from accelsim.core.files import write
from accelsim.workload.arrays import decode, encode
from accelsim.workload.workload import Workload

OUTCOME, MASKS, SANGER = "study.json", "masks.npz", "sanger.npz"


@dataclass(frozen=True)
class Outcome:
    """A study's folder, or the part of it that `save` writes. Errors: InputError where it holds no study."""

    folder: Path

    @cached_property
    def known(self) -> dict[str, Any]:
        """What `study.json` says."""
        path = self.folder / OUTCOME
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read ({error}); give the folder that `accelsim train-study -o` wrote."
            ) from None
        lacking = [k for k in ("recipe", "rows", "sparsities", "rivals", "data") if k not in found]
        if lacking:
            raise InputError(f"{path}: it has no {lacking[0]!r}, so that the study is not begun, or the file is none.")
        return found

    @property
    def recipe(self) -> Recipe:
        """The recipe that the networks were trained with."""
        said = self.known["recipe"]
        return Recipe(**said | {"sparsities": tuple(said["sparsities"])})

    @property
    def rows(self) -> list[Row]:
        """The accuracy table."""
        return [Row(**row) for row in self.known["rows"]]

    @property
    def control(self) -> float:
        """Accuracy of the dense network that was trained on as long as all others."""
        found = [row.accuracy for row in self.rows if row.step == CONTROL]
        if not found:
            raise InputError(f"{self.folder / OUTCOME}: the control has not been trained; let the study go on.")
        return found[-1]

    @property
    def source(self) -> str:
        """The images, in words."""
        return "fashion-mnist, {training} training and {test} test images".format(**self.known["data"])

    @cached_property
    def sanger(self) -> dict[str, np.ndarray]:
        """'THRESHOLD.ATTENTION' -> packed masks uint8[images, heads, tokens, ceil(tokens / 8)]."""
        return decode(self.folder / SANGER)

    def kept(self, sparsity: str) -> list[np.ndarray]:
        """bool[heads, tokens, tokens] of every attention: the scores that are kept at a sparsity (as in study.json)."""
        if sparsity not in self.known["sparsities"]:
            there = list(self.known["sparsities"])
            raise InputError(
                f"{self.folder / OUTCOME}: no network was pruned to {sparsity!r}, but to {', '.join(there) or 'none'}"
                f"{suggest(sparsity, there)}."
            )
        stored = decode(self.folder / MASKS)
        return [unpacked(stored[f"keep.{sparsity}.{i}"]) for i in range(self.recipe.depth)]

    def save(self, folder: Path, images: int) -> list[Path]:
        """Write what a comparison of machines needs beside ViTCoD's workloads: what was found, and Sanger's masks of
        the first images. Returns the files; same study, same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        made = [folder / OUTCOME]
        write(made[0], (json.dumps(self.known, indent=1) + "\n").encode())
        if any(one["method"] == "sanger" for one in self.known["rivals"]):
            made.append(folder / SANGER)
            write(made[1], encode({name: array[:images] for name, array in self.sanger.items()}))
        return made


def unpacked(packed: np.ndarray) -> np.ndarray:
    """bool[..., tokens, tokens] of masks packed along their last axis; the last but one says how many tokens."""
    return np.unpackbits(packed, axis=-1)[..., : packed.shape[-2]].view(bool)


def vitcod_workload(outcome: Outcome, sparsity: str, name: str) -> Workload:
    """The network with the masks it was pruned to and trained with, and their accuracy in the provenance."""
    torch = need("torch", "making workloads of a study")
    recipe, keep = outcome.recipe, outcome.kept(sparsity)
    pruned = outcome.known["sparsities"][sparsity]["pruned"]
    side = recipe.patch * isqrt(keep[0].shape[-1] - 1)
    model, _, encoders = untrained(recipe, side)
    image = torch.zeros(1, 1, side, side)
    maps = [k.astype(np.float64) for k in keep]  # nothing is chosen by them
    made = outcome.known.get("made_with", {})
    return export_workload(
        model, image, [image], name=name, choices=Choices(), encoders=encoders, keep=keep, maps=maps,
        provenance={
            "note": "Trained masks: the co-design was run on this network, and its accuracy measured.",
            **told(recipe, side, outcome.source, outcome.rows, pruned),
            **({"trained_on": made["device"]} if "device" in made else {}),
        },
    ).workload  # fmt: skip


def sanger_workloads(outcome: Outcome, threshold: float, network: Workload) -> Iterator[Workload]:
    """For each stored test image the layers of `network` with the masks that Sanger's algorithm chose for it."""
    names = [layer.name for layer in network.attention_layers]
    stored = [outcome.sanger.get(f"{threshold:g}.{i}") for i in range(len(names))]
    lacking = next((i for i, one in enumerate(stored) if one is None), None)
    if lacking is not None:
        raise InputError(f"{outcome.folder / SANGER}: no mask of attention {lacking} at a threshold of {threshold:g}.")
    found = next(r for r in outcome.known["rivals"] if r["method"] == "sanger" and r["threshold"] == threshold)
    for image in range(len(stored[0])):
        yield replace(
            network,
            name=f"{network.name}_sanger_{threshold:g}_image{image}",
            masks={name: polarize(unpacked(packed[image])) for name, packed in zip(names, stored)},
            tensors={}, scales={},
            provenance={
                "note": "Masks of one test image, as Sanger's prediction chose them in a network trained with it.",
                "model": network.model, "data": outcome.source, "threshold": threshold, "image": image,
                "accuracy": round(found["accuracy"], 4),
            },
        )  # fmt: skip

"""The workloads of a sweep: files, and what the axes `model`, `sparsity`, `seed` and `batch` make of them.

Workloads of other sparsities, seeds and models are synthesized when they are first needed, and their masks kept beside
compiled code.
"""

import hashlib
import inspect
import io
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from accelsim.codesign import models, polarize, prune, synthetic
from accelsim.config.shipped import find
from accelsim.config.units import split
from accelsim.core.errors import InputError, shown
from accelsim.core.private import cache_folder, get, put
from accelsim.sweep.plan import MADE, WORKLOAD_AXES, Work
from accelsim.workload import load
from accelsim.workload.bounds import batch_problem
from accelsim.workload.mask import AttentionMask
from accelsim.workload.workload import Workload

Settings = tuple[tuple[str, str], ...]  # (name of an axis, its value as text)


@dataclass(frozen=True)
class Recipe:
    """What a workload with synthetic masks is made of: `synthesize(model, sparsity, seed)`."""

    model: str
    sparsity: float
    seed: int


@dataclass(frozen=True)
class WorkloadFile:
    """A workload that any process can load again; `hash` says whether the file still holds the same.

    batch: images, 0 for as many as the file says. recipe: what it is, or could be, made of. made: it is made by its
    recipe, and there is no file of it.
    """

    path: str
    only: str
    name: str
    hash: str
    sparsity: float
    batch: int = 0
    recipe: Recipe | None = None
    made: bool = False

    def load(self) -> Workload:
        """The workload. Raises InputError when the file has changed since."""
        return _loaded(self)


@lru_cache(maxsize=8)
def _loaded(file: WorkloadFile) -> Workload:
    work = read(file)
    if work.hash != file.hash:
        raise InputError(f"{file.path}: the workload has changed since the sweep began; run the sweep again")
    return work


def read(file: WorkloadFile) -> Workload:
    """The workload, whatever its hash is."""
    work = made(file.recipe, file.only) if file.made else workload(file.path, file.only)
    return replace(work, batch=file.batch) if file.batch else work


def workload(path: str | Path, only: str) -> Workload:
    """What a file holds, or the part of it that is to be run."""
    work = load(Path(path))
    return work if only == "all" else work.only(only)


def workload_file(wanted: Work) -> WorkloadFile:
    """Raises InputError when there is no such workload or it is none."""
    if wanted.file == MADE:
        return WorkloadFile(MADE, wanted.only, MADE, "", 0.0, recipe=Recipe("", 0.9, 1), made=True)
    path = found("workloads", wanted.file, wanted.where)
    work = workload(path, wanted.only)
    return WorkloadFile(str(path.resolve()), wanted.only, work.name, work.hash, work.sparsity, recipe=recipe_of(work))


def found(kind: str, file: str, where: str) -> Path:
    """The file meant by a sweep file, which says so in a line (`where`)."""
    try:
        return find(kind, file)
    except InputError as error:
        raise InputError(f"{where}: {error}" if where else error) from None


def recipe_of(work: Workload) -> Recipe | None:
    """What a workload with synthetic masks was made of; None of any other."""
    said = work.provenance
    if not work.synthetic or not {"target_sparsity", "seed"} <= said.keys() or work.model not in models.MODELS:
        return None
    return Recipe(work.model, float(said["target_sparsity"]), int(said["seed"]))


def parted(settings: Settings, options: object) -> tuple[Settings, Settings]:
    """Settings of the machine, and those of the workload; a machine's own option (of `options`) goes before."""
    mine = tuple(s for s in settings if s[0] in WORKLOAD_AXES and s[0] not in options)
    return tuple(s for s in settings if s not in mine), mine


@lru_cache(maxsize=1 << 12)
def varied(file: WorkloadFile, settings: Settings) -> WorkloadFile:
    """A workload at values of its axes. Raises InputError for a value that it cannot take."""
    given = {name: value(name, text) for name, text in settings}
    batch = given.pop("batch", file.batch)
    if not given and not batch:
        return file
    if given and file.recipe is None:
        raise InputError(
            f"{file.path}: {' and '.join(given)} cannot be varied, since its masks are not synthetic; name a workload "
            "of `accelsim synth`, or leave `workloads` out and give an axis `model`"
        )
    if given:
        file = replace(file, recipe=replace(file.recipe, **given), made=True)
    file = replace(file, batch=batch)
    work = read(file)
    return replace(file, name=work.name, hash=work.hash, sparsity=work.sparsity)


def value(name: str, text: str) -> int | float | str:
    """A value of one of a workload's axes. Raises InputError with the rule."""
    if name == "model":
        models.model(text)
        return text
    try:
        number, unit = split(text)
    except InputError:
        number, unit = Fraction(-1), "?"
    if name == "sparsity":
        if unit or not 0 <= number < 1:
            raise InputError(f"sparsity is {shown(text)} but must be at least 0 and below 1, a share of the scores")
        return float(number)
    if unit or number.denominator != 1 or number < (name == "batch"):
        raise InputError(f"{name} is {shown(text)} but must be a whole number of at least {int(name == 'batch')}")
    if name == "batch" and (problem := batch_problem(int(number))):
        raise InputError(problem)
    return int(number)


@lru_cache(maxsize=4)
def made(recipe: Recipe, only: str = "all") -> Workload:
    """A synthetic workload, from its kept masks if there are any."""
    path = cache_folder() / f"masks_{hashlib.sha256(f'{recipe} {source()}'.encode()).hexdigest()[:24]}.npz"
    kept = get(path)
    if kept is None:
        work = synthetic.synthesize(recipe.model, recipe.sparsity, recipe.seed)
        arrays = {
            f"{name}/{part}": getattr(mask, part)
            for name, mask in work.masks.items()
            for part in ("keep", "order", "global_tokens")
        }
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)
        put(path, content.getvalue())
    else:
        with np.load(io.BytesIO(kept), allow_pickle=False) as arrays:
            names = {name.rpartition("/")[0] for name in arrays.files}
            masks = {
                name: AttentionMask(*(arrays[f"{name}/{part}"] for part in ("keep", "order", "global_tokens")))
                for name in names
            }
        network = models.model(recipe.model)
        masks = {layer.name: masks[layer.name] for layer in network.attention_layers}
        work = synthetic.workload_of(network, recipe.sparsity, recipe.seed, masks)
    return work if only == "all" else work.only(only)


@cache
def source() -> str:
    """sha256 of what synthetic masks are made by."""
    files = [inspect.getsourcefile(module) for module in (synthetic, models, polarize, prune)]
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()

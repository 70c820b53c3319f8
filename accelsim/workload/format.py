"""The workload file: NAME.yaml (a readable manifest) beside NAME.npz (masks, tensors). See docs/workload-format.md."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import yaml

from accelsim.core.document import NO_NUMBER, scalar
from accelsim.core.errors import InputError, shown, suggest
from accelsim.core.files import beside, check_name, write
from accelsim.workload import arrays as npz
from accelsim.workload import manifest, versions
from accelsim.workload.bounds import (
    LARGEST_UNKNOWN,
    batch_problem,
    bits_problem,
    check_stored,
    provenance_problem,
    shaped_bytes,
)
from accelsim.workload.constants import constant_shapes
from accelsim.workload.layers import LAYERS, Layer
from accelsim.workload.mask_arrays import Masked, mask_bytes, packed, read_mask
from accelsim.workload.workload import Workload, stored_shapes

FORMAT = "accelsim-workload"
SAME = "function"  # in the file, of a norm's `norm`: the entry of its kind is the layer's name
_KEYS = (
    "format",
    "version",
    "name",
    "model",
    "synthetic",
    "batch",
    "bits",
    "provenance",
    "arrays",
    "tensors",
    "scales",
    "layers",
)


def save(workload: Workload, path: str | Path) -> Path:
    """Write NAME.yaml and, when there are masks or tensors, NAME.npz beside it. Same workload, same bytes. Returns the
    .yaml's path.

    Errors: InputError when `path` does not end in .yaml, its folder is missing, or the provenance is not plain text and
    numbers.
    """
    path = named = _manifest_path(path)
    if path.is_symlink():
        path = path.resolve()  # the arrays belong beside the file itself
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; create it first.")
    stored = dict(workload.tensors)
    for name, mask in workload.masks.items():
        stored |= packed(name, mask)
    text = _write_manifest(workload, stored, path)
    if stored:
        write(path.with_suffix(".npz"), npz.encode(stored))
    write(path, text.encode())
    return named


def load(path: str | Path) -> Workload:
    """Read a workload file (its .yaml; the .npz is found beside it). Errors: InputError, one sentence with file, line
    and rule."""
    path = _manifest_path(path)
    top = manifest.read(path)
    if top.get("format") != FORMAT:
        raise top.error(
            f"format is {shown(top.get('format'))} but a workload file begins with 'format: {FORMAT}'.", "format"
        )
    version = versions.read(top)
    top.only((*_KEYS, "reads"), "a workload file")
    name = check_name(top.take("name", str), f"{path}:{top.lines['name']}: name")
    batch, bits = top.take("batch", int), top.take("bits", dict)
    if problem := batch_problem(batch):
        raise top.error(problem, "batch")
    for key in bits:
        if problem := bits_problem(key, bits.take(key, int)):
            raise bits.error(problem, key)
    layers, masked = _read_layers(top, version)
    tensor_names = _texts(top, "tensors")
    by_name = {layer.name: layer for layer in layers}
    expected = {f"{name}.{part}": n for name, of in masked.items() for part, n in mask_bytes(by_name[name], of).items()}
    for tensor in tensor_names:
        layer, _, operand = tensor.rpartition(".")
        shapes = stored_shapes(by_name[layer]) if layer in by_name else {}
        if version == 1 and layer in by_name and operand in constant_shapes(by_name[layer]):
            raise top.error(
                f"{tensor!r} is a constant, which files of version 1 do not have; say version: 2.", "tensors"
            )
        expected[tensor] = shaped_bytes(*shapes[operand]) if operand in shapes else LARGEST_UNKNOWN
    check_stored(expected, str(path))
    file, stored = _read_arrays(top, path, expected)
    scales = top.take("scales", dict, manifest.Section(path, top.line))
    try:
        return Workload(
            name=name,
            model=top.take("model", str),
            layers=layers,
            masks={name: read_mask(by_name[name], of, stored, file) for name, of in masked.items()},
            tensors={name: stored[name] for name in tensor_names},
            scales={name: scales.take(name, float) for name in scales},
            reads=_read_reads(top, path),
            batch=batch,
            bits={key: bits.take(key, int) for key in bits},
            synthetic=top.take("synthetic", bool),
            provenance=_plain(top.take("provenance", dict)),
            source=str(path),
        )
    except InputError as error:
        if str(error).startswith((str(path), str(file))):
            raise
        raise InputError(f"{path}: {error}") from None


def _manifest_path(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != ".yaml":
        raise InputError(f"{path}: a workload is named by its .yaml file (did you mean {path.stem + '.yaml'!r}?).")
    return path


def _read_layers(top: manifest.Section, version: int) -> tuple[list[Layer], dict[str, Masked]]:
    layers, masked = [], {}
    for entry in top.take("layers", list):
        if not isinstance(entry, manifest.Section):
            raise top.error(
                f"every entry of layers must be a mapping such as {{gemm: NAME, ...}}, but one is {shown(entry)}.",
                "layers",
            )
        kind = next(iter(entry), None)
        if kind not in LAYERS:
            raise entry.error(
                f"a layer begins with its kind ({', '.join(LAYERS)}), not {shown(kind)}{suggest(kind, LAYERS)}.", kind
            )
        cls, values = LAYERS[kind], dict(entry)
        name = values.pop(kind)
        known = [SAME if f.name == kind else f.name for f in fields(cls) if f.name != "name"] + (
            ["mask", "pattern"] if kind == "attention" else []
        )
        entry.only([kind, *known], f"a layer of kind {kind}")
        if kind == "attention":
            of = Masked.of(entry, version)
            masked |= {name: of} if of.any else {}
        values.pop("mask", None), values.pop("pattern", None)
        if SAME in values:
            values[kind] = values.pop(SAME)
        for f in fields(cls):
            if f.name not in values and f.name != "name" and f.default.__class__.__name__ == "_MISSING_TYPE":
                raise entry.error(f"{kind} layer {shown(name)} lacks {f.name!r}.")
        try:
            layers.append(cls(name=name, **values))
        except InputError as error:
            raise entry.error(str(error)) from None
        versions.check_layer(entry, layers[-1], version)
    return layers, masked


def _read_arrays(top: manifest.Section, path: Path, expected: dict[str, int]) -> tuple[Path, dict[str, np.ndarray]]:
    if "arrays" not in top:
        for name in sorted(expected):
            raise InputError(f"{path}: the array {name!r} is missing, since the file names no 'arrays'.")
        return path, {}
    section = top.take("arrays", dict)
    section.only(("file", "sha256"), "arrays")
    name, digest = section.take("file", str), section.take("sha256", str)
    if Path(name).name != name or not name.isprintable() or name in ("", ".", ".."):
        raise section.error(
            f"file is {name!r} but must be the name of a file beside this one, without folders.", "file"
        )
    file = beside(path, name)
    try:
        if not file.is_file():
            raise section.error(f"file is {name!r}, but there is none; keep the .npz beside its .yaml.", "file")
        have = npz.names(file)
    except OSError as error:
        raise section.error(f"file is {name!r}: {error.strerror}.", "file") from None
    for name in sorted(set(expected) - set(have)):
        raise InputError(f"{file}: the array {name!r} is missing but {path.name} needs it{suggest(name, have)}.")
    for name in sorted(set(have) - set(expected)):
        raise InputError(f"{file}: the array {name!r} is not named by {path.name}{suggest(name, expected)}.")
    stored = npz.decode(file, expected)
    if npz.fingerprint(stored) != digest:
        raise InputError(
            f"{file}: its arrays do not have the sha256 that {path.name} gives, so the two files do not "
            "belong together; save the workload again."
        )
    return file, stored


def _read_reads(top: manifest.Section, path: Path) -> dict[str, tuple[str, ...]]:
    section = top.take("reads", dict, manifest.Section(path, top.line))
    found = {}
    for name in section:
        sources = section.take(name, list)
        if not sources or not all(isinstance(source, str) for source in sources):
            raise section.error(
                f"reads of {shown(name)} must be a list of layers, but is {shown(list(sources))}.", name
            )
        found[name] = tuple(sources)
    return found


def _texts(top: manifest.Section, key: str) -> list[str]:
    names = top.take(key, list, [])
    seen = set()
    for name in names:
        if not isinstance(name, str) or name in seen:
            raise top.error(f"{key} must list different texts, but has {shown(name)}.", key)
        seen.add(name)
    return names


def _plain(section: manifest.Section) -> dict:
    for key, value in section.items():
        if problem := provenance_problem(key, value):
            raise section.error(problem, key)
    return dict(section)


def _write_manifest(workload: Workload, stored: dict[str, np.ndarray], path: Path) -> str:
    head = {"format": FORMAT, "version": versions.needed(workload), "name": workload.name, "model": workload.model}
    head |= {"synthetic": workload.synthetic, "batch": workload.batch}
    text = _dump(head) + f"bits: {_flow(dict(workload.bits))}\n" + _dump({"provenance": dict(workload.provenance)})
    if stored:
        text += _dump({"arrays": {"file": path.with_suffix(".npz").name, "sha256": npz.fingerprint(stored)}})
    if workload.tensors:
        text += _dump({"tensors": sorted(workload.tensors)})
    if workload.scales:
        text += _dump({"scales": dict(sorted(workload.scales.items()))})
    if workload.reads:
        rows = (f"  {_flow({n: list(s)})[1:-1]}\n" for n, s in workload.reads.items())
        text += "reads:\n" + "".join(rows)
    return text + "layers:\n" + "".join(f"  - {_flow(_entry(layer, workload))}\n" for layer in workload.layers)


def _entry(layer: Layer, workload: Workload) -> dict:
    given = {f.name: getattr(layer, f.name) for f in fields(layer) if getattr(layer, f.name) != f.default}
    if layer.kind in given:
        given[SAME] = given.pop(layer.kind)
    entry = {layer.kind: given.pop("name"), **given}
    mask = workload.masks.get(layer.name)
    if mask is None:
        return entry
    entry |= {"pattern": mask.pattern.entry()} if mask.pattern else {}
    return entry if mask.derived else entry | {"mask": True}


class _Dumper(yaml.SafeDumper):
    """Puts a text in quotes that would be read as a number."""


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    number = not isinstance(scalar(value), str) or NO_NUMBER.fullmatch(value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="'" if number else None)


_Dumper.add_representer(str, _text)


def _dump(value: dict) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _flow(value: dict) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=float("inf"), default_flow_style=True).strip()

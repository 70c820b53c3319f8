"""The workload file: NAME.yaml (a readable manifest) beside NAME.npz (masks, tensors). See docs/workload-format.md."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import yaml

from accelsim.core.errors import InputError, suggest
from accelsim.workload import arrays as npz
from accelsim.workload import manifest
from accelsim.workload.layers import LAYERS, Layer
from accelsim.workload.mask import AttentionMask
from accelsim.workload.workload import Workload

FORMAT, VERSION = "accelsim-workload", 1
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
_MASK_PARTS = ("keep", "order", "global_tokens")


def save(workload: Workload, path: str | Path) -> Path:
    """Write NAME.yaml and, when there are masks or tensors, NAME.npz beside it. Same workload, same bytes. Returns the
    .yaml's path.

    Errors: InputError when `path` does not end in .yaml, its folder is missing, or the provenance is not plain text and
    numbers.
    """
    path = _manifest_path(path)
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; create it first.")
    stored = dict(workload.tensors)
    for name, mask in workload.masks.items():
        stored[f"{name}.keep"] = np.packbits(mask.keep, axis=2)
        stored[f"{name}.order"], stored[f"{name}.global_tokens"] = mask.order, mask.global_tokens
    text = _write_manifest(workload, stored, path)
    if stored:
        npz.write_file(path.with_suffix(".npz"), npz.encode(stored))
    npz.write_file(path, text.encode())
    return path


def load(path: str | Path) -> Workload:
    """Read a workload file (its .yaml; the .npz is found beside it). Errors: InputError, one sentence with file, line
    and rule."""
    path = _manifest_path(path)
    top = manifest.read(path)
    if top.get("format") != FORMAT:
        raise top.error(
            f"format is {top.get('format')!r} but a workload file begins with 'format: {FORMAT}'.", "format"
        )
    version = top.take("version", int)
    if version != VERSION:
        advice = "update accelsim" if version > VERSION else "no such version exists"
        raise top.error(f"version is {version} but this accelsim reads version {VERSION}; {advice}.", "version")
    top.only(_KEYS, "a workload file")
    layers, masked = _read_layers(top)
    tensor_names = _texts(top, "tensors")
    stored = _read_arrays(top, path)
    file = path.parent / top["arrays"]["file"] if stored else path
    expected = {f"{name}.{part}" for name in masked for part in _MASK_PARTS} | set(tensor_names)
    for name in sorted(expected - set(stored)):
        raise InputError(f"{file}: the array {name!r} is missing but {path.name} needs it{suggest(name, stored)}.")
    for name in sorted(set(stored) - expected):
        raise InputError(f"{file}: the array {name!r} is not named by {path.name}{suggest(name, expected)}.")
    by_name = {layer.name: layer for layer in layers}
    bits, scales = top.take("bits", dict), top.take("scales", dict, manifest.Section(path, top.line))
    try:
        return Workload(
            name=top.take("name", str),
            model=top.take("model", str),
            layers=layers,
            masks={name: _read_mask(by_name[name], stored, file) for name in masked},
            tensors={name: stored[name] for name in tensor_names},
            scales={name: scales.take(name, float) for name in scales},
            batch=top.take("batch", int),
            bits={key: bits.take(key, int) for key in bits},
            synthetic=top.take("synthetic", bool),
            provenance=_plain(top.take("provenance", dict)),
        )
    except InputError as error:
        if str(error).startswith((str(path), str(file))):
            raise
        raise InputError(f"{path}: {error}") from None


def _manifest_path(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != ".yaml":
        raise InputError(
            f"{path}: a workload is named by its .yaml file (did you mean {path.with_suffix('.yaml').name!r}?)."
        )
    return path


def _read_layers(top: manifest.Section) -> tuple[list[Layer], list[str]]:
    layers, masked = [], []
    for entry in top.take("layers", list):
        if not isinstance(entry, manifest.Section):
            raise top.error(
                f"every entry of layers must be a mapping such as {{gemm: NAME, ...}}, but one is {entry!r}.", "layers"
            )
        kind = next(iter(entry), None)
        if kind not in LAYERS:
            raise entry.error(
                f"a layer begins with its kind ({', '.join(LAYERS)}), not {kind!r}{suggest(kind, LAYERS)}.", kind
            )
        cls, values = LAYERS[kind], dict(entry)
        name = values.pop(kind)
        known = [f.name for f in fields(cls) if f.name != "name"] + (["mask"] if kind == "attention" else [])
        entry.only([kind, *known], f"a layer of kind {kind}")
        if kind == "attention" and entry.take("mask", bool, False):
            masked.append(name)
        values.pop("mask", None)
        for f in fields(cls):
            if f.name not in values and f.name != "name" and f.default.__class__.__name__ == "_MISSING_TYPE":
                raise entry.error(f"{kind} layer {name!r} lacks {f.name!r}.")
        try:
            layers.append(cls(name=name, **values))
        except InputError as error:
            raise entry.error(str(error)) from None
    return layers, masked


def _read_arrays(top: manifest.Section, path: Path) -> dict[str, np.ndarray]:
    if "arrays" not in top:
        return {}
    section = top.take("arrays", dict)
    section.only(("file", "sha256"), "arrays")
    name = section.take("file", str)
    if Path(name).name != name or name in ("", ".", ".."):
        raise section.error(
            f"file is {name!r} but must be the name of a file beside this one, without folders.", "file"
        )
    stored = npz.decode(path.parent / name)
    if npz.fingerprint(stored) != section.take("sha256", str):
        raise InputError(
            f"{path.parent / name}: its arrays do not have the sha256 that {path.name} gives, so the two files do not "
            "belong together; save the workload again."
        )
    return stored


def _read_mask(layer: Layer, stored: dict[str, np.ndarray], file: Path) -> AttentionMask:
    packed = stored[f"{layer.name}.keep"]
    need = (layer.heads, layer.q_tokens, -(-layer.kv_tokens // 8))
    if packed.dtype != np.uint8 or packed.shape != need:
        raise InputError(
            f"{file}: {layer.name}.keep is {packed.dtype}{list(packed.shape)} but packed bits are uint8{list(need)}."
        )
    bits = np.unpackbits(packed, axis=2)
    if bits[:, :, layer.kv_tokens :].any():
        raise InputError(f"{file}: {layer.name}.keep has bits set beyond its {layer.kv_tokens} columns.")
    try:
        order, counts = stored[f"{layer.name}.order"], stored[f"{layer.name}.global_tokens"]
        return AttentionMask(bits[:, :, : layer.kv_tokens].view(bool), order, counts)
    except InputError as error:
        raise InputError(f"{file}: mask of {layer.name!r}: {error}") from None


def _texts(top: manifest.Section, key: str) -> list[str]:
    names = top.take(key, list, [])
    for name in names:
        if not isinstance(name, str) or names.count(name) > 1:
            raise top.error(f"{key} must list different texts, but has {name!r}.", key)
    return names


def _plain(section: manifest.Section) -> dict:
    for key, value in section.items():
        if not isinstance(value, str | int | float | bool):
            raise section.error(f"provenance entry {key!r} must be a text, a number or true/false.", key)
    return dict(section)


def _write_manifest(workload: Workload, stored: dict[str, np.ndarray], path: Path) -> str:
    for key, value in workload.provenance.items():
        if not isinstance(value, str | int | float | bool):
            raise InputError(
                f"workload {workload.name!r}: provenance entry {key!r} must be a text, a number or true/false."
            )
    head = {"format": FORMAT, "version": VERSION, "name": workload.name, "model": workload.model}
    head |= {"synthetic": workload.synthetic, "batch": workload.batch}
    text = _dump(head) + f"bits: {_flow(dict(workload.bits))}\n" + _dump({"provenance": dict(workload.provenance)})
    if stored:
        text += _dump({"arrays": {"file": path.with_suffix(".npz").name, "sha256": npz.fingerprint(stored)}})
    if workload.tensors:
        text += _dump({"tensors": sorted(workload.tensors)})
    if workload.scales:
        text += _dump({"scales": dict(sorted(workload.scales.items()))})
    return text + "layers:\n" + "".join(f"  - {_flow(_entry(layer, workload))}\n" for layer in workload.layers)


def _entry(layer: Layer, workload: Workload) -> dict:
    given = {f.name: getattr(layer, f.name) for f in fields(layer) if getattr(layer, f.name) != f.default}
    entry = {layer.kind: given.pop("name"), **given}
    return entry | {"mask": True} if layer.name in workload.masks else entry


def _dump(value: dict) -> str:
    return yaml.dump(value, Dumper=yaml.SafeDumper, sort_keys=False, width=120, allow_unicode=True)


def _flow(value: dict) -> str:
    return yaml.dump(
        value, Dumper=yaml.SafeDumper, sort_keys=False, width=float("inf"), default_flow_style=True
    ).strip()

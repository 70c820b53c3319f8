"""Files of mappings: how layers are cut, read to pin it and written to study it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

import accelsim.core.document as document
from accelsim.accelerators import machine, shipped
from accelsim.config.arch import Arch
from accelsim.core import files
from accelsim.core.document import Entry
from accelsim.core.errors import InputError, suggest
from accelsim.dataflows.mapping import LayerMapping
from accelsim.workload.workload import Workload

KEYS = ("machine", "workload", "layers")


def mapped(arch: Arch, workload: Workload) -> tuple[LayerMapping, ...]:
    """How a machine cuts a workload. Raises InputError when a layer does not fit, or the machine hands out none."""
    model = machine(arch.machine)
    if not model.maps:
        able = ", ".join(name for name in shipped() if machine(name).maps)
        what = "its figures are a model's, which `run` gives at once" if model.analytic else "`run` simulates them"
        raise InputError(
            f"the machine {arch.machine} says nothing of how it cuts layers, so that there is no estimate of them: "
            f"{what}; estimates are of {able}"
        )
    try:
        return model.mapping(arch, workload)
    except InputError as error:
        raise InputError(f"{workload.source or workload.name}: {error}") from None


def pinned(arch: Arch, path: Path, workload: Workload) -> Arch:
    """A configuration with the cuts of a file, which may name any of the layers. Raises InputError with file and line
    when one is not of this workload, or does not fit."""
    top, repeated = document.read(path)
    if repeated:
        line, sentence = repeated[0]
        raise InputError(f"{path}:{line}: {sentence}")
    if not isinstance(top.value, dict) or not isinstance(getattr(top.value.get("layers"), "value", None), dict):
        raise InputError(f"{path}:1: a mapping has an entry 'layers' with a cut for each layer it names")
    if strange := [(key, entry.line) for key, entry in top.value.items() if key not in KEYS]:
        key, line = strange[0]
        raise InputError(f"{path}:{line}: there is no entry {key!r} in a mapping{suggest(key, KEYS)}")
    said = top.value.get("machine")
    if said is not None and said.value != arch.machine:
        raise InputError(f"{path}:{said.line}: the mapping is of the machine {said.value}, not of {arch.machine}")
    layers, names = top.value["layers"].value, [layer.name for layer in workload.layers]
    for name, entry in layers.items():
        if name not in names:
            raise InputError(
                f"{path}:{entry.line}: the workload {workload.name} has no layer {name!r}{suggest(name, names)}"
            )
        if not isinstance(entry.value, dict):
            raise InputError(f"{path}:{entry.line}: the cut of a layer is a mapping of its parts")
    made = replace(arch, mapping={name: plain(entry) for name, entry in layers.items()})
    try:
        machine(arch.machine).mapping(made, workload)
    except InputError as error:
        lines = [entry.line for name, entry in layers.items() if f"layer {name}" in str(error)]
        raise InputError(f"{path}:{lines[0] if lines else 1}: {error}") from None
    return made


def plain(entry: Entry):
    """A value of a file without its lines; whole numbers as such."""
    if isinstance(entry.value, dict):
        return {key: plain(value) for key, value in entry.value.items()}
    if isinstance(entry.value, list):
        return [plain(value) for value in entry.value]
    return int(entry.value) if entry.value.isdecimal() and len(entry.value) < 12 else entry.value


def as_data(found: Sequence[LayerMapping]) -> dict[str, object]:
    """Layer -> part -> cut, of the layers that can be cut in several ways, or whose input could stay on chip."""
    return {one.layer: one.as_data() for one in found if one.input or any(p.chosen.cut for p in one.parts)}


def written(path: Path, arch: Arch, workload: Workload, found: Sequence[LayerMapping]) -> Path:
    """Write the cuts of a workload as a file that `--mapping` takes."""
    content = {"machine": arch.machine, "workload": workload.name, "layers": as_data(found)}
    files.write(path, yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120).encode())
    return path

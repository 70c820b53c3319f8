"""Versions of the workload file: what each brought, what a workload needs, what a file of an older one may not have.

2: constants of layers, `reads`. 3: layers of kind linear_attention, and the activations that make its codes.
4: patterns of masks.
A workload is written in the oldest version that has all of it; all are read.
"""

from __future__ import annotations

from accelsim.workload import manifest
from accelsim.workload.constants import constant_shapes
from accelsim.workload.layers import HASHES, Layer, LinearAttention
from accelsim.workload.workload import Workload

VERSIONS = (1, 2, 3, 4)


def of_layer(layer: Layer) -> int:
    """The version that brought a layer."""
    return 3 if isinstance(layer, LinearAttention) or getattr(layer, "activation", None) in HASHES else 1


def needed(workload: Workload) -> int:
    """The oldest version that has all of a workload."""
    split = [name.rpartition(".") for name in workload.tensors]
    constants = any(operand in constant_shapes(workload.layer(layer)) for layer, _, operand in split)
    patterns = any(mask.pattern for mask in workload.masks.values())
    return max(4 if patterns else 1, 2 if constants or workload.reads else 1, *map(of_layer, workload.layers))


def read(top: manifest.Section) -> int:
    """The version of a file. Raises InputError unless it is known, and for entries that it does not have."""
    version = top.take("version", int)
    if version not in VERSIONS:
        advice = "update accelsim" if version > VERSIONS[-1] else "no such version exists"
        known = f"{', '.join(map(str, VERSIONS[:-1]))} and {VERSIONS[-1]}"
        raise top.error(f"version is {version} but this accelsim reads versions {known}; {advice}.", "version")
    if version == 1 and "reads" in top:
        raise top.error("reads is an entry of files of version 2; say version: 2.", "reads")
    return version


def check_layer(entry: manifest.Section, layer: Layer, version: int) -> None:
    """Raise InputError for a layer that files of a version do not have."""
    if (first := of_layer(layer)) > version:
        what = f"the kind {layer.kind}" if isinstance(layer, LinearAttention) else f"the activation {layer.activation}"
        raise entry.error(f"{what} is of files of version {first}, but this one is of version {version}; say {first}.")

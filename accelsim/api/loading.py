"""Machines and workloads, by name or file, and workloads of masks of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import accelsim.workload.workload as base
from accelsim.accelerators import schema
from accelsim.config import load_arch, shipped
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError, shown
from accelsim.workload import load, save

Settings = Mapping[str, object] | Iterable[str] | None


class Workload(base.Workload):
    """The layers of a network, the masks of its attention, and how it was made (see docs/workload-format.md)."""

    @classmethod
    def from_masks(
        cls,
        keep: Any,
        onto: str | base.Workload | None = None,
        *,
        threshold: float | None = None,
        qk_dim: int = 64,
        v_dim: int = 64,
        name: str = "",
    ) -> Workload:
        """A workload with masks of your own.

        keep: [layers, heads, q_tokens, kv_tokens] of true and false or 0 and 1, True = kept; what is missing on the
        left is broadcast, so that [n, n] is one mask for every head of every layer. onto: a known model
        (`"deit_tiny"`), the name or file of a workload, or a Workload; without it, bare attention layers of `qk_dim`
        and `v_dim` features a head. threshold: a column with more kept scores than this is a global token (50 of 197
        of the rows without it).
        Raises InputError when the mask does not fit, or a row keeps nothing.
        """
        from accelsim.codesign.masks import bare, with_masks
        from accelsim.codesign.models import MODELS, model

        if onto is None:
            made = bare(keep, qk_dim, v_dim, name=name or "attention", threshold=threshold)
            return cls.of(made)
        if isinstance(onto, str) and onto in MODELS:
            network = model(onto)
            onto = base.Workload(onto, onto, network.layers)
        elif isinstance(onto, str):
            onto = load(shipped.find("workloads", onto))
        return cls.of(with_masks(onto, keep, threshold=threshold, name=name))

    @classmethod
    def of(cls, made: base.Workload) -> Workload:
        """The same workload, of this class."""
        return made if isinstance(made, cls) else cls(**{f.name: getattr(made, f.name) for f in fields(made)})

    def save(self, path: str | Path) -> Path:
        """Write NAME.yaml with NAME.npz beside it, for the command line or another day; the .yaml's path."""
        return save(self, Path(path))


def load_machine(machine: str | Path | Arch, settings: Settings = None) -> Arch:
    """A machine with every value settled.

    machine: a shipped one (`machines()` lists them), a plug-in's, or a YAML file. settings: {"engine.lines": 32,
    "heads": "serial"}, or texts as of `--set`. Raises InputError with a line for every mistake there is.
    """
    if isinstance(machine, Arch):
        if settings:
            raise InputError("settings belong to a machine's name or file; give them to load_machine")
        return machine
    return load_arch(machine, schema, texts(settings))


def load_workload(workload: str | Path | base.Workload) -> Workload:
    """A workload: a shipped one (`workloads()` lists them), or a YAML file. Raises InputError when it is none."""
    if isinstance(workload, base.Workload):
        return Workload.of(workload)
    return Workload.of(load(shipped.find("workloads", workload)))


def machines() -> list[str]:
    """The machines that there are, with those of plug-ins."""
    return shipped.listing("arch_configs")


def workloads() -> list[str]:
    """The workloads that come with accelsim."""
    return shipped.listing("workloads")


def texts(settings: Settings) -> list[str]:
    """Settings as `NAME=VALUE`. Raises InputError for what is none."""
    if settings is None:
        return []
    if isinstance(settings, str):
        raise InputError(
            f"settings are {shown(settings)} but must be a mapping such as {{'engine.lines': 32}}, or texts"
        )
    if not isinstance(settings, Mapping):
        return [str(text) for text in settings]
    return [f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in settings.items()]

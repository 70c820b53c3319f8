"""A machine whose file is read once and whose values are then set many times."""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import accelsim.core.document as document
from accelsim.accelerators import machine, schema
from accelsim.config import load_arch, shipped
from accelsim.config.arch import Arch
from accelsim.config.load import overridden, override, settings_of
from accelsim.config.resolve import Resolution, read
from accelsim.core.errors import InputError
from accelsim.sweep.source import prices


class Base:
    """A machine's file with fixed overrides; `with_settings` gives what `load_arch` gives, without reading it again.

    `places` says in which file and line each override stands, if not on the command line. Raises InputError when the
    file or the overrides are wrong.
    """

    def __init__(self, file: str | Path, overrides: Sequence[str] = (), places: Sequence[str] = ()):
        self.arch = load_arch(file, schema, overrides, places)
        self.path = shipped.find("arch_configs", file)
        self.schema = schema(self.arch.machine)
        self.overrides = tuple(overrides)
        top, _ = document.read(self.path)
        self.settings = list(settings_of(self.path, top, self.schema, Resolution(str(self.path))))

    @property
    def title(self) -> str:
        """Its name in tables, with a mark where its figures are a model's."""
        return f"{self.arch.name} (model)" if machine(self.arch.machine).analytic else self.arch.name

    def with_settings(self, settings: Sequence[tuple[str, str]]) -> Arch:
        """The machine with values as (name, text). Raises InputError with a line for every mistake."""
        arch = self.overlaid(settings) or self.settled(settings)
        if broken := self.schema.broken(arch):
            raise InputError("\n".join(f"{self.path}: {sentence}" for sentence in broken))
        return arch

    def settled(self, settings: Sequence[tuple[str, str]]) -> Arch:
        """The machine with everything resolved anew."""
        resolution, given = Resolution(str(self.path)), list(self.settings)
        for text in (*self.overrides, *(f"{name}={value}" for name, value in settings)):
            if setting := override(text, self.schema, resolution):
                given.append(setting)
        fields = resolution.settle(self.schema, given)
        fields["sources"] = overridden(self.arch.sources, given)
        if resolution.problems:
            raise InputError(resolution.text())
        return Arch(**{"name": self.arch.name, "machine": self.schema.name, "source": str(self.path)} | fields)

    @cached_property
    def plain(self) -> Arch:
        """The machine with nothing set beside its overrides."""
        return self.settled(())

    @cached_property
    def prices(self) -> str:
        """A hash of what its energy table and the machine's prices say, where no setting is about them."""
        return self.prices_of(self.plain)

    @staticmethod
    def prices_of(arch: Arch) -> str:
        """The same of a machine whose settings are."""
        return prices(json.dumps(arch.energy, sort_keys=True), arch.machine, tuple(arch.places.items()))

    @cached_property
    def places(self) -> dict[str, tuple[str, Any, str]]:
        """Name of a setting -> the part it is of (or `options`), what it sets, and the part's clock: of parameters and
        options, which change nothing but themselves."""
        options = {name: ("options", option, "") for name, option in self.schema.options.items()}
        parts = {
            f"{name}.{parameter}": (name, param, part.clock)
            for name, part in self.schema.parts.items()
            for parameter, param in part.params(self.arch.models.get(name, part.default_model)).items()
        }
        return parts | options

    def overlaid(self, settings: Sequence[tuple[str, str]]) -> Arch | None:
        """The plain machine with some of its values replaced; None where that is not all there is to do."""
        arch = self.plain
        if arch.sources:
            return None
        options, parts = dict(arch.options), dict(arch.parts)
        for name, text in settings:
            if name not in self.places or not text.strip():
                return None
            part, param, clock = self.places[name]
            try:
                value = read(text.strip(), param, part, clock, arch.clocks.get(clock))
            except InputError:  # which is said with all others
                return None
            if part == "options":
                options[param.name] = value
            else:
                parts[part] = parts[part] | {param.name: value}
        return replace(arch, options=options, parts=parts)


def parameters(arch: Arch) -> dict[str, int | float | str]:
    """Every value of a machine by the name an override gives it; clocks in Hz, all else in the parameter's unit."""
    found = {f"clocks.{name}": number(hertz) for name, hertz in arch.clocks.items()}
    found |= {name: str(value) if not isinstance(value, int) else value for name, value in arch.options.items()}
    for part, values in arch.parts.items():
        if part in arch.models:
            found[f"{part}.model"] = arch.models[part]
        found |= {f"{part}.{name}": value for name, value in values.items()}
    for key, value in arch.energy.items():
        if not isinstance(value, dict):
            found[f"energy.{key}"] = value
    return found


def number(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


def switches(machine: str) -> list[str]:
    """The options of a machine that are on or off."""
    return [name for name, option in schema(machine).options.items() if set(option.choices) == {"true", "false"}]

"""A machine with every value settled."""

import hashlib
import json
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from accelsim.config.units import frequency_text


@dataclass(frozen=True)
class Arch:
    """name: the file's stem, or what it says. clocks: name -> hertz. options: name -> value. parts: part -> parameter
    -> value, every parameter of the chosen model, integers in the parameter's unit or one of its choices. models: part
    -> model, for the parts that have a choice. energy: `table` and `override` as given. source: the file. places:
    `energy.table`, `energy.override.NAME` -> where that is said. sources: PART.PARAMETER, PART or clocks.NAME -> where
    the value is from, in the file's words. Treat the dictionaries as read-only.
    """

    name: str
    machine: str
    clocks: dict[str, Fraction]
    options: dict[str, object]
    parts: dict[str, dict[str, object]]
    models: dict[str, str]
    energy: dict[str, object]
    source: str
    sources: dict[str, str] = field(default_factory=dict, compare=False)
    places: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def as_dict(self) -> dict[str, object]:
        """Everything but the source, JSON-able; written as YAML it is a configuration file that gives the same Arch."""
        return {
            "machine": self.machine,
            "name": self.name,
            "clocks": {name: frequency_text(hertz) for name, hertz in self.clocks.items()},
            "options": dict(self.options),
            "parts": {
                part: ({"model": self.models[part]} if part in self.models else {}) | values
                for part, values in self.parts.items()
            },
            "energy": dict(self.energy),
        } | ({"sources": dict(self.sources)} if self.sources else {})

    @cached_property
    def hash(self) -> str:
        """sha256 of what decides a result: everything but the name and the sources."""
        content = {key: value for key, value in self.as_dict().items() if key not in ("name", "sources")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

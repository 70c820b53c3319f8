"""What all layers share: a name, a block, and values that are checked when a layer is made."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar

from accelsim.core.errors import InputError, shown, suggest

ROLES = ("embed", "qkv", "q", "kv", "proj", "mlp", "head", "conv", "downsample", "other")
ACTIVATIONS = ("gelu", "relu", "relu6", "hardswish", "silu", "sigmoid", "hardsigmoid", "tanh")
HASHES = ("exp", "sign")  # activations of the dense layers that make codes of rule hash
NORMS = ("layernorm", "rmsnorm", "batchnorm", "groupnorm")
MOST = (1 << 31) - 1  # of any size; products of a few still fit a 64-bit counter
LONGEST_TEXT = 200
RULES, ORDERS = ("taylor", "l1", "hash"), ("kv", "qk")
OPERATIONS = ("add", "multiply", "mean", "max", *ACTIVATIONS)


@dataclass(frozen=True)
class Layer(ABC):
    """What all layers share: a unique `name`, and the `block` of the network it belongs to (for grouping in
    reports)."""

    name: str
    block: str

    kind: ClassVar[str] = ""
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            optional = "None" in field.type
            if value is None and optional:
                continue
            known = self.choices.get(field.name)
            if known is not None:
                if not isinstance(value, str) or value not in known:
                    self._refuse(field.name, value, f"must be one of {', '.join(known)}{suggest(value, known)}")
            elif "str" in field.type:
                if not isinstance(value, str) or not value:
                    self._refuse(field.name, value, "must be a non-empty text")
                if len(value) > LONGEST_TEXT or not value.isprintable():
                    self._refuse(field.name, value, f"must be a text of at most {LONGEST_TEXT} printable characters")
            elif "bool" in field.type:
                if not isinstance(value, bool):
                    self._refuse(field.name, value, "must be true or false")
            else:
                object.__setattr__(self, field.name, self._count(field.name, value))

    def _count(self, name: str, value) -> int:
        try:
            number = operator.index(value)
        except TypeError:
            number = 0
        if number < 1 or isinstance(value, bool):
            self._refuse(name, value, "must be a whole number of at least 1")
        if number > MOST:
            self._refuse(name, value, f"must be at most {MOST}")
        return number

    def _refuse(self, parameter: str, value, rule: str):
        raise InputError(f"{self.kind} layer {shown(self.name)}: {parameter} is {shown(value)} but {rule}.")

    @property
    def macs(self) -> int:
        """Multiply-accumulates per image (attention: as if dense)."""
        return 0

    @property
    @abstractmethod
    def shape(self) -> str:
        """The sizes as one short text, for tables."""

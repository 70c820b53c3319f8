"""YAML mappings that remember the lines of their values, for errors that name them."""

import math

import yaml

from accelsim.core.errors import InputError, suggest


class Document:
    """A YAML mapping whose values remember their lines."""

    def __init__(self, path: str, node: yaml.Node, where: str = ""):
        self.path, self.where, self.line = path, where, node.start_mark.line + 1
        self.nodes: dict[str, yaml.Node] = {}
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{where or 'the file'} must be a mapping of names to values")
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(key, f"{where or 'the file'} must be a mapping of names to values")
            if key.value in self.nodes:
                raise self.error(key, f"{where}{key.value} is given twice")
            self.nodes[key.value] = value

    def error(self, node: yaml.Node | None, sentence: str) -> InputError:
        line = node.start_mark.line + 1 if node is not None else self.line
        return InputError(f"{self.path}:{line}: {sentence}.")

    def check_keys(self, required, optional=()) -> None:
        for key, node in self.nodes.items():
            if key not in required and key not in optional:
                known = (*required, *optional)
                raise self.error(node, f"{self.where}{key} is not known{suggest(key, known)}")
        for key in required:
            if key not in self.nodes:
                raise self.error(None, f"{self.where}{key} is missing")

    def text(self, key: str) -> str:
        node = self.nodes[key]
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(node, f"{self.where}{key} must be a single value")
        return node.value

    def number(self, key: str) -> float:
        try:
            value = float(self.text(key))
        except ValueError:
            value = math.nan
        if not value > 0 or math.isinf(value):
            raise self.error(self.nodes[key], f"{self.where}{key} is {self.text(key)!r}: it must be a number above 0")
        return value

    def integer(self, key: str, low: int = 1) -> int:
        text = self.text(key)
        if not text.isdigit() or int(text) < low:
            raise self.error(
                self.nodes[key], f"{self.where}{key} is {text!r}: it must be a whole number of at least {low}"
            )
        return int(text)

    def clocks(self, key: str, tck_ns: float) -> int:
        """A whole number of clocks, or a time such as `13.75 ns`, rounded up as JEDEC does (a 2.5 % guard band)."""
        text = self.text(key)
        if text.endswith("ns"):
            try:
                return math.ceil(float(text.removesuffix("ns")) / tck_ns - 0.025)
            except ValueError:
                pass
        if not text.isdigit() or int(text) < 1:
            rule = "it must be a whole number of clocks of at least 1, or a time such as '13.75 ns'"
            raise self.error(self.nodes[key], f"{self.where}{key} is {text!r}: {rule}")
        return int(text)

"""Conditions over parameters and figures, as in `engine.lines * engine.macs == 512` or `area_mm2 <= 3`."""

import ast
import math
import operator
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accelsim.core.document import NUMBER
from accelsim.core.errors import InputError, suggest

ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
COMPARISONS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
FARTHEST = 1e30  # how far a comparison can be from holding
LONGEST = 1000  # characters of a condition
DEEPEST = 100  # of its tree: a sum of so many terms, or so many nested parentheses
FUNCTIONS = {"min": min, "max": max, "abs": abs}
WORDS = {"true": "true", "false": "false"}  # the values of a switch


@dataclass(frozen=True)
class Expression:
    """A checked condition. names: what it asks for, by full name; where: names it in errors."""

    text: str
    where: str
    tree: ast.expr
    names: frozenset[str]
    full: Mapping[str, str]

    def value(self, values: Mapping[str, object]) -> object:
        """What it comes to, given every one of its names. Raises InputError when it cannot be evaluated."""
        try:
            return self._of(self.tree, values)
        except (TypeError, ArithmeticError) as reason:
            raise InputError(f"{self.where}: {self.text!r} cannot be evaluated: {reason}") from None

    def holds(self, values: Mapping[str, object]) -> bool:
        return bool(self.value(values))

    def violation(self, values: Mapping[str, object]) -> float:
        """How far a comparison of numbers is from holding, relative to its right side; 0 when it holds."""
        if self.holds(values):
            return 0.0
        if isinstance(self.tree, ast.Compare) and len(self.tree.ops) == 1:
            left, right = self._of(self.tree.left, values), self._of(self.tree.comparators[0], values)
            if isinstance(left, int | float) and isinstance(right, int | float):
                try:
                    return min(max(abs(left - right) / max(abs(right), 1e-30), 1e-9), FARTHEST)
                except OverflowError:
                    return FARTHEST
        return 1.0

    def _of(self, node: ast.expr, values: Mapping[str, object]) -> object:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.BinOp):
            terms = self._of(node.left, values), self._of(node.right, values)
            found = ARITHMETIC[type(node.op)](*map(number, terms))
            if isinstance(found, float) and not math.isfinite(found):
                raise OverflowError("it grows beyond all numbers")
            return found
        if isinstance(node, ast.UnaryOp):
            inner = self._of(node.operand, values)
            return not inner if isinstance(node.op, ast.Not) else -number(inner)
        if isinstance(node, ast.BoolOp):
            every = all if isinstance(node.op, ast.And) else any
            return every(self._of(part, values) for part in node.values)
        if isinstance(node, ast.Compare):
            terms = [self._of(part, values) for part in (node.left, *node.comparators)]
            return all(COMPARISONS[type(op)](a, b) for op, a, b in zip(node.ops, terms, terms[1:]))
        if isinstance(node, ast.Call):
            return FUNCTIONS[node.func.id](*(self._of(part, values) for part in node.args))
        name = ast.unparse(node)
        return WORDS[name] if name in WORDS else values[self.full[name]]


def parse(text: str, known: Iterable[str], where: str, first: Iterable[str] = ()) -> Expression:
    """Check a condition; a name may leave out its part where that is clear (`lines` for `engine.lines`): if only one of
    `first`, or else of all `known`, ends so.

    Allowed are numbers, quoted words, true and false, names, + - * / // %, comparisons, and, or, not, parentheses, min,
    max and abs. Raises InputError that names the culprit and what is near.
    """
    known, tree = list(known), parsed(text, where)
    full = {name: _full(name, known, list(first), text, where) for name in _names(tree, text, where)}
    return Expression(text, where, tree, frozenset(full.values()), full)


def parsed(text: str, where: str) -> ast.expr:
    """The tree of a condition. Raises InputError when it is none, or larger than a condition may be."""
    if len(text) > LONGEST:
        raise InputError(f"{where}: {text!r} has {len(text):,} characters; a condition has at most {LONGEST:,}")
    try:
        with warnings.catch_warnings():  # of what only looks like a condition
            warnings.simplefilter("error")
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise InputError(f"{where}: {text!r} is no condition, such as 'engine.lines * engine.macs == 512'") from None
    except (RecursionError, MemoryError):
        depth = DEEPEST + 1
    else:
        depth, level = 0, [tree]
        while level and depth <= DEEPEST:
            depth, level = depth + 1, [inner for node in level for inner in ast.iter_child_nodes(node)]
    if depth > DEEPEST:
        raise InputError(f"{where}: {text!r} is nested deeper than {DEEPEST} levels; write it as several conditions")
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            written = ast.get_source_segment(text.strip(), node) or ""
            if not NUMBER.fullmatch(written) or not math.isfinite(node.value):
                raise InputError(f"{where}: {text!r}: {written!r} is no decimal number, such as 64 or 76.8")
    return tree


def number(value: object) -> int | float:
    """A value that can be calculated with. Raises TypeError for a word."""
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is a word, and words are only compared")
    return value


def _full(name: str, known: list[str], first: list[str], text: str, where: str) -> str:
    if name in known:
        return name
    ends = [k for k in first if k.endswith(f".{name}")] or [k for k in known if k.endswith(f".{name}")]
    if len(ends) == 1:
        return ends[0]
    hint = f" (it may be {' or '.join(map(repr, ends))})" if ends else suggest(name, [*known, *ends_of(known)])
    raise InputError(f"{where}: {text!r} names {name!r}, which is no parameter or figure here{hint}")


def ends_of(names: Iterable[str]) -> list[str]:
    return [name.rpartition(".")[2] for name in names]


def _names(node: ast.AST, text: str, where: str) -> set[str]:
    """The names in a tree. Raises InputError for anything that is not allowed."""
    if isinstance(node, ast.Name | ast.Attribute):
        name = ast.unparse(node)
        if all(isinstance(n, ast.Name | ast.Attribute | ast.Load) for n in ast.walk(node)):
            return set() if name in WORDS else {name}
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
        return set()
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
        if node.args and not node.keywords:
            return set().union(*(_names(part, text, where) for part in node.args))
    elif (
        (isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC)
        or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub))
        or (isinstance(node, ast.Compare) and all(type(op) in COMPARISONS for op in node.ops))
        or isinstance(node, ast.BoolOp)
    ):
        parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
        return set().union(*(_names(part, text, where) for part in parts))
    raise InputError(
        f"{where}: {text!r}: {ast.unparse(node)!r} is not allowed in a condition; there are numbers, quoted words,"
        f" names, + - * / // %, comparisons, and, or, not, {', '.join(FUNCTIONS)}"
    )

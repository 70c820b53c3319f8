"""Amounts in a table: arithmetic over parameters, as in `8 * lines`, `1 / row_bytes` or `2 * sparser.banks`."""

import ast
import math
import operator
import re
from collections.abc import Mapping
from functools import lru_cache

from accelsim.core.errors import InputError, shown, suggest
from accelsim.energy.row import MOST, number

LONGEST = 300  # characters; so many signs nest no deeper than can be followed
# Names, and numbers as anyone writes them: without digit separators, other bases and other scripts' digits.
NUMBER = r"(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?(?![A-Za-z0-9_])"
TOKEN = re.compile(rf"[A-Za-z_][A-Za-z0-9_]*|{NUMBER}|[-+*/%(),. ]")

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
FUNCTIONS = {"min": min, "max": max, "ceil": math.ceil, "sqrt": math.sqrt, "log2": math.log2}


def evaluate(text: str | int | float, names: Mapping[str, int | float | str], where: str) -> float:
    """The value of a number or of an arithmetic expression over `names`.

    Allowed are numbers, names, + - * / // %, parentheses, min, max, ceil, sqrt and log2. `where` names the entry in
    errors. Raises InputError for anything else, for an unknown name, a word where a number is due, a division by zero
    or a negative value.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise InputError(f"{where}: {shown(text)} is no number and no arithmetic expression")
    if not isinstance(text, str):
        return number(text, where)
    if len(text) > LONGEST:
        raise InputError(f"{where}: {text!r} has {len(text)} characters, and an expression has at most {LONGEST}")
    if TOKEN.sub("", text):
        raise InputError(f"{where}: {text!r} is no arithmetic expression over the component's parameters")
    tree = parsed(text.strip())
    if tree is None:
        raise InputError(f"{where}: {text!r} is no arithmetic expression over the component's parameters")

    def of(node: ast.expr) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](of(node.left), of(node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            return FUNCTIONS[node.func.id](*(of(a) for a in node.args))
        if isinstance(node, ast.Name | ast.Attribute):
            name = spelled(node)
            if name not in names:
                known = ", ".join(n for n in names if "." not in n) or "none"
                raise InputError(
                    f"{where}: {text!r} names {name!r}, which is no parameter of the component (it has: {known})"
                    + suggest(name, names)
                )
            if isinstance(names[name], str):
                raise InputError(f"{where}: {text!r} counts with {name}, which is the word {names[name]!r}")
            return names[name]
        raise InputError(f"{where}: {text!r} is no arithmetic expression over the component's parameters")

    try:
        value = of(tree)
    except InputError:
        raise
    except (ZeroDivisionError, TypeError, OverflowError, ValueError) as reason:
        raise InputError(f"{where}: {text!r} cannot be evaluated ({reason})") from None
    if not 0 <= value <= MOST:
        raise InputError(
            f"{where}: {text!r} gives {shown(value)}, and an amount is a finite number >= 0, at most {MOST:.0e}"
        )
    return value


@lru_cache(1 << 12)
def parsed(text: str) -> ast.expr | None:
    """What an expression consists of; None if it is none."""
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def spelled(node: ast.Name | ast.Attribute) -> str:
    """A name as it is written."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{node.value.id}.{node.attr}" if isinstance(node.value, ast.Name) else ast.unparse(node)

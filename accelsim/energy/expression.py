"""Amounts in a table: arithmetic over parameters, as in `8 * lines`, `1 / row_bytes` or `2 * sparser.banks`."""

import ast
import math
import operator
from collections.abc import Mapping

from accelsim.core.errors import InputError, suggest

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
FUNCTIONS = {"min": min, "max": max, "ceil": math.ceil}


def evaluate(text: str | int | float, names: Mapping[str, int | float | str], where: str) -> float:
    """The value of a number or of an arithmetic expression over `names`.

    Allowed are numbers, names, + - * / // %, parentheses, min, max and ceil. `where` names the entry in errors. Raises
    InputError for anything else, for an unknown name, a word where a number is due, a division by zero or a negative
    value.
    """
    try:
        tree = ast.parse(str(text), mode="eval").body
    except SyntaxError:
        raise InputError(f"{where}: {text!r} is no arithmetic expression over the component's parameters") from None

    def of(node: ast.expr) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](of(node.left), of(node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            return FUNCTIONS[node.func.id](*(of(a) for a in node.args))
        if isinstance(node, ast.Name | ast.Attribute):
            name = ast.unparse(node)
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
    except (ZeroDivisionError, TypeError) as reason:
        raise InputError(f"{where}: {text!r} cannot be evaluated ({reason})") from None
    if not math.isfinite(value) or value < 0:
        raise InputError(f"{where}: {text!r} gives {value}, and an amount is a finite number >= 0")
    return value

import pytest

from accelsim.core.errors import InputError
from accelsim.energy.expression import evaluate

NAMES = {"lines": 64, "line_macs": 8, "zero": 0, "mode": "parallel", "other.banks": 4}


@pytest.mark.parametrize(
    ("text", "value"),
    [(3, 3), ("0.5", 0.5), ("7 // 2 % 2", 1),
     ("lines * line_macs", 512), ("1 / 8192", 1 / 8192), ("ceil(lines / 3)", 22),
     ("2 * other.banks", 8), ("max(lines, 100) - min(1, 2)", 99), ("2 * (lines + 1)", 130)],
)  # fmt: skip
def test_arithmetic(text, value):
    assert evaluate(text, NAMES, "x") == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("line * 2", r"here: 'line \* 2' names 'line', which is no parameter of the component.*did you mean 'lines'"),
        ("mode * 2", "counts with mode, which is the word 'parallel'"),
        ("1 / zero", r"cannot be evaluated \(division by zero\)"),
        ("1 - lines", "gives -63, and an amount is a finite number >= 0"),
        ("lines.real", r"names 'lines\.real', which is no parameter"),
        ("__import__('os')", "is no arithmetic expression"),
        ("2 +", "is no arithmetic expression"),
        ("True", "is no arithmetic expression"),
        ("ceil(1, 2)", "cannot be evaluated"),
    ],
)
def test_anything_else_is_refused(text, sentence):
    with pytest.raises(InputError, match=sentence):
        evaluate(text, NAMES, "here")

"""What is compiled gives what numba's own compiler gives, whatever passes it takes."""

import ctypes
import os
import subprocess
import sys

import pytest

from accelsim.core.compiled import compiled
from accelsim.core.machine_code import CALL, keep, linked

# Takes a number out of five, and the last, and prints whether that raised an exception, and what they make.
TAKES_ONE = """
import ctypes, sys
from pathlib import Path
import numpy as np
from accelsim.core.invoke import array_at
from accelsim.core.machine_code import CALL, keep, linked

WORD = np.dtype("i8")

def entry(now, words):
    a = array_at(words, (5,), WORD)
    return 100 * a[-1] + a[now]

numbers = np.arange(10, 15)
result, raised = ctypes.c_int64(), ctypes.c_void_p()
failed = CALL(linked(keep(Path("entry.py"), entry)))(
    ctypes.byref(result), ctypes.byref(raised), int(sys.argv[1]), numbers.ctypes.data
)
print(int(failed != 0), result.value)
"""


@compiled
def scaled(x, factor):
    return x * factor


def with_constants(now, words):
    return scaled(now, 2) + scaled(words, 3) + scaled(now, words)


def with_a_closure(now, words):
    def more(x):
        return x + words

    return more(now) * 2


def with_a_list(now, words):
    found = 0
    for x in (now, words, True):  # of two types, which numba unrolls only where it is told to
        found += x
    return found


def called(folder, function, *given: int) -> int:
    """What the machine code of a function gives."""
    result, raised = ctypes.c_int64(), ctypes.c_void_p()
    address = linked(keep(folder / f"{function.__name__}.py", function))
    assert CALL(address)(ctypes.byref(result), ctypes.byref(raised), *given) == 0
    return result.value


def test_a_function_is_compiled_once_for_all_constants(tmp_path):
    assert called(tmp_path, with_constants, 7, 5) == 7 * 2 + 5 * 3 + 7 * 5
    assert len(scaled.made.overloads) == 1


def test_what_the_few_passes_lack_goes_through_all_of_numbas(tmp_path):
    assert called(tmp_path, with_a_closure, -7, 5) == -4


def test_what_numba_refuses_is_refused_in_its_words(tmp_path):
    with pytest.raises(Exception, match="Invalid use of getiter|getiter"):
        called(tmp_path, with_a_list, 1, 2)


def test_the_processs_other_functions_still_count_an_index_below_zero_from_the_end():
    code = "import numba, numpy as np, accelsim.core.lean\nprint(numba.njit(lambda a: a[-1] + a[-3])(np.arange(5)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "6\n"


@pytest.mark.parametrize("at, found", [(2, 1412), (-1, None), (5, None)])
def test_numbas_check_of_bounds_finds_an_index_on_either_side(tmp_path, at, found):
    (tmp_path / "words.py").write_text(TAKES_ONE)
    given = subprocess.run(
        [sys.executable, "words.py", str(at)], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"NUMBA_BOUNDSCHECK": "1", "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
    )  # fmt: skip
    assert given.returncode == 0, given.stderr
    assert given.stdout == (f"0 {found}\n" if found else "1 0\n")

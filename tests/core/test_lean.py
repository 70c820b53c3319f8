"""What is compiled gives what numba's own compiler gives, whatever passes it takes."""

import ctypes

import pytest

from accelsim.core.compiled import compiled
from accelsim.core.machine_code import CALL, keep, linked


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

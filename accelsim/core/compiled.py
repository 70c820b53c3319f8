"""How everything that runs inside the kernel is compiled, and when: as soon as machine code is wanted that is not kept.

Until then numba is not even imported: that takes longer than many a simulation. Nothing of this is called from Python,
allocates or divides by zero: without wrappers, reference counts and checks for division it compiles in half the time
and runs faster. What happens at every transfer is `inlined`: a table is handed over word by word, and that takes longer
than what is done with it.
"""

from collections.abc import Callable
from functools import cached_property, partial, update_wrapper

HOW = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}


class Deferred:
    """A function that compiled code calls. Numba learns what it is by asking for `_numba_type_`, as of its own."""

    def __init__(self, function: Callable, make: Callable[[Callable], object]) -> None:
        update_wrapper(self, function)
        self.py_func, self.make = function, make

    @cached_property
    def _numba_type_(self):
        from numba.core.registry import cpu_target

        self.made, context = self.make(self.py_func), cpu_target.typing_context  # which holds it by a weak reference
        context.refresh()  # it knows a new intrinsic only then
        return context.resolve_value_type(self.made)


def jitted(function: Callable, signature: str | None = None, **options):
    from numba import njit

    from accelsim.core.lean import Lean, of_any_value

    return of_any_value(njit(signature, pipeline_class=Lean, **HOW, **options)(function))


def emitted(function: Callable):
    from numba.extending import intrinsic

    return intrinsic(function)


def compiled(function: Callable) -> Deferred:
    """A function of compiled code."""
    return Deferred(function, jitted)


def inlined(function: Callable) -> Deferred:
    """A function of compiled code that is copied to where it is called."""
    return Deferred(function, partial(jitted, forceinline=True))


def intrinsic(function: Callable) -> Deferred:
    """Numba's `intrinsic`: the function is given types, and returns a signature and what emits the instructions."""
    return Deferred(function, emitted)

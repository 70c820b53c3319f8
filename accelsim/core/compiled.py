"""How everything that runs inside the kernel is compiled.

Nothing of it is called from Python, allocates or divides by zero: without wrappers, reference counts and checks for
division it compiles in half the time and runs faster. What happens at every transfer is `inlined`: a table is handed
over word by word, and that takes longer than what is done with it.
"""

from numba import njit

HOW = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
compiled = njit(**HOW)
inlined = njit(**HOW, forceinline=True)

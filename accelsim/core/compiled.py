"""How everything that runs inside the kernel is compiled.

Nothing of it is called from Python, allocates or divides by zero: without wrappers, reference counts and checks for
division it compiles in half the time and runs faster.
"""

from numba import njit

compiled = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)

"""Machine code kept on disk: what LLVM made of a generated module, linked only when it is whole and this user's alone.

Beside a generated module lies, for each kind of processor, one file: a line that says what its function is called and
which functions it calls that it does not hold, then an object file. To link it, neither numba nor Python's pickle is
needed: those take longer than many a simulation.
"""

import ctypes
import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np

from accelsim.core.private import BESIDE, get, put

ENTRY = "i8(i8, i8)"
NUMBERS = count()  # a name for whatever is linked
LIBRARIES = []  # keeps alive what was linked


@cache
def processor() -> str:
    """A digest of the kind of processor, and of what else the machine code depends on."""
    from llvmlite import binding

    kind = binding.get_process_triple(), binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    told = sorted((name, value) for name, value in os.environ.items() if name.startswith("NUMBA_"))
    return hashlib.sha256(repr((kind, told)).encode()).hexdigest()[:16]


def place(module: Path) -> Path:
    """Where the machine code of a generated module lies."""
    return module.parent / BESIDE / f"{module.stem}-{processor()}.o"


@cache
def linker():
    """LLVM's linker of this process."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.create_lljit_compiler(binding.Target.from_default_triple().create_target_machine())


def linked(content: bytes) -> int:
    """Where the function begins, of which this is the machine code."""
    from llvmlite import binding

    head, _, code = content.partition(b"\n")
    name, wanted = json.loads(head)
    if any(binding.address_of_symbol(other) is None for other in wanted):
        from numba.core.registry import cpu_target

        cpu_target.target_context.refresh()  # to make it says where numba's own functions are
    library = binding.JITLibraryBuilder().add_object_img(code).add_current_process().export_symbol(name)
    for other in wanted:
        if address := binding.address_of_symbol(other):
            library.import_symbol(other, address)
    LIBRARIES.append(library.link(linker(), f"accelsim{next(NUMBERS)}"))
    return LIBRARIES[-1][name]


def address_of(module: Path) -> int | None:
    """Where the function of a generated module begins; None if there is no machine code of it that is whole."""
    content = get(place(module))
    try:
        return None if content is None else linked(content)
    except (RuntimeError, ValueError):  # whole, but of another release of LLVM
        return None


def keep(module: Path, function: Callable) -> bytes:
    """Compile the function of a generated module, with the signature ENTRY, and keep it if that can be done."""
    from accelsim.core.compiled import jitted

    (made,) = jitted(function, ENTRY).overloads.values()
    code, wanted, dynamic = made.library.machine_code()
    content = json.dumps([made.fndesc.llvm_func_name, wanted]).encode() + b"\n" + code
    if not dynamic:
        put(place(module), content)
    return content


CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


def caller(address: int, words: np.ndarray) -> Callable[[], int]:
    """A call from Python of the function at an address, with a row of words, which it keeps: what it returns."""
    given, raised = ctypes.c_int64(), ctypes.c_void_p()
    function, at = CALL(address), (ctypes.byref(given), ctypes.byref(raised))

    def call() -> int:
        if function(*at, 0, words.ctypes.data):
            raise RuntimeError("compiled code raised an exception")
        return given.value

    return call

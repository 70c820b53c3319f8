"""Machine code kept on disk: numba's way to keep it, but unpickled only when it is whole and this user's alone.

Beside a generated module lie, for each of its functions and each kind of processor, an index and what it points to.
Data is named by its digest: of two processes that write at once, either's index points to whole data.
"""

import hashlib
import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from numba import njit
from numba.core import sigutils
from numba.core.caching import _Cache
from numba.core.ccallback import CFunc
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from accelsim.core.private import BESIDE, get, put

ENTRY = "i8(i8, i8)"


class KeptCode(_Cache):
    """The machine code of a function of a generated module, as numba asks for it.

    The module's name stands for everything that the function is made of, numba and Python included.
    """

    def __init__(self, function: Callable) -> None:
        module = Path(function.__code__.co_filename)
        self.folder, self.stem = module.parent / BESIDE, f"{module.stem}.{function.__name__}"

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self.folder)

    def index(self, signature, codegen) -> Path:
        """The index of the code for these types and a kind of processor."""
        key = hashlib.sha256(repr((str(signature), codegen.magic_tuple())).encode()).hexdigest()
        return self.folder / f"{self.stem}-{key[:16]}.nbi"

    def load_overload(self, sig, target_context) -> CompileResult | None:
        """The code; None if it has to be compiled."""
        target_context.refresh()  # numba knows its own types only now
        content = data_of(self.index(sig, target_context.codegen()))
        try:
            return content and CompileResult._rebuild(target_context, *pickle.loads(content))
        except Exception:  # whole, but of another release of something, which raises what it likes: it is compiled anew
            return None

    def save_overload(self, sig, data: CompileResult) -> None:
        """Keep the code, and nothing of what was there before for the same types."""
        if data.library.has_dynamic_globals:  # addresses of this process are compiled in
            return
        index = self.index(sig, data.codegen)
        content = dumps(data._reduce())
        path = self.folder / f"{index.stem}.{hashlib.sha256(content).hexdigest()[:16]}.nbc"
        before = [found[0]] if (found := pointed_to(index)) else []
        if not before and index.exists():  # it is damaged; else another process may be writing the same now
            before = [*self.folder.glob(f"{index.stem}.*.nbc")]
        if put(path, content) and put(index, json.dumps([path.name, len(content)]).encode()):
            for old in {*before} - {path}:
                with suppress(OSError):
                    old.unlink()

    def enable(self) -> None:
        """It always is."""

    def disable(self) -> None:
        """It never is."""

    def flush(self) -> None:
        """What is kept stays: it is found by what it was made of."""


def pointed_to(index: Path) -> tuple[Path, int] | None:
    """The data of an index and its length; None without a whole index."""
    content = get(index)
    if content is None:
        return None
    name, length = json.loads(content)
    return index.parent / name, length


def data_of(index: Path) -> bytes | None:
    """The data that an index points to; None unless both are whole."""
    found = pointed_to(index)
    return get(found[0]) if found else None


def compiled_before(module: Path) -> bool:
    """Whether machine code of a generated module lies there, in full length; whether it is whole is seen when it is
    loaded."""
    for index in (module.parent / BESIDE).glob(f"{module.stem}.*.nbi"):
        with suppress(OSError):
            found = pointed_to(index)
            if found and found[0].stat().st_size >= found[1]:
                return True
    return False


def entry_point(function: Callable) -> CFunc:
    """Compile a component's entry, or load it: a C function of two integers."""
    made = CFunc(function, sigutils.normalize_signature(ENTRY), {}, {"error_model": "numpy", "_nrt": False})
    made._cache = KeptCode(function)
    made.compile()
    return made


def kept_function(**options) -> Callable[[Callable], Callable]:
    """Like njit, with its options, and kept."""

    def decorate(function: Callable) -> Callable:
        made = njit(nogil=True, _nrt=False, **options)(function)
        made._cache = KeptCode(function)
        return made

    return decorate

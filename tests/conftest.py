"""Fixtures every room may use."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference data (published masks, DRAM runs, energy tables); tests that need it skip without it."""
    folder = Path(os.environ.get("ACCELSIM_REFERENCE", ROOT.parent / "shared" / "reference"))
    if not folder.is_dir():
        pytest.skip("the reference data is not beside the repository (set ACCELSIM_REFERENCE to its folder)")
    return folder


@pytest.fixture(scope="session")
def with_kernel() -> Callable[[Path], Path]:
    """Fills a new cache folder with the kernel as this session has compiled it: of all that a test compiles in a folder
    of its own, it takes longest and is what no test of a component is about."""
    import numpy as np

    from accelsim.core.elaborate import kernel_module
    from accelsim.core.private import cache_folder
    from tests.core.toys import build

    build(np.arange(1, 3)).run()
    kept, name = cache_folder(), kernel_module().name

    def fill(folder: Path) -> Path:
        for file in [*kept.glob(f"{name}.py"), *kept.glob(f"__pycache__/{name}-*.o")]:
            place = folder / file.relative_to(kept)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(file, place)
        return folder

    return fill

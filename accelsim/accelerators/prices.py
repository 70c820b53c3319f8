"""The price documents of a machine: what its own component classes cost."""

from types import ModuleType
from typing import Any

from accelsim.energy import read_prices


def prices_of(model: ModuleType) -> tuple[dict[str, Any], ...]:
    """What the machine's file `PRICES` holds, if it names one. Raises InputError when that cannot be read."""
    path = getattr(model, "PRICES", None)
    return () if path is None else (read_prices(path),)

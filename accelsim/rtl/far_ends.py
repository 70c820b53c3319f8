"""What every machine's random cases draw: when items come, and when a far end takes them."""

import numpy as np

from accelsim.rtl.cosim import Case
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.stimulus import Script

Rng = np.random.Generator


def hurry(rng: Rng) -> float:
    """How eager a far end is in a case: sometimes always there, mostly not."""
    return float(rng.choice([1.0, 0.7, 0.3, 0.05], p=[0.4, 0.3, 0.2, 0.1]))


def script(rng: Rng, items: list[tuple], width: int, start: int = 0, eager: float | None = None) -> Script:
    """Items at random times, in order; `eager` is the chance that one comes in the next cycle."""
    eager = eager or hurry(rng)
    gaps = rng.geometric(eager, len(items)) - 1 if eager < 1 else np.zeros(len(items), np.int64)
    rows = np.array(items, np.int64).reshape(len(items), width)
    return Script(start + np.cumsum(gaps), rows)


def opens(rng: Rng) -> np.ndarray:
    """A pattern of open cycles; never closed for good."""
    pattern = rng.random(int(rng.integers(1, 200))) < hurry(rng)
    pattern[rng.integers(len(pattern))] = True
    return pattern


def make(rng: Rng, name: str, net: Netlist, tables: dict, scripts: dict[str, Script], stuck: bool = False) -> Case:
    """A case with random sinks on every output."""
    sinks = {w.name: opens(rng) for w in net.wires if w.consumer is None}
    return Case(name, net, tables, scripts, sinks, stuck)

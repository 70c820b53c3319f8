"""How large a machine may be on another's area: the sizes that are left free grow together until the area is full."""

from collections.abc import Mapping

from accelsim.core.errors import InputError
from accelsim.reproduce.claims import Settings, Study
from accelsim.reproduce.runs import base
from accelsim.sweep.goal import area_mm2

LEAST = 0.9  # of the area that a machine on equal area fills
MOST = 1 << 20  # steps of a size


def area(machine: str) -> float:
    """mm2 of a configuration with values."""
    return area_mm2(base(machine).arch)


def subjects(study: Study) -> list[tuple[str, str, Mapping[str, int]]]:
    """(name, configuration with values, what grows of it) of every machine that is compared on equal area."""
    found = [(who.name, who.terms["area"], who.grows) for who in study.opponents if who.grows]
    crossing = study.crossover
    machines = dict(crossing.opponents) if crossing else {}
    return found + [(f"crossover: {n}", machines[n], crossing.grows[n]) for n in machines if n in crossing.grows]


def largest(machine: str, grows: Mapping[str, int], most_mm2: float) -> tuple[Settings, float]:
    """The settings with which a machine is as large as an area allows, and its area in mm2; grows: parameter -> step,
    all of them as many steps. Raises InputError where not one step fits."""
    plain = base(machine)

    def at(steps: int) -> tuple[Settings, float | None]:
        pairs = [(name, str(step * steps)) for name, step in grows.items()]
        try:
            return tuple("=".join(pair) for pair in pairs), area_mm2(plain.with_settings(pairs))
        except InputError:  # what is too small for what stands beside it
            return (), None

    low, high = 0, 1
    while high < MOST and ((size := at(high)[1]) is None or size <= most_mm2):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        size = at(middle)[1]
        low, high = (middle, high) if size is None or size <= most_mm2 else (low, middle)
    settings, size = at(low) if low else ((), None)
    if size is None:
        raise InputError(f"{machine}: with the least of {', '.join(grows)} it is larger than {most_mm2:.2f} mm2")
    return settings, size

"""What is read from a store: a point as it was stored, or the sentence that says which one is damaged."""

import json
from dataclasses import dataclass

from accelsim.core.errors import InputError, shown
from accelsim.sweep.measure import TERMS, Figures

KINDS = {int, float, type(None)}  # of figures


def refuse(name: str) -> None:
    """NaN and infinity, which JSON has not."""
    raise ValueError(name)


STRICT = json.JSONDecoder(parse_constant=refuse)


@dataclass(frozen=True)
class Row:
    """A stored point. settings: what its sweep varied, as used: name -> value. arch: the whole configuration, if asked
    for.
    """

    key: str
    status: str
    machine: str
    workload: str
    settings: dict[str, int | float | str]
    sparsity: float
    figures: Figures | None
    error: str | None
    arch: dict | None
    sweep: str | None


def all_figures(texts: list[str | None]) -> list[dict | None]:
    """Of many points, parsed at once, which is much faster; nothing of any if one of them is damaged.

    A line break cannot be inside a text, so that no two damaged ones together look like two others.
    """
    try:
        found = STRICT.decode("[" + "\n,0,\n".join(text or "null" for text in texts) + "]")
    except (TypeError, ValueError, RecursionError):
        return [None] * len(texts)
    whole = len(found) == max(2 * len(texts) - 1, 0) and not any(found[1::2])
    return found[::2] if whole else [None] * len(texts)


def parsed(
    path: str, key: str, machine: str, workload: str, settings: str, figures: dict | str | None, status: str
) -> tuple[dict, Figures | None]:
    """What a point's sweep varied, and its figures. Raises InputError that names the point when it is damaged."""
    about = (key, machine, workload, settings)
    if not all(isinstance(text, str) for text in about):
        raise damaged(path, *about, "its name is no text")
    values = mapping(path, about, "settings", settings)
    made = None
    if status != "failed":
        made = figures if isinstance(figures, dict) else mapping(path, about, "figures", figures)
    kinds = {type(value) for name, value in (made or {}).items() if name != TERMS or not isinstance(value, dict)}
    if made is not None and (not made or not KINDS.issuperset(kinds)):
        raise damaged(path, *about, f"its figures are {shown(figures)}")
    return values, made


def configuration(path: str, about: tuple, text: str) -> dict:
    """The whole configuration of a point."""
    found = mapping(path, about, "configuration", text)
    if not all(isinstance(found.get(name), dict) for name in ("clocks", "options", "parts")):
        raise damaged(path, *about, f"its configuration is {shown(text)}")
    return found


def mapping(path: str, about: tuple, what: str, text: str | None) -> dict:
    try:
        found = STRICT.decode(text)
    except (TypeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise damaged(path, *about, f"its {what} are {shown(text)}")
    return found


def damaged(path: str, key: object, machine: object, workload: object, settings: object, why: str) -> InputError:
    """The sentence about a point that cannot be read."""
    return InputError(
        f"{path}: the store is damaged: point {str(key)[:12]}... ({machine} {workload} {settings}) cannot be read,"
        f" {why}; the command of its sweep simulates it again, or delete the row"
    )

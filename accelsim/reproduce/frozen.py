"""The readings as they were resolved on the day they were frozen: what has changed since is said, not hidden.

`frozen_DATE.yaml` beside this file holds, of every machine with a paper, each reading of each of its opponents on each
terms with all values that are not a component's own default.
"""

from functools import cache
from pathlib import Path

import accelsim.core.document as document
from accelsim.core.errors import InputError
from accelsim.reproduce.claims import Paper, Study
from accelsim.reproduce.runs import base
from accelsim.sweep.design import parameters

FOLDER = Path(__file__).parent


def resolved(study: Study) -> dict[str, dict[str, str]]:
    """Opponent, terms and reading -> every value by name."""
    found = {"itself": values(study.machine, ())}
    for who in study.opponents:
        for terms, machine in who.terms.items():
            for how in who.readings:
                more = how.at.get(study.headline, ())
                found[f"{who.name}; {terms}; {how.name}"] = values(machine, (*how.set, *more))
    return found


@cache
def values(machine: str, settings: tuple[str, ...]) -> dict[str, str]:
    """Every value of a configuration as text."""
    arch = base(machine).with_settings([tuple(s.split("=", 1)) for s in settings])
    return {name: str(value) for name, value in parameters(arch).items()}


def abridged(study: Study) -> dict[str, dict[str, str]]:
    """What is frozen: the first of all as a whole, of the others what differs from one that stands before them."""
    made: dict[str, dict[str, str]] = {}
    wholes: list[tuple[str, dict[str, str]]] = []
    for name, whole in resolved(study).items():
        near = min(wholes, key=lambda w: len(changed(w[1], whole)), default=("", {}))
        if not near[0] or near[1].keys() != whole.keys():
            made[name] = dict(whole)
        else:
            made[name] = {"as": near[0], **{k: v for k, v in whole.items() if near[1][k] != v}}
        wholes.append((name, whole))
    return made


def changed(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Names whose values differ."""
    return [n for n in {**before, **now} if before.get(n) != now.get(n)]


def place(paper: Paper) -> Path:
    return FOLDER / f"frozen_{paper.frozen}.yaml"


def thawed(kept: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Whole values of every reading."""
    found: dict[str, dict[str, str]] = {}
    for name, held in kept.items():
        near = found[held["as"]] if "as" in held else {}
        found[name] = near | {k: v for k, v in held.items() if k != "as"}
    return found


def changes(paper: Paper) -> list[str]:
    """What is other than on the day of freezing, as "reading: name was X, is Y". Raises InputError without the file."""
    path = place(paper)
    if not path.is_file():
        raise InputError(f"{paper.path}: frozen is {paper.frozen!r}, but there is no {path.name} beside {path.parent}")
    held = document.read_once(path).value.get(paper.title)
    if held is None:
        return [f"{paper.title} is not among the frozen readings"]
    kept = {name: {n: entry.value for n, entry in one.value.items()} for name, one in held.value.items()}
    before, now, found = thawed(kept), resolved(paper.study), []
    for name in {**before, **now}:
        if name not in now or name not in before:
            found.append(f"{name}: {'is gone' if name in before else 'is new'}")
            continue
        for value in changed(before[name], now[name]):
            was, is_now = (held.get(value, "not there") for held in (before[name], now[name]))
            found.append(f"{name}: {value} was {was}, is {is_now}")
    return found


def sentences(found: list[str], day: str) -> list[str]:
    """What the report says of it."""
    if not found:
        return [f"All readings are those frozen on {day}."]
    alike: dict[str, list[str]] = {}
    for text in found:
        name, _, change = text.partition(": ")
        alike.setdefault(change or name, []).append(name)
    some = [f"- {change} ({len(names)} readings, as {names[0]})" for change, names in alike.items()]
    more = [f"- and {len(some) - 20} more"] if len(some) > 20 else []
    some = some[:20]
    return [f"Other than frozen on {day}:", "", *some, *more]


def freeze(papers: list[Paper]) -> dict[str, dict]:
    """What is to be written into the frozen file."""
    return {paper.title: abridged(paper.study) for paper in papers if paper.study}

"""From a table's file to one document: all that it extends, moved to its node, with a machine's prices put in."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accelsim.core.errors import InputError
from accelsim.core.files import beside
from accelsim.energy.document import FOLDER, SECTIONS, checked, complete, find, merged, read_placed, scaled
from accelsim.energy.places import overlay, placed
from accelsim.energy.prices import check, put_in, said_in, stated_at, title
from accelsim.energy.row import number

WHOLE = ("options.", "sram.", "logic_leakage.", "layout.")  # sections whose entries are replaced with all they hold


def lineage(path: Path) -> list[tuple[Path, dict[str, Any], dict[str, str]]]:
    """A table's file and all it extends, the one that extends none first, and where their entries stand."""
    found: list[tuple[Path, dict[str, Any], dict[str, str]]] = []
    while True:
        if any(path.resolve() == file.resolve() for file, *_ in found):
            raise InputError(f"{path}: extends: the table extends itself, by way of {found[-1][0].name}")
        document, places = read_placed(path)
        found.append((path, document, places))
        if "extends" not in document:
            return found[::-1]
        near = beside(path, document["extends"])
        try:
            path = near if os.path.isfile(near) else find(document["extends"])
        except InputError as error:
            said = str(error).removeprefix("energy.table: ")
            raise InputError(f"{places['extends']}: extends: {said}") from None


def resolve(path: Path, prices: Sequence[Mapping[str, Any]] = ()) -> tuple[dict[str, Any], dict[str, str]]:
    """The table of a file with everything it extends, and where each of its entries is said.

    A machine's prices are put into the first table of the chain that is at the node they are stated at, so that a table
    moved to another node moves them as it moves its own rows. Raises InputError when no table is.
    """
    for each in prices:
        with placed(title(each), said_in(each)):
            check(each)
    found: dict[str, Any] = {}
    waiting, nodes = list(prices), []
    places: dict[str, str] = {}
    for file, document, here in lineage(path):
        whole = {path: place for path, place in here.items() if path.count(".") == 1 and path.startswith(WHOLE)}
        overlay(places, whole)
        places |= here
        with placed(str(file), places):
            if "scale" in document:
                if "extends" not in document:
                    raise InputError(f"{file}: scale: only a table that extends another has something to scale")
                found = scaled(found, checked(document["scale"], str(file), "scale"), str(file))
            found = merged(found, document, str(file))
            for key in ("node_nm", "vdd"):
                number(found.get(key, 0), f"{file}: {key}")
        nodes.append((found.get("node_nm"), found.get("vdd")))
        for each in [p for p in waiting if same(stated_at(p), nodes[-1])]:
            if file.parent != FOLDER:
                check_unpriced(document, each, here)
            with placed(title(each), said_in(each)):
                found = put_in(found, each)
            for section in (*SECTIONS, "components"):
                entries = {f"{section}.{name}": title(each) for name in each.get(section, ())}
                below = {path: place for path, place in said_in(each).items() if path.startswith(f"{section}.")}
                overlay(places, entries | below)
            waiting.remove(each)
    complete(found, str(path))
    for each in waiting:
        have = " and ".join(dict.fromkeys(said(node) for node in nodes))
        raise InputError(
            f"{title(each)}: its prices are stated at {said(stated_at(each))}, but the energy table"
            f" {name_of(path, found)} and"
            f" what it extends are at {have}; choose an energy.table that is at that node or extends one that is"
        )
    return found, places


def check_unpriced(document: Mapping[str, Any], prices: Mapping[str, Any], places: Mapping[str, str]) -> None:
    """Raise InputError for a component class of a user's table that a machine's prices would replace without a word."""
    for kind, entry in document.get("components", {}).items():
        if entry != prices.get("components", {}).get(kind, entry):
            raise InputError(
                f"{places[f'components.{kind}']}: components.{kind}: the machine prices this class itself"
                f" ({title(prices)}), which would replace this entry; leave it out, or say it in a"
                " table that extends this one, or under energy.override"
            )


def name_of(path: Path, found: Mapping[str, Any]) -> str:
    """What errors call a table: one of the package by its name, a user's by its file."""
    return found["name"] if path.parent == FOLDER else str(path)


def same(one: tuple[float, float], other: tuple[Any, Any]) -> bool:
    numbers = all(isinstance(value, int | float) for value in other)
    return numbers and all(math.isclose(a, b) for a, b in zip(one, other))


def said(node: tuple[Any, Any]) -> str:
    return "{} nm, {} V".format(*node)

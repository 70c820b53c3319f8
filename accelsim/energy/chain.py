"""From a table's file to one document: all that it extends, moved to its node, with a machine's prices put in."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accelsim.core.errors import InputError
from accelsim.energy.document import checked, complete, find, merged, read, scaled
from accelsim.energy.prices import check, put_in, stated_at, title


def lineage(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """A table's file and all it extends, the one that extends none first."""
    found: list[tuple[Path, dict[str, Any]]] = []
    while True:
        if any(path.resolve() == file.resolve() for file, _ in found):
            raise InputError(f"{path.name}: extends: the table extends itself, by way of {found[-1][0].name}")
        document = read(path)
        found.append((path, document))
        if "extends" not in document:
            return found[::-1]
        beside = path.parent / f"{document['extends']}"
        path = beside if beside.is_file() else find(document["extends"])


def resolve(path: Path, prices: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The table of a file with everything it extends.

    A machine's prices are put into the first table of the chain that is at the node they are stated at, so that a table
    moved to another node moves them as it moves its own rows. Raises InputError when no table is.
    """
    for each in prices:
        check(each)
    found: dict[str, Any] = {}
    waiting, nodes = list(prices), []
    for file, document in lineage(path):
        if "scale" in document:
            if "extends" not in document:
                raise InputError(f"{file.name}: scale: only a table that extends another has something to scale")
            found = scaled(found, checked(document["scale"], file.name, "scale"), file.name)
        found = merged(found, document, file.name)
        nodes.append((found.get("node_nm"), found.get("vdd")))
        for each in [p for p in waiting if same(stated_at(p), nodes[-1])]:
            found = put_in(found, each)
            waiting.remove(each)
    complete(found, path.name)
    for each in waiting:
        have = " and ".join(dict.fromkeys(said(node) for node in nodes))
        raise InputError(
            f"{title(each)}: its prices are stated at {said(stated_at(each))}, but the energy table {found['name']} and"
            f" what it extends are at {have}; choose an energy.table that is at that node or extends one that is"
        )
    return found


def same(one: tuple[float, float], other: tuple[Any, Any]) -> bool:
    numbers = all(isinstance(value, int | float) for value in other)
    return numbers and all(math.isclose(a, b) for a, b in zip(one, other))


def said(node: tuple[Any, Any]) -> str:
    return "{} nm, {} V".format(*node)

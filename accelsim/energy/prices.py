"""The price document of a machine: the rows and component classes that it adds to an energy table."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from accelsim.core.errors import InputError
from accelsim.energy.document import SECTIONS, checked, known_sections, read_placed
from accelsim.energy.places import placed
from accelsim.energy.row import build_row, number

KEYS = ("name", "node_nm", "vdd", *SECTIONS, "components")
NODE_NM, VDD = 28, 0.9  # what figures are stated at if the document does not say: those of generic_28nm


class PriceDocument(dict):
    """A price document, JSON-able, that knows where its entries are said: `A.B.C` -> "FILE:LINE"."""

    places: Mapping[str, str] = {}


def read_prices(path: Path) -> PriceDocument:
    """A machine's price document, JSON-able: `logic` and `dram` rows, `components`, the `node_nm` and `vdd` they are
    stated at (28 nm and 0.9 V unless said) and the `name` that errors call it by.

    Raises InputError when there is no such file, it is no YAML or has an unknown section.
    """
    name = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; a machine that names a price document has it there")
    content, places = read_placed(path, KEYS, "a price document", name)
    found = PriceDocument({"name": name, **content})
    found.places = places
    with placed(title(found), places):
        check(found)
    return found


def title(prices: Mapping[str, Any]) -> str:
    return str(prices.get("name") or "the machine's prices")


def said_in(prices: Mapping[str, Any]) -> Mapping[str, str]:
    """Where its entries are said; nothing of one that comes out of a result."""
    return getattr(prices, "places", {})


def check(prices: Mapping[str, Any]) -> None:
    """Raise InputError for what can be seen of a document by itself."""
    where = title(prices)
    known_sections(prices, KEYS, where)
    for key in (*SECTIONS, "components"):
        checked(prices.get(key, {}), where, key)
    for key in ("node_nm", "vdd"):
        number(prices.get(key, 0), f"{where}: {key}")


def stated_at(prices: Mapping[str, Any]) -> tuple[float, float]:
    """Node in nm and supply in V."""
    return prices.get("node_nm", NODE_NM), prices.get("vdd", VDD)


def put_in(table: dict[str, Any], prices: Mapping[str, Any]) -> dict[str, Any]:
    """The table with a machine's rows added and its component classes in place of the table's, if it has them.

    Raises InputError for a row without a source or with an impossible figure, and for one whose name the table has
    with other figures.
    """
    out, where, options = copy.deepcopy(table), title(prices), table.get("options", {})
    called = f"energy table {table.get('name')}"
    for section in SECTIONS:
        for name, row in prices.get(section, {}).items():
            place = f"{where}: {section}.{name}"
            mine = build_row(name, checked(row, where, f"{section}.{name}"), options, place)
            home = next((s for s in SECTIONS if name in out.get(s, {})), None)
            if home is None:
                out.setdefault(section, {})[name] = copy.deepcopy(dict(row))
                continue
            theirs = build_row(name, out[home][name], options, f"{called}: {home}.{name}")
            if home != section or replace(mine, source="") != replace(theirs, source=""):
                figures = ", ".join(f"{key} {value}" for key, value in out[home][name].items() if key != "source")
                raise InputError(
                    f"{place}: {called} has this row already under {home}, with other figures ({figures}); a machine"
                    f" adds rows and reprices none: give yours another name, or say energy.override.{name} in a"
                    " configuration"
                )
    for kind, entry in prices.get("components", {}).items():
        entries = out.setdefault("components", {})
        entries[kind] = copy.deepcopy(dict(checked(entry, where, f"components.{kind}")))
    return out

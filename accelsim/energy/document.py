"""Energy tables as documents: strict YAML, one laid over another, moved to another node, and a user's overrides."""

import copy
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accelsim.core.document import lines, once, parse, plain, text_of
from accelsim.core.errors import InputError, shown, suggest
from accelsim.energy.row import number

FOLDER = Path(__file__).parent / "tables"
DEFAULT = "generic_28nm"
MOST = 1_000_000  # a factor from one node to another
SECTIONS = ("logic", "wires", "dram")  # where rows stand; logic is scaled with the node, wires with its lengths
KEYS = (
    "name", "title", "extends", "node_nm", "vdd", "source", "options", "scale", *SECTIONS, "sram", "logic_leakage",
    "layout", "clock", "activity", "components",
)  # fmt: skip


def names() -> list[str]:
    """The tables that come with the package."""
    return sorted(p.stem for p in FOLDER.glob("*.yaml"))


def find(table: str | Path) -> Path:
    """The file of a table: an existing file, or the name of one that comes with the package."""
    for path in (Path(table), FOLDER / f"{table}.yaml"):
        if os.path.isfile(path):  # not Path.is_file, which fails where no file could have the name
            return path
    raise InputError(
        f"energy.table: {str(table)!r} is no file and no table of the package (it has: {', '.join(names())})"
        + suggest(str(table), names())
    )


def read(path: Path, keys: Sequence[str] = KEYS, what: str = "an energy table", name: str = "") -> dict[str, Any]:
    """A file's mapping, with nothing but known sections. `name` is what errors call the file, if not by its name."""
    return read_placed(path, keys, what, name)[0]


def read_placed(
    path: Path, keys: Sequence[str] = KEYS, what: str = "an energy table", name: str = ""
) -> tuple[dict[str, Any], dict[str, str]]:
    """As `read`, and where every entry stands: `A.B.C` -> "FILE:LINE"."""
    called = name or str(path)
    top = once(called, *parse(text_of(path), called, aliases=True))
    found = plain(top)
    if not isinstance(found, dict):
        raise InputError(f"{called}:1: {what} is a mapping of {', '.join(keys)}, not a {type(found).__name__}")
    for key in found:
        if key not in keys:
            raise InputError(f"{called}:{top.value[key].line}: {key}: no such section{suggest(key, keys)}")
    for key in ("name", "title", "source", "extends"):
        if not isinstance(found.get(key, ""), str):
            raise InputError(f"{called}:{top.value[key].line}: {key}: expected a text, not {shown(found[key])}")
    return found, lines(top, called)


def known_sections(found: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in found:
        if key not in keys:
            raise InputError(f"{where}: {key}: no such section{suggest(key, keys)}")


def complete(found: Mapping[str, Any], where: str) -> None:
    """Raise InputError unless a resolved table has every section there must be."""
    for key in KEYS:
        if key not in found and key not in ("extends", "scale", "title"):
            raise InputError(f"{where}: the section {key!r} is missing")


def scaled(document: dict[str, Any], scale: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The document with its logic moved to another node; `scale` has energy, area, leakage and a source."""
    for key in scale:
        if key not in ("energy", "area", "leakage", "source"):
            raise InputError(
                f"{where}: scale.{key}: no such entry{suggest(key, ('energy', 'area', 'leakage', 'source'))}"
            )
    for key in ("energy", "area", "leakage"):
        if not isinstance(scale.get(key), int | float) or isinstance(scale[key], bool) or not 0 < scale[key] <= MOST:
            raise InputError(f"{where}: scale.{key}: expected a factor > 0 and <= {MOST}, not {shown(scale.get(key))}")
    if not scale.get("source"):
        raise InputError(f"{where}: scale: says no source")
    out = copy.deepcopy(document)
    checked(out.get("logic"), where, "logic")
    for name, row in out["logic"].items():
        checked(row, where, f"logic.{name}")
        factor = scale["leakage"] if "leakage_uw" in row else scale["energy"]
        for field in ("pj", "leakage_uw", "low", "high"):
            if field in row:
                row[field] = number(row[field], f"{where}: logic.{name}.{field}") * factor
        if "um2" in row:
            row["um2"] = times(row["um2"], scale["area"], f"{where}: logic.{name}.um2")
        row["source"] = (
            f"{row.get('source', '')}; moved to another node: energy x{scale['energy']}, area x{scale['area']}"
        )
    for name, row in checked(out.get("wires", {}), where, "wires").items():
        for field in ("pj", "low", "high"):
            if field in checked(row, where, f"wires.{name}"):
                place = f"{where}: wires.{name}.{field}"
                row[field] = number(row[field], place) * math.sqrt(scale["area"])  # the same layout, drawn smaller
    factor, place = scale["leakage"] / scale["area"], f"{where}: logic_leakage.uw_per_um2"
    density = checked(out.get("logic_leakage"), where, "logic_leakage").get("uw_per_um2")
    out["logic_leakage"]["uw_per_um2"] = times(density, factor, place)
    return out


def times(figure: Any, factor: float, where: str) -> Any:
    """A number, or a mapping of numbers, times a factor."""
    if isinstance(figure, dict):
        return {key: number(value, f"{where}.{key}") * factor for key, value in figure.items()}
    return number(figure, where) * factor


def merged(base: dict[str, Any], over: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`base` with the entries of `over` put in; a row with a new price and no new bounds has no other bounds."""
    out = copy.deepcopy(base)
    for key, value in over.items():
        if key == "components":
            known = out.setdefault(key, {})
            for kind, entry in checked(value, where, key).items():
                known[kind] = laid_over(known.get(kind, {}), checked(entry, where, f"{key}.{kind}"))
        elif key in SECTIONS:
            for name, row in checked(value, where, key).items():
                rows = out.setdefault(key, {})
                rows[name] = merged_row(rows.get(name, {}), row, f"{where}: {key}.{name}")
        elif key == "activity" and isinstance(value, Mapping) and isinstance(value.get("classes"), Mapping):
            below = out.get(key, {})
            out[key] = {**below, **value, "classes": {**below.get("classes", {}), **value["classes"]}}
        elif key in ("options", "sram", "logic_leakage", "layout", "clock", "activity"):
            out[key] = {**out.get(key, {}), **copy.deepcopy(dict(checked(value, where, key)))}
        elif key not in ("extends", "scale"):
            out[key] = value
    return out


def laid_over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A class's entry with another over it: counters, memories, area and standing by name.

    What is no mapping replaces all there is: `area: 0` is no area at all.
    """

    def units(field: str, value: Any) -> Any:
        return {value: 1} if field in ("area", "standing") and isinstance(value, str) else value

    out = copy.deepcopy(dict(base))
    for field, content in over.items():
        below, above = units(field, out.get(field)), units(field, copy.deepcopy(content))
        both = isinstance(below, Mapping) and isinstance(above, Mapping)
        out[field] = {**below, **above} if both else above
    return out


def checked(value: Any, where: str, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: {key}: expected a mapping, not {shown(value)}")
    return value


def merged_row(base: Mapping[str, Any], row: Any, where: str) -> dict[str, Any]:
    if isinstance(row, int | float) and not isinstance(row, bool):
        row = {"leakage_uw" if "leakage_uw" in base else "pj": row}
    if not isinstance(row, Mapping):
        raise InputError(
            f"{where}: expected a number of pJ or a mapping of pj, um2, source and so on, not {shown(row)}"
        )
    out = dict(base)
    if "pj" in row or "leakage_uw" in row:
        for field in ("pj", "leakage_uw", "low", "high"):
            out.pop(field, None)
        if base and "source" not in row:
            out["source"] = f"given by the user instead of: {base.get('source')}"
    return {**out, **row}


def overridden(document: dict[str, Any], override: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The table with a user's entries: row names as they are, or the sections of a table."""
    sections: dict[str, Any] = {}
    allowed = {row: section for section in SECTIONS for row in document.get(section, {})}
    known = [*allowed, *(k for k in KEYS if k not in ("extends", "scale", "name"))]
    for key, value in override.items():
        if key in allowed:
            sections.setdefault(allowed[key], {})[key] = value
        elif key in known:
            for name, entry in checked(value, where, key).items() if key in SECTIONS else ():
                sections.setdefault(key, {})[name] = entry
            if key not in SECTIONS:
                sections[key] = value
        else:
            raise InputError(f"{where}: {key}: no such action or section{suggest(key, known)}")
    return merged(document, sections, where)


def places_of_override(
    document: Mapping[str, Any], override: Mapping[str, Any], said: Mapping[str, str]
) -> dict[str, str]:
    """Entry of the table -> where a user's override says it."""
    home = {row: section for section in SECTIONS for row in document.get(section, {})}
    found = {}
    for key, value in override.items():
        entry = f"energy.override.{key}"
        within = [place for name, place in said.items() if name.startswith(f"{entry}.")]
        place = said.get(entry) or (within or ["energy.override"])[-1]
        if key in home:
            found[f"{home[key]}.{key}"] = place
        elif isinstance(value, Mapping):
            found |= {f"{key}.{name}": said.get(f"{entry}.{name}", place) for name in value}
        else:
            found[key] = place
    return found

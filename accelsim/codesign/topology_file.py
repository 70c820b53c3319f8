"""SCALE-Sim's topology files, strictly read: which kind a file is, and the name and sizes of each of its layers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from accelsim.core.errors import InputError

LARGEST_SIZE = 2**31 - 1
LARGEST_FILE = 4 * 2**20
MOST_LAYERS = 10_000
LONGEST_NAME = 200
COLUMNS = {
    "GEMM": ("layer name", "M", "N", "K"),
    "convolution": (
        "layer name",
        "IFMAP height",
        "IFMAP width",
        "filter height",
        "filter width",
        "channels",
        "num filter",
        "strides",
    ),
}
_ADDED = {"GEMM": "Sparsity and Batch", "convolution": "a stride width, Sparsity and Batch"}
_LONGEST_SHOWN = 60


class Row(NamedTuple):
    """A layer: where it stands (FILE:LINE), its line, its name, and its sizes by column, each from 1 to
    LARGEST_SIZE."""

    place: str
    line: int
    name: str
    sizes: dict[str, int]


def read_topology(file: Path) -> tuple[str, list[Row]]:
    """The kind of a topology file ('GEMM' or 'convolution') and its layers, at least one, with names that differ.

    Reads at most LARGEST_FILE bytes and MOST_LAYERS layers. Errors: InputError with file, line, value and rule.
    """
    lines = _lines(file)
    if not lines:
        raise InputError(f"{file}: the file is empty, but a topology begins with a header such as 'Layer,M,N,K,'.")
    kind, columns = _header(f"{file}:{lines[0][0]}", lines[0][1])
    if len(lines) == 1:
        example = ",".join(("layer1", *["64"] * (len(COLUMNS[kind]) - 1)))
        raise InputError(f"{file}: there is a header but no layer; add rows such as '{example},'.")
    rows, taken = [], {}
    for line, cells in lines[1:]:
        place = f"{file}:{line}"
        name, sizes = _row(place, kind, columns, cells)
        if name in taken:
            raise InputError(
                f"{place}: the layer name {quoted(name)} is taken by line {taken[name]}, but layer names must differ; "
                "rename one of the two."
            )
        taken[name] = line
        rows.append(Row(place, line, name, sizes))
    return kind, rows


def quoted(text: str) -> str:
    """A text of the file for a message, cut when it is long."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")


def _lines(file: Path) -> list[tuple[int, list[str]]]:
    """(line number, stripped cells without empty ones at the end) of every line that says something."""
    found = []
    for number, content in enumerate(re.split("\r\n|\r|\n", _text(file)), 1):
        if content.strip(" \t,"):
            found.append((number, [cell.strip() for cell in content.rstrip(" \t,").split(",")]))
        if len(found) > MOST_LAYERS + 1:
            raise InputError(f"{file}:{number}: the file has more than {MOST_LAYERS} layers; split it.")
    return found


def _text(file: Path) -> str:
    try:
        if file.exists() and not file.is_file():
            what = "a folder" if file.is_dir() else "no regular file"
            raise InputError(f"{file}: this is {what}; give the .csv file of a topology.")
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise InputError(f"{file}: no such topology file.") from None
    except OSError as error:
        raise InputError(f"{file}: the topology file cannot be read ({error.strerror or error}).") from None
    if len(data) > LARGEST_FILE:
        raise InputError(f"{file}: the file has more than {LARGEST_FILE >> 20} MiB, which no topology needs.")
    wrong, what = data.find(b"\0"), "a zero byte"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong, what = error.start, f"the byte 0x{data[error.start]:02x}, which is not UTF-8"
    if wrong >= 0:
        line = data.count(b"\n", 0, wrong) + 1
        raise InputError(
            f"{file}:{line}: the file has {what}, but a topology is text in UTF-8; save it as CSV in UTF-8."
        )
    return text


def _header(place: str, cells: list[str]) -> tuple[str, tuple[str, ...]]:
    """The kind of file, and what its columns are."""
    titles = [_title(cell) for cell in cells]
    if len(cells) > 3 and all(re.fullmatch("[0-9]+", cell) for cell in cells[1:4]):
        raise InputError(
            f"{place}: the first line must be a header such as 'Layer,M,N,K,' but is a layer, which SCALE-Sim would "
            "skip; put a header before it."
        )
    if set(titles[1:4]) == {"m", "n", "k"} or 4 <= len(titles) <= 6:
        kind = "GEMM"
    elif len(titles) >= 8:
        kind = "convolution"
    else:
        raise InputError(
            f"{place}: the header has {_columns(len(titles))} but a GEMM topology has "
            f"{', '.join(COLUMNS['GEMM'])}, and a convolution topology {', '.join(COLUMNS['convolution'])}."
        )
    order = ", ".join(COLUMNS[kind])
    columns = list(COLUMNS[kind])
    for i, column in enumerate(columns):
        title = _title(column)
        if title in titles and titles[i] != title:
            raise InputError(
                f"{place}: column {i + 1} is {quoted(cells[i])} and {column} is column {titles.index(title) + 1}, but "
                f"SCALE-Sim reads {order} in this order whatever the header says; reorder the columns."
            )
    base = len(columns)
    for number, (cell, title) in enumerate(zip(cells[base:], titles[base:]), base + 1):
        added = next((word for word in ("sparsity", "batch") if word in title), None)
        if kind == "convolution" and number == base + 1 and "stride" in title:
            added = "stride width"
        if added is None or added in columns:
            raise InputError(
                f"{place}: column {number} is {quoted(cell)}, but beside {order} a {kind} topology may only have "
                f"{_ADDED[kind]}; remove the column."
            )
        columns.append(added)
    return kind, tuple(columns)


def _title(text: str) -> str:
    return " ".join(text.lower().split()).removesuffix("s")


def _row(place: str, kind: str, columns: tuple[str, ...], cells: list[str]) -> tuple[str, dict[str, int]]:
    rest = next((cell for cell in cells[len(columns) :] if cell), "#")
    if not rest.startswith("#"):
        raise InputError(
            f"{place}: the row has {_columns(len(cells))} but the header {len(columns)} ({', '.join(columns)}); remove "
            f"{quoted(rest)} and what follows, or let it begin with '#'."
        )
    if len(cells) < len(columns):
        raise InputError(
            f"{place}: the row has {_columns(len(cells))} but the header {len(columns)} ({', '.join(columns)}); "
            f"{columns[len(cells)]} is missing."
        )
    name, sizes = _checked_name(place, cells[0]), {}
    for column, text in zip(columns[1:], cells[1:]):
        if column == "sparsity":
            _check_dense(place, name, text)
        else:
            sizes[column] = _size(place, name, column, text)
    if kind == "convolution" and sizes.get("batch", 1) > 1:
        raise InputError(
            f"{place}: layer {quoted(name)}: batch is {sizes['batch']} but the layers of a workload are those of one "
            "image; write 1."
        )
    return name, sizes


def _checked_name(place: str, name: str) -> str:
    if not name:
        raise InputError(f"{place}: the layer has no name; give it one in the first column.")
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"{place}: the layer name {quoted(name)} has {len(name)} characters but may have {LONGEST_NAME}; shorten "
            "it."
        )
    if '"' in name:
        raise InputError(
            f"{place}: the layer name {quoted(name)} has a quotation mark, but a topology quotes nothing; remove it."
        )
    odd = next((letter for letter in name if not letter.isprintable()), None)
    if odd is not None:
        raise InputError(
            f"{place}: the layer name {quoted(name)} has the character U+{ord(odd):04X}, which cannot be printed; "
            "remove it."
        )
    return name


def _check_dense(place: str, name: str, text: str) -> None:
    found = re.fullmatch(r"0*([1-9][0-9]{0,8}) *: *0*([1-9][0-9]{0,8})", text)
    if not found:
        raise InputError(
            f"{place}: layer {quoted(name)}: sparsity is {quoted(text)} but must be two counts such as 1:1."
        )
    if found[1] != found[2]:
        raise InputError(
            f"{place}: layer {quoted(name)}: sparsity is {quoted(text)} but only dense layers can be imported; write "
            "1:1 to take the layer as dense."
        )


def _size(place: str, name: str, column: str, text: str) -> int:
    if re.fullmatch("[0-9]+", text):
        digits = text.lstrip("0")
        if digits and len(digits) <= len(str(LARGEST_SIZE)) and int(digits) <= LARGEST_SIZE:
            return int(digits)
    raise InputError(
        f"{place}: layer {quoted(name)}: {column} is {quoted(text)} but must be a whole number from 1 to "
        f"{LARGEST_SIZE}, in the digits 0 to 9{_meant(text)}."
    )


def _meant(text: str) -> str:
    """A suggestion for a number that is written otherwise: 1e3, 1_000, 64.0, "64", digits of other scripts."""
    try:
        number = float(text.strip("\"' ")) if len(text) <= _LONGEST_SHOWN else 0.0
    except ValueError:
        return ""
    return f" (did you mean {int(number)}?)" if number.is_integer() and 1 <= number <= LARGEST_SIZE else ""


def _columns(count: int) -> str:
    return f"{count} column" if count == 1 else f"{count} columns"

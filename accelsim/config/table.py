"""A described machine as tables for a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from accelsim.config.describe import Description, ParamRow, PartRows

if TYPE_CHECKING:
    from rich.console import RenderableType


def tables(machine: Description) -> Iterator["RenderableType"]:
    """What to print, in order; a value that is not the default carries an asterisk."""
    yield f"{machine.name}: {machine.title}"
    yield ""
    yield "Clocks (--set clocks.NAME=VALUE)"
    yield _params(machine.clocks)
    if machine.options:
        yield "Options (--set NAME=VALUE)"
        yield _params(machine.options)
    yield "Parts (--set PART.PARAMETER=VALUE); * marks what differs from the default"
    for part in machine.parts:
        yield ""
        yield from _part(part)


def _part(part: PartRows) -> Iterator["RenderableType"]:
    choice = f", model {part.model} (of {', '.join(part.models)})" if part.models else ""
    yield f"{part.name}: {part.role}"
    yield f"  {part.component}, clock {part.clock}{choice}: {part.sentence}"
    yield _params(part.params)
    if part.ports:
        rows = [(p.direction, p.name, ", ".join(p.payload), p.sentence) for p in part.ports]
        yield _grid(("port", "name", "item", ""), rows)
    if part.counters:
        yield _grid(("counter", "unit", ""), part.counters)


def _params(rows: Sequence[ParamRow]) -> "RenderableType":
    shown = [(r.name, r.value + (" *" if r.changed else ""), r.default, r.unit, r.sentence) for r in rows]
    return _grid(("parameter", "value", "default", "unit", ""), shown)


def _grid(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.padding import Padding
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return Padding(table, (0, 0, 0, 2), expand=False)

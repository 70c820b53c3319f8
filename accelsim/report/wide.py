"""A table that never cuts a number: columns that do not fit side by side stand below one another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.table import Table

GAP = 3  # between two columns
NARROWEST = 12  # of the first column


@dataclass
class Wide:
    """The first column is words, the others numbers. `headed`: with the columns' names; `words`: the second is words,
    too, and both begin every part of a table that is too wide; `texts`: columns of sentences, which may be folded."""

    title: str
    names: Sequence[str]
    cells: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    ends: set[int] = field(default_factory=set)  # rows that a rule follows
    headed: bool = True
    words: bool = False
    texts: frozenset[int] = frozenset()

    def add_row(self, *cells: str, style: str = "") -> None:
        self.cells.append((cells, style))

    def add_section(self) -> None:
        self.ends.add(len(self.cells) - 1)

    def document(self) -> dict[str, Any]:
        """The same as lists, for a JSON document."""
        return {"title": self.title, "columns": list(self.names), "rows": [list(cells) for cells, _ in self.cells]}

    def widths(self) -> list[int]:
        rows = [*([tuple(self.names)] if self.headed else []), *(cells for cells, _ in self.cells)]
        return [max((cell_len(row[i]) for row in rows if i < len(row)), default=0) for i in range(len(self.names))]

    @property
    def leading(self) -> int:
        """Columns that say what a row is."""
        return 2 if self.words and len(self.names) > 2 else 1

    def groups(self, room: int) -> list[list[int]]:
        """Which columns stand side by side behind the leading ones."""
        widths = [min(w, room // 4) if i in self.texts else w for i, w in enumerate(self.widths())]
        lead, others = widths[: self.leading], widths[self.leading :]
        if sum(lead) + GAP * (len(lead) - 1) + sum(width + GAP for width in others) <= room:
            return [list(range(self.leading, len(self.names)))]
        left = room - sum(min(width, max(NARROWEST, room // 3)) for width in lead) - GAP * (len(lead) - 1)
        found: list[list[int]] = [[]]
        held = 0
        for i, width in enumerate(others, self.leading):
            if found[-1] and held + width + GAP > left:
                found.append([])
                held = 0
            found[-1].append(i)
            held += width + GAP
        return found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        for n, group in enumerate(self.groups(options.max_width)):
            title = self.title if n == 0 else None
            made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
            made.collapse_padding, made.show_header = True, self.headed
            columns = (*range(self.leading), *group)
            for i in columns:
                words = i == 0 or self.words or i in self.texts
                made.add_column(self.names[i], justify="left" if words else "right", overflow="fold", no_wrap=not words)
            for row, (cells, style) in enumerate(self.cells):
                made.add_row(
                    *(cells[i] if i < len(cells) else "" for i in columns), style=style,
                    end_section=row in self.ends,
                )  # fmt: skip
            yield made

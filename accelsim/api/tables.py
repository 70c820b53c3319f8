"""Tables of a result: columns by name, for a notebook, for pandas, or as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from accelsim.core.errors import InputError, suggest

SHOWN = 20  # rows that a notebook shows


class Table(dict[str, list]):
    """Columns of one length by name: a dictionary of lists, so that `pandas.DataFrame(table)` takes it as it is."""

    @staticmethod
    def of(rows: Iterable[Mapping[str, Any]]) -> Table:
        """A table of rows that are mappings; what a row lacks is None."""
        rows = list(rows)
        names = dict.fromkeys(name for row in rows for name in row)
        return Table({name: [row.get(name) for row in rows] for name in names})

    @property
    def height(self) -> int:
        """The number of rows."""
        return len(next(iter(self.values()), []))

    def __missing__(self, name: str) -> list:
        raise InputError(f"there is no column {name!r}{suggest(name, self)}; there are {', '.join(self)}")

    def rows(self) -> list[dict[str, Any]]:
        """The rows as mappings."""
        return [dict(zip(self, values)) for values in zip(*self.values())]

    def to_pandas(self):
        """A pandas DataFrame. Raises InputError without pandas."""
        try:
            import pandas
        except ImportError:
            raise InputError("a DataFrame needs pandas; install it with `pip install 'accelsim[data]'`") from None
        return pandas.DataFrame(self)

    def __repr__(self) -> str:
        names = list(self)
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        return f"Table of {self.height:,} rows: {shown}"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self)
        rows = [
            "<tr>" + "".join(f"<td>{escape(said(value))}</td>" for value in row) + "</tr>"
            for row in list(zip(*self.values()))[:SHOWN]
        ]
        more = f"<p>{self.height - SHOWN:,} more rows</p>" if self.height > SHOWN else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{more}"


class Figures(dict[str, Any]):
    """Figures by name, shown one a line."""

    def __missing__(self, name: str) -> Any:
        raise InputError(f"there is no figure {name!r}{suggest(name, self)}; there are {', '.join(self)}")

    def __repr__(self) -> str:
        wide = max(map(len, self), default=0)
        return "\n".join(f"{name:{wide}}  {said(value)}" for name, value in self.items())

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{escape(n)}</td><td>{escape(said(v))}</td></tr>" for n, v in self.items())
        return f"<table>{rows}</table>"


def said(value: Any) -> str:
    """A value for people: whole numbers with separators, six digits of others, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"

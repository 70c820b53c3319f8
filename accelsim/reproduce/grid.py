"""A table of a reproduction: the same cells for the terminal, for Markdown and for CSV."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isclose

from accelsim.reproduce.ratios import Spread
from accelsim.sweep.compare import Ratio

FAR = 0.25  # from the paper's figure: more is said in a sentence
LAYERS = {"all": "end to end", "attention": "attention layers"}
ONE_SEED = "Masks of one seed, so that there is no interval over masks."


@dataclass
class Grid:
    """slug: its file's name. notes: sentences below it. words: the second column is words, too. printed: whether a
    terminal shows it, or the report and its CSV alone."""

    title: str
    slug: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    words: bool = False
    printed: bool = True

    def add(self, *cells: str) -> None:
        self.rows.append(cells)

    def markdown(self) -> str:
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join(["| " + " | ".join(row) + " |" for row in lines] + [""] * bool(self.notes) + self.notes)

    def csv(self) -> str:
        made = io.StringIO()
        csv.writer(made, lineterminator="\n").writerows([self.columns, *self.rows])
        return made.getvalue()


def few(value: float) -> str:
    """A ratio: two decimals, one of what is large, two digits of what is small."""
    if value < 0.1:
        return f"{value:.2g}"
    return f"{value:.2f}" if value < 100 else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def times(value: float | None) -> str:
    return "-" if value is None else f"{few(value)}x"


def over_masks(seeds: Sequence[int]) -> str:
    """What stands below a table whose cells have intervals, where there is more than one seed."""
    return f"[95 % interval of the mean over {len(seeds)} masks], where they move it." if seeds[1:] else ONE_SEED


def said(found: Spread | None, digits: Callable[[float], str] = few, unit: str = "x") -> str:
    """A mean over masks with its interval; how many networks it is of, if not of all."""
    if found is None:
        return "-"
    text = f"{digits(found.mean)}{unit}"
    if found.low is not None and not isclose(found.low, found.high, rel_tol=1e-12):
        text += f" [{digits(found.low)}, {digits(found.high)}]"
    return text if not found.part or found.part[0] == found.part[1] else f"{text} ({found.part[0]} of {found.part[1]})"


def judged(found: Spread | None) -> str:
    """The same of a ratio that says who wins, and whether its interval does."""
    return f"{said(found)} not resolved" if found and found.open else said(found)


def share(found: Spread | None) -> str:
    """A share of 1 with its interval, in percent."""
    if found is None:
        return "-"
    text = percent(found.mean)
    if found.low is None or isclose(found.low, found.high, rel_tol=1e-12):
        return text
    return f"{text} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def priced(found: Ratio | None) -> str:
    """An energy ratio with what the prices' bounds allow."""
    if found is None:
        return "-"
    text = f"{times(found.nominal)} [{few(found.low)}, {few(found.high)}]"
    return text if found.resolved else f"{text} not resolved"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def far(ours: float, paper: float) -> bool:
    """Whether a figure is more than `FAR` off, upwards or downwards."""
    return abs(ours / paper - 1) > FAR


def off(ours: float, paper: float) -> str:
    """By how much, in words."""
    share = ours / paper
    return f"{100 * (share - 1):.0f} % more" if share >= 1 else f"{100 * (1 - share):.0f} % less"

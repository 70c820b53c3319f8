"""Masks that have a name: a window that slides over the tokens, perhaps dilated, and tokens that all others see.

Query i sees the keys i + (t - W // 2) D for t = 0 to W - 1 (Longformer; SALO, DAC 2022, section 2), as far as there are
such tokens; on a grid of patches, V x H of them around its own (ViL). The first tokens may be global: all see them, and
they see all. As a text: window:31,dilation=2,globals=1 or window:7x7,grid=14x14,globals=1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from accelsim.core.errors import InputError, shown, suggest

PREFIX = "window:"
MOST = 1 << 16  # of a window, a dilation, a side of a grid
FORM = (
    "a pattern is window:W or window:VxH, with dilation=D, globals=G and grid=VxH if need be, such as "
    "window:31,dilation=2,globals=1 or window:7x7,globals=1"
)


@dataclass(frozen=True)
class WindowPattern:
    """window: keys that a query sees, along the tokens, or (vertically, horizontally) on a grid. dilation: tokens from
    one of them to the next. globals: how many of the first tokens are global. grid: rows and columns of the patches,
    which are the last tokens; None: the tokens, or all but the first, are a square.

    Errors: InputError for sizes that are no whole numbers in their range.
    """

    window: tuple[int, ...]
    dilation: int = 1
    globals: int = 0
    grid: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        window = (self.window,) if isinstance(self.window, int) else tuple(self.window)
        object.__setattr__(self, "window", window)
        if self.grid is not None:
            object.__setattr__(self, "grid", tuple(self.grid))
        if len(window) not in (1, 2):
            raise InputError(f"pattern: window is {shown(window)} but must be one number, or two of a grid; {FORM}.")
        if self.grid is not None and (len(window) != 2 or len(self.grid) != 2):
            raise InputError(f"pattern: grid is {shown(self.grid)} but must be two numbers, beside a window of two.")
        for name, least, values in (
            ("window", 1, window),
            ("dilation", 1, (self.dilation,)),
            ("globals", 0, (self.globals,)),
            ("grid", 1, self.grid or ()),
        ):
            for value in values:
                if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MOST:
                    raise InputError(
                        f"pattern: {name} is {shown(value)} but must be a whole number from {least} to {MOST}."
                    )

    @classmethod
    def parse(cls, text: str) -> WindowPattern:
        """The pattern that a text says. Errors: InputError, with the grammar."""
        if not text.startswith(PREFIX):
            raise InputError(f"{shown(text)} does not begin with {PREFIX!r}: {FORM}.")
        first, *rest = text.removeprefix(PREFIX).split(",")
        given: dict[str, object] = {"window": sizes(text, first, 2)}
        for part in rest:
            name, _, value = part.strip().partition("=")
            if name not in ("dilation", "globals", "grid"):
                near = suggest(name, ("dilation", "globals", "grid"))
                raise InputError(f"{shown(text)} has {shown(part)}{near}: {FORM}.")
            if name in given:
                raise InputError(f"{shown(text)} says {name} twice: {FORM}.")
            found = sizes(text, value, 2 if name == "grid" else 1)
            given[name] = found if name == "grid" else found[0]
        return cls(**given)

    @classmethod
    def of(cls, entry: Mapping[str, object]) -> WindowPattern:
        """The pattern of a workload file's entry. Errors: InputError for an unknown name."""
        known = ("window", "dilation", "globals", "grid")
        for name in entry:
            if name not in known:
                raise InputError(f"pattern has no entry {shown(name)}{suggest(name, known)}.")
        if "window" not in entry:
            raise InputError("pattern lacks 'window'.")
        for name in ("window", "grid"):
            if not isinstance(entry.get(name, []), list | int):
                raise InputError(f"pattern: {name} is {shown(entry[name])} but must be a number or two.")
        return cls(**{n: tuple(v) if isinstance(v, list) else v for n, v in entry.items()})

    def entry(self) -> dict[str, object]:
        """As it stands in a workload file."""
        made: dict[str, object] = {"window": self.window[0] if len(self.window) == 1 else list(self.window)}
        made |= {"dilation": self.dilation} if self.dilation > 1 else {}
        made |= {"globals": self.globals} if self.globals else {}
        return made | ({"grid": list(self.grid)} if self.grid else {})

    def __str__(self) -> str:
        said = [PREFIX + "x".join(map(str, self.window))]
        said += [f"dilation={self.dilation}"] * (self.dilation > 1) + [f"globals={self.globals}"] * (self.globals > 0)
        return ",".join(said + ([f"grid={self.grid[0]}x{self.grid[1]}"] if self.grid else []))

    @property
    def short(self) -> str:
        """For a workload's name."""
        made = "w" + "x".join(map(str, self.window))
        return made + (f"d{self.dilation}" if self.dilation > 1 else "") + (f"g{self.globals}" if self.globals else "")

    def keep(self, tokens: int) -> np.ndarray:
        """bool[tokens, tokens]: which keys each query sees. Errors: InputError when the tokens are not of the grid."""
        if len(self.window) == 1:
            kept = near(tokens, self.window[0], self.dilation)
        else:
            high, wide = self.grid or square(tokens)
            outside = tokens - high * wide
            if outside < 0 or outside > self.globals:
                raise InputError(
                    f"pattern {self}: a grid of {high} x {wide} patches leaves {outside} of {tokens} tokens that are "
                    f"not on it, and {self.globals} are global; give the grid of the last tokens, and make the others "
                    "global"
                )
            kept = np.zeros((tokens, tokens), bool)
            rows, columns = (near(n, w, self.dilation) for n, w in zip((high, wide), self.window))
            kept[outside:, outside:] = np.kron(rows, columns)
        kept[:, : self.globals] = kept[: self.globals] = True
        return kept


def near(tokens: int, window: int, dilation: int) -> np.ndarray:
    """bool[tokens, tokens]: a window along a line of tokens."""
    ahead = np.arange(tokens)[None] - np.arange(tokens)[:, None]
    first = -(window // 2) * dilation
    return (ahead >= first) & (ahead < first + window * dilation) & (ahead % dilation == 0)


def square(tokens: int) -> tuple[int, int]:
    """The grid of patches where nobody says it. Errors: InputError when neither all tokens nor all but one are a
    square."""
    for outside in (0, 1):
        side = math.isqrt(tokens - outside)
        if side * side == tokens - outside and side:
            return side, side
    raise InputError(f"{tokens} tokens are no square of patches, with a class token or without; say grid=VxH")


def sizes(text: str, part: str, most: int) -> tuple[int, ...]:
    """Whole numbers with an x between them. Errors: InputError when there are more than `most`, or none."""
    if not re.fullmatch(r"\d{1,9}" + r"(x\d{1,9})?" * (most == 2), part.strip()):
        raise InputError(f"{shown(text)}: {shown(part)} is no {'number, or two as in 7x7' if most == 2 else 'number'}: "
                         f"{FORM}.")  # fmt: skip
    return tuple(int(n) for n in part.split("x"))

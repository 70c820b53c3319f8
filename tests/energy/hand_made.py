"""Small results made by hand: what a run would have left behind."""

from fractions import Fraction

import numpy as np

from accelsim.core.result import Part, Result, Span

STATUS = {"idle": 10, "busy": 60, "starved": 20, "blocked": 10}


def result(parts: dict[str, tuple[str, dict]], *spans: dict[str, dict[str, int]], cycles: int = 100) -> Result:
    """A result at 500 MHz whose spans of `cycles` core cycles each have these counts."""
    made = [
        Span(
            i,
            i * cycles,
            (i + 1) * cycles,
            {n: {k: v * cycles // 100 for k, v in STATUS.items()} for n in parts},
            c,
            {},
        )
        for i, c in enumerate(spans)
    ]
    counts = {n: {k: sum(s.counts[n][k] for s in made) for k in made[0].counts[n]} for n in parts}
    status = {n: {k: sum(s.status[n][k] for s in made) for k in STATUS} for n in parts}
    end = cycles * len(spans)
    return Result(
        Fraction(500_000_000),
        {"core": 1},
        end,
        {n: Part(kind, "core", parameters) for n, (kind, parameters) in parts.items()},
        {},
        Span(-1, 0, end, status, counts, {}),
        made,
        {},
        np.zeros(0, [("at", "i8"), ("component", "i8"), ("status", "i8")]),
        {},
    )

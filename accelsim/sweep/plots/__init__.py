"""Pictures of a sweep, drawn from its stored results; nothing is simulated again."""

import io
from collections.abc import Sequence
from pathlib import Path

from accelsim.core.errors import InputError, suggest
from accelsim.core.pictures import suffix, with_defaults
from accelsim.report.plots.frame import check_size
from accelsim.sweep.table import Columns, estimates, put

ESTIMATED = "estimated in closed form, not simulated"
KINDS = ("metric", "speedup", "pareto", "sensitivity", "heatmap", "utilization")


@with_defaults
def draw(
    kind: str,
    table: Columns,
    path: Path,
    *,
    metric: str = "cycles",
    axes: Sequence[str] = (),
    size: tuple[float, float] | None = None,
    dpi: int = 150,
) -> Path:
    """Draw a picture of some points as PNG, PDF or SVG, by the suffix, of some inches; the file.

    kind: `metric` (over one or two axes), `speedup` (bars, over the slowest or the first), `pareto` (two or three
    figures), `sensitivity` (how far each parameter moves the metric), `heatmap` (the metric over two axes), or
    `utilization` (how busy every part is, point by point). Raises InputError when the table has nothing to draw.
    """
    from accelsim.sweep.plots import bars, front, lines, maps

    if kind not in KINDS:
        raise InputError(f"there is no picture {kind!r}{suggest(kind, KINDS)}; there are {', '.join(KINDS)}")
    if not table["machine"]:
        raise InputError("there is no point to draw; the store is empty or --where leaves nothing")
    for name in (metric, *axes):
        if name not in table:
            raise InputError(f"there is no column {name!r}{suggest(name, table)}; `accelsim results` lists the columns")
    for name in (metric, *(axes if kind == "pareto" else ())):
        if words := [value for value in table[name] if isinstance(value, str)]:
            raise InputError(f"--metric: {name!r} is no figure, since its column has words such as {words[0]!r}")
    if 0 < (some := estimates(table)) < len(table["machine"]):
        raise InputError(
            f"{some} of the {len(table['machine'])} points are estimated in closed form, the others simulated; draw"
            " these or those: --where 'estimated == 1' or --where 'estimated == 0'"
        )
    drawing = {
        "metric": lines.metric_lines,
        "speedup": bars.speedup,
        "pareto": front.pareto,
        "sensitivity": bars.sensitivity,
        "heatmap": maps.heatmap,
        "utilization": maps.utilization,
    }[kind]
    suffix(path)
    check_size(size, dpi)
    picture = drawing(table, metric, list(axes))
    if some:
        picture.text(0.995, 0.005, ESTIMATED, ha="right", va="bottom", fontsize=7)
    return put(path, encoded(picture, path, size, dpi))


@with_defaults
def draw_contest(variants, workloads, gains, means, path: Path) -> Path:
    """Draw the speed-ups of a comparison as PNG, PDF or SVG, by the suffix; the file."""
    from accelsim.sweep.plots.bars import contest

    suffix(path)
    return put(path, encoded(contest(variants, workloads, gains, means), path))


def encoded(picture, path: Path, size: tuple[float, float] | None = None, dpi: int = 150) -> bytes:
    """A picture as the content of a file with this suffix."""
    from accelsim.report.plots.style import resized, save

    made = io.BytesIO()
    save(resized(picture, size), made, suffix(path), dpi)
    return made.getvalue()

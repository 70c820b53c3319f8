"""The pictures of a reproduction; each from numbers that stand in a table, too."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from statistics import mean

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from accelsim.core.files import write
from accelsim.core.pictures import with_defaults
from accelsim.report.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    figure,
    fitted,
    legend,
    save,
    thousands,
    title,
)
from accelsim.reproduce.claims import Crossover
from accelsim.reproduce.crossover import Block, Line, gain, over_mlp, over_tokens
from accelsim.reproduce.grid import LAYERS, times
from accelsim.reproduce.ratios import Spread
from accelsim.reproduce.tornado import Swing
from accelsim.reproduce.waterfall import Fall

PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # behind letters, so that no line crosses them
COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY)


@with_defaults
def put(path: Path, draw: Callable[..., Figure], *what: object) -> Path:
    """Draw and write a PNG, the same bytes for the same numbers."""
    made = io.BytesIO()
    save(fitted(draw(*what)), made)
    write(path, made.getvalue())
    return path


def bars(
    rows: list[tuple[str, str, Spread | None, Spread | None]], claims: dict[str, float], name: str, sparsity: int
) -> Figure:
    """Speed-up over each reading: end to end and attention, with the paper's figure for attention as a mark.
    rows: (opponent, reading, end to end, attention)."""
    made, (ax,) = figure(9, 1.6 + 0.36 * len(rows))
    for i, (who, _, whole, part) in enumerate(rows):
        for offset, found, colour in ((-0.19, whole, GREY), (0.19, part, BLUE)):
            if found is None:
                continue
            low, high = (found.low or found.mean), (found.high or found.mean)
            ax.barh(i + offset, found.mean, 0.36, color=colour)
            if high > low:
                ax.plot([low, high], [i + offset] * 2, color=BLACK, linewidth=1)
            inside = offset > 0 and high < claims.get(who, 0) < 1.7 * high  # the mark is where the text would be
            where = {"ha": "right", "color": "white"} if inside else {"bbox": PAPER}
            ax.text(high, i + offset, f" {times(found.mean)} ", va="center", fontsize=7, **where)
        if who in claims:
            ax.plot(claims[who], i + 0.19, marker="D", color=VERMILION, markersize=5, zorder=5)
    ax.axvline(1, color=BLACK, linewidth=0.8)
    ax.set_xscale("log")
    most = [s.mean for _, _, *both in rows for s in both if s]
    ax.set_xlim(min([0.5, *(0.8 * m for m in most)]), 2 * max([1.0, *most, *claims.values()]))
    ax.set_yticks(range(len(rows)), [f"{who}: {how}" if how else who for who, how, *_ in rows], fontsize=7)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    thousands(ax, "x")
    ax.set_xlabel(f"times as fast {name} is (geometric mean of the networks; thin lines: 95 % over masks)", fontsize=9)
    title(ax, f"{name} at {sparsity} % sparsity over every reading of every baseline")
    marks = [Patch(color=GREY, label="end to end"), Patch(color=BLUE, label="attention layers")]
    paper = Line2D([], [], marker="D", color=VERMILION, linestyle="", label="the paper, attention layers")
    legend(made, [*marks, paper])
    return made


def waterfall(falls: list[Fall], claims: dict[str, float], name: str) -> Figure:
    """What each setting multiplies the ratio by, from as published to equal terms."""
    made, axes = figure(9, 2.9 * len(falls), rows=len(falls))
    for ax, fall in zip(axes, falls):
        stages = [(n, r.mean) for n, r, _ in fall.stages if r]
        ratios = [r for _, r in stages]
        most = max([*ratios, claims.get(fall.over, 0)])
        ax.barh(0, ratios[0], color=GREY, height=0.6)
        for i in range(1, len(stages)):
            low, high = sorted((ratios[i - 1], ratios[i]))
            slower = ratios[i] > ratios[i - 1]
            ax.barh(i, max(high - low, 1e-9), left=low, color=VERMILION if slower else GREEN, height=0.6)
            ax.plot([ratios[i - 1]] * 2, [i - 0.7, i - 0.3], color=BLACK, linewidth=0.8)
        for i, ratio in enumerate(ratios):
            step = f" ({times(ratio / ratios[i - 1])})" if i else ""
            ax.text(
                max(ratio, ratios[max(i - 1, 0)]) + 0.015 * most, i, f"{times(ratio)}{step}", va="center", fontsize=8,
                bbox=PAPER,
            )  # fmt: skip
        ax.barh(len(stages), ratios[-1], color=BLUE, height=0.6)
        ax.text(ratios[-1] + 0.015 * most, len(stages), times(ratios[-1]), va="center", fontsize=8, bbox=PAPER)
        ax.set_yticks(range(len(stages) + 1), [*(n for n, _ in stages), "in the end"], fontsize=8)
        ax.set_ylim(len(stages) + 0.5, -0.5)
        ax.set_xlim(0, 1.3 * most)
        if fall.over in claims:
            ax.axvline(claims[fall.over], color=ORANGE, linestyle="--", linewidth=1.2)
            ax.text(claims[fall.over], len(stages) + 0.45, " the paper", fontsize=7, color=ORANGE, va="bottom")
        ax.axvline(1, color=BLACK, linewidth=0.6)
        ax.set_xlabel(f"times as fast {name} is, attention layers", fontsize=8)
        title(ax, f"{fall.over}, from as published to equal terms")
    legend(made, [Patch(color=VERMILION, label=f"slows it down, for {name}"), Patch(color=GREEN, label="speeds it up")])
    return made


def tornado(swings: list[Swing], name: str, model: str) -> Figure:
    """How far each trait of the masks moves each ratio."""
    keys = dict.fromkeys((s.only, s.over) for s in swings)
    groups = {key: [s for s in swings if (s.only, s.over) == key] for key in keys}
    scopes = [[key for key in groups if key[0] == only] for only in dict.fromkeys(only for only, _ in groups)]
    high = max(map(len, scopes))
    made, axes = figure(15, 0.9 + high * (0.7 + 0.3 * max(map(len, groups.values()))), high, len(scopes))
    places = [(row * len(scopes) + n, key) for n, keys in enumerate(scopes) for row, key in enumerate(keys)]
    for empty in set(range(len(axes))) - {place for place, _ in places}:
        axes[empty].set_visible(False)
    for place, (only, over) in places:
        ax, rows = axes[place], groups[only, over]
        middle = rows[0].middle.mean
        for i, s in enumerate(rows):
            for height, value, colour in ((i - 0.17, s.low.mean, SKY), (i + 0.17, s.high.mean, ORANGE)):
                ax.barh(height, value - middle, left=middle, color=colour, height=0.32)
            low, _, high = s.said(interval=False)
            text = f"  {s.ends[0]}: {low}; {s.ends[1]}: {high}" + ("  flips" if s.flips else "")
            ax.text(max(value.mean for value in s.values), i, text, va="center", fontsize=7)
        ax.axvline(middle, color=BLACK, linewidth=0.8)
        least, most = (pick(x.mean for s in rows for x in s.values) for pick in (min, max))
        wide = max(most - least, 0.05 * most)
        ax.set_xlim(least - 0.08 * wide, most + 0.9 * wide)
        if any(s.flips for s in rows):
            ax.axvline(1, color=VERMILION, linewidth=1)
        ax.set_yticks(range(len(rows)), [s.trait for s in rows], fontsize=8)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        title(ax, f"{LAYERS[only].removesuffix(' layers')}, over {over}: {times(middle)}")
    red = f"; right of the red line {name} is faster" if any(s.flips for s in swings) else ""
    for n, keys in enumerate(scopes):
        last = axes[(len(keys) - 1) * len(scopes) + n]
        last.set_xlabel(f"times as fast {name} is, {model}{red}", fontsize=9)
    legend(made, [Patch(color=SKY, label="low end of the trait"), Patch(color=ORANGE, label="high end")])
    return made


def crossover(lines: list[Line], study: Crossover, sparsity: int) -> Figure:
    """Time of a block beside the first machine's, over its tokens and over the MLP; and the share of attention."""
    made, (left, middle, right) = figure(13, 4.2, columns=3)
    tokens, ratios = over_tokens(study), over_mlp(study)
    for line, colour in zip(lines, COLOURS):
        style = {"marker": "o", "markersize": 4, "color": colour, "label": line.name}
        faster = [(b.tokens, g.mean) for b in tokens if (g := gain(lines[0], line, b))]
        left.plot(*zip(*faster), **style)
        shares = [(b.tokens, 100 * mean(line.attention[b])) for b in tokens if b in line.attention]
        middle.plot(*zip(*shares), **style)
        wider = [(b.mlp_ratio, g.mean) for b in ratios if (g := gain(lines[0], line, b))]
        right.plot(*zip(*wider), **style)
    for ax in (left, middle):
        ax.set_xscale("log", base=2)
        ax.set_xticks([b.tokens for b in tokens], [f"{b.tokens:,}" for b in tokens], fontsize=8)
        ax.minorticks_off()
        ax.set_xlabel("tokens", fontsize=9)
    for ax, which in ((left, tokens), (right, ratios)):
        values = [g.mean for line in lines for b in which if (g := gain(lines[0], line, b))]
        ax.axhline(1, color=BLACK, linewidth=0.6)
        ax.set_yscale("log")
        ax.set_ylim(0.85 * min(values), 10 ** (math.log10(max(values)) + 0.06))
        thousands(ax, "y")
        ax.set_ylabel(f"times as fast as {lines[0].name}, the whole block", fontsize=9)
    right.set_xticks([b.mlp_ratio for b in ratios])
    right.set_xlabel("width of the MLP's hidden layer over the block's", fontsize=9)
    middle.set_ylim(0, 100)
    middle.set_ylabel("attention's share of the time (%)", fontsize=9)
    title(left, f"a block of {study.model} at {sparsity} %")
    title(middle, "what attention takes of it")
    title(right, f"over its MLP, {Block(study.mlp_side).tokens:,} tokens")
    legend(made, left.get_legend_handles_labels()[0])
    return made

"""Where sparse attention pays: a block of a network over the number of its tokens and over its MLP, end to end."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from accelsim.codesign.models import block_of
from accelsim.codesign.synthetic import Traits, synthesize
from accelsim.reproduce.claims import Crossover
from accelsim.reproduce.equal_area import area
from accelsim.reproduce.grid import Grid, over_masks, said, share
from accelsim.reproduce.ratios import Spread, spread
from accelsim.reproduce.runs import Done, On, Run
from accelsim.workload import save

TRAITS = Traits(global_heads=(0.3, 0.3))  # of a block in the middle of a network
USUAL = 4  # times as wide as the block is the MLP's hidden layer, in DeiT


@dataclass(frozen=True, order=True)
class Block:
    """Side of its square of patches, and how many times as wide as the block its MLP's hidden layer is."""

    side: int
    mlp_ratio: int = USUAL

    @property
    def tokens(self) -> int:
        return self.side * self.side + 1


Blocks = dict[Block, tuple[On, ...]]  # with the masks of each seed


def over_tokens(study: Crossover) -> list[Block]:
    return [Block(side) for side in study.sides]


def over_mlp(study: Crossover) -> list[Block]:
    return [Block(study.mlp_side, ratio) for ratio in study.mlp_ratios]


def blocks(study: Crossover, sparsity: int, seeds: Sequence[int], folder: Path) -> Blocks:
    """The workloads of each block, written into a folder unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for block in dict.fromkeys(over_tokens(study) + over_mlp(study)):
        width = "" if block.mlp_ratio == USUAL else f"_mlp{block.mlp_ratio}"
        title = f"a block of {study.model}, {block.tokens:,} tokens, MLP {block.mlp_ratio} times as wide"
        places = []
        for seed in seeds:
            path = folder / f"{study.model}_block_{block.tokens}{width}_s{sparsity}_m{seed}.yaml"
            if not path.is_file():
                made = block_of(study.model, block.side, block.mlp_ratio)
                save(synthesize(made, sparsity / 100, seed, TRAITS), path)
            places.append(On(title, sparsity, seed, "all", str(path)))
        found[block] = tuple(places)
    return found


def runs(study: Crossover, places: Blocks) -> list[Run]:
    return [Run(machine, (), on) for _, machine in study.opponents for each in places.values() for on in each]


@dataclass(frozen=True)
class Line:
    """A machine and its mm2: block -> seconds, and the shares of attention and of the MLP in them, with each seed's
    masks; only where it runs with all of them."""

    name: str
    area: float
    seconds: dict[Block, tuple[float, ...]]
    attention: dict[Block, tuple[float, ...]]
    mlp: dict[Block, tuple[float, ...]]


def lines(done: Done, study: Crossover, places: Blocks) -> list[Line]:
    made = []
    for name, machine in study.opponents:
        line = Line(name, area(machine), {}, {}, {})
        for block, each in places.items():
            runs = [Run(machine, (), on) for on in each]
            if all(run in done.figures for run in runs):
                line.seconds[block] = tuple(done.get(run, "seconds") for run in runs)
                for phase, of in (("attention", line.attention), ("mlp", line.mlp)):
                    takes = ((done.get(run, f"phase.{phase}.cycles") or 0) / done.get(run, "cycles") for run in runs)
                    of[block] = tuple(takes)
        made.append(line)
    return made


def gain(first: Line, line: Line, block: Block) -> Spread | None:
    """How many times as fast as the first machine, over masks."""
    both = block in first.seconds and block in line.seconds
    return spread([a / b for a, b in zip(first.seconds[block], line.seconds[block])]) if both else None


def meets(points: Sequence[tuple[float, float]], scale: Callable[[float], float]) -> list[float]:
    """Where a gain crosses 1: points of (place, gain), between which the gain's logarithm is linear in the logarithm of
    the place with `math.log` for a scale, or in the place itself with `float`."""
    found = []
    for (before, first), (after, second) in pairwise(points):
        if (first > 1) != (second > 1):
            part = math.log(first) / (math.log(first) - math.log(second))
            at = scale(before) + part * (scale(after) - scale(before))
            found.append(math.exp(at) if scale is math.log else at)
    return found


def standing(first: Line, line: Line, which: list[Block], place: Callable[[Block], float], unit: str) -> str:
    """Where a machine is ahead of another, and where the two are level."""
    scale = math.log if all(place(b) > 0 for b in which) else float
    points = [(place(b), g.mean) for b in which if (g := gain(first, line, b))]
    ahead = [f"{x:,}" for x, g in points if g > 1]
    level = [f"{x:,.0f}" if x > 20 else f"{x:.1f}" for x in meets(points, scale)]
    found = f"faster than {first.name} at {', '.join(ahead)} {unit}" if ahead else f"nowhere faster than {first.name}"
    even = f"; level at some {' and '.join(level)}" if level else ""
    return f"{line.name} is {found}{even}."


def grids(made: list[Line], study: Crossover, sparsity: int, seeds: Sequence[int]) -> list[Grid]:
    """Over the tokens, and over the MLP: time beside the first machine's, and what the share of it is."""
    first, tokens, ratios = made[0], over_tokens(study), over_mlp(study)
    at = f"{Block(study.mlp_side).tokens:,}"
    over = Grid(
        f"a block of {study.model} at {sparsity} % over its tokens, on equal area: times as fast as {first.name};"
        " attention's share of its time", "crossover", ("machine", "area", *(f"{b.tokens:,}" for b in tokens)),
    )  # fmt: skip
    wide = Grid(
        f"a block of {study.model} of {at} tokens at {sparsity} % over the width of its MLP, on equal area: times as"
        f" fast as {first.name}; the MLP's share of its time", "crossover_mlp",
        ("machine", "area", *(f"{b.mlp_ratio} times" if b.mlp_ratio else "no MLP" for b in ratios)),
    )  # fmt: skip
    for line in made:
        for table, which, of in ((over, tokens, line.attention), (wide, ratios, line.mlp)):
            gains = [(b, gain(first, line, b)) for b in which]
            cells = (f"{said(g)}, {share(spread(of[b]))}" if g else "-" for b, g in gains)
            table.add(line.name, f"{line.area:.2f} mm2", *cells)
    for table, which, place, unit in (
        (over, tokens, lambda b: b.tokens, "tokens"), (wide, ratios, lambda b: b.mlp_ratio, "times the width"),
    ):  # fmt: skip
        for base in (line for line in made if line.name in study.against):
            others = [line for line in made if line.name not in study.against or made.index(line) > made.index(base)]
            table.notes += [standing(base, line, which, place, unit) for line in others if line is not base]
    over.notes += [study.note] * bool(study.note)
    for table in (over, wide):
        table.notes.append(over_masks(seeds))
    return [over, wide]

"""Where sparse attention pays: a block of a network over the number of its tokens, end to end."""

from dataclasses import dataclass
from pathlib import Path

from accelsim.codesign.models import block_of
from accelsim.codesign.synthetic import Traits, synthesize
from accelsim.reproduce.claims import Crossover
from accelsim.reproduce.grid import Grid, percent, times
from accelsim.reproduce.runs import Done, On, Run
from accelsim.workload import save

TRAITS = Traits(global_heads=(0.3, 0.3))  # of a block in the middle of a network


def blocks(study: Crossover, sparsity: int, seed: int, folder: Path) -> dict[int, On]:
    """Tokens -> the workload of one block, written into a folder unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for side in study.sides:
        tokens = side * side + 1
        path = folder / f"{study.model}_block_{tokens}_s{sparsity}_m{seed}.yaml"
        if not path.is_file():
            save(synthesize(block_of(study.model, side), sparsity / 100, seed, TRAITS), path)
        found[tokens] = On(f"a block of {study.model}, {tokens:,} tokens", sparsity, seed, "all", str(path))
    return found


def runs(study: Crossover, places: dict[int, On]) -> list[Run]:
    return [Run(machine, (), on) for _, machine in study.opponents for on in places.values()]


@dataclass(frozen=True)
class Line:
    """A machine: tokens -> microseconds of the block, and the share of attention in it; only where it runs."""

    name: str
    seconds: dict[int, float]
    attention: dict[int, float]


def lines(done: Done, study: Crossover, places: dict[int, On]) -> list[Line]:
    made = []
    for name, machine in study.opponents:
        seconds, share = {}, {}
        for tokens, on in places.items():
            run = Run(machine, (), on)
            if run in done.figures:
                seconds[tokens] = done.get(run, "seconds")
                share[tokens] = (done.get(run, "phase.attention.cycles") or 0) / done.get(run, "cycles")
        made.append(Line(name, seconds, share))
    return made


def grid(made: list[Line], study: Crossover, sparsity: int) -> Grid:
    """Time beside the first machine's, and attention's share."""
    tokens = [side * side + 1 for side in study.sides]
    table = Grid(
        f"a block of {study.model} at {sparsity} % over its tokens: times as fast as {made[0].name}; attention's share"
        " of its time", "crossover", ("machine", *(f"{t:,}" for t in tokens)),
    )  # fmt: skip
    first = made[0].seconds
    for line in made:
        cells = [
            f"{times(first[t] / line.seconds[t])}, {percent(line.attention[t])}"
            if t in line.seconds and t in first else "-"
            for t in tokens
        ]  # fmt: skip
        table.add(line.name, *cells)
    for line in made[1:]:
        ahead = [t for t in tokens if t in line.seconds and t in first and line.seconds[t] < first[t]]
        said = f"is faster than {made[0].name} at {', '.join(f'{t:,}' for t in ahead)} tokens" if ahead else ""
        table.notes.append(f"{line.name} {said or f'is nowhere faster than {made[0].name}'}.")
    table.notes += [study.note] * bool(study.note)
    return table

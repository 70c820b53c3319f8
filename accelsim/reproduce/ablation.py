"""A machine without each of its ideas, beside what its paper says they are worth."""

from collections.abc import Callable
from itertools import product

from accelsim.reproduce.claims import Ablation, Step
from accelsim.reproduce.grid import Grid, far, few, off, percent, said, share, times
from accelsim.reproduce.ratios import Spread, over_seeds
from accelsim.reproduce.runs import Done, On, Run, base
from accelsim.sweep.compare import geometric_mean


def run_of(study: Ablation, variant: str, model: str, sparsity: int, seed: int, free: bool = False) -> Run:
    """A variant on attention; `free`: with memory that takes no time."""
    more = (study.movement.wide,) if free and study.movement else ()
    return Run(study.machine, (*study.variants[variant], *more), On(model, sparsity, seed, "attention"))


def runs(study: Ablation, models: tuple[str, ...], sparsities: tuple[int, ...], seeds: tuple[int, ...]) -> list[Run]:
    """All that the tables need."""
    found = []
    for model, sparsity, seed in product(models, sparsities, seeds):
        found += [run_of(study, name, model, sparsity, seed) for name in study.variants]
        if study.movement:
            found += [run_of(study, name, model, sparsity, seed, True) for name in study.movement.variants]
    return found


def step_gain(done: Done, study: Ablation, step: Step, model: str, sparsity: int, seed: int) -> float | None:
    """Time before over time after."""
    before, after = (done.get(run_of(study, v, model, sparsity, seed), "cycles") for v in (step.before, step.after))
    return before / after if before and after else None


def note(seeds: tuple[int, ...]) -> str:
    """What the means and their intervals are of."""
    masks = f"{len(seeds)} masks of each network; [95 % interval of the mean over masks]"
    one = "one mask of each network, so that there is no interval over masks (--seeds)"
    return f"Attention layers; geometric means over networks, and over sparsities last; {masks if seeds[1:] else one}."


def steps(
    done: Done,
    study: Ablation,
    models: tuple[str, ...],
    sparsities: tuple[int, ...],
    seeds: tuple[int, ...],
    opponent: str,
    versus: Callable[[str, int, int], float | None],
) -> Grid:
    """What each idea is worth. versus: (model, sparsity, seed) -> seconds of an opponent's attention."""
    made = Grid(
        "ablations", "ablations",
        (
            "idea", "against", *(f"{s} %" for s in sparsities), "mean", "the paper: mean",
            *(f"at {s} %" for s in sparsities), "ours / paper",
        ), words=True,
    )  # fmt: skip

    def over(gain: Callable[[str, int, int], float | None]) -> tuple[list[Spread | None], Spread | None]:
        """(mean of the networks at each sparsity, the mean of these)."""

        def at(sparsity: int, seed: int) -> float | None:
            return geometric_mean([gain(m, sparsity, seed) for m in models])

        each = [over_seeds(lambda seed, s=s: at(s, seed), seeds) for s in sparsities]
        return each, over_seeds(lambda seed: geometric_mean([at(s, seed) for s in sparsities]), seeds)

    for step in study.steps:
        means, whole = over(lambda m, s, seed, step=step: step_gain(done, study, step, m, s, seed))
        paper = [times(step.at.get(s)) for s in sparsities]
        part = few(whole.mean / step.mean) if whole and step.mean else "-"
        made.add(step.name, step.before, *map(said, means), said(whole), times(step.mean), *paper, part)
        pairs = [(whole, step.mean, "on average")] + [
            (mine, step.at.get(s), f"at {s} %") for mine, s in zip(means, sparsities)
        ]
        for mine, theirs, when in pairs:
            if mine and theirs and far(mine.mean, theirs):
                made.notes.append(
                    f"{step.name}, {when}: {said(mine)} here, {off(mine.mean, theirs)} than the paper's"
                    f" {times(theirs)}."
                )
    last = study.steps[-1].after
    clock = float(base(study.machine).arch.clocks["core"])

    def ahead(model: str, sparsity: int, seed: int) -> float | None:
        theirs = versus(model, sparsity, seed)
        mine = done.get(run_of(study, last, model, sparsity, seed), "cycles")
        return theirs / (mine / clock) if theirs and mine else None

    means, whole = over(ahead)
    made.add(
        f"{last}, over another machine", opponent, *map(said, means), said(whole), "-", *["-"] * len(sparsities), "-"
    )
    made.notes.append(note(seeds))
    return made


def shares(done: Done, study: Ablation, model: str, sparsity: int, seed: int) -> list[float | None]:
    """At each rate, without and with the idea: bytes over rate, over this plus the time with free memory."""
    found: list[float | None] = []
    move = study.movement
    clock = float(base(study.machine).arch.clocks["core"])
    for rate in move.rates:
        for variant in move.variants:
            run = run_of(study, variant, model, sparsity, seed, True)
            size, cycles = done.get(run, f"part.{move.part}.write_bytes"), done.get(run, "cycles")
            if size is None or not cycles:
                found.append(None)
                continue
            takes = size / rate * clock
            found.append(takes / (takes + cycles))
    return found


def movement(
    done: Done, study: Ablation, models: tuple[str, ...], sparsities: tuple[int, ...], seeds: tuple[int, ...]
) -> Grid:
    """Shares of data movement, as if nothing overlapped, beside the paper's."""
    move = study.movement
    titles = [t for rate in move.rates for t in (f"{rate / 1e9:g} GB/s", "with it")]
    made = Grid(
        f"data movement: share of filling {move.part}, {move.variants[0]} and with it", "movement",
        ("network", "sparsity", "MB", "with it, MB", *titles, "the paper", "with it"), words=True,
    )  # fmt: skip
    places = list(product(models, sparsities))
    found = {place: [shares(done, study, *place, seed) for seed in seeds] for place in places}

    def mean(some: list[tuple[str, int]]) -> list[Spread | None]:
        """Of each share, over networks and sparsities for every seed, and then over seeds."""
        columns = range(len(titles))
        kept = [p for p in some if not any(None in each for each in found[p])]
        return [
            over_seeds(lambda n, c=c: sum(found[p][n][c] for p in kept) / len(kept), range(len(seeds)))
            if kept else None
            for c in columns
        ]  # fmt: skip

    for place in places:
        sizes = []
        for variant in move.variants:
            size = over_seeds(
                lambda seed, v=variant, p=place: done.get(
                    run_of(study, v, *p, seed, True), f"part.{move.part}.write_bytes"
                ),
                seeds,
            )
            sizes.append(f"{size.mean / 1e6:.2f}" if size else "-")
        made.add(place[0], f"{place[1]} %", *sizes, *map(share, mean([place])), "-", "-")
    theirs = tuple(map(percent, move.found))
    for title, some in (
        (f"mean at {sparsities[-1]} %", [p for p in places if p[1] == sparsities[-1]]), ("mean", places)
    ):  # fmt: skip
        means = mean(some)
        made.add(title, "", "-", "-", *map(share, means), *(theirs if title == "mean" else ("-", "-")))
    for rate, without, with_it in zip(move.rates, means[::2], means[1::2]):
        if without and (far(without.mean, move.found[0]) or far(with_it.mean, move.found[1])):
            made.notes.append(
                f"At {rate / 1e9:g} GB/s the share goes from {share(without)} to {share(with_it)}, in the paper from"
                f" {theirs[0]} to {theirs[1]} ({move.source})."
            )
    made.notes.append(note(seeds))
    return made


def intensity(done: Done, study: Ablation, models: tuple[str, ...], sparsity: int, seeds: tuple[int, ...]) -> Grid:
    """Places in the roofline: multiply-accumulates a byte, mean over networks."""
    made = Grid(
        f"roofline at {sparsity} %: multiply-accumulates a byte of attention", "roofline",
        ("variant", "ours", "the paper", "ours / paper"),
    )  # fmt: skip
    for variant, theirs in study.intensity.items():

        def per_byte(seed: int, variant: str = variant) -> float | None:
            found = [done.get(run_of(study, variant, m, sparsity, seed), "ops_per_byte") for m in models]
            mean = geometric_mean([f or None for f in found])
            return mean / 2 if mean else None

        mine = over_seeds(per_byte, seeds)
        cell = said(mine, unit="")
        made.add(variant, cell, few(theirs), few(mine.mean / theirs) if mine else "-")
        if mine and far(mine.mean, theirs):
            made.notes.append(
                f"{variant}: {cell} a byte here, {off(mine.mean, theirs)} than the paper's {few(theirs)}."
            )
    return made

"""A machine without each of its ideas, beside what its paper says they are worth."""

from accelsim.reproduce.claims import Ablation, Step
from accelsim.reproduce.grid import Grid, far, few, off, percent, times
from accelsim.reproduce.runs import Done, On, Run, base
from accelsim.sweep.compare import geometric_mean

NOTE = "Attention layers; geometric means over networks, and over sparsities last; masks of one seed."


def run_of(study: Ablation, variant: str, model: str, sparsity: int, seed: int, free: bool = False) -> Run:
    """A variant on attention; `free`: with memory that takes no time."""
    more = (study.movement.wide,) if free and study.movement else ()
    return Run(study.machine, (*study.variants[variant], *more), On(model, sparsity, seed, "attention"))


def runs(study: Ablation, models: tuple[str, ...], sparsities: tuple[int, ...], seed: int) -> list[Run]:
    """All that the tables need."""
    found = []
    for model in models:
        for sparsity in sparsities:
            found += [run_of(study, name, model, sparsity, seed) for name in study.variants]
            if study.movement:
                found += [run_of(study, name, model, sparsity, seed, True) for name in study.movement.variants]
    return found


def step_gain(done: Done, study: Ablation, step: Step, model: str, sparsity: int, seed: int) -> float | None:
    """Time before over time after."""
    before, after = (done.get(run_of(study, v, model, sparsity, seed), "cycles") for v in (step.before, step.after))
    return before / after if before and after else None


def steps(
    done: Done,
    study: Ablation,
    models: tuple[str, ...],
    sparsities: tuple[int, ...],
    seed: int,
    opponent: str,
    versus: dict[tuple[str, int], float | None],
) -> Grid:
    """What each idea is worth. versus: (model, sparsity) -> seconds of an opponent's attention."""
    made = Grid(
        "ablations", "ablations",
        (
            "idea", "against", *(f"{s} %" for s in sparsities), "mean", "the paper: mean",
            *(f"at {s} %" for s in sparsities), "ours / paper",
        ), words=True,
    )  # fmt: skip
    for step in study.steps:
        means = [geometric_mean([step_gain(done, study, step, m, s, seed) for m in models]) for s in sparsities]
        whole = geometric_mean(means)
        paper = [times(step.at.get(s)) for s in sparsities]
        share = few(whole / step.mean) if whole and step.mean else "-"
        made.add(step.name, step.before, *map(times, means), times(whole), times(step.mean), *paper, share)
        pairs = [(whole, step.mean, "on average")] + [
            (m, step.at.get(s), f"at {s} %") for m, s in zip(means, sparsities)
        ]
        for mine, theirs, when in pairs:
            if mine and theirs and far(mine, theirs):
                made.notes.append(
                    f"{step.name}, {when}: {times(mine)} here, {off(mine, theirs)} than the paper's {times(theirs)}."
                )
    last = study.steps[-1].after
    clock = float(base(study.machine).arch.clocks["core"])
    means = []
    for s in sparsities:
        pairs = [(versus.get((m, s)), done.get(run_of(study, last, m, s, seed), "cycles")) for m in models]
        means.append(geometric_mean([a / (b / clock) if a and b else None for a, b in pairs]))
    made.add(
        f"{last}, over another machine", opponent, *map(times, means), times(geometric_mean(means)), "-",
        *["-"] * len(sparsities), "-",
    )  # fmt: skip
    made.notes.append(NOTE)
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


def movement(done: Done, study: Ablation, models: tuple[str, ...], sparsities: tuple[int, ...], seed: int) -> Grid:
    """Shares of data movement, as if nothing overlapped."""
    move = study.movement
    titles = [t for rate in move.rates for t in (f"{rate / 1e9:g} GB/s", "with it")]
    found = f"{percent(move.found[0])} and {percent(move.found[1])}"
    made = Grid(
        f"data movement: share of filling {move.part}, {move.variants[0]} and with it; the paper: {found}", "movement",
        ("network", "sparsity", "MB", "with it, MB", *titles), words=True,
    )  # fmt: skip
    kept = []
    for model in models:
        for sparsity in sparsities:
            mine = shares(done, study, model, sparsity, seed)
            sizes = [
                done.get(run_of(study, v, model, sparsity, seed, True), f"part.{move.part}.write_bytes")
                for v in move.variants
            ]
            made.add(
                model, f"{sparsity} %", *("-" if s is None else f"{s / 1e6:.2f}" for s in sizes), *map(percent, mine)
            )
            if None not in mine:
                kept.append((sparsity, mine))
    for title, some in [
        (f"mean at {sparsities[-1]} %", [m for s, m in kept if s == sparsities[-1]]), ("mean", [m for _, m in kept])
    ]:  # fmt: skip
        if some:
            means = [sum(column) / len(some) for column in zip(*some)]
            made.add(title, "", "-", "-", *map(percent, means))
            for rate, (without, with_it) in zip(move.rates, zip(means[::2], means[1::2])):
                if title == "mean" and (far(without, move.found[0]) or far(with_it, move.found[1])):
                    made.notes.append(
                        f"At {rate / 1e9:g} GB/s the share goes from {percent(without)} to {percent(with_it)}, in the"
                        f" paper from {percent(move.found[0])} to {percent(move.found[1])} ({move.source})."
                    )
    return made


def intensity(done: Done, study: Ablation, models: tuple[str, ...], sparsity: int, seed: int) -> Grid:
    """Places in the roofline: multiply-accumulates a byte, mean over networks."""
    made = Grid(
        f"roofline at {sparsity} %: multiply-accumulates a byte of attention", "roofline",
        ("variant", "ours", "the paper", "ours / paper"),
    )  # fmt: skip
    for variant, theirs in study.intensity.items():
        found = [done.get(run_of(study, variant, m, sparsity, seed), "ops_per_byte") for m in models]
        mean = geometric_mean([f or None for f in found])
        made.add(variant, few(mean / 2) if mean else "-", few(theirs), few(mean / 2 / theirs) if mean else "-")
        if mean and far(mean / 2, theirs):
            made.notes.append(
                f"{variant}: {few(mean / 2)} a byte here, {off(mean / 2, theirs)} than the paper's {few(theirs)}."
            )
    return made

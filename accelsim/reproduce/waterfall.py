"""An opponent from as it was published to equal terms, one setting after the other: what each of them is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.reproduce.claims import Study, Waterfall
from accelsim.reproduce.grid import Grid, over_masks, said
from accelsim.reproduce.ratios import Spread, over_seeds
from accelsim.reproduce.runs import Done, On, Run
from accelsim.sweep.compare import geometric_mean


def stages(fall: Waterfall) -> list[tuple[str, Run]]:
    """(name, the run without its workload) of each stage, settings adding up."""
    found, held = [("as published", Run(fall.machine, (), On("", 0, 0)))], ()
    for name, more in fall.steps:
        held = (*held, *more)
        found.append((name, Run(fall.machine, held, On("", 0, 0))))
    return found


def runs(study: Study, seeds: Sequence[int]) -> list[Run]:
    """All stages of all waterfalls, on attention."""
    return [
        Run(stage.machine, stage.set, On(model, study.headline, seed, "attention"))
        for fall in study.waterfalls
        for _, stage in stages(fall)
        for model in study.models
        for seed in seeds
    ]


@dataclass(frozen=True)
class Fall:
    """over: the opponent; stages: (name, how many times as fast the machine is after it, by how much the step has
    multiplied that); end: its last terms, in words."""

    over: str
    stages: list[tuple[str, Spread | None, Spread | None]]
    end: str = ""


def ratio(done: Done, study: Study, stage: Run, seed: int) -> float | None:
    """How many times as fast the machine is as a stage: the geometric mean over networks, of time."""
    ratios = []
    for model in study.models:
        on = On(model, study.headline, seed, "attention")
        theirs = done.get(Run(stage.machine, stage.set, on), "seconds")
        mine = done.get(Run(study.machine, (), on), "seconds")
        ratios.append(theirs / mine if mine and theirs else None)
    return geometric_mean(ratios)


def falls(done: Done, study: Study, seeds: Sequence[int]) -> list[Fall]:
    """Each waterfall's ratios and steps, over masks: a step compares the same masks before and after it."""
    made = []
    for fall in study.waterfalls:
        found, before = [], {}
        for name, stage in stages(fall):
            after = {seed: ratio(done, study, stage, seed) for seed in seeds}
            steps = {s: a / b for s, a in after.items() if a and (b := before.get(s))}
            found.append((name, over_seeds(after.get, seeds), over_seeds(steps.get, seeds)))
            before = after
        made.append(Fall(fall.over, found, fall.end))
    return made


def grid(made: list[Fall], title: str, sparsity: int, seeds: Sequence[int]) -> Grid:
    """The ratio after each step, and by what the step has multiplied it."""
    table = Grid(
        f"from as published to equal terms: times as fast {title}'s attention is at {sparsity} %", "waterfall",
        ("opponent", "step", "after it", "the step"), words=True,
    )  # fmt: skip
    for fall in made:
        for name, after, step in fall.stages:
            table.add(fall.over, name, said(after), said(step) if step else "")
    table.notes += [f"{fall.over} ends on {fall.end}." for fall in made if fall.end]
    table.notes += ["What a step is worth depends on the steps before it: in another order it were another."]
    table.notes.append(over_masks(seeds))
    return table

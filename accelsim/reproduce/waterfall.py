"""An opponent from as it was published to equal terms, one setting after the other: what each of them is worth."""

from dataclasses import dataclass

from accelsim.reproduce.claims import Study, Waterfall
from accelsim.reproduce.grid import ONE_SEED, Grid, times
from accelsim.reproduce.runs import Done, On, Run
from accelsim.sweep.compare import geometric_mean


def stages(fall: Waterfall) -> list[tuple[str, Run]]:
    """(name, the run without its workload) of each stage, settings adding up."""
    found, held = [("as published", Run(fall.machine, (), On("", 0, 0)))], ()
    for name, more in fall.steps:
        held = (*held, *more)
        found.append((name, Run(fall.machine, held, On("", 0, 0))))
    return found


def runs(study: Study, seed: int) -> list[Run]:
    """All stages of all waterfalls, on attention."""
    return [
        Run(stage.machine, stage.set, On(model, study.headline, seed, "attention"))
        for fall in study.waterfalls
        for _, stage in stages(fall)
        for model in study.models
    ]


@dataclass(frozen=True)
class Fall:
    """over: the opponent; stages: name -> how many times as fast the machine is; end: its last terms, in words."""

    over: str
    stages: list[tuple[str, float | None]]
    end: str = ""


def falls(done: Done, study: Study, seed: int) -> list[Fall]:
    """Each waterfall's ratios: the geometric mean over networks, of time."""
    made = []
    for fall in study.waterfalls:
        found = []
        for name, stage in stages(fall):
            ratios = []
            for model in study.models:
                on = On(model, study.headline, seed, "attention")
                theirs = done.get(Run(stage.machine, stage.set, on), "seconds")
                mine = done.get(Run(study.machine, (), on), "seconds")
                ratios.append(theirs / mine if mine and theirs else None)
            found.append((name, geometric_mean(ratios)))
        made.append(Fall(fall.over, found, fall.end))
    return made


def grid(made: list[Fall], title: str, sparsity: int) -> Grid:
    """The ratio after each step, and by what the step has multiplied it."""
    table = Grid(
        f"from as published to equal terms: times as fast {title}'s attention is at {sparsity} %", "waterfall",
        ("opponent", "step", "after it", "the step"), words=True,
    )  # fmt: skip
    for fall in made:
        before = None
        for name, ratio in fall.stages:
            table.add(fall.over, name, times(ratio), times(ratio / before) if ratio and before else "")
            before = ratio
    table.notes += [f"{fall.over} ends on {fall.end}." for fall in made if fall.end]
    table.notes += ["What a step is worth depends on the steps before it: in another order it were another.", ONE_SEED]
    return table

"""The tables of machines at equal accuracy: every strength, where so many points are lost, and at equal sparsity."""

import math
from collections.abc import Callable, Sequence

from accelsim.reproduce.equal_accuracy import SCOPES, SPARSITY, Case, Part
from accelsim.reproduce.grid import Grid, few, times
from accelsim.reproduce.runs import Done
from accelsim.workload import load

NOISE = 0.5
"""Points by which an accuracy may be off: the standard deviation of the difference of two networks that are right on
different 5 % of 2,000 images."""
STEP = 0.25  # points; what is lost where machines are compared is a multiple of it
At = Callable[[float], float | None]  # points lost -> cycles


def grids(part: Part, done: Done, target: float | None = None) -> list[Grid]:
    """All tables; target: points lost, `least` without it."""
    found = [strengths(part, done), at_equal_accuracy(part, done, target)]
    return found + ([at_equal_sparsity(part.equal_sparsity, done)] if part.equal_sparsity else [])


def strengths(part: Part, done: Done) -> Grid:
    """Every case."""
    grid = Grid(
        "accuracy and cycles of every method and strength", "equal_accuracy",
        ("machine", "reading", "strength", "accuracy", "points lost", "scores kept", "attention", "end to end"),
        words=True,
    )  # fmt: skip
    control = part.outcome.control
    for case in part.cases:
        grid.add(
            case.machine, case.reading, case.strength, percents(case.accuracy), f"{lost(case, control):.2f}",
            percents(case.kept), *(counted(case.cycles(done, only)) for only in SCOPES),
        )  # fmt: skip
    grid.notes.append(f"Control: {percents(control)}; {NOISE:g} points between two rows are noise. {trained(part)}")
    images = {len(c.works) for c in part.cases if c.machine == "Sanger"}
    if images:
        grid.notes.append(
            f"Sanger's cycles are the mean of {max(images)} test images, whose masks keep {shares(part.cases)}."
            f"{in_full(part)}"
        )
    return grid


def trained(part: Part) -> str:
    """How many strengths each method has."""
    methods = {"ViTCoD": "ViTCoD's mask", "Sanger": "Sanger's threshold", "SpAtten": "SpAtten's cascade"}
    counts = {
        said: len({c.strength for c in part.cases if c.machine == name and c.series}) for name, said in methods.items()
    }
    return f"Strengths that were trained: {', '.join(f'{n} of {said}' for said, n in counts.items())}."


def in_full(part: Part) -> str:
    """Which share of Sanger's rows are computed in full because nothing of them is kept."""
    found = [
        f"{percents(sum(one['rows_in_full']) / len(one['rows_in_full']))} (threshold {one['threshold']:g})"
        for one in part.outcome.known["rivals"]
        if one["method"] == "sanger" and one.get("rows_in_full")
    ]
    rows = "A row of which the threshold keeps nothing is computed in full, as the published code does it"
    return f" {rows}: {', '.join(found)} of the rows." if found else ""


def lost(case: Case, control: float) -> float:
    """Points of accuracy that a case is below the control."""
    return 100 * (control - case.accuracy)


def at_most(points: Sequence[tuple[float, float]], target: float) -> float | None:
    """The least value for which no more than so many points are lost: of the strengths than which no other loses less
    for less, and of the straight lines between them; points: (lost, value). None where all lose more."""
    best: list[tuple[float, float]] = []
    for point in sorted(points):
        if not best or point[1] < best[-1][1]:
            best.append(point)
    inside = [p for p in best if p[0] <= target]
    if not inside or len(inside) == len(best):
        return inside[-1][1] if inside else None
    (before, first), (after, second) = inside[-1], best[len(inside)]
    return first + (target - before) / (after - before) * (second - first)


def least(part: Part) -> float:
    """The fewest points, in steps, that every method has a strength for."""
    control, found = part.outcome.control, {}
    for case in part.cases:
        if case.series:
            found.setdefault(case.machine, []).append(lost(case, control))
    return STEP * math.ceil(max([0.0, *map(min, found.values())]) / STEP - 1e-9)


def between(theirs: At, mine: At, target: float) -> tuple[float, float]:
    """The ratio of cycles with the one method `NOISE` points worse than measured and the other as much better, and the
    other way round; 0 or infinite where one of them then has no strength."""
    ends = []
    for off in (NOISE, -NOISE):
        a, b = theirs(target + off), mine(target - off)
        ends.append(a / b if a and b else 0.0 if a else math.inf)
    return ends[0], ends[1]


def at_equal_accuracy(part: Part, done: Done, target: float | None = None) -> Grid:
    """Cycles of each machine where its method loses at most `target` points."""
    control, why = part.outcome.control, ""
    if target is None:
        target = least(part)
        why = f" {target:g} is the least, in steps of {STEP:g}, at which every method has a strength."
    grid = Grid(
        f"at most {target:g} points lost", "equal_accuracy_at",
        ("machine", "reading", "scores kept", "attention", "end to end", "ViTCoD is as fast, attention", "end to end"),
        words=True,
    )  # fmt: skip
    mine: list[At] = []
    for name, how in dict.fromkeys((c.machine, c.reading) for c in part.cases):
        line = [c for c in part.cases if (c.machine, c.reading) == (name, how) and (c.series or name == "dense")]
        losses = [lost(c, control) for c in line]

        def at(values: list[float | None], losses: list[float] = losses) -> At:
            known = [] if None in values else list(zip(losses, values))
            return lambda most: at_most(known, most)

        kept = at([c.kept for c in line])(target)
        if kept is None:
            grid.add(name, how, f"not reached: {min(losses):.2f} at least", "-", "-", "-", "-")
            continue
        each = [at([c.cycles(done, only) for c in line]) for only in SCOPES]
        if name == "ViTCoD":
            mine = each
        ratios = [ratio(one, own, target, name != "ViTCoD") for one, own in zip(each, mine)] or ["-", "-"]
        said = "100.0 %, nothing lost" if name == "dense" else percents(kept)
        grid.add(name, how, said, *(counted(one(target)) for one in each), *ratios)
    grid.notes += [
        f"At most {target:g} points lost: strengths than which another of the method loses less for fewer cycles are"
        f" left out, and straight lines lie between the others; SpAtten's along tokens, all heads kept.{why}",
        f"In brackets: with ViTCoD's method {NOISE:g} points worse than measured and the other's {NOISE:g} better, and"
        " the other way round; 0 where ViTCoD then has no strength that loses so little, inf where the other has none."
        " Not resolved: 1 lies within.",
    ]
    return grid


def ratio(theirs: At, mine: At, target: float, other: bool) -> str:
    """How many times as fast ViTCoD is, and between what for another method."""
    a, b = theirs(target), mine(target)
    if not a or not b:
        return "-"
    if not other:
        return times(a / b)
    low, high = between(theirs, mine, target)
    ends = ", ".join("0" if x == 0 else "inf" if x == math.inf else few(x) for x in (low, high))
    return f"{times(a / b)} [{ends}]" + " not resolved" * (low < 1 < high)


def at_equal_sparsity(found: Sequence[Case], done: Done) -> Grid:
    """Cycles of each machine on ViTCoD's masks."""
    grid = Grid(
        f"at equal sparsity, {SPARSITY} %", "equal_sparsity",
        ("machine", "reading", "attention", "end to end", "ViTCoD is as fast, attention", "end to end"), words=True,
    )  # fmt: skip
    ours = [found[0].cycles(done, only) for only in SCOPES]
    for case in found:
        values = [case.cycles(done, only) for only in SCOPES]
        ratios = [times(v / mine) if v and mine else "-" for v, mine in zip(values, ours)]
        grid.add(case.machine, case.reading, *map(counted, values), *ratios)
    return grid


def percents(share: float) -> str:
    return f"{100 * share:.2f} %"


def counted(cycles: float | None) -> str:
    return "-" if cycles is None else f"{cycles:,.0f}"


def shares(found: Sequence[Case]) -> str:
    """Scores that the simulated images' masks keep, strength by strength."""
    kept = {c.strength: [1 - load(work).sparsity for work in c.works] for c in found if c.machine == "Sanger"}
    return ", ".join(f"{percents(sum(each) / len(each))} ({strength})" for strength, each in kept.items())

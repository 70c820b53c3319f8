"""The table of what a paper claims, beside what every reading of its baselines gives."""

from accelsim.reproduce.claims import Claim, Opponent, Reading
from accelsim.reproduce.grid import LAYERS, Grid, far, few, off, said, times
from accelsim.reproduce.ratios import Cast, Spread, over_networks, over_sparsities
from accelsim.reproduce.runs import Done


def ours(cast: Cast, done: Done, claim: Claim, who: Opponent, how: Reading) -> Spread | None:
    """What we find where the paper claims something."""
    if claim.at is None:
        return over_sparsities(cast, done, who, how, claim.of, claim.metric)
    return over_networks(cast, done, who, how, claim.of, claim.at, claim.metric)[1]


def claims(cast: Cast, done: Done) -> Grid:
    """Each of the paper's figures beside the least, the nearest and the most that the readings give."""
    made = Grid(
        "the paper's figures", "claims",
        ("the paper's", "figure", "ours: nearest", "ours / paper", "reading", "least", "most", "source"),
    )  # fmt: skip
    for claim in cast.study.claims:
        what = figure_of(claim)
        found = [
            (value, how.name)
            for who, how in cast.contenders()
            if who.name == claim.over and (value := ours(cast, done, claim, who, how))
        ]
        if not found:
            made.add(what, times(claim.value), "-", "-", "-", "-", "-", claim.source)
            continue
        best, name = min(found, key=lambda f: abs_log(f[0].mean / claim.value))
        means = [value.mean for value, _ in found]
        made.add(
            what, times(claim.value), said(best), few(best.mean / claim.value), name, times(min(means)),
            times(max(means)), claim.source,
        )  # fmt: skip
        wide = [mean for mean in means if far(mean, claim.value)]
        if len(wide) == len(found):
            made.notes.append(
                f"{what}: no reading comes within a quarter of the paper's {times(claim.value)}; the nearest,"
                f" {name}, gives {said(best)}, {off(best.mean, claim.value)}."
            )
        elif wide:
            made.notes.append(
                f"{what}: {len(wide)} of {len(found)} readings are more than a quarter from the paper's"
                f" {times(claim.value)}; the nearest, {name}, gives {said(best)}, {off(best.mean, claim.value)}."
            )
    unclaimed(cast, done, made)
    return made


def unclaimed(cast: Cast, done: Done, made: Grid) -> None:
    """The dense machine stands here, too, though the paper claims nothing over it: of what it claims over others."""
    first = cast.study.opponents[:1]
    claimed = {c.over for c in cast.study.claims}
    kinds = dict.fromkeys((c.of, c.at, c.metric) for c in cast.study.claims)
    for who in (w for w in first if w.name not in claimed and cast.terms in w.terms):
        for of, at, metric in kinds:
            claim = Claim(who.name, of, at, metric, 1.0, "")
            found = [(v, how.name) for how in who.readings if (v := ours(cast, done, claim, who, how))]
            if found:
                least, name = min(found, key=lambda f: f[0].mean)
                most = max(value.mean for value, _ in found)
                made.add(
                    figure_of(claim), "-", said(least), "-", name, times(least.mean), times(most), "no claim; our least"
                )


def figure_of(claim: Claim) -> str:
    """A figure in words."""
    when = "mean over sparsities" if claim.at is None else f"at {claim.at} %"
    return f"{LAYERS[claim.of]}, {when}, over {claim.over}" + (f", {claim.metric}" * (claim.metric != "time"))


def abs_log(value: float) -> float:
    """How far a ratio is from 1, either way."""
    return max(value, 1 / value)

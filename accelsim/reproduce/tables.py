"""The tables of a comparison: what each machine is given, end to end, attention, the paper's figures beside ours."""

import re

from accelsim.report.quantities import scaled
from accelsim.reproduce.claims import Claim, Opponent, Reading
from accelsim.reproduce.grid import LAYERS, ONE_SEED, Grid, far, few, judged, off, percent, priced, said, times
from accelsim.reproduce.ratios import Cast, Drawings, Spread, energy, over_networks, over_sparsities
from accelsim.reproduce.runs import Done, Run, base
from accelsim.sweep.compare import geometric_mean
from accelsim.sweep.side_by_side import entry_of

ON_TERMS = {
    "macs": "as many multipliers", "peak": "the same peak", "area": "as much area by the same table",
    "published": "each as published",
}  # fmt: skip
FOLDERS = re.compile(r"\S*/(?=[^/\s]+\.yaml)")  # a report is the same wherever it is made


def given(cast: Cast, done: Done, title: str) -> Grid:
    """What each machine has to work with."""
    made = Grid(
        f"what each is given: {ON_TERMS[cast.terms]} (--equal {cast.terms})", "given",
        ("machine", "multipliers", "peak", "clock", "bits", "on chip", "memory", "area", "what it is"),
    )  # fmt: skip
    model = cast.study.models[0]
    about = cast.study.headline, cast.seeds[0]
    rows = [(title, cast.mine(model, *about, "attention"), cast.study.given)]
    for who in dict.fromkeys(w for w, _ in cast.contenders()):
        how = who.readings[0]
        run = cast.theirs(who, how, next((m for m in how.models), model), *about, "attention")
        rows.append((who.name, run, who.given.get(cast.terms, who.given.get("any", ""))))
    for name, run, words in rows:
        if run not in done.figures:
            made.add(name, *["-"] * 7, words)
            continue
        arch = base(run.machine).with_settings([tuple(s.split("=", 1)) for s in run.set])
        entry = entry_of(name, arch, Named(run.on.title, ""), done.figures[run])
        has, area = entry.assumptions, entry.figures["area_mm2"]
        rate = scaled(has["dram_peak_bytes_per_s"], "B/s") if has["dram_peak_bytes_per_s"] else ""
        made.add(
            entry.title,
            f"{has['multipliers']:,}" if has["multipliers"] else "-",
            scaled(has["peak_ops_per_s"] / 2, "MAC/s") if has["peak_ops_per_s"] else "-",
            "-" if entry.model else scaled(has["clock_hz"], "Hz"),
            f"{has['operand_bits'] or '-'}",
            f"{has['on_chip_bytes'] / 1024:,.0f} KiB" if has["on_chip_bytes"] else "-",
            f"{entry.memory} {rate}".strip(),
            f"{area:.2f} mm2" if area else "-",
            words,
        )
    lacking = [o.name for o in cast.study.opponents if cast.terms not in o.terms]
    if lacking:
        made.notes.append(f"No configuration on these terms: {', '.join(lacking)}.")
    return made


class Named:
    """A workload that only a name is wanted of."""

    def __init__(self, name: str, content: str):
        self.name, self.hash = name, content


def verdict(cast: Cast, done: Done, title: str) -> Grid:
    """Who wins, first of all: the readings that are kindest and unkindest to the machine."""
    at = cast.study.headline
    made = Grid(
        f"who wins at {at} %: times as fast {title} is, by the reading that is best for the opponent and by the worst",
        "verdict", ("against", "end to end", "at most", "attention layers", "at most"),
    )  # fmt: skip
    for name in dict.fromkeys(who.name for who, _ in cast.contenders()):
        cells: list[str] = []
        for only in ("all", "attention"):
            found = [
                (mean, how.name)
                for who, how in cast.contenders()
                if who.name == name and (mean := over_networks(cast, done, who, how, only, at)[1])
            ]
            if not found:
                cells += ["-", "-"]
                continue
            (least, best), (most, _) = (pick(found, key=lambda f: f[0].mean) for pick in (min, max))
            cells += [judged(least), judged(most)]
            if least.open:
                made.notes.append(
                    f"{LAYERS[only].capitalize()}: {name} ({best}) or {title} is the faster, which these masks do not"
                    " resolve."
                )
            elif least.mean < 1:
                made.notes.append(
                    f"{LAYERS[only].capitalize()}: **{name} ({best}) wins**, {said(least.inverse)} as fast as {title}."
                )
        made.add(name, *cells)
    made.notes.append(masks(cast))
    return made


def masks(cast: Cast) -> str:
    """What the means and their intervals are of."""
    several = f"{len(cast.seeds)} masks of each network; [95 % interval of the mean over masks]"
    one = "one mask of each network, so that there is no interval over masks (--seeds)"
    return f"Geometric means; {several if len(cast.seeds) > 1 else one}."


def networks(cast: Cast, done: Done, title: str, only: str, drawn: Drawings) -> Grid:
    """Speed-up over every reading of every opponent, network by network, at the headline's sparsity; energy."""
    study, at = cast.study, cast.study.headline
    claims = [c for c in study.claims if (c.of, c.at, c.metric) == (only, at, "time")]
    last = ("the paper", "ours / paper") if claims else ()
    made = Grid(
        f"{LAYERS[only]} at {at} % sparsity: times as fast {title} is as", only if only != "all" else "end_to_end",
        ("machine", "reading", *study.models, "mean", *last, "energy", "energy of the chip"), words=True,
    )  # fmt: skip
    for who, how in cast.contenders():
        each, mean = over_networks(cast, done, who, how, only, at)
        spent = [energy(cast, done, who, how, only, at, metric, drawn) for metric in ("energy", "chip energy")]
        model = base(who.terms[cast.terms]).title.endswith("(model)")
        cells = (priced(spent[0]), "-" if model else priced(spent[1]))
        beside = claimed(mean, [c for c in claims if c.over == who.name]) if last else ()
        name = f"{who.name} (model)" if model else who.name
        made.add(name, how.name, *(said(each[m]) for m in study.models), said(mean), *beside, *cells)
    made.notes += [f"{who.name}, {how.name}: {how.why}." for who, how in cast.contenders() if how.why]
    made.notes.append(f"{masks(cast)} Energy: [90 % of the drawn prices].")
    return made


def claimed(mean: Spread | None, claims: list[Claim]) -> tuple[str, str]:
    """The paper's figure, and ours as a multiple of it."""
    if not claims:
        return "-", "-"
    return times(claims[0].value), few(mean.mean / claims[0].value) if mean else "-"


def sparsities(cast: Cast, done: Done, title: str) -> Grid:
    """Attention, at each sparsity, and the mean over them beside the paper's."""
    study = cast.study
    claims = [c for c in study.claims if (c.of, c.at, c.metric) == ("attention", None, "time")]
    made = Grid(
        f"attention layers by sparsity: times as fast {title} is as, geometric mean of the networks", "by_sparsity",
        ("machine", "reading", *(f"{s} %" for s in study.sparsities), "mean", "the paper", "ours / paper"), words=True,
    )  # fmt: skip
    for who, how in cast.contenders():
        each = [over_networks(cast, done, who, how, "attention", s)[1] for s in study.sparsities]
        mean = over_sparsities(cast, done, who, how, "attention")
        made.add(
            who.name, how.name, *map(said, each), said(mean), *claimed(mean, [c for c in claims if c.over == who.name])
        )
    return made


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


def bounds(cast: Cast, done: Done, title: str) -> Grid:
    """Attention's share of a whole run, and what infinitely fast attention would give: Amdahl's bound."""
    made = Grid(
        f"Amdahl's bound: attention's share of the whole run at {cast.study.headline} %, and the speed-up of the whole"
        " if attention took no time", "amdahl", ("machine", "reading", *cast.study.models, "mean bound"), words=True,
    )  # fmt: skip
    rows = [(title, "", [cast.mine(m, cast.study.headline, cast.seeds[0], "all") for m in cast.study.models])]
    for who, how in cast.contenders():
        mine = [cast.theirs(who, how, m, cast.study.headline, cast.seeds[0], "all") for m in cast.study.models]
        rows.append((who.name, how.name, mine))
    for name, reading, runs in rows:
        found = [(done.get(r, "phase.attention.cycles"), done.get(r, "cycles")) if r else (None, None) for r in runs]
        limits = [whole / (whole - part) if part and whole else None for part, whole in found]
        cells = [
            "-" if limit is None else f"{percent(part / whole)}, {times(limit)}"
            for (part, whole), limit in zip(found, limits)
        ]
        made.add(name, reading, *cells, times(geometric_mean(limits)))
    made.notes.append(ONE_SEED)
    return made


def traffic(cast: Cast, done: Done, title: str) -> Grid:
    """What DRAM moves, and operations a byte."""
    at, seed = cast.study.headline, cast.seeds[0]
    made = Grid(
        f"DRAM traffic at {at} %, MB of all networks together, and multiply-accumulates a byte of attention", "traffic",
        ("machine", "reading", "attention", "end to end", "MAC/byte", "ridge"), words=True,
    )  # fmt: skip
    rows = [(title, "", lambda m, only: cast.mine(m, at, seed, only))]
    for who, how in cast.contenders():
        rows.append((who.name, how.name, lambda m, only, w=who, h=how: cast.theirs(w, h, m, at, seed, only)))
    for name, reading, run in rows:
        cells = []
        for only in ("attention", "all"):
            moved = [moves(done, run(m, only)) for m in cast.study.models]
            cells.append("-" if None in moved else f"{sum(moved) / 1e6:,.1f}")
        per = [done.get(r, "ops_per_byte") if (r := run(m, "attention")) else None for m in cast.study.models]
        first = run(cast.study.models[0], "attention")
        peak, rate = (done.get(first, n) if first else None for n in ("peak_ops_per_s", "dram_peak_bytes_per_s"))
        mean = geometric_mean([p or None for p in per])
        ridge = few(peak / rate / 2) if peak and rate else "-"
        made.add(name, reading, *cells, few(mean / 2) if mean else "-", ridge)
    made.notes.append(ONE_SEED)
    return made


def moves(done: Done, run: Run | None) -> float | None:
    """Bytes that a run reads and writes."""
    if run is None or done.get(run, "dram_read_bytes") is None:
        return None
    return done.get(run, "dram_read_bytes") + done.get(run, "dram_write_bytes")


def refused(done: Done) -> Grid:
    """Machines and workloads that do not go together."""
    made = Grid("what does not go together", "refused", ("machine", "workload", "why"))
    for run, why in sorted(done.refused.items(), key=lambda item: (item[0].machine, item[0].set, item[0].on)):
        name = " ".join([run.machine, *run.set])
        said = FOLDERS.sub("", why.replace("\n", " ")).replace("|", "/")
        made.add(name, f"{run.on.title}, {LAYERS[run.on.only]}", said)
    return made

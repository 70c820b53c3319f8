"""The tables of a comparison: what each machine is given, end to end, attention, the paper's figures beside ours."""

import re
from collections.abc import Callable
from dataclasses import replace

from accelsim.report.quantities import scaled
from accelsim.reproduce.claims import Claim
from accelsim.reproduce.grid import LAYERS, Grid, few, judged, over_masks, percent, priced, said, times
from accelsim.reproduce.ratios import Cast, Drawings, Spread, energy, over_networks, over_seeds, over_sparsities
from accelsim.reproduce.runs import Done, Run, base
from accelsim.sweep.compare import geometric_mean
from accelsim.sweep.side_by_side import entry_of

ON_TERMS = {
    "macs": "as many multipliers", "peak": "the same peak", "area": "as much area by the same table",
    "published": "each as published",
}  # fmt: skip
Find = Callable[..., Run | None]  # (network, seed, ...) -> a machine's run
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


def sparsities(cast: Cast, done: Done, title: str, only: str) -> Grid:
    """At each sparsity, and the mean over them beside the paper's; of whole networks with the first masks alone."""
    study, once = cast.study, replace(cast, seeds=cast.seeds[:1])
    claims = [c for c in study.claims if (c.of, c.at, c.metric) == (only, None, "time")]
    slug = "by_sparsity" if only == "attention" else "by_sparsity_end_to_end"
    made = Grid(
        f"{LAYERS[only]} by sparsity: times as fast {title} is as, geometric mean of the networks", slug,
        ("machine", "reading", *(f"{s} %" for s in study.sparsities), "mean", "the paper", "ours / paper"), words=True,
    )  # fmt: skip
    for who, how in cast.contenders():
        casts = [cast if only == "attention" else cast.over(s) for s in study.sparsities]
        each = [over_networks(c, done, who, how, only, s)[1] for c, s in zip(casts, study.sparsities)]
        mean = over_sparsities(cast if only == "attention" else once, done, who, how, only)
        made.add(
            who.name, how.name, *map(said, each), said(mean), *claimed(mean, [c for c in claims if c.over == who.name])
        )
    if only != "attention" and len(cast.seeds) > 1:
        made.notes.append(
            f"{len(cast.seeds)} masks of each network at {study.headline} %, one elsewhere: masks move whole networks"
            " little."
        )
    return made


def every(cast: Cast, done: Done, title: str) -> Grid:
    """Each network at each sparsity; too long for a terminal."""
    study = cast.study
    made = Grid(
        f"every network at every sparsity: times as fast {title} is as", "by_network_and_sparsity",
        (
            "machine", "reading", "network", *(f"{LAYERS[only]}, {s} %" for only in LAYERS for s in study.sparsities)
        ), words=True, printed=False,
    )  # fmt: skip
    for who, how in cast.contenders():
        found = [
            over_networks(cast.over(s) if only == "all" else cast, done, who, how, only, s)[0]
            for only in LAYERS
            for s in study.sparsities
        ]
        for model in study.models:
            made.add(who.name, how.name, model, *(said(each[model]) for each in found))
    return made


def bounds(cast: Cast, done: Done, title: str) -> Grid:
    """Attention's share of a whole run, and what infinitely fast attention would give: Amdahl's bound."""
    made = Grid(
        f"Amdahl's bound: attention's share of the whole run at {cast.study.headline} %, and the speed-up of the whole"
        " if attention took no time", "amdahl", ("machine", "reading", *cast.study.models, "mean bound"), words=True,
    )  # fmt: skip
    models, at = cast.study.models, cast.study.headline
    rows = [(title, "", lambda m, seed: cast.mine(m, at, seed, "all"))]
    for who, how in cast.contenders():
        rows.append((who.name, how.name, lambda m, seed, w=who, h=how: cast.theirs(w, h, m, at, seed, "all")))
    for name, reading, run in rows:

        def limit(model: str, seed: int, run: Find = run) -> float | None:
            one = run(model, seed)
            part, whole = (done.get(one, n) if one else None for n in ("phase.attention.cycles", "cycles"))
            return whole / (whole - part) if part and whole else None

        found = [over_seeds(lambda seed, m=m: limit(m, seed), cast.seeds) for m in models]
        cells = ["-" if each is None else f"{percent(1 - 1 / each.mean)}, {said(each)}" for each in found]
        mean = over_seeds(lambda seed: geometric_mean([limit(m, seed) for m in models]), cast.seeds)
        made.add(name, reading, *cells, said(mean))
    made.notes.append(over_masks(cast.seeds))
    return made


def traffic(cast: Cast, done: Done, title: str) -> Grid:
    """What DRAM moves, and operations a byte."""
    at = cast.study.headline
    made = Grid(
        f"DRAM traffic at {at} %, MB of all networks together, and multiply-accumulates a byte of attention", "traffic",
        ("machine", "reading", "attention", "end to end", "MAC/byte", "ridge"), words=True,
    )  # fmt: skip
    models = cast.study.models
    rows = [(title, "", lambda m, seed, only: cast.mine(m, at, seed, only))]
    for who, how in cast.contenders():
        rows.append((who.name, how.name, lambda m, seed, only, w=who, h=how: cast.theirs(w, h, m, at, seed, only)))
    for name, reading, run in rows:

        def megabytes(seed: int, only: str, run: Find = run) -> float | None:
            moved = [moves(done, run(m, seed, only)) for m in models]
            return None if None in moved else sum(moved) / 1e6

        def per_byte(seed: int, run: Find = run) -> float | None:
            found = [done.get(r, "ops_per_byte") if (r := run(m, seed, "attention")) else None for m in models]
            mean = geometric_mean([p or None for p in found])
            return mean / 2 if mean else None

        cells = [over_seeds(lambda seed, o=only: megabytes(seed, o), cast.seeds) for only in ("attention", "all")]
        first = run(models[0], cast.seeds[0], "attention")
        peak, rate = (done.get(first, n) if first else None for n in ("peak_ops_per_s", "dram_peak_bytes_per_s"))
        ridge = few(peak / rate / 2) if peak and rate else "-"
        made.add(
            name, reading, *(said(c, "{:,.1f}".format, "") for c in cells),
            said(over_seeds(per_byte, cast.seeds), unit=""), ridge,
        )  # fmt: skip
    made.notes.append(over_masks(cast.seeds))
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

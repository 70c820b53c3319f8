"""Reads `paper.yaml`, which lies in the folder of a machine and says what its paper claims."""

import inspect
from functools import partial
from pathlib import Path

import accelsim.core.document as document
from accelsim import accelerators
from accelsim.core.errors import InputError
from accelsim.reproduce.claims import (
    EVERY,
    METRICS,
    SCOPES,
    TERMS,
    Ablation,
    Accuracy,
    Claim,
    Crossover,
    Effort,
    Freedom,
    Movement,
    Opponent,
    Paper,
    Reading,
    Search,
    Seeker,
    Step,
    Study,
    Switch,
    Waterfall,
)
from accelsim.reproduce.reader import Reader

FILE = "paper.yaml"
ANY = "any"  # terms that are the same on all


def place(name: str) -> Path:
    """Where a machine's paper lies, if it has one. Raises InputError for an unknown machine."""
    return Path(inspect.getfile(type(accelerators.machine(name)))).parent / FILE


def with_studies() -> list[str]:
    """The shipped machines whose evaluation can be reproduced."""
    return [n for n in accelerators.shipped() if place(n).is_file() and load(n).study]


def load(name: str) -> Paper:
    """A machine's paper. Raises InputError when it has none, or is wrong."""
    path = place(name)
    if not path.is_file():
        raise InputError(
            f"the machine {name} has no {FILE} that says what its paper claims; `accelsim reproduce` knows"
            f" {', '.join(with_studies())}"
        )
    return read(path)


def read(path: Path) -> Paper:
    """The paper of a file. Raises InputError with the line of what is wrong with it."""
    top = Reader(str(path), document.read_once(path, "paper"))
    top.only("title", "paper", "frozen", "readings", "space", "reproduce")
    return Paper(
        top.text("title"),
        top.text("paper"),
        top.text("frozen"),
        top.each("readings", reading),
        study(top.inner("reproduce")) if top.has("reproduce") else None,
        path,
        top.each("space", freedom),
    )


def freedom(at: Reader) -> Freedom:
    at.only("set", "to")
    names, values = at.texts("set"), at.texts("to")
    if not names or not values:
        raise at.wrong("set and to must each have an entry at least")
    return Freedom(names, values)


def reading(at: Reader) -> Reading:
    at.only("name", "set", "at", "masks", "models", "why")
    more = at.mapping("at")
    return Reading(
        at.text("name"),
        at.texts("set", []),
        {int(sparsity): tuple(map(str, values)) for sparsity, values in more.items()},
        at.flag("masks", True),
        at.texts("models", []),
        at.text("why", ""),
    )


def opponent(at: Reader) -> Opponent:
    """One who is compared with; without readings of its own, those that its machine's file says."""
    at.only("name", "machine", "given", "grows", "readings", *TERMS, ANY)
    machine = at.text("machine")
    readings = at.each("readings", reading) or load(machine).readings
    terms = {t: at.text(t if at.has(t) else ANY) for t in TERMS if at.has(t) or at.has(ANY)}
    if not terms:
        raise at.wrong(f"no configuration on any terms is said; one of {', '.join(TERMS)} or {ANY!r} must be")
    given = {str(k): str(v) for k, v in at.mapping("given").items()}
    if at.has("grows") and "area" not in terms:
        raise at.wrong("grows says what of a machine fills an area, but there is no configuration on equal area")
    return Opponent(at.text("name"), machine, terms, readings, given, steps(at.mapping("grows")))


def steps(said: dict) -> dict[str, int]:
    """Parameter -> step of what grows."""
    return {str(name): int(step) for name, step in said.items()}


def claim(known: tuple[str, ...], at: Reader) -> Claim:
    at.only("over", "of", "at", "metric", "is", "source")
    when = at.text("at")
    return Claim(
        at.text("over", among=known),
        at.text("of", among=SCOPES),
        None if when == "mean" else int(when),
        at.text("metric", "time", METRICS),
        at.number("is"),
        at.text("source"),
    )


def step(known: tuple[str, ...], at: Reader) -> Step:
    at.only("name", "from", "to", "mean", "at")
    return Step(
        at.text("name"),
        at.text("from", among=known),
        at.text("to", among=known),
        at.number("mean") if at.has("mean") else None,
        {int(k): float(v) for k, v in at.mapping("at").items()},
    )


def movement(known: tuple[str, ...], at: Reader) -> Movement:
    at.only("part", "without", "with", "rates", "free", "found", "source")
    found = tuple(map(float, at.texts("found")))
    return Movement(
        at.text("part"),
        (at.text("without", among=known), at.text("with", among=known)),
        tuple(map(float, at.texts("rates"))),
        at.text("free"),
        (found[0], found[-1]),
        at.text("source"),
    )


def switch(known: tuple[str, ...], at: Reader) -> Switch:
    at.only("name", "choices")
    choices, inner = {}, at.inner("choices")
    for name in inner.held:
        of = inner.inner(name)
        of.only(EVERY, *known)
        choices[name] = {variant: of.texts(variant) for variant in of.held}
    return Switch(at.text("name"), choices)


def search(known: tuple[str, ...], at: Reader) -> Search:
    at.only("models", "switches", "left_out", "computed")
    switches = at.each("switches", partial(switch, known))
    computed = {str(name): float(bytes_) for name, bytes_ in at.mapping("computed").items()}
    return Search(at.texts("models"), switches, at.texts("left_out", []), computed)


def ablation(at: Reader) -> Ablation:
    at.only("machine", "models", "variants", "steps", "source", "movement", "intensity", "search")
    variants = {str(n): tuple(map(str, values)) for n, values in at.mapping("variants").items()}
    known = tuple(variants)
    return Ablation(
        at.text("machine"),
        at.texts("models"),
        variants,
        at.each("steps", partial(step, known)),
        at.text("source"),
        movement(known, at.inner("movement")) if at.has("movement") else None,
        {str(k): float(v) for k, v in at.mapping("intensity").items()},
        search(known, at.inner("search")) if at.has("search") else None,
    )


def waterfall(known: tuple[str, ...], at: Reader) -> Waterfall:
    at.only("over", "machine", "steps", "end")

    def one(inner: Reader) -> tuple[str, tuple[str, ...]]:
        inner.only("name", "set")
        return inner.text("name"), inner.texts("set")

    return Waterfall(at.text("over", among=known), at.text("machine"), at.each("steps", one), at.text("end", ""))


def crossover(at: Reader) -> Crossover:
    at.only("model", "sides", "mlp_side", "mlp_ratios", "machines", "against", "grows", "note")
    machines = tuple((str(k), str(v)) for k, v in at.mapping("machines").items())
    sides, ratios = (tuple(map(int, at.texts(key))) for key in ("sides", "mlp_ratios"))
    names = tuple(name for name, _ in machines)
    grows, against = {str(k): steps(v) for k, v in at.mapping("grows").items()}, at.texts("against", [*names[:1]])
    for key, some in (("grows", grows), ("against", against)):
        if unknown := [name for name in some if name not in names]:
            raise at.wrong(f"{key} names {unknown[0]!r}, which is none of the machines, {', '.join(names)}")
    return Crossover(
        at.text("model"), sides, int(at.number("mlp_side")), ratios, machines, at.text("note", ""), against, grows
    )  # fmt: skip


def effort(models: tuple[str, ...], opponents: tuple[Opponent, ...], at: Reader) -> Effort:
    own = {who.name: who.terms["area"] for who in opponents if "area" in who.terms}
    at.only("model", "machines", "note")

    def one(inner: Reader) -> Seeker:
        inner.only("name", "machine", "reading", "set")
        name = inner.text("name")
        return Seeker(name, inner.text("machine", own.get(name)), inner.text("reading", ""), inner.texts("set", []))

    seekers = at.each("machines", one)
    if not seekers:
        raise at.wrong("machines must name one at least, the paper's own first")
    return Effort(at.text("model", among=models), seekers, at.text("note", ""))


def accuracy(at: Reader) -> Accuracy:
    at.only("study", "masks")
    return Accuracy(at.text("study"), at.text("masks"))


def study(at: Reader) -> Study:
    at.only(
        "machine", "models", "sparsities", "headline", "terms", "given", "opponents", "claims", "left_out", "ablation",
        "waterfalls", "tornado", "crossover", "effort", "accuracy",
    )  # fmt: skip
    opponents = at.each("opponents", opponent)
    names = tuple(o.name for o in opponents)
    sparsities = tuple(map(int, at.texts("sparsities")))
    headline = int(at.number("headline"))
    if headline not in sparsities:
        raise at.wrong(f"headline is {headline} but must be one of the sparsities, {', '.join(map(str, sparsities))}")
    models = at.texts("models")
    return Study(
        at.text("machine"),
        models,
        sparsities,
        headline,
        at.text("terms", TERMS[0], TERMS),
        at.text("given"),
        opponents,
        at.each("claims", partial(claim, names)),
        at.texts("left_out", []),
        ablation(at.inner("ablation")) if at.has("ablation") else None,
        at.each("waterfalls", partial(waterfall, names)),
        at.text("tornado", ""),
        crossover(at.inner("crossover")) if at.has("crossover") else None,
        effort(models, opponents, at.inner("effort")) if at.has("effort") else None,
        accuracy(at.inner("accuracy")) if at.has("accuracy") else None,
    )

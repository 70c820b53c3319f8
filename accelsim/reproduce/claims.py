"""What a machine's paper claims, as data: `paper.yaml` in the machine's folder.

Every machine that others are compared with says its *readings* there: what its paper leaves open, as settings. A
machine whose evaluation can be reproduced says under `reproduce` with whom it is compared, on which terms, on what, and
what its paper found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

TERMS = ("macs", "peak", "area", "published")
METRICS = ("time", "energy", "chip energy")
SCOPES = ("all", "attention")
EVERY = "every"  # variant of an ablation
Settings = tuple[str, ...]  # NAME=VALUE


@dataclass(frozen=True)
class Reading:
    """One machine that a paper's words allow. set: its settings; at: more of them for a sparsity in percent; masks:
    whether its figures depend on the workload's masks (where not, one of them is simulated); models: that it can run,
    all without any; why: in words."""

    name: str
    set: Settings = ()
    at: Mapping[int, Settings] = field(default_factory=dict, hash=False)
    masks: bool = True
    models: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Opponent:
    """Who is compared with. name: in tables; machine: its folder; terms: what it is given on which terms, as a
    configuration with values ("sanger array.rows=26"); given: what that is, in words. grows: on equal area, what of it
    is as large as that area allows: parameter -> step, all as many steps (`equal_area`)."""

    name: str
    machine: str
    terms: Mapping[str, str] = field(hash=False)
    readings: tuple[Reading, ...]
    given: Mapping[str, str] = field(hash=False)
    grows: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Claim:
    """A figure of the paper: how many times less `metric` the machine takes than an opponent, on layers of a kind. at:
    sparsity in percent, None for the mean over all."""

    over: str
    of: str
    at: int | None
    metric: str
    value: float
    source: str


@dataclass(frozen=True)
class Step:
    """An idea's worth: time of one variant over that of another, with what the paper says of it."""

    name: str
    before: str
    after: str
    mean: float | None
    at: Mapping[int, float]


@dataclass(frozen=True)
class Movement:
    """Shares of moving operands: bytes that a part was filled with, without and with an idea, at rates in bytes a
    second, over these plus the time with memory so many times as wide. wide: the setting; found: the paper's shares."""

    part: str
    variants: tuple[str, str]
    rates: tuple[float, ...]
    wide: str
    found: tuple[float, float]
    source: str


@dataclass(frozen=True)
class Switch:
    """What a paper leaves open of its own machine. choices: name -> variant (or `EVERY`) -> settings."""

    name: str
    choices: Mapping[str, Mapping[str, Settings]] = field(hash=False)


@dataclass(frozen=True)
class Search:
    """Switches of which every combination is tried. left_out: what cannot be tried, in sentences. computed: of what
    cannot be tried, by how much it multiplies all bytes: name -> times."""

    models: tuple[str, ...]
    switches: tuple[Switch, ...]
    left_out: tuple[str, ...]
    computed: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Ablation:
    """The machine without some of its ideas. machine: configuration with values; variants: name -> settings."""

    machine: str
    models: tuple[str, ...]
    variants: Mapping[str, Settings]
    steps: tuple[Step, ...]
    source: str
    movement: Movement | None
    intensity: Mapping[str, float]  # variant -> the paper's operations a byte, one multiply-accumulate being one
    search: Search | None = None


@dataclass(frozen=True)
class Waterfall:
    """An opponent from as it was published to equal terms, one setting after the other. end: these terms, in words."""

    over: str
    machine: str
    steps: tuple[tuple[str, Settings], ...]
    end: str = ""


@dataclass(frozen=True)
class Crossover:
    """Other numbers of tokens, and other MLPs: one block of `model` on side x side patches and a class token;
    mlp_ratios: on `mlp_side`, the width of the hidden layer over the block's. against: of the machines, those that
    every other one is said to be ahead of or behind. grows: machine -> what of it is as large as the study's own
    machine's area allows (`Opponent`). note: what is said of the machines."""

    model: str
    sides: tuple[int, ...]
    mlp_side: int
    mlp_ratios: tuple[int, ...]
    opponents: tuple[tuple[str, str], ...]  # name, configuration with values
    note: str
    against: tuple[str, ...] = ()
    grows: Mapping[str, Mapping[str, int]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Accuracy:
    """A network that each machine's own method was trained on. study: the folder beside the package's code that holds
    what was found; masks: what the names of its shipped workloads begin with."""

    study: str
    masks: str


@dataclass(frozen=True)
class Freedom:
    """Parameters of a machine that get the same value, and the values that a search may give them."""

    names: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Seeker:
    """A machine whose best design is looked for: a configuration with values (an opponent's own on equal area unless
    another is said), and what of it stands (`set`)."""

    name: str
    machine: str
    reading: str = ""
    set: Settings = ()


@dataclass(frozen=True)
class Effort:
    """model: the network on which designs are judged. seekers: the paper's own machine first. note: what is said."""

    model: str
    seekers: tuple[Seeker, ...]
    note: str = ""


@dataclass(frozen=True)
class Study:
    """What is reproduced."""

    machine: str
    models: tuple[str, ...]
    sparsities: tuple[int, ...]
    headline: int
    terms: str
    given: str
    opponents: tuple[Opponent, ...]
    claims: tuple[Claim, ...]
    left_out: tuple[str, ...]
    ablation: Ablation | None = None
    waterfalls: tuple[Waterfall, ...] = ()
    tornado: str = ""
    crossover: Crossover | None = None
    effort: Effort | None = None
    accuracy: Accuracy | None = None

    def only(self, models: tuple[str, ...], opponents: tuple[str, ...]) -> "Study":
        """The same on some of its networks, against some of its opponents; all without any."""
        kept = tuple(o for o in self.opponents if not opponents or o.name in opponents)
        return replace(
            self,
            models=tuple(m for m in self.models if not models or m in models),
            opponents=kept,
            claims=tuple(c for c in self.claims if c.over in {o.name for o in kept}),
            waterfalls=tuple(w for w in self.waterfalls if w.over in {o.name for o in kept}),
            effort=self.effort
            and replace(
                self.effort,
                seekers=(
                    self.effort.seekers[0],
                    *(s for s in self.effort.seekers[1:] if s.name in {o.name for o in kept}),
                ),
            ),
        )


@dataclass(frozen=True)
class Paper:
    """A machine's paper. source: who, where; frozen: the day since which its readings stand; space: what a search for
    the machine's best may set."""

    title: str
    source: str
    frozen: str
    readings: tuple[Reading, ...]
    study: Study | None
    path: Path
    space: tuple[Freedom, ...] = ()

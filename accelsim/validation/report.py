"""What a validation found: checks, each with what was compared, how often, and every difference there was."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

SHOWN = 5  # differences a check spells out; the others are counted


@dataclass(frozen=True)
class Check:
    """One rule, checked over one scope (a layer, a buffer, the run).

    compared: the rule as a sentence. count: how many things were compared. wrong: how many of them broke the rule.
    differences: the first few of these, as sentences.
    """

    name: str
    scope: str
    compared: str
    count: int
    wrong: int = 0
    differences: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing broke the rule."""
        return self.wrong == 0


@dataclass
class Report:
    """All checks of a run, for every attention layer how far its integers are from exact softmax attention, and remarks
    on what was not judged or made up, as sentences."""

    machine: str
    workload: str
    cycles: int
    checks: list[Check] = field(default_factory=list)
    errors: list["FloatError"] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.checks if not check.passed]

    def add(self, name: str, scope: str, compared: str, count: int, sentences: list[str], wrong: int = -1) -> None:
        """Enter a check; `wrong` is the number of differences where not all are spelt out."""
        wrong = len(sentences) if wrong < 0 else wrong
        self.checks.append(Check(name, scope, compared, int(count), int(wrong), tuple(sentences[:SHOWN])))

    def compare(self, name: str, scope: str, compared: str, good: np.ndarray, sentence: Callable[[int], str]) -> None:
        """Enter a check over an array of verdicts; `sentence(n)` says what is wrong with entry n."""
        bad = np.flatnonzero(~np.asarray(good, bool))
        self.add(name, scope, compared, len(good), [sentence(int(n)) for n in bad[:SHOWN]], len(bad))

    def equal(self, name: str, scope: str, compared: str, found: int, expected: int) -> None:
        """Enter a check that two numbers are the same."""
        wrong = [] if found == expected else [f"{scope}: {found:,} were found where {expected:,} are expected"]
        self.add(name, scope, compared, expected, wrong)


@dataclass(frozen=True)
class FloatError:
    """An attention layer's outputs against the same attention (softmax, or a linear rule) in float64, in units of one
    step of V's scale.

    largest: the largest absolute error. rms: its root mean square. peak: the largest absolute exact output.
    """

    layer: str
    largest: float
    rms: float
    peak: float

"""Cases of every kind, so many of each, and what became of them."""

from collections.abc import Callable, Iterable, Iterator

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.commands import arguments, comparisons, exports, masks, parameters, stores, topologies, traces
from tests.fuzz.documents import machines, prices, standards, sweeps, tables, workloads
from tests.fuzz.machines import extremes
from tests.fuzz.sandbox import Case, Outcome, Sandbox

AT_ONCE = 20

KINDS: dict[str, tuple[Callable[[], st.SearchStrategy[Case]], int]] = {
    "workload": (workloads, 5), "machine": (machines, 4), "set": (parameters, 5), "trace": (traces, 4),
    "standard": (standards, 4), "table": (tables, 5),
    "mask": (masks, 2), "sweep": (sweeps, 4), "store": (stores, 3), "compare": (comparisons, 2),
    "topology": (topologies, 3), "prices": (prices, 3),
    "export": (exports, 1), "arguments": (arguments, 3), "extreme": (extremes, 4),
}  # fmt: skip
"""Name -> its cases, and how many of them there are in comparison."""


def shares(names: Iterable[str], number: int) -> dict[str, int]:
    """So many cases, shared out among kinds."""
    weights = {n: KINDS[n][1] for n in names}
    return {n: -(-number * weight // sum(weights.values())) for n, weight in weights.items()}


def trials(sandbox: Sandbox, kind: str, number: int, first: int = 1) -> Iterator[tuple[Case, Outcome]]:
    """Run so many cases of a kind; the same numbers give the same cases. Few are drawn at a time: Hypothesis likes to
    come back to what it had."""
    for n, left in enumerate(range(number, 0, -AT_ONCE)):
        found: list[tuple[Case, Outcome]] = []

        @seed(first * 1_000_003 + n)
        @settings(
            max_examples=min(left, AT_ONCE), deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(KINDS[kind][0]())
        def one(case: Case) -> None:
            found.append((case, sandbox.run(case)))  # noqa: B023 - called below, before the next turn

        one()
        yield from found

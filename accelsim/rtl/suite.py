"""The co-simulation as one table: every module's outcome."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from accelsim.core.errors import InputError
from accelsim.rtl.cosim import Case, Outcome, cosimulate
from accelsim.rtl.mutations import Mutation, caught
from accelsim.rtl.twins import Twins
from accelsim.rtl.verilator import missing

CASES = 30  # that modules are compared on if nothing else is said
ATTEMPTS = 80  # and that a seeded bug has to be caught in


def suite(
    twins: Twins, names: Sequence[str], count: int, seed: int, *, progress: Callable[[str], None] = lambda name: None
) -> Iterator[Outcome]:
    """Each module on `count` random cases. Raises InputError without Verilator or g++, or for a wrong name."""
    names = twins.chosen(names)
    if count < 1:
        raise InputError(f"cosim: --cases is {count} but must be >= 1")
    why = missing()
    if why:
        raise InputError(why)
    for name in names:
        progress(name)
        yield cosimulate(name, twins.cases[name](count, seed))


def case_of(twins: Twins, name: str, number: int, seed: int) -> Case:
    """One random case of a module, counted from 0. Raises InputError for a number below 0."""
    if number < 0:
        raise InputError(f"cosim: --case is {number} but must be >= 0")
    return next(islice(twins.cases[name](number + 1, seed), number, None))


def bugs(twins: Twins, names: Sequence[str], seed: int, count: int = ATTEMPTS) -> Iterator[tuple[Mutation, int, str]]:
    """Each seeded bug in these modules, the differences in the first of so many cases that catches it (0: none does),
    and the first of them. Raises InputError without Verilator or g++."""
    why = missing()
    if why:
        raise InputError(why)
    for mutation in twins.mutations:
        if mutation.component in names:
            yield mutation, *caught(mutation, attempts(twins, mutation.component, seed, count))


def attempts(twins: Twins, name: str, seed: int, count: int = ATTEMPTS) -> Iterator[Case]:
    """The cases that a seeded bug has to be caught in."""
    return {**twins.cases, **twins.small}[name](count, seed)


def bug_line(mutation: Mutation, count: int) -> str:
    """A seeded bug: the module it is in, and how many differences the first case that catches it shows."""
    return f"{mutation.module}: {mutation.bug}: {f'{count:,} differences' if count else 'NOT CAUGHT'}"


def table(outcomes: Sequence[Outcome]):
    """A row a component: what was compared (statuses: cycles times units), and the differences in all of it."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    made.add_column("module", no_wrap=True)
    for title in ("cases", "cycles", "statuses", "transfers", "values", "differences"):
        made.add_column(title, justify="right")
    for one in outcomes:
        numbers = (one.cases, one.cycles, one.statuses, one.transfers, one.values, one.differences)
        made.add_row(one.name, *(f"{n:,}" for n in numbers))
    return made

"""Seeded bugs, each of which the co-simulation must catch: a harness that cannot fail proves nothing."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from accelsim.rtl.cosim import AFTER, Case, Outcome, differences, open_bench, run_model
from accelsim.rtl.vsim import Bench, build


@dataclass(frozen=True)
class Mutation:
    """A bug in a module: this text of it becomes that. `component` is whose cases must catch it."""

    component: str
    module: str
    bug: str
    before: str
    after: str


def seeded(text: str, mutation: Mutation, name: str) -> str:
    """The text of a module, of a file called `name`, with a bug in it. Raises ValueError when what it changes is not
    there exactly once."""
    if text.count(mutation.before) != 1:
        raise ValueError(f"{name}: {mutation.before!r} stands there {text.count(mutation.before)} times")
    return text.replace(mutation.before, mutation.after)


def mutant(case: Case, mutation: Mutation) -> Path:
    """The bench of a case with the bug in it. Raises ValueError when the text is not there exactly once."""
    with tempfile.TemporaryDirectory() as name:
        folder, files = Path(name), []
        for path in case.netlist.files(folder):
            if path.stem == mutation.module:
                text = seeded(path.read_text(), mutation, path.name)
                path = folder / path.name
                path.write_text(text)
            files.append(path)
        return build(files, case.netlist.top, optimise="-O0")  # it runs a few cases, once


def caught(mutation: Mutation, cases: Iterable[Case]) -> tuple[int, str]:
    """Differences in the first case that shows any (0: none does), and the first of them."""
    for case in cases:
        model, sim = run_model(case)
        bench: Bench
        bench, ports, alive = open_bench(case, mutant(case, mutation))
        try:
            found = bench.run(0, sim.at + AFTER, ports, 2 + max(p.words for p in ports))
        except RuntimeError as refused:  # a module that pushes without end
            return 1, str(refused)
        finally:
            bench.close()
        del alive
        count, text = differences(case, model, found, Outcome(case.name))
        if count:
            return count, text
    return 0, ""
